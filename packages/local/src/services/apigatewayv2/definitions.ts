import { z } from "zod";
import { AwsError, NotSupportedLocally, parseArn } from "../../kernel";
import { type Cors, corsSchema } from "./cors";

/** HTTP APIs answer 503 when an integration takes longer than this, in milliseconds. */
const longestTimeoutMs = 30_000;

const refs = { apiId: z.string() };
const apiInputs = z.object({
  name: z.string().optional(),
  protocolType: z.string(),
  corsConfiguration: corsSchema.optional(),
  target: z.string().optional(),
  body: z.string().optional(),
});
const integrationInputs = z.object({
  ...refs,
  integrationType: z.string(),
  integrationSubtype: z.string().optional(),
  integrationUri: z.string().optional(),
  connectionType: z.string().optional(),
  credentialsArn: z.string().optional(),
  payloadFormatVersion: z.enum(["1.0", "2.0"]).default("1.0"),
  timeoutMilliseconds: z.number().int().min(50).max(longestTimeoutMs).default(longestTimeoutMs),
  requestParameters: z.record(z.string(), z.string()).optional(),
  responseParameters: z.array(z.unknown()).optional(),
});
const routeInputs = z.object({
  ...refs,
  routeKey: z.string(),
  target: z.string().optional(),
  authorizationType: z.enum(["NONE", "CUSTOM", "JWT", "AWS_IAM"]).default("NONE"),
  authorizerId: z.string().optional(),
});
const stageInputs = z.object({
  ...refs,
  name: z.string().optional(),
  stageVariables: z.record(z.string(), z.string()).default({}),
});
const authorizerInputs = z.object({
  ...refs,
  authorizerType: z.string(),
  authorizerUri: z.string().optional(),
  authorizerCredentialsArn: z.string().optional(),
  authorizerPayloadFormatVersion: z.enum(["1.0", "2.0"]).default("2.0"),
  authorizerResultTtlInSeconds: z.number().min(0).max(3600).optional(),
  enableSimpleResponses: z.boolean().default(false),
  identitySources: z.array(z.string()).default([]),
});

export interface Api {
  readonly name: string | undefined;
  readonly cors: Cors | undefined;
}

export interface Integration {
  readonly apiId: string;
  readonly functionArn: string;
  readonly credentialsArn: string | undefined;
  readonly format: "1.0" | "2.0";
  readonly timeoutMs: number;
}

export interface Route {
  readonly apiId: string;
  readonly routeKey: string;
  readonly integrationId: string;
  readonly authorizerId: string | undefined;
}

export interface Stage {
  readonly apiId: string;
  readonly name: string | undefined;
  readonly variables: Readonly<Record<string, string>>;
}

export interface AuthorizerDefinition {
  readonly apiId: string;
  readonly functionArn: string;
  readonly credentialsArn: string | undefined;
  readonly format: "1.0" | "2.0";
  readonly simple: boolean;
  readonly identitySources: readonly string[];
  /** 0: answers are not kept. */
  readonly ttlMs: number;
}

function parse<T>(schema: z.ZodType<T>, value: Record<string, unknown>): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new AwsError("BadRequestException", faults.join("; "));
}

/** The function behind an invoke ARN, or the ARN of a function itself. */
function functionArnOf(uri: string | undefined): string {
  const arn = /\/functions\/(arn:[^/]+)\/invocations$/.exec(uri ?? "")?.[1] ?? uri ?? "";
  if (parseArn(arn)?.service === "lambda") return arn;
  throw new NotSupportedLocally(`HTTP API integration with ${uri ?? "no URI"}`, "Integrate a Lambda function.");
}

/** Each of these throws NotSupportedLocally for what does not work here, so that a stack fails and not a request. */
export function parseApi(inputs: Record<string, unknown>): Api {
  const value = parse(apiInputs, inputs);
  if (value.protocolType !== "HTTP") throw new NotSupportedLocally(`API Gateway protocol ${value.protocolType}`);
  if (value.target || value.body) {
    throw new NotSupportedLocally("HTTP API from a target or an OpenAPI body", "Declare its integrations and routes.");
  }
  return { name: value.name, cors: value.corsConfiguration };
}

export function parseIntegration(inputs: Record<string, unknown>): Integration {
  const value = parse(integrationInputs, inputs);
  if (value.integrationType !== "AWS_PROXY" || value.integrationSubtype || value.connectionType === "VPC_LINK") {
    const what = value.integrationSubtype ?? value.integrationType;
    throw new NotSupportedLocally(`HTTP API integration ${what}`, "Use AWS_PROXY with a Lambda function.");
  }
  if (value.requestParameters || value.responseParameters?.length) {
    throw new NotSupportedLocally("HTTP API parameter mapping", "Map parameters in the handler.");
  }
  return {
    apiId: value.apiId,
    functionArn: functionArnOf(value.integrationUri),
    credentialsArn: value.credentialsArn,
    format: value.payloadFormatVersion,
    timeoutMs: value.timeoutMilliseconds,
  };
}

export function parseRoute(inputs: Record<string, unknown>): Route {
  const value = parse(routeInputs, inputs);
  if (value.authorizationType === "JWT" || value.authorizationType === "AWS_IAM") {
    throw new NotSupportedLocally(`HTTP API ${value.authorizationType} authorization`, "Use a Lambda authorizer.");
  }
  const integrationId = /^integrations\/(.+)$/.exec(value.target ?? "")?.[1];
  if (!integrationId)
    throw new AwsError("BadRequestException", `target: "integrations/<id>" is required, not ${value.target}`);
  const custom = value.authorizationType === "CUSTOM";
  if (custom && !value.authorizerId) throw new AwsError("BadRequestException", "authorizerId is required with CUSTOM");
  return {
    apiId: value.apiId,
    routeKey: value.routeKey,
    integrationId,
    authorizerId: custom ? value.authorizerId : undefined,
  };
}

export function parseStage(inputs: Record<string, unknown>): Stage {
  const value = parse(stageInputs, inputs);
  return { apiId: value.apiId, name: value.name, variables: value.stageVariables };
}

export function parseAuthorizer(inputs: Record<string, unknown>): AuthorizerDefinition {
  const value = parse(authorizerInputs, inputs);
  if (value.authorizerType !== "REQUEST") {
    throw new NotSupportedLocally(`HTTP API ${value.authorizerType} authorizer`, "Use a REQUEST (Lambda) authorizer.");
  }
  if (value.enableSimpleResponses && value.authorizerPayloadFormatVersion === "1.0") {
    throw new AwsError("BadRequestException", "Simple responses need authorizerPayloadFormatVersion 2.0");
  }
  return {
    apiId: value.apiId,
    functionArn: functionArnOf(value.authorizerUri),
    credentialsArn: value.authorizerCredentialsArn,
    format: value.authorizerPayloadFormatVersion,
    simple: value.enableSimpleResponses,
    identitySources: value.identitySources,
    // Without an identity source there is no key to keep an answer under.
    ttlMs: value.identitySources.length === 0 ? 0 : (value.authorizerResultTtlInSeconds ?? 300) * 1000,
  };
}
