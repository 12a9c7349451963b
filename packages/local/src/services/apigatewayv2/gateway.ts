import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { AwsError, type Kernel, type Principal } from "../../kernel";
import type { Authorizer } from "./authorizer";
import { discardRest, encodeBody, readBody } from "./body";
import { corsHeaders, isCorsHeader, preflightHeaders } from "./cors";
import type { Api, Integration, Route, Stage } from "./definitions";
import { eventV1, eventV2, type GatewayRequest } from "./request-event";
import { type GatewayResponse, internalServerError, message, toResponse } from "./response";
import { type CompiledRoute, compileRoute, matchRoute, type RouteMatch } from "./routing";

const notFound = message(404, "Not Found");
const tooLarge = message(413, "Request Entity Too Large");
const unavailable = message(503, "Service Unavailable");
const closeGraceMs = 2_000;

/** Raised inside for a body beyond the limit. */
class TooLarge extends Error {}

/** One HTTP API: a server on its own loopback port, with the routes, stages and authorizers that the stack gave it. */
export class Gateway {
  api: Api = { name: undefined, cors: undefined };
  port = 0;
  readonly integrations = new Map<string, Integration>();
  readonly authorizers = new Map<string, Authorizer>();
  readonly stages = new Map<string, Stage>();
  readonly server: Server;
  private readonly routes = new Map<string, CompiledRoute<Route>>();
  private routeList: readonly CompiledRoute<Route>[] = [];

