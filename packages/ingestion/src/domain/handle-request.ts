import type { Logger, Metrics } from "@tributary/runtime";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { type Collected, type CollectorRequest, collect, type SourceByKey } from "./collect";
import { json, pixel, preflight, retryAfter, settings, sourceConfig } from "./respond";
import { type EventRoute, holdsEvents, type Route, routeOf } from "./routes";
import type { Shedder } from "./shedder";
import { type QuarantinePort, type StreamPort, type WriterOptions, writeRecords } from "./stream-writer";
import { writeKeyOf } from "./write-key";

export interface CollectorParts {
  readonly sources: SourceByKey;
  readonly stream: StreamPort;
  readonly quarantine: QuarantinePort;
  readonly shedder: Shedder;
  readonly metrics: Metrics;
  readonly log: Pick<Logger, "error" | "warn">;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly writer?: WriterOptions;
}

/** Seconds after which a client should try again when the stream does not take its events. */
const retryAfterSeconds = 2;

function requestOf(event: APIGatewayProxyEventV2, now: number): CollectorRequest {
  const received = event.requestContext.timeEpoch;
  return {
    headers: event.headers,
    query: event.queryStringParameters ?? {},
    body: Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8"),
    receivedAt: new Date(Number.isFinite(received) ? received : now).toISOString(),
  };
}

function count(metrics: Metrics, collected: Collected): { accepted: number; quarantined: number } {
  let quarantined = 0;
  for (const { reason } of collected.records) {
    if (reason === null) continue;
    quarantined++;
    metrics.count("EventsRejected", 1, { reason });
  }
  const accepted = collected.records.length - quarantined;
  metrics.count("EventsAccepted", accepted);
  return { accepted, quarantined };
}

function unknownCall(method: string, path: string): string {
  const calls = "Post to /v1/batch, or to /v1/{identify,track,page,screen,group,alias}";
  return `no such call: ${method} ${path.slice(0, 80)}. ${calls}; docs/protocol.md has the other protocols.`;
}

/** Answers what holds no events. */
function answer(route: Exclude<Route, EventRoute>, event: APIGatewayProxyEventV2, parts: CollectorParts) {
  const { headers } = event;
  switch (route.kind) {
    case "preflight":
      return preflight(headers);
    case "health":
      return json(200, { status: "ok", sources: parts.sources.size }, headers);
    case "settings":
      return settings(route.writeKey, headers);
    case "source-config":
      return sourceConfig(writeKeyOf(headers, event.queryStringParameters ?? {}, undefined) ?? "", headers);
    case "sdk-metrics":
      return json(200, { success: true }, headers);
    case "unknown": {
      const message = unknownCall(event.requestContext.http.method, event.rawPath);
      return json(404, { success: false, message }, headers);
    }
  }
}

const isPicture = (route: EventRoute) => route.kind === "pixel" || (route.kind === "snowplow" && route.by === "get");

/**
 * Answers one request of the tracking API. 200 means that everything it held is durable: events on the stream, the rest
 * with its reason on the way to quarantine. 400 is for a body that is no call at all (it is kept all the same), 503 for
 * what is not durable and 429 for what was not tried since the stream is overloaded: clients send those again.
 */
export async function handleRequest(
  event: APIGatewayProxyEventV2,
  parts: CollectorParts,
): Promise<APIGatewayProxyStructuredResultV2> {
  const { headers } = event;
  const route = routeOf(event.requestContext.http.method, event.rawPath);
  if (!holdsEvents(route)) return answer(route, event, parts);
  const reply = (status: number, body: object, extra?: Record<string, string>) =>
    isPicture(route) ? pixel(status, headers, extra) : json(status, body, headers, extra);
  const again = (status: 429 | 503, message: string, seconds: number) =>
    reply(status, { success: false, message }, retryAfter(seconds, parts.now()));

  const wait = parts.shedder.secondsLeft(parts.now());
  if (wait > 0) return again(429, "more comes than the event stream takes: send it again later", wait);
  const collected = collect(route, requestOf(event, parts.now()), parts.sources);
  try {
    await writeRecords(collected.records, parts.stream, parts.quarantine, parts.writer);
  } catch (error) {
    parts.shedder.refused(error, parts.now());
    parts.log.error("not durable", { error: error as Error, records: collected.records.length });
    return again(503, "not taken, nothing was confirmed: send it again", retryAfterSeconds);
  }
  const counts = count(parts.metrics, collected);
  if (collected.fault !== undefined && !isPicture(route)) {
    return reply(400, { success: false, message: collected.fault, ...counts });
  }
  // PostHog's clients look for a status in the body.
  return reply(200, { success: true, ...(route.kind === "posthog" ? { status: 1 } : {}), ...counts });
}
