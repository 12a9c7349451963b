import { type LakeTable, rule } from "@tributary/model";
import { column, envelope } from "./columns";

/** Every event once, times typed, payload kept. */
export const cleanEvents: LakeTable = {
  zone: "clean",
  name: "events",
  description: "Every event once: without copies and without what was rejected",
  columns: [
    ...envelope,
    column("type", "string", "internal", "track, identify, page, screen, group or alias"),
    column("event", "string", "internal", "Name of the track event, page or screen"),
    column("user_id", "string", "personal", "Known id"),
    column("anonymous_id", "string", "personal", "Device or session id"),
    column("occurred_at", "timestamp", "internal", "Event time, corrected for the client's clock"),
    column("original_timestamp", "timestamp", "internal", "Event time as the client stated it"),
    column("sent_at", "timestamp", "internal", "When the client sent it, by its own clock"),
    column("received_at", "timestamp", "internal", "When it arrived"),
    column("payload", "string", "sensitive", "The JSON text of the event"),
  ],
  partitionBy: ["dt"],
  primaryKey: ["source_id", "message_id"],
  incremental: "first",
  // Payloads decide between copies of one partition at the most.
  firstBy: ["type", "received_at"],
  // Who asks for some events reads little of the payloads of others; what is alike packs smaller.
  order: ["event", "received_at"],
  quality: [
    rule.notNull("source_id", "message_id", "type"),
    rule.accepted("type", ["track", "identify", "page", "screen", "group", "alias"], { threshold: 0.01 }),
  ],
};
