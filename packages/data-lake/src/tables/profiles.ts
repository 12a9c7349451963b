import { type ArchivedProfileRow, type DataClass, type LakeTable, rule } from "@tributary/model";
import { column } from "./columns";

/** Class and meaning of each key of an archived row; a key without a column does not compile. */
const archived: Readonly<Record<keyof ArchivedProfileRow, readonly [DataClass, string]>> = {
  profile_id: ["internal", "The profile"],
  kind: ["internal", "profile, identifier, redirect or deleted"],
  sequence: ["internal", "Place of the change; the greatest of a profile is its present"],
  changed_at: ["internal", "When the profile store was written, ISO 8601"],
  version: ["internal", "Of a profile: hash of its content"],
  identifier_type: ["internal", "Of an identifier: user_id, email, ..."],
  identifier_value: ["personal", "Of an identifier: its normalised value"],
  first_seen: ["internal", "First event, ISO 8601"],
  last_seen: ["internal", "Last event, ISO 8601"],
  traits: ["sensitive", "JSON: the golden record"],
  consent: ["personal", "JSON: by purpose"],
  lineage: ["personal", "JSON: where each trait came from"],
  redirect_to: ["internal", "Of a redirect: the profile that it was merged into"],
};

const archivedColumns = Object.entries(archived).map(([name, [dataClass, description]]) =>
  column(name, "string", dataClass, description),
);

/** Every change of every profile, as the profile archiver wrote it. */
export const rawProfiles: LakeTable = {
  zone: "raw",
  name: "profiles",
  description: "Every change of the profile store: the profile and each of its identifiers, or where it went",
  columns: archivedColumns,
  partitionBy: ["dt"],
  primaryKey: [],
  format: "json",
};

/** What the changes come to: the newest of each profile. */
export const cleanProfiles: LakeTable = {
  zone: "clean",
  name: "profiles",
  description: "The newest change of each profile",
  columns: archivedColumns,
  partitionBy: [],
  primaryKey: ["profile_id", "kind", "identifier_type", "identifier_value"],
  incremental: "fold",
  groupBy: ["profile_id"],
  quality: [
    rule.notNull("profile_id", "kind", "sequence"),
    rule.accepted("kind", ["profile", "identifier", "redirect", "deleted"]),
  ],
};

/** One row per person. */
export const people: LakeTable = {
  zone: "curated",
  name: "people",
  description: "One row per person: the golden record, each field with its lineage",
  columns: [
    column("profile_id", "string", "internal", "The person's canonical id"),
    column("first_seen", "timestamp", "internal", "First event of any identifier"),
    column("last_seen", "timestamp", "internal", "Last event of any identifier"),
    column("identifiers", "bigint", "internal", "Identifiers that resolve to the person"),
    column("traits", "string", "sensitive", "JSON: the golden record"),
    column("consent", "string", "personal", "JSON: by purpose, whether granted and when"),
    column("lineage", "string", "personal", "JSON: by trait, its source, identifier, time and strategy"),
    column("version", "string", "internal", "Hash of the content"),
    column("changed_at", "timestamp", "internal", "When the profile last changed"),
  ],
  partitionBy: [],
  primaryKey: ["profile_id"],
  quality: [rule.notNull("profile_id"), rule.unique("profile_id"), rule.range("identifiers", { min: 0 })],
};

/** One row per identifier: who is who. */
export const identities: LakeTable = {
  zone: "curated",
  name: "identities",
  description: "One row per identifier, with the person that it resolves to",
  columns: [
    column("identifier_type", "string", "internal", "user_id, email, ..."),
    column("identifier_value", "string", "personal", "Normalised value"),
    column("profile_id", "string", "internal", "The person's canonical id"),
    column("first_seen", "timestamp", "internal", "First event that named it"),
    column("last_seen", "timestamp", "internal", "Last event that named it, to the hour"),
  ],
  partitionBy: [],
  primaryKey: ["identifier_type", "identifier_value"],
  quality: [rule.notNull("identifier_type", "identifier_value", "profile_id")],
};
