import type { ConnectorAuth, ConnectorCredentials, ConnectorRequest } from "../../connector/auth";
import { authsOf, type ConnectorDefinition } from "../../connector/definition";
import { addressFault } from "../../connector/faults";
import type { SentContext, SentCredentials } from "./contract";
import { ConnectorFailure, codeOfStatus } from "./failure";

/** What the domain needs from outside. */
export interface Ports {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** The secret's text; `fresh` does without what is kept. */
  readonly secret: (arn: string, fresh: boolean) => Promise<string>;
  readonly sleep: (ms: number) => Promise<void>;
  readonly now: () => number;
  /** 0 to 1. */
  readonly random: () => number;
  /** Milliseconds that the function may still run. */
  readonly remaining: () => number;
}

/** One answer, parsed. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export interface Call {
  readonly method: string;
  /** Below `baseUrl`, or a whole URL on the same host. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether doing it twice is as good as once. */
  readonly repeatable: boolean;
}

/** Most bytes of one answer: what the function can hold and parse in its memory. */
const mostBytes = 32 * 2 ** 20;
/** Kept back from the function's time, to answer AppFlow in order. */
const reserveMs = 3_000;

/** Calls the API for one invocation: address, headers, sign-in, patience. */
export class Client {
  readonly #base: URL;
  readonly #attempts: number;
  readonly #timeoutMs: number;
  #fresh = false;

  constructor(
    private readonly definition: ConnectorDefinition,
    private readonly context: SentContext,
    private readonly ports: Ports,
  ) {
    const text = fill(definition.baseUrl, {
      ...context.connectorRuntimeSettings,
      apiVersion: context.apiVersion ?? definition.apiVersions?.[0] ?? "1",
    });
    const why = addressFault(text);
    if (why !== undefined) throw new ConnectorFailure("InvalidArgument", `the connection's address ${why}`);
    this.#base = new URL(text.endsWith("/") ? text : `${text}/`);
    this.#attempts = definition.limits?.attempts ?? 4;
    this.#timeoutMs = (definition.limits?.timeoutSeconds ?? 20) * 1_000;
  }

  /**
   * Makes a call, again where it is refused for now and a second try cannot do harm.
   * @throws ConnectorFailure by AppFlow's codes
   */
  async call(call: Call): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#once(call);
      if (!(outcome instanceof ConnectorFailure)) return outcome;
      if (outcome.code === "InvalidCredentials" && !this.#fresh) {
        // AppFlow may have renewed the token since the secret was read.
        this.#fresh = true;
        continue;
      }
      const pause = this.#pause(outcome, attempt);
      if (
        attempt >= this.#attempts ||
        !mayRepeat(outcome, call.repeatable) ||
        pause > this.ports.remaining() - reserveMs
      )
        throw outcome;
      await this.ports.sleep(pause);
    }
  }

  #pause({ retryAfterSeconds }: ConnectorFailure, attempt: number): number {
    if (retryAfterSeconds !== undefined) return retryAfterSeconds * 1_000;
    return this.ports.random() * Math.min(20_000, 500 * 2 ** attempt);
  }

  async #once(call: Call): Promise<Answer | ConnectorFailure> {
    const request = await this.#signed(call);
    const what = `${call.method} ${new URL(request.url).pathname}`;
    const timeoutMs = Math.max(1, Math.min(this.#timeoutMs, this.ports.remaining() - reserveMs));
    let response: Response;
    let text: string;
    try {
      response = await this.ports.fetch(request.url, {
        method: request.method,
        headers: request.headers,
        ...(request.body === undefined ? {} : { body: request.body }),
        redirect: "manual",
        signal: AbortSignal.timeout(timeoutMs),
      });
      text = await readText(response, what);
    } catch (error) {
      if (error instanceof ConnectorFailure) return error;
      return connectionFailure(error, what, timeoutMs);
    }
    if (!response.ok) return refusal(response, what, this.ports.now());
    return { status: response.status, headers: response.headers, body: parsed(text, what) };
  }

  async #signed(call: Call): Promise<ConnectorRequest> {
    const url = new URL(call.path.replace(/^\//, ""), this.#base);
    // Where credentials go is written in the definition, not told by an answer.
    if (url.origin !== this.#base.origin) {
      throw new ConnectorFailure(
        "ServerError",
        `the API names a next page on another host (${url.host}), which is not followed`,
      );
    }
    for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, value);
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const request: ConnectorRequest = {
      method: call.method,
      url: url.href,
      headers: {
        accept: "application/json",
        "user-agent": `tributary-connector/1 (${this.definition.name} ${this.definition.version})`,
        ...this.definition.headers,
        ...call.headers,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body }),
    };
    const sent = this.context.credentials;
    if (!sent) throw new ConnectorFailure("InvalidCredentials", "the connection has no credentials");
    return await sign(request, authFor(this.definition, sent), await this.#credentials(sent));
  }

  async #credentials({ secretArn }: SentCredentials): Promise<ConnectorCredentials> {
    return readCredentials(await this.ports.secret(secretArn, this.#fresh));
  }
}

/** Fills `{name}` in a template; what is filled in cannot add to the path or the host. @throws where one is missing */
export function fill(template: string, values: Readonly<Record<string, unknown>>): string {
  return template.replace(/\{([^{}]*)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined || value === null || value === "")
      throw new ConnectorFailure("InvalidArgument", `${name} is missing`);
    // A setting that is the whole beginning of the address, such as {instanceUrl}.
    if (template.startsWith(whole) && /^https?:\/\//.test(String(value))) return String(value).replace(/\/+$/, "");
    // A part of a path that is `..` would name another thing.
    if (/^\.{1,2}$/.test(String(value)))
      throw new ConnectorFailure("InvalidArgument", `${name} must not be dots alone`);
    return encodeURIComponent(String(value));
  });
}

function authFor(definition: ConnectorDefinition, { authenticationType }: SentCredentials): ConnectorAuth {
  const found = authsOf(definition).find(({ type }) => type === authenticationType);
  if (found) return found;
  throw new ConnectorFailure("InvalidCredentials", `the connector does not sign in by ${authenticationType}`);
}

/** AppFlow's secret: one JSON object; that of a custom way to sign in has its values one level deeper. */
function readCredentials(text: string): ConnectorCredentials {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Its text is a secret: not even a part of it may stand in a message.
    throw new ConnectorFailure("InvalidCredentials", "the connection's secret is no JSON object");
  }
  const flat: Record<string, string> = {};
  const collect = (given: unknown) => {
    for (const [key, member] of Object.entries((given ?? {}) as Record<string, unknown>)) {
      if (typeof member === "object" && member !== null) collect(member);
      else if (member !== undefined && member !== null) flat[key] = String(member);
    }
  };
  collect(value);
  return flat;
}

