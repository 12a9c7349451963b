import * as z from "zod/mini";
import { writeOperations } from "../../connector/definition";

/** What AppFlow sends to a connector's function, by `type`. Members that it adds one day are let through. */
const settings = z.nullish(z.record(z.string(), z.unknown()));
const credentials = z.looseObject({
  secretArn: z.string(),
  authenticationType: z.enum(["CustomAuth", "OAuth2", "ApiKey", "BasicAuth"]),
});
export type SentCredentials = z.infer<typeof credentials>;

const context = z.looseObject({
  credentials: z.nullish(credentials),
  apiVersion: z.nullish(z.string()),
  connectorRuntimeSettings: settings,
});
export type SentContext = z.infer<typeof context>;

const names = z.nullish(z.array(z.string()));
const entity = { entityIdentifier: z.string(), connectorContext: context };
const upTo = z.nullish(z.number().check(z.int(), z.positive()));

export const requestSchemas = {
  DescribeConnectorConfigurationRequest: z.looseObject({ locale: z.nullish(z.string()) }),
  ValidateConnectorRuntimeSettingsRequest: z.looseObject({
    scope: z.enum(["CONNECTOR_PROFILE", "SOURCE", "DESTINATION", "SOURCE_AND_DESTINATION"]),
    connectorRuntimeSettings: settings,
  }),
  ValidateCredentialsRequest: z.looseObject({ credentials, connectorRuntimeSettings: settings }),
  ListEntitiesRequest: z.looseObject({
    connectorContext: context,
    entitiesPath: z.nullish(z.string()),
    nextToken: z.nullish(z.string()),
    maxResult: upTo,
  }),
  DescribeEntityRequest: z.looseObject(entity),
  RetrieveDataRequest: z.looseObject({
    ...entity,
    selectedFieldNames: names,
    idFieldName: z.nullish(z.string()),
    ids: names,
  }),
  QueryDataRequest: z.looseObject({
    ...entity,
    selectedFieldNames: names,
    filterExpression: z.nullish(z.string()),
    nextToken: z.nullish(z.string()),
    maxResults: upTo,
  }),
  WriteDataRequest: z.looseObject({
    ...entity,
    operation: z.enum(writeOperations),
    idFieldNames: names,
    records: z.array(z.string()),
    allOrNone: z.nullish(z.boolean()),
  }),
} as const;

export type RequestType = keyof typeof requestSchemas;
export type RequestOf<T extends RequestType> = z.infer<(typeof requestSchemas)[T]>;

/** AppFlow's default where a request leaves it out. */
export const defaultMaxResults = 1_000;
