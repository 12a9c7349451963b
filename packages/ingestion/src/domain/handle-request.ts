import type { Logger, Metrics } from "@tributary/runtime";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { type Collected, type CollectorRequest, collect, type SourceByKey } from "./collect";
import { json, pixel, preflight, settings } from "./respond";
import { routeOf } from "./routes";
import { type QuarantinePort, type StreamPort, type WriterOptions, writeRecords } from "./stream-writer";

export interface CollectorParts {
  readonly sources: SourceByKey;
  readonly stream: StreamPort;
  readonly quarantine: QuarantinePort;
  readonly metrics: Metrics;
  readonly log: Pick<Logger, "error" | "warn">;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly writer?: WriterOptions;
}

/** Seconds after which a client should try again when the stream does not take its events. */
const retryAfterSeconds = "2";

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

/**
 * Answers one request of the tracking API. 200 means that everything it held is durable: events on the stream, the rest
 * with its reason on the way to quarantine. 400 is for a body that is no call at all (it is kept all the same), 503 for
 * what is not durable: clients send that again.
 */
export async function handleRequest(
  event: APIGatewayProxyEventV2,
  parts: CollectorParts,
): Promise<APIGatewayProxyStructuredResultV2> {
  const { headers } = event;
  const { method } = event.requestContext.http;
  const route = routeOf(method, event.rawPath);
  switch (route.kind) {
    case "preflight":
      return preflight(headers);
    case "health":
      return json(200, { status: "ok", sources: parts.sources.size }, headers);
    case "settings":
      return settings(route.writeKey, headers);
    case "sdk-metrics":
      return json(200, { success: true }, headers);
    case "unknown":
      return json(
        404,
        {
          success: false,
          message: `no such call: ${method} ${event.rawPath.slice(0, 80)}. Post to /v1/batch, or to /v1/{identify,track,page,screen,group,alias}.`,
        },
        headers,
      );
  }
  const collected = collect(route, requestOf(event, parts.now()), parts.sources);
  try {
    await writeRecords(collected.records, parts.stream, parts.quarantine, parts.writer);
  } catch (error) {
    parts.log.error("not durable", { error: error as Error, records: collected.records.length });
    const message = "not taken, nothing was confirmed: send it again";
    return json(503, { success: false, message }, headers, { "retry-after": retryAfterSeconds });
  }
  const counts = count(parts.metrics, collected);
  if (route.kind === "pixel") return pixel(headers);
  if (collected.fault !== undefined) {
    return json(400, { success: false, message: collected.fault, ...counts }, headers);
  }
  return json(200, { success: true, ...counts }, headers);
}
