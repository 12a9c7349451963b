export * from "./auth";
export { defineConnector } from "./define";
export type {
  Comparison,
  Condition,
  ConnectorDefinition,
  ConnectorRecord,
  EntityDefinition,
  FieldDefinition,
  FieldType,
  GetDefinition,
  ListDefinition,
  Paging,
  SettingDefinition,
  WriteDefinition,
  WriteOperation,
} from "./definition";
export { connectorFaults } from "./faults";
