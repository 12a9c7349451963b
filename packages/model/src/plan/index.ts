export * from "./check";
export * from "./define";
export { type JsonSchema, type PlanFault, type SubSchema, schemaFaults } from "./json-schema";
export * from "./plan";
export { compileSchema, type SchemaViolation } from "./validator";
