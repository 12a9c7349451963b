import type { IncomingHttpHeaders } from "node:http";
import type { Place } from "../../kernel";

/** A request, read and matched, before it becomes an event. */
export interface GatewayRequest {
  readonly place: Place;
  readonly apiId: string;
  readonly stage: string;
  readonly stageVariables: Readonly<Record<string, string>>;
  readonly routeKey: string;
  readonly pathParameters: Readonly<Record<string, string>>;
  readonly method: string;
  /** Decoded, with the stage where it is a named one. */
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  /** Pairs as they came, for headers that came more than once. */
  readonly rawHeaders: readonly string[];
  readonly httpVersion: string;
  readonly sourceIp: string;
  readonly requestId: string;
  readonly at: number;
  readonly authorizer: Readonly<Record<string, unknown>> | undefined;
  readonly body: { readonly body: string; readonly isBase64Encoded: boolean } | undefined;
}

const orAbsent = (record: Readonly<Record<string, string>>) => (Object.keys(record).length > 0 ? record : undefined);

/** `22/Nov/2026:09:15:00 +0000` */
function clfTime(at: number): string {
  const [, day, month, year, time] = /^\w+, (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date(at).toUTCString()) ?? [];
  return `${day}/${month}/${year}:${time} +0000`;
}

/** Names in lower case, several values joined by a comma; cookies apart. */
function joinedHeaders(request: GatewayRequest, withCookies: boolean): Record<string, string> {
  const headers: Record<string, string> = {};
  const { rawHeaders } = request;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? "").toLowerCase();
    const value = rawHeaders[index + 1] ?? "";
    if (name === "cookie" && !withCookies) continue;
    headers[name] = name in headers ? `${headers[name]},${value}` : value;
  }
  headers["x-forwarded-for"] ??= request.sourceIp;
  headers["x-forwarded-proto"] ??= "http";
  return headers;
}

function multiValues(pairs: Iterable<[string, string]>): Record<string, string[]> {
  const result: Record<string, string[]> = {};
  for (const [name, value] of pairs) {
    result[name] ??= [];
    result[name].push(value);
  }
  return result;
}

function queryOf(request: GatewayRequest): Record<string, string[]> | undefined {
  return request.query === "" ? undefined : multiValues(new URLSearchParams(request.query));
}

const domainOf = (request: GatewayRequest) => request.headers.host ?? "127.0.0.1";

/**
 * The event in payload format 2.0.
 * Source: "Create AWS Lambda proxy integrations for HTTP APIs" in the API Gateway developer guide.
 */
export function eventV2(request: GatewayRequest): Record<string, unknown> {
  const { headers, method, path } = request;
  const query = queryOf(request);
  return {
    version: "2.0",
    routeKey: request.routeKey,
    rawPath: path,
    rawQueryString: request.query,
    cookies: headers.cookie?.split(/;\s*/),
    headers: joinedHeaders(request, false),
    queryStringParameters:
      query && Object.fromEntries(Object.entries(query).map(([name, values]) => [name, values.join(",")])),
    requestContext: {
      accountId: request.place.accountId,
      apiId: request.apiId,
      authorizer: request.authorizer && { lambda: request.authorizer },
      domainName: domainOf(request),
      domainPrefix: request.apiId,
      http: {
        method,
        path,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp: request.sourceIp,
        userAgent: headers["user-agent"] ?? "",
      },
      requestId: request.requestId,
      routeKey: request.routeKey,
      stage: request.stage,
      time: clfTime(request.at),
      timeEpoch: request.at,
    },
    pathParameters: orAbsent(request.pathParameters),
    stageVariables: orAbsent(request.stageVariables),
    body: request.body?.body,
    isBase64Encoded: request.body?.isBase64Encoded ?? false,
  };
}

/** The event in payload format 1.0, the one of REST APIs. */
export function eventV1(request: GatewayRequest): Record<string, unknown> {
  const { method, path, headers, rawHeaders } = request;
  const query = queryOf(request);
  const last = (values: Record<string, string[]>) =>
    Object.fromEntries(Object.entries(values).map(([name, list]) => [name, list[list.length - 1] ?? ""]));
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    pairs.push([rawHeaders[index] ?? "", rawHeaders[index + 1] ?? ""]);
  }
  const resource = request.routeKey.split(" ")[1] ?? request.routeKey;
  return {
    version: "1.0",
    resource,
    path,
    httpMethod: method,
    headers: joinedHeaders(request, true),
    multiValueHeaders: multiValues(pairs),
    queryStringParameters: query ? last(query) : null,
    multiValueQueryStringParameters: query ?? null,
    requestContext: {
      accountId: request.place.accountId,
      apiId: request.apiId,
      authorizer: request.authorizer ?? {},
      domainName: domainOf(request),
      domainPrefix: request.apiId,
      extendedRequestId: request.requestId,
      httpMethod: method,
      identity: { sourceIp: request.sourceIp, userAgent: headers["user-agent"] ?? "" },
      path,
      protocol: `HTTP/${request.httpVersion}`,
      requestId: request.requestId,
      requestTime: clfTime(request.at),
      requestTimeEpoch: request.at,
      resourceId: request.routeKey,
      resourcePath: resource,
      stage: request.stage,
    },
    pathParameters: orAbsent(request.pathParameters) ?? null,
    stageVariables: orAbsent(request.stageVariables) ?? null,
    body: request.body?.body ?? null,
    isBase64Encoded: request.body?.isBase64Encoded ?? false,
  };
}
