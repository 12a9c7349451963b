import type { LakeTable } from "@tributary/model";
import { column } from "./columns";

/**
 * One row per source and person that it knows: what AWS Entity Resolution reads. Plain Parquet, since it takes neither
 * Iceberg nor partitions by projection; the record's id keeps to its 38 characters.
 */
export const peopleToMatch: LakeTable = {
  zone: "clean",
  name: "people_to_match",
  description: "Whom to match: one row per source and person that it knows, with the newest of each trait",
  columns: [
    column("record_id", "string", "internal", "MD5 of source_id|identifier_type|identifier_value"),
    column("source_id", "string", "internal", "Source that knows the person"),
    column("identifier_type", "string", "internal", "user_id, or anonymous_id where there is none"),
    column("identifier_value", "string", "personal", "The identifier that the matches are hung on"),
    column("first_name", "string", "personal", "traits.firstName"),
    column("last_name", "string", "personal", "traits.lastName"),
    column("full_name", "string", "personal", "traits.name, else first and last name"),
    column("email", "string", "personal", "traits.email, as it was told"),
    column("phone", "string", "personal", "traits.phone, as it was told"),
    column("birthday", "string", "personal", "traits.birthday, as it was told"),
    column("street", "string", "personal", "traits.address.street"),
    column("city", "string", "personal", "traits.address.city"),
    column("state", "string", "personal", "traits.address.state"),
    column("postal_code", "string", "personal", "traits.address.postalCode"),
    column("country", "string", "personal", "traits.address.country"),
  ],
  partitionBy: [],
  primaryKey: ["record_id"],
};
