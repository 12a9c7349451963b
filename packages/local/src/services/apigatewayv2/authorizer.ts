import { z } from "zod";
import type { Kernel, Principal } from "../../kernel";
import type { AuthorizerDefinition } from "./definitions";
import { eventV1, eventV2, type GatewayRequest } from "./request-event";
import { type GatewayResponse, internalServerError, message } from "./response";

/** Let through, with what the authorizer says about the caller; or the answer to give instead. */
export type Verdict =
  | { readonly allowed: true; readonly context: Record<string, unknown> }
  | { readonly allowed: false; readonly response: GatewayResponse };

const unauthorized: Verdict = { allowed: false, response: message(401, "Unauthorized") };
const forbidden: Verdict = { allowed: false, response: message(403, "Forbidden") };
const broken: Verdict = { allowed: false, response: internalServerError };

/** Answers kept at most; the oldest go first. */
const maximumKept = 10_000;

const texts = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());
const simpleAnswer = z.object({ isAuthorized: z.boolean(), context: z.record(z.string(), z.unknown()).nullish() });
const policyAnswer = z.object({
  principalId: z.string().optional(),
  policyDocument: z.object({
    Statement: z
      .union([z.unknown().array(), z.unknown()])
      .transform((value) =>
        z.array(z.object({ Effect: z.enum(["Allow", "Deny"]), Action: texts, Resource: texts })).parse([value].flat()),
      ),
  }),
  context: z.record(z.string(), z.unknown()).nullish(),
});

/** A REQUEST authorizer: asks its function, keeps the answer for its time to live. */
export class Authorizer {
  private readonly kept = new Map<string, { readonly until: number; readonly answer: unknown }>();

  constructor(
    private readonly kernel: Kernel,
    private readonly id: string,
    private readonly definition: AuthorizerDefinition,
  ) {}

  async check(request: GatewayRequest, routeArn: string): Promise<Verdict> {
    const identity = this.definition.identitySources.map((source) => resolveSource(source, request));
    // As on AWS: without each identity source the function is not even asked.
    if (identity.some((value) => value === undefined || value === "")) return unauthorized;
    const key = identity.join("\n");
    const kept = this.kept.get(key);
    if (kept && kept.until > Date.now()) return this.judge(kept.answer, routeArn);
    const { functionArn, credentialsArn } = this.definition;
    const sourceArn = `arn:aws:execute-api:${request.place.region}:${request.place.accountId}:${request.apiId}/authorizers/${this.id}`;
    const principal: Principal = credentialsArn
      ? { kind: "role", roleArn: credentialsArn, session: request.apiId }
      : { kind: "service", service: "apigateway.amazonaws.com", sourceArn };
    const result = await this.kernel.lambda.invoke(
      functionArn,
      this.event(request, identity as string[], routeArn),
      principal,
    );
    if (result.functionError) {
      // A handler that throws "Unauthorized" says 401; any other fault is the authorizer's own.
      const error = result.payload as { errorMessage?: string };
      return error.errorMessage === "Unauthorized" ? unauthorized : broken;
    }
    const verdict = this.judge(result.payload, routeArn);
    if (verdict !== broken) this.keep(key, result.payload);
    return verdict;
  }

  private judge(answer: unknown, routeArn: string): Verdict {
    if (this.definition.simple) {
      const simple = simpleAnswer.safeParse(answer);
      if (!simple.success) return broken;
      return simple.data.isAuthorized ? { allowed: true, context: simple.data.context ?? {} } : forbidden;
    }
    const policy = policyAnswer.safeParse(answer);
    if (!policy.success) return broken;
    const { principalId, policyDocument, context } = policy.data;
    const applying = policyDocument.Statement.filter(
      ({ Action, Resource }) =>
        Action.some((action) => wildcard(action, "execute-api:Invoke")) &&
        Resource.some((each) => wildcard(each, routeArn)),
    );
    const allowed =
      applying.some(({ Effect }) => Effect === "Allow") && !applying.some(({ Effect }) => Effect === "Deny");
    return allowed ? { allowed: true, context: { ...context, ...(principalId ? { principalId } : {}) } } : forbidden;
  }

  private keep(key: string, answer: unknown): void {
    if (this.definition.ttlMs === 0) return;
    if (this.kept.size >= maximumKept) {
      const [oldest] = this.kept.keys();
      if (oldest !== undefined) this.kept.delete(oldest);
    }
    this.kept.delete(key);
    this.kept.set(key, { until: Date.now() + this.definition.ttlMs, answer });
  }

  /** Source: "Control access to HTTP APIs with AWS Lambda authorizers" in the API Gateway developer guide. */
  private event(request: GatewayRequest, identity: readonly string[], routeArn: string): Record<string, unknown> {
    if (this.definition.format === "1.0") {
      const { body: _body, isBase64Encoded: _encoded, ...rest } = eventV1(request);
      const identitySource = identity.join(",");
      return { ...rest, type: "REQUEST", methodArn: routeArn, identitySource, authorizationToken: identitySource };
    }
    const { body: _body, isBase64Encoded: _encoded, ...rest } = eventV2(request);
    return { ...rest, type: "REQUEST", routeArn, identitySource: identity };
  }
}

function wildcard(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".");
  return new RegExp(`^${source}$`, "i").test(text);
}

/** `$request.header.Authorization`, `$request.querystring.key`, `$context.routeKey`, `$stageVariables.name`. */
function resolveSource(source: string, request: GatewayRequest): string | undefined {
  const [, kind = "", name = ""] =
    /^\$(request\.header|request\.querystring|context|stageVariables)\.(.+)$/.exec(source) ?? [];
  switch (kind) {
    case "request.header": {
      const value = request.headers[name.toLowerCase()];
      return Array.isArray(value) ? value.join(",") : value;
    }
    case "request.querystring":
      return new URLSearchParams(request.query).get(name) ?? undefined;
    case "stageVariables":
      return request.stageVariables[name];
    case "context": {
      const context = {
        routeKey: request.routeKey,
        httpMethod: request.method,
        path: request.path,
        stage: request.stage,
        "identity.sourceIp": request.sourceIp,
      };
      return context[name as keyof typeof context];
    }
    default:
      return undefined;
  }
}
