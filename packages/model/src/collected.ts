/**
 * A record of the event stream, and a row of the lake's `raw.events`: what the collector received, with the columns
 * that the raw zone is queried by beside the untouched original. JSON on the stream, one object per record; the keys
 * are the columns of the Glue table, which Firehose's JSON deserialiser needs.
 */
export interface CollectedRecord {
  readonly source_id: string;
  readonly message_id: string;
  /** An `EventType`, or `rejected` where no event could be made of it: `reason` then says why, and it goes to quarantine. */
  readonly type: string;
  /** The event's name (track) or the page's or screen's name. */
  readonly event: string | null;
  readonly user_id: string | null;
  readonly anonymous_id: string | null;
  /** Corrected event time, ISO 8601 in UTC. */
  readonly timestamp: string;
  readonly original_timestamp: string | null;
  readonly sent_at: string | null;
  readonly received_at: string;
  /** The JSON text of the event (batch items: with the outer `context` and `integrations` merged under their own), or the original bytes of what was rejected. */
  readonly payload: string;
  /** How `payload` holds the original: as text, or as base64 where it was not UTF-8. */
  readonly encoding: "utf8" | "base64";
  /** Why it was rejected: a `QuarantineReason`; null for an event. */
  readonly reason: string | null;
  /** What exactly was wrong and how to mend it; null for an event. */
  readonly detail: string | null;
}
