import { canonicalJson, shortHash } from "./canonical";
import { maxMessageIdLength } from "./collect/item";
import type { QuarantineReason } from "./collect/rejection";
import { correctTime, isoTime, parseTime } from "./collect/time";
import type { CollectedRecord } from "./collected";
import { isJsonObject, type JsonObject } from "./json";

/**
 * A quarantined record: an entry of an object in the quarantine bucket (JSON lines, gzip-free), under
 * `dt=<YYYY-MM-DD>/reason=<reason>/source=<sourceId>/<object>.jsonl`. Nothing is dropped: the original bytes are here.
 */
export interface QuarantinedRecord {
  /** Stable id: the same record quarantined twice has the same id. */
  readonly id: string;
  readonly reason: string;
  /** What was wrong, where, and how to mend it. */
  readonly detail: string;
  /** Where in the way of an event: `collector`, `processor`, `onEvent`. */
  readonly stage: string;
  readonly sourceId: string;
  readonly receivedAt: string;
  readonly encoding: "utf8" | "base64";
  readonly original: string;
  /** Stack of a callback that threw. */
  readonly stack?: string;
}

/** The quarantined record of a rejected `CollectedRecord`. */
export function quarantinedRecord(
  record: CollectedRecord,
  why: { readonly reason: QuarantineReason; readonly detail: string; readonly stage: string; readonly stack?: string },
): QuarantinedRecord {
  return {
    id: shortHash(canonicalJson([record.source_id, record.message_id, why.reason, record.payload])),
    reason: why.reason,
    detail: why.detail,
    stage: why.stage,
    sourceId: record.source_id,
    receivedAt: record.received_at,
    encoding: record.encoding,
    original: record.payload,
    ...(why.stack === undefined ? {} : { stack: why.stack }),
  };
}

/** The key of a quarantine object; `object` names it within its folder. */
export function quarantineKey(record: QuarantinedRecord, object: string): string {
  return `dt=${record.receivedAt.slice(0, 10)}/reason=${record.reason}/source=${record.sourceId}/${object}.jsonl`;
}

export type Replay =
  /** Post it to `/v1/batch` as an item of its source (whose write key the caller knows). */
  | { readonly ok: true; readonly item: JsonObject }
  /** It cannot become an event as it is: `why` says what to do with it. */
  | { readonly ok: false; readonly why: string };

/**
 * Turns a quarantined record back into an item for the collector. The event keeps the time that it was received with (a
 * replay must not shift it by the days between), and its message id, so that replaying twice does not double it; only an
 * id that was used for another event gets a suffix from its content.
 */
export function replayItem(record: QuarantinedRecord): Replay {
  const text = record.encoding === "utf8" ? record.original : Buffer.from(record.original, "base64").toString("utf8");
  if (record.reason === "unmappable") {
    return {
      ok: false,
      why: "a file's row or a webhook: mend the mapping or the row, then load the file again, or have the provider send the webhook again (what was accepted does not double)",
    };
  }
  let item: unknown;
  try {
    item = JSON.parse(text);
  } catch (error) {
    return { ok: false, why: `the original is not JSON (${(error as Error).message}): mend it by hand and post it` };
  }
  if (!isJsonObject(item)) return { ok: false, why: "the original is no JSON object: mend it by hand and post it" };
  const { sentAt: _, originalTimestamp, ...rest } = item;
  const stated = parseTime(originalTimestamp) ?? parseTime(item.timestamp);
  const receivedAt = Date.parse(record.receivedAt);
  const timestamp = isoTime(correctTime({ receivedAt, sentAt: parseTime(item.sentAt), originalTimestamp: stated }));
  const messageId = typeof item.messageId === "string" && item.messageId !== "" ? item.messageId : `tr-${record.id}`;
  const suffix = `~${record.id.slice(0, 8)}`;
  return {
    ok: true,
    item: {
      ...rest,
      timestamp,
      messageId:
        record.reason === "message-id-reused" || messageId.length > maxMessageIdLength
          ? `${messageId.slice(0, maxMessageIdLength - suffix.length)}${suffix}`
          : messageId,
    },
  };
}
