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
