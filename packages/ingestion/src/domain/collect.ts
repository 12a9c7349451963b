import {
  type CollectedRecord,
  collectBody,
  collectItem,
  type ItemMeta,
  isJsonObject,
  type Outer,
  type QuarantineReason,
  withUnknownKey,
} from "@tributary/model";
import { type Decoded, decodeBody, decodeData } from "./body";
import type { Route } from "./routes";
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

/** The items of a call and what is stated for all of them; or what is wrong with the call. */
function itemsOf(route: Route, value: unknown): { items: readonly unknown[]; outer: Outer } | { fault: string } {
  if (!isJsonObject(value)) return { fault: "the body must be a JSON object" };
  if (route.kind !== "batch") return { items: [value], outer: {} };
  if (!Array.isArray(value.batch)) return { fault: 'the body must have a list "batch", as in {"batch":[…]}' };
  const { context, integrations, sentAt } = value;
  return { items: value.batch, outer: { context, integrations, sentAt } };
}

/** Turns a call of the tracking API into records of the event stream. Refuses nothing: what is wrong is in the records. */
export function collect(
  route: Extract<Route, { kind: "batch" | "single" | "pixel" }>,
  request: CollectorRequest,
  sources: SourceByKey,
): Collected {
  const decoded: Decoded =
    route.kind === "pixel" ? decodeData(request.query.data ?? "") : decodeBody(request.body, request.headers);
  const writeKey = writeKeyOf(request.headers, request.query, decoded.ok ? decoded.value : undefined);
  const sourceId = writeKey === undefined ? undefined : sources.get(writeKey);
  const meta: ItemMeta = {
    sourceId: sourceId ?? unknownSource,
    receivedAt: request.receivedAt,
    ...(route.kind === "batch" ? {} : { type: route.type }),
  };
  const asked: CollectorRequest =
    route.kind === "pixel" ? { ...request, body: Buffer.from(request.query.data ?? "", "utf8") } : request;
  if (!decoded.ok) return whole(asked, meta, decoded.reason, decoded.detail);
  const call = itemsOf(route, decoded.value);
  if ("fault" in call) return whole(asked, meta, "invalid-request", call.fault);
  const records = call.items.map((item) => collectItem(item, call.outer, meta, () => asked.body));
  if (sourceId !== undefined) return { records };
  const detail = `no source has ${masked(writeKey)}; add the source and replay, or mend the client's key`;
  return { records: records.map((record) => withUnknownKey(record, detail)) };
}
