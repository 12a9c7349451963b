import type { LogRecord } from "../../../kernel";

/** A record between the stream and the handler. Its JSON is made once and used again by every retry and split. */
export interface StreamItem {
  /** Without its data: that of all that is read ahead would be kept beside the JSON. */
  readonly record: Pick<LogRecord, "sequenceNumber" | "arrivedAt">;
  /** Empty once it is done: an item waits for those before it. */
  json: string;
  /** Bytes of the JSON, which count towards a batch's 6 MB. */
  readonly bytes: number;
  /** Delivered, filtered out or given up: the checkpoint may pass it. */
  done: boolean;
}

/** Sequence numbers are decimal texts that may differ in length. Negative where a comes before b. */
export function compareSequence(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A small, stable hash (FNV-1a), which spreads keys over a shard's lanes. */
export function hashKey(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