  constructor(
    private readonly kernel: Kernel,
    readonly apiId: string,
  ) {
    this.server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
      void this.kernel.foreground.serve(() => this.serve(request, response));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  setRoute(id: string, route: Route): void {
    this.routes.set(id, compileRoute(route.routeKey, route));
    this.routeList = [...this.routes.values()];
  }

  deleteRoute(id: string): void {
    this.routes.delete(id);
    this.routeList = [...this.routes.values()];
  }

  async close(): Promise<void> {
    if (!this.server.listening) return;
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeIdleConnections();
    const timer = setTimeout(() => this.server.closeAllConnections(), closeGraceMs);
    await closed;
    clearTimeout(timer);
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: GatewayResponse;
    try {
      answer = await this.answer(request);
    } catch (error) {
      if (request.destroyed && !request.complete) return; // the client went away: nobody to answer
      answer = error instanceof TooLarge ? tooLarge : this.failure(error);
    }
    if (answer.status === 413 && !request.complete) discardRest(request);
    send(response, this.withCors(answer, request.headers.origin));
  }

  private async answer(request: IncomingMessage): Promise<GatewayResponse> {
    const { method = "GET", headers } = request;
    // A 404 would tell a client to give up on a route that comes back in a moment.
    if (this.kernel.restoring) {
      request.resume();
      return unavailable;
    }
    const [rawPath = "/", query = ""] = splitUrl(request.url ?? "/");
    const { cors } = this.api;
    if (cors && method === "OPTIONS" && headers.origin && headers["access-control-request-method"]) {
      return { status: 204, headers: preflightHeaders(cors, headers.origin), body: "" };
    }
    const path = decode(rawPath);
    const staged = this.stageOf(path);
    const match = staged && matchRoute(this.routeList, method, staged.path);
    if (!staged || !match) {
      request.resume();
      return notFound;
    }
    const body = hasBody(request) ? await readBody(request) : Buffer.alloc(0);
    if (!body) throw new TooLarge();
    return await this.route(match, {
      place: this.kernel.place,
      apiId: this.apiId,
      stage: staged.name,
      stageVariables: staged.variables,
      routeKey: match.route.key,
      pathParameters: match.parameters,
      method,
      path,
      query,
      headers,
      rawHeaders: request.rawHeaders,
      httpVersion: request.httpVersion,
      sourceIp: request.socket.remoteAddress ?? "127.0.0.1",
      requestId: randomUUID(),
      at: this.kernel.now(),
      authorizer: undefined,
      body: body.byteLength === 0 ? undefined : encodeBody(body, headers["content-type"], headers["content-encoding"]),
    });
  }

  private async route({ route }: RouteMatch<Route>, request: GatewayRequest): Promise<GatewayResponse> {
    const { integrationId, authorizerId } = route.target;
    const [, path = "$default"] = route.key.split(" ");
    const api = `arn:aws:execute-api:${request.place.region}:${request.place.accountId}:${this.apiId}`;
    const suffix = path === "$default" ? "$default" : `${request.method}${path}`;
    let allowed = request;
    if (authorizerId) {
      const authorizer = this.authorizers.get(authorizerId);
      if (!authorizer) throw new Error(`route ${route.key} names authorizer ${authorizerId}, which is not there`);
      const verdict = await authorizer.check(request, `${api}/${request.stage}/${suffix}`);
      if (!verdict.allowed) return verdict.response;
      allowed = { ...request, authorizer: verdict.context };
    }
    const integration = this.integrations.get(integrationId);
    if (!integration) throw new Error(`route ${route.key} names integration ${integrationId}, which is not there`);
    const principal: Principal = integration.credentialsArn
      ? { kind: "role", roleArn: integration.credentialsArn, session: this.apiId }
      : { kind: "service", service: "apigateway.amazonaws.com", sourceArn: `${api}/${request.stage}/${suffix}` };
    return await this.integrate(integration, allowed, principal);
  }

  private async integrate(
    integration: Integration,
    request: GatewayRequest,
    principal: Principal,
  ): Promise<GatewayResponse> {
    const event = integration.format === "2.0" ? eventV2(request) : eventV1(request);
    const invocation = this.kernel.lambda.invoke(integration.functionArn, event, principal);
    const result = await within(integration.timeoutMs, invocation);
    // As on AWS: the client hears no more than that; the function goes on.
    if (!result) return unavailable;
    if (result.functionError) return internalServerError;
    return toResponse(result.payload, integration.format) ?? internalServerError;
  }

  private failure(error: unknown): GatewayResponse {
    if (error instanceof AwsError) {
      if (error.name === "RequestTooLargeException") return tooLarge;
      if (error.name === "TooManyRequestsException") return unavailable;
    }
    this.kernel.log.warn(`HTTP API ${this.api.name ?? this.apiId}: ${error instanceof Error ? error.message : error}`);
    return internalServerError;
  }

  /** A named stage is the path's first segment; `$default` is at the root. */
  private stageOf(
    path: string,
  ): { name: string; path: string; variables: Readonly<Record<string, string>> } | undefined {
    const [, first = ""] = path.split("/");
    const named = this.stages.get(first);
    if (named && first !== "$default")
      return { name: first, path: path.slice(first.length + 1) || "/", variables: named.variables };
    const byDefault = this.stages.get("$default");
    return byDefault && { name: "$default", path, variables: byDefault.variables };
  }

  private withCors(answer: GatewayResponse, origin: string | undefined): GatewayResponse {
    const { cors } = this.api;
    if (!cors || !origin || answer.status === 204) return answer;
    const kept = Object.entries(answer.headers).filter(([name]) => !isCorsHeader(name));
    return { ...answer, headers: { ...Object.fromEntries(kept), ...corsHeaders(cors, origin) } };
  }
}

function hasBody(request: IncomingMessage): boolean {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  return encoding !== undefined || (length !== undefined && length !== "0");
}

function splitUrl(url: string): [string, string] {
  const question = url.indexOf("?");
  return question < 0 ? [url, ""] : [url.slice(0, question), url.slice(question + 1)];
}

/** A path that is not well encoded stays as it came. */
function decode(path: string): string {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Undefined where the time is up first; what comes later is nobody's any more. */
async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function send(response: ServerResponse, answer: GatewayResponse): void {
  if (response.destroyed) return;
  const body = typeof answer.body === "string" ? Buffer.from(answer.body) : answer.body;
  for (const [name, value] of Object.entries(answer.headers)) {
    if (name === "content-length" || name === "transfer-encoding") continue; // ours to say
    try {
      response.setHeader(name, value as string | string[]);
    } catch {
      // A header that HTTP does not allow: as on AWS, the whole answer is at fault.
      response.writeHead(500, { "content-type": "application/json" });
      response.end(internalServerError.body);
      return;
    }
  }
  if (answer.status !== 204 && answer.status !== 304) response.setHeader("content-length", body.byteLength);
  response.writeHead(answer.status);
  response.end(body);
}
