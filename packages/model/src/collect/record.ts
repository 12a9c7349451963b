import { shortHash } from "../canonical";
import type { CollectedRecord } from "../collected";
import type { CustomerEvent } from "../event";
import { isJsonObject } from "../json";
import { type ItemMeta, maxEventBytes, maxMessageIdLength, mergeItem, type Outer, parseEvent } from "./item";
import { describe, isRejection, type QuarantineReason, type Rejection, rejection } from "./rejection";

/** A payload as it stands in a record: text, or base64 where the bytes are not UTF-8. */
export interface Original {
  readonly payload: string;
  readonly encoding: "utf8" | "base64";
}

/** Bytes as text where they are UTF-8, else as base64: either way the very same bytes come back. */
export function originalOf(bytes: Uint8Array | string): Original {
  if (typeof bytes === "string") return { payload: bytes, encoding: "utf8" };
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString("utf8");
  return Buffer.from(text, "utf8").equals(buffer)
    ? { payload: text, encoding: "utf8" }
    : { payload: buffer.toString("base64"), encoding: "base64" };
}

/** The record of what could not become an event: with the original, whole. */
export function rejectedRecord(
  rejected: Rejection,
  original: Original,
  meta: ItemMeta,
  messageId?: string,
): CollectedRecord {
  return {
    source_id: meta.sourceId,
    message_id: messageId ?? `tr-${shortHash(original.payload)}`,
    type: "rejected",
    event: null,
    user_id: null,
    anonymous_id: null,
    timestamp: meta.receivedAt,
    original_timestamp: null,
    sent_at: null,
    received_at: meta.receivedAt,
    ...original,
    reason: rejected.reason,
    detail: describe(rejected),
  };
}

function nameOf(event: CustomerEvent): string | null {
  if (event.type === "track") return event.event;
  return event.type === "page" || event.type === "screen" ? (event.name ?? null) : null;
}

function eventRecord(event: CustomerEvent, payload: string): CollectedRecord {
  return {
    source_id: event.sourceId,
    message_id: event.messageId,
    type: event.type,
    event: nameOf(event),
    user_id: event.userId ?? null,
    anonymous_id: event.anonymousId ?? null,
    timestamp: event.timestamp,
    original_timestamp: event.originalTimestamp ?? null,
    sent_at: event.sentAt ?? null,
    received_at: event.receivedAt,
    payload,
    encoding: "utf8",
    reason: null,
    detail: null,
  };
}

/** The JSON text of a value that came out of `JSON.parse`; undefined where it is nested too deep to be written again. */
function jsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value) ?? "null";
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * Makes the stream's record of an item: of an event where it is one, else of its rejection with the original. `whole`
 * gives the request's body, which stands in for an item that cannot be written out again.
 */
export function collectItem(raw: unknown, outer: Outer, meta: ItemMeta, whole: () => Uint8Array): CollectedRecord {
  const merged = mergeItem(raw, outer, meta.type);
  if (!merged.ok) {
    const text = jsonText(raw);
    return rejectedRecord(merged.rejected, originalOf(text ?? whole()), meta);
  }
  const payload = JSON.stringify(merged.item);
  const parsed = parseEvent(merged.item, meta);
  const { messageId } = merged.item;
  const statedId = typeof messageId === "string" && messageId !== "" && messageId.length <= maxMessageIdLength;
  const reject = (rejected: Rejection): CollectedRecord =>
    rejectedRecord(rejected, originalOf(rejected.original ?? payload), meta, statedId ? messageId : undefined);
  if (isRejection(parsed)) return reject(parsed);
  const bytes = payload.length > maxEventBytes / 3 ? Buffer.byteLength(payload) : payload.length;
  if (bytes > maxEventBytes) {
    const detail = `${bytes} bytes of JSON, ${maxEventBytes} are the most; put large content elsewhere and send its address`;
    return reject(rejection("event-too-large", "", detail));
  }
  return eventRecord(parsed, payload);
}

/** The record of a whole request that held no items: its body is not JSON, or cannot be decoded. */
export function collectBody(
  reason: QuarantineReason,
  detail: string,
  body: Uint8Array,
  meta: ItemMeta,
): CollectedRecord {
  return rejectedRecord(rejection(reason, "", detail), originalOf(body), meta);
}

/** A record whose source is not known: the item is kept for when its write key is. */
export function withUnknownKey(record: CollectedRecord, detail: string): CollectedRecord {
  return { ...record, type: "rejected", reason: "unknown-write-key" satisfies QuarantineReason, detail };
}

const textColumns = ["source_id", "message_id", "type", "timestamp", "received_at", "payload", "encoding"] as const;
const nullableColumns = [
  "event",
  "user_id",
  "anonymous_id",
  "original_timestamp",
  "sent_at",
  "reason",
  "detail",
] as const;

function isCollectedRecord(value: unknown): value is CollectedRecord {
  if (!isJsonObject(value)) return false;
  return (
    textColumns.every((column) => typeof value[column] === "string") &&
    nullableColumns.every((column) => value[column] === null || typeof value[column] === "string") &&
    !Number.isNaN(Date.parse(value.received_at as string))
  );
}

/** Reads a record of the stream; a rejection where the bytes are not one (somebody else wrote to the stream). */
export function readCollected(bytes: Uint8Array): CollectedRecord | Rejection {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return rejection(
      "unreadable-record",
      "",
      `not JSON (${(error as Error).message}); only the collector may write here`,
    );
  }
  if (isCollectedRecord(value)) return value;
  return rejection(
    "unreadable-record",
    "",
    "not a record of the collector; only the collector may write to this stream",
  );
}

/** The event of a record that is not rejected: read from the payload, as the collector read it. */
export function eventOf(record: CollectedRecord): CustomerEvent | Rejection {
  let item: unknown;
  try {
    item = JSON.parse(record.payload);
  } catch (error) {
    return rejection("unreadable-record", "payload", `not JSON (${(error as Error).message})`);
  }
  if (!isJsonObject(item)) return rejection("unreadable-record", "payload", "not a JSON object");
  return parseEvent(item, { sourceId: record.source_id, receivedAt: record.received_at });
}