async function sign(
  request: ConnectorRequest,
  auth: ConnectorAuth,
  credentials: ConnectorCredentials,
): Promise<ConnectorRequest> {
  const need = (...names: string[]): string => {
    const found = names.map((name) => credentials[name]).find((value) => value !== undefined && value !== "");
    if (found !== undefined) return found;
    throw new ConnectorFailure("InvalidCredentials", `the connection's secret has no ${names[0]}`);
  };
  const withHeader = (name: string, value: string) => ({ ...request, headers: { ...request.headers, [name]: value } });
  switch (auth.type) {
    case "ApiKey": {
      const key = `${auth.prefix ?? ""}${need("apiKey")}`;
      if (auth.parameter === undefined) return withHeader(auth.header ?? "x-api-key", key);
      const url = new URL(request.url);
      url.searchParams.set(auth.parameter, key);
      return { ...request, url: url.href };
    }
    case "BasicAuth": {
      const pair = `${need("username", "userName")}:${need("password")}`;
      return withHeader("authorization", `Basic ${Buffer.from(pair).toString("base64")}`);
    }
    case "OAuth2":
      return withHeader("authorization", `Bearer ${need("accessToken")}`);
    default:
      return await auth.apply(request, credentials);
  }
}

/** 429 and 503 say that nothing was done; after any other refusal, or none, something may have been. */
function mayRepeat({ code }: ConnectorFailure, repeatable: boolean): boolean {
  if (code === "RateLimitExceeded" || code === "ServiceUnavailable") return true;
  return repeatable && (code === "ServerError" || code === "RequestTimeout");
}

function refusal(response: Response, what: string, now: number): ConnectorFailure {
  const { status } = response;
  if (status >= 300 && status < 400) {
    return new ConnectorFailure(
      "ClientError",
      `${what}: status ${status}: redirects are not followed; set the final address`,
      undefined,
      status,
    );
  }
  return new ConnectorFailure(
    codeOfStatus(status),
    `${what}: status ${status}`,
    retryAfter(response.headers.get("retry-after"), now),
    status,
  );
}

/** Seconds of a `Retry-After` header: a number or a date. */
function retryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Number(text);
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1_000));
}

function connectionFailure(error: unknown, what: string, timeoutMs: number): ConnectorFailure {
  const { name, cause } = error as { name?: string; cause?: { code?: string } };
  if (name === "TimeoutError" || name === "AbortError") {
    return new ConnectorFailure("RequestTimeout", `${what}: no answer within ${timeoutMs} ms`);
  }
  return new ConnectorFailure("RequestTimeout", `${what}: no connection${cause?.code ? `: ${cause.code}` : ""}`);
}

async function readText(response: Response, what: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > mostBytes)
      throw new ConnectorFailure(
        "ClientError",
        `${what}: the answer has more than ${mostBytes} bytes; give the list a smaller pageSize`,
      );
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function parsed(text: string, what: string): unknown {
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new ConnectorFailure("ServerError", `${what}: the answer is no JSON`);
  }
}

/** The value at a dotted path; the value itself without one. */
export function at(value: unknown, path: string | undefined): unknown {
  if (path === undefined || path === "") return value;
  return path
    .split(".")
    .reduce<unknown>(
      (so, part) => (typeof so === "object" && so !== null ? (so as Record<string, unknown>)[part] : undefined),
      value,
    );
}
