import type { CollectedRecord, DataClass, LakeTable } from "@tributary/model";
import { column } from "./columns";

/**
 * Class and meaning of each key of a collected record. Firehose's JSON deserialiser takes columns from keys, so a key
 * without a column, or a column without a key, does not compile. All are text: times as the event carried them.
 */
const columns: Readonly<Record<keyof CollectedRecord, readonly [DataClass, string]>> = {
  source_id: ["internal", "Source that the event came from"],
  message_id: ["internal", "The producer's unique id; with source_id the key of deduplication"],
  type: ["internal", "track, identify, page, screen, group, alias, or rejected"],
  event: ["internal", "Name of the track event, page or screen"],
  user_id: ["personal", "Known id"],
  anonymous_id: ["personal", "Device or session id"],
  timestamp: ["internal", "Event time, ISO 8601, corrected for the client's clock"],
  original_timestamp: ["internal", "Event time as the client stated it"],
  sent_at: ["internal", "When the client sent it, by its own clock"],
  received_at: ["internal", "When it arrived"],
  payload: ["sensitive", "The original: JSON text of the event, or the bytes of what was rejected"],
  encoding: ["internal", "How payload holds the original: utf8 or base64"],
  reason: ["internal", "Why it was rejected; null for an event"],
  detail: ["internal", "What exactly was wrong; null for an event"],
};

/** As received, immutable: the collector's records, one row each. */
export const rawEvents: LakeTable = {
  zone: "raw",
  name: "events",
  description: "Everything that was received, as it was received; duplicates and rejected records too",
  columns: Object.entries(columns).map(([name, [dataClass, description]]) =>
    column(name, "string", dataClass, description),
  ),
  partitionBy: ["dt"],
  primaryKey: [],
};
