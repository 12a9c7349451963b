import { type LakeTable, rule } from "@tributary/model";
import { column, envelope } from "./columns";

/** The few events that computed traits and segments are about, with what each says. */
export const traitFacts: LakeTable = {
  zone: "curated",
  name: "trait_facts",
  description: "What each event says to the declared traits and segments: one row per event and series",
  columns: [
    ...envelope,
    column("series", "string", "internal", "Which events and which field of them, as a hash of their declaration"),
    column("occurred_at", "timestamp", "internal", "The event's time, by which windows count and facts are ordered"),
    column("identifier", "string", "personal", "The event's strongest identifier, type:value"),
    column("value_kind", "string", "internal", "text, number or boolean; null where the event itself counts"),
    column("number_value", "decimal(21,6)", "personal", "The value, where it is a number"),
    column("text_value", "string", "sensitive", "The value, where it is text or a boolean"),
  ],
  partitionBy: ["dt"],
  primaryKey: ["source_id", "message_id", "series"],
  incremental: "partition",
  order: ["series"],
  quality: [
    rule.notNull("source_id", "message_id", "series", "occurred_at", "identifier"),
    rule.accepted("value_kind", ["text", "number", "boolean"]),
  ],
};

/** Computed traits at the run's instant. */
export const computedTraits: LakeTable = {
  zone: "curated",
  name: "traits",
  description: "Each computed trait of each person, as it was at the run's instant",
  columns: [
    column("profile_id", "string", "internal", "The person's canonical id"),
    column("trait", "string", "internal", "Its name; event:... are those that segments count"),
    column("value", "string", "sensitive", "JSON: text, a number or a boolean"),
    column("as_of", "timestamp", "internal", "The instant"),
  ],
  partitionBy: [],
  primaryKey: ["profile_id", "trait"],
  quality: [rule.notNull("profile_id", "trait", "value", "as_of")],
};

/** Who is in which segment at the run's instant. */
export const segmentMembers: LakeTable = {
  zone: "curated",
  name: "segments",
  description: "Who was in each segment at the run's instant: one row per segment and person",
  columns: [
    column("segment", "string", "internal", "Its name"),
    column("profile_id", "string", "internal", "The person's canonical id"),
    column("as_of", "timestamp", "internal", "The instant"),
  ],
  partitionBy: [],
  primaryKey: ["segment", "profile_id"],
  quality: [
    rule.notNull("segment", "profile_id", "as_of"),
    rule.unique("segment", "profile_id"),
    rule.references("profile_id", "curated.people", "profile_id"),
  ],
};

/** Who entered and who exited, run by run. */
export const segmentChanges: LakeTable = {
  zone: "curated",
  name: "segment_changes",
  description:
    "Membership changes: who was found to have entered or exited a segment, at the instant of the run that found it",
  columns: [
    column("segment", "string", "internal", "Its name"),
    column("profile_id", "string", "internal", "The person's canonical id"),
    column("change", "string", "internal", "entered or exited"),
    column("changed_at", "timestamp", "internal", "The run's instant"),
  ],
  partitionBy: [],
  primaryKey: ["segment", "profile_id", "changed_at"],
  quality: [
    rule.notNull("segment", "profile_id", "change", "changed_at"),
    rule.accepted("change", ["entered", "exited"]),
    rule.unique("segment", "profile_id", "changed_at"),
  ],
};

/** Tables of a lake that traits or segments are declared for, in the order that they are made. */
export const traitTables: readonly LakeTable[] = [traitFacts, computedTraits, segmentMembers, segmentChanges];
