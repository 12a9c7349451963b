import {
  type CollectedRecord,
  collectBody,
  collectItem,
  type EventType,
  type ItemMeta,
  isJsonObject,
  type QuarantineReason,
  withUnknownKey,
} from "@tributary/model";
import { type Decoded, decodeBody, decodeData } from "./body";
import type { Calls } from "./dialects/calls";
import { posthogPost } from "./dialects/posthog";
import { snowplowGet, snowplowPost } from "./dialects/snowplow";
import type { EventRoute } from "./routes";
import { masked, writeKeyOf } from "./write-key";

/** The source id of what came with a key that no source has. */
export const unknownSource = "unknown";

export interface CollectorRequest {
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
  /** ISO 8601 in UTC. */
  readonly receivedAt: string;
}

/** What a request holds, all of it: events and rejections both go on the stream. */
export interface Collected {
  readonly records: readonly CollectedRecord[];
  /** Where the request as such is wrong: what to tell the client. Its bytes are in `records` all the same. */
  readonly fault?: string;
}

export type SourceByKey = ReadonlyMap<string, string>;

function whole(request: CollectorRequest, meta: ItemMeta, reason: QuarantineReason, detail: string): Collected {
  return { records: [collectBody(reason, detail, request.body, meta)], fault: detail };
}

function segmentCalls(route: EventRoute, value: unknown): Calls {
  if (!isJsonObject(value)) return { fault: "the body must be a JSON object" };
  if (route.kind !== "batch") return { calls: [{ item: value }], outer: {} };
  if (!Array.isArray(value.batch)) return { fault: 'the body must have a list "batch", as in {"batch":[…]}' };
  const { context, integrations, sentAt } = value;
  return { calls: value.batch.map((item) => ({ item })), outer: { context, integrations, sentAt } };
}

function callsOf(route: EventRoute, request: CollectorRequest, value: unknown): Calls {
  if (route.kind === "posthog") return posthogPost(value);
  if (route.kind !== "snowplow") return segmentCalls(route, value);
  return route.by === "get" ? snowplowGet(request.query) : snowplowPost(value);
}

/** Calls that have no body: what they say is in the query, which is what a rejection keeps. */
function bytesOf(route: EventRoute, request: CollectorRequest): Uint8Array {
  if (route.kind === "pixel") return Buffer.from(request.query.data ?? "", "utf8");
  if (route.kind === "snowplow" && route.by === "get") return Buffer.from(JSON.stringify(request.query), "utf8");
  return request.body;
}

function decode(route: EventRoute, request: CollectorRequest): Decoded {
  if (route.kind === "pixel") return decodeData(request.query.data ?? "");
  if (route.kind === "snowplow" && route.by === "get") return { ok: true, value: undefined };
  return decodeBody(request.body, request.headers);
}

/** Turns a request into records of the event stream. Refuses nothing: what is wrong is in the records. */
export function collect(route: EventRoute, request: CollectorRequest, sources: SourceByKey): Collected {
  const decoded = decode(route, request);
  const type: EventType | undefined = "type" in route ? route.type : undefined;
  const requestKey = writeKeyOf(request.headers, request.query, decoded.ok ? decoded.value : undefined);
  const metaOf = (writeKey: string | undefined): ItemMeta => ({
    sourceId: (writeKey === undefined ? undefined : sources.get(writeKey)) ?? unknownSource,
    receivedAt: request.receivedAt,
    ...(type === undefined ? {} : { type }),
  });
  const asked: CollectorRequest = { ...request, body: bytesOf(route, request) };
  if (!decoded.ok) return whole(asked, metaOf(requestKey), decoded.reason, decoded.detail);
  const found = callsOf(route, request, decoded.value);
  if ("fault" in found) return whole(asked, metaOf(requestKey), "invalid-request", found.fault);
  const records = found.calls.map(({ item, writeKey }) => {
    const key = requestKey ?? writeKey;
    const record = collectItem(item, found.outer, metaOf(key), () => asked.body);
    return key !== undefined && sources.has(key) ? record : withUnknownKey(record, unknownKey(key));
  });
  return { records };
}

function unknownKey(writeKey: string | undefined): string {
  return `no source has ${masked(writeKey)}; add the source and replay, or mend the client's key`;
}
