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

export function json(statusCode: number, body: object, request: Headers, extra: Record<string, string> = {}): Response {
  return {
    statusCode,
    headers: { "content-type": "application/json", ...cors(request), ...extra },
    body: JSON.stringify(body),
  };
}

export function pixel(request: Headers): Response {
  return {
    statusCode: 200,
    headers: { "content-type": "image/gif", "cache-control": "no-store", ...cors(request) },
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
