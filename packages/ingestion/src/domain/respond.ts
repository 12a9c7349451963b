import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";

type Response = APIGatewayProxyStructuredResultV2;
type Headers = Readonly<Record<string, string | undefined>>;

/** One transparent pixel. */
const gif = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

/** Browsers of any site may call: the write key is public, and cookies mean nothing here. A concrete origin, as some trackers send credentials. */
function cors(headers: Headers): Record<string, string> {
  return headers.origin === undefined
    ? { "access-control-allow-origin": "*" }
    : { "access-control-allow-origin": headers.origin, "access-control-allow-credentials": "true", vary: "origin" };
}

/** When to try again, as Segment's and RudderStack's clients read it; a browser's page may read it too. */
export function retryAfter(seconds: number, now: number): Record<string, string> {
  return {
    "retry-after": String(seconds),
    "x-ratelimit-reset": String(Math.ceil(now / 1000) + seconds),
    "access-control-expose-headers": "retry-after, x-ratelimit-reset",
  };
}

export function json(statusCode: number, body: object, request: Headers, extra: Record<string, string> = {}): Response {
  return {
    statusCode,
    headers: { "content-type": "application/json", ...cors(request), ...extra },
    body: JSON.stringify(body),
  };
}

/** The picture comes with every status: a page shows it whatever became of the event. */
export function pixel(statusCode: number, request: Headers, extra: Record<string, string> = {}): Response {
  return {
    statusCode,
    headers: { "content-type": "image/gif", "cache-control": "no-store", ...cors(request), ...extra },
    body: gif,
    isBase64Encoded: true,
  };
}

export function preflight(request: Headers): Response {
  return {
    statusCode: 204,
    headers: {
      ...cors(request),
      "access-control-allow-methods": "GET, POST, OPTIONS",
      "access-control-allow-headers":
        request["access-control-request-headers"] ??
        "authorization, content-type, content-encoding, anonymousid, x-retry-count, x-write-key, sp-anonymous",
      "access-control-max-age": "86400",
    },
  };
}

/** What analytics-next needs to know before it sends: where to, and that nothing else is to be loaded. */
export function settings(writeKey: string, request: Headers): Response {
  const host = request.host ?? "";
  const protocol = request["x-forwarded-proto"] ?? "https";
  return json(
    200,
    {
      integrations: {
        "Segment.io": { apiKey: writeKey, apiHost: `${host}/v1`, protocol, addBundledMetadata: true },
      },
      plan: { track: { __default: { enabled: true, integrations: {} } }, identify: { __default: { enabled: true } } },
      edgeFunction: {},
      analyticsNextEnabled: true,
      enabledMiddleware: {},
      metrics: { sampleRate: 0 },
      remotePlugins: [],
    },
    request,
    { "cache-control": "public, max-age=120" },
  );
}

/** What RudderStack's browser SDK needs to know: that the source is on and nothing is to be sent from the device. */
export function sourceConfig(writeKey: string, request: Headers): Response {
  const off = { enabled: false };
  return json(
    200,
    {
      source: {
        id: writeKey,
        name: "tributary",
        writeKey,
        enabled: true,
        workspaceId: "tributary",
        config: { statsCollection: { errors: off, metrics: off } },
        connections: [],
        destinations: [],
      },
    },
    request,
    { "cache-control": "public, max-age=120" },
  );
}
