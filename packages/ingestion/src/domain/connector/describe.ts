import {
  authsOf,
  type ConnectorDefinition,
  type EntityDefinition,
  fieldOf,
  operationsOf,
  type SettingDefinition,
  writeOperations,
} from "../../connector/definition";
import type { RequestOf } from "./contract";
import { isFilterable } from "./pages";

/** What the connector can do: AppFlow asks for it when it is registered. */
export function describeConnector(definition: ConnectorDefinition): Record<string, unknown> {
  const operations = operationsOf(Object.values(definition.entities));
  return {
    isSuccess: true,
    connectorOwner: definition.owner ?? definition.name,
    connectorName: definition.name,
    connectorVersion: definition.version,
    connectorModes: operations.length > 0 ? ["SOURCE", "DESTINATION"] : ["SOURCE"],
    authenticationConfig: authentication(definition),
    connectorRuntimeSetting: Object.entries(definition.settings ?? {}).map(([key, setting]) => ({
      key,
      dataType: setting.type ?? "String",
      required: setting.required ?? true,
      label: setting.label,
      description: setting.description ?? setting.label,
      scope: setting.scope ?? "CONNECTOR_PROFILE",
      ...(setting.values ? { connectorSuppliedValueOptions: setting.values } : {}),
    })),
    supportedApiVersions: definition.apiVersions ?? ["1"],
    operatorsSupported: [
      "PROJECTION",
      "EQUAL_TO",
      "NOT_EQUAL_TO",
      "GREATER_THAN",
      "GREATER_THAN_OR_EQUAL_TO",
      "LESS_THAN",
      "LESS_THAN_OR_EQUAL_TO",
      "BETWEEN",
      "CONTAINS",
      "NO_OP",
    ],
    triggerFrequenciesSupported: ["BYMINUTE", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "ONCE"],
    supportedTriggerTypes: ["SCHEDULED", "ONDEMAND"],
    supportedWriteOperations: operations,
    ...(definition.logoUrl === undefined ? {} : { logoURL: definition.logoUrl }),
  };
}

function authentication(definition: ConnectorDefinition): Record<string, unknown> {
  const auths = authsOf(definition);
  const has = (type: string) => auths.some((auth) => auth.type === type);
  const oauth = auths.find((auth) => auth.type === "OAuth2");
  const custom = auths.flatMap((auth) => (auth.type === "CustomAuth" ? [auth] : []));
  return {
    isBasicAuthSupported: has("BasicAuth"),
    isApiKeyAuthSupported: has("ApiKey"),
    isOAuth2Supported: has("OAuth2"),
    isCustomAuthSupported: has("CustomAuth"),
    ...(oauth?.type === "OAuth2"
      ? {
          oAuth2Defaults: {
            tokenURL: oauth.tokenUrls,
            authURL: oauth.authUrls,
            oAuth2GrantTypesSupported: oauth.grantTypes,
            oAuthScopes: oauth.scopes,
          },
        }
      : {}),
    ...(custom.length > 0
      ? {
          customAuthConfig: custom.map(({ name, parameters }) => ({
            authenticationType: name,
            authParameters: Object.entries(parameters).map(([key, parameter]) => ({
              key,
              required: parameter.required ?? true,
              label: parameter.label,
              description: parameter.description ?? parameter.label,
              sensitiveField: parameter.sensitive ?? true,
              ...(parameter.values ? { connectorSuppliedValues: parameter.values } : {}),
            })),
          })),
        }
      : {}),
  };
}

/** Faults of settings by key, for AppFlow's `errorsByInputField`. */
export function settingFaults(
  definition: ConnectorDefinition,
  { scope, connectorRuntimeSettings }: RequestOf<"ValidateConnectorRuntimeSettingsRequest">,
): Record<string, string> {
  const given = connectorRuntimeSettings ?? {};
  const known = definition.settings ?? {};
  const asked = Object.entries(known).filter(([, setting]) => covers(setting.scope ?? "CONNECTOR_PROFILE", scope));
  const faults = asked.flatMap(([key, setting]) => {
    const fault = settingFault(setting, given[key]);
    return fault === undefined ? [] : [[key, fault] as const];
  });
  const unknown = Object.keys(given)
    .filter((key) => known[key] === undefined)
    .map((key) => [key, "is no setting of this connector"] as const);
  return Object.fromEntries([...faults, ...unknown]);
}

function covers(of: string, scope: string): boolean {
  return of === scope || (of === "SOURCE_AND_DESTINATION" && (scope === "SOURCE" || scope === "DESTINATION"));
}

function settingFault(
  { required = true, type = "String", values }: SettingDefinition,
  value: unknown,
): string | undefined {
  if (value === undefined || value === null || value === "") return required ? "is required" : undefined;
  const text = String(value);
  if (values && !values.includes(text)) return `must be one of ${values.join(", ")}`;
  if ((type === "Integer" || type === "Long") && !/^-?\d+$/.test(text)) return "must be a whole number";
  if (type === "Boolean" && !/^(true|false)$/i.test(text)) return "must be true or false";
  if ((type === "Date" || type === "DateTime") && Number.isNaN(Date.parse(text)))
    return "must be a date such as 2026-01-31";
  return undefined;
}

/** An entity as it stands in lists. */
export function entityHead(name: string, { label, description, write }: EntityDefinition): Record<string, unknown> {
  return {
    entityIdentifier: name,
    hasNestedEntities: false,
    isWritable: Object.keys(write ?? {}).length > 0,
    label: label ?? name,
    ...(description === undefined ? {} : { description }),
  };
}

/** An entity with its fields. */
export function describeEntity(name: string, entity: EntityDefinition): Record<string, unknown> {
  const operations = writeOperations.filter((operation) => entity.write?.[operation]);
  return {
    entity: entityHead(name, entity),
    fields: Object.entries(entity.fields).map(([fieldName, given]) => {
      const field = fieldOf(given);
      const isKey = fieldName === entity.identifier;
      const writable = operations.length > 0 && (field.writable ?? true);
      return {
        fieldName,
        dataType: field.type,
        dataTypeLabel: field.type,
        label: field.label ?? fieldName,
        ...(field.description === undefined ? {} : { description: field.description }),
        isPrimaryKey: isKey,
        ...(field.values ? { constraints: { allowedValues: field.values } } : {}),
        readProperties: {
          isRetrievable: true,
          isNullable: field.nullable ?? !isKey,
          isQueryable: isFilterable(entity, fieldName),
          isTimestampFieldForIncrementalQueries: field.incremental ?? false,
        },
        ...(operations.length === 0
          ? {}
          : {
              writeProperties: {
                isCreatable: writable && (operations.includes("INSERT") || operations.includes("UPSERT")),
                isUpdatable: writable && (operations.includes("UPDATE") || operations.includes("UPSERT")),
                isNullable: field.nullable ?? !isKey,
                isUpsertable: writable && operations.includes("UPSERT"),
                // The operations that a record can be named by this field for.
                supportedWriteOperations: isKey ? operations.filter((operation) => operation !== "INSERT") : [],
              },
            }),
      };
    }),
  };
}
