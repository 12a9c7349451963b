import { createHash } from "node:crypto";

/**
 * The `record_id` of a person in `clean.people_to_match`: Entity Resolution's unique id, at most 38 characters. The SQL of
 * the table makes the same; erasure finds a person's records by it.
 */
export function matchRecordId(sourceId: string, identifierType: string, identifierValue: string): string {
  return createHash("md5").update(`${sourceId}|${identifierType}|${identifierValue}`).digest("hex");
}
