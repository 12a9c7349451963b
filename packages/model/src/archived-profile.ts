/**
 * A row of the raw zone's table `profiles`: what one change of a profile says, as one row for the profile (or where it
 * went) and one for each of its identifiers, all under the change's sequence. The newest sequence of a profile is its
 * present; the rows before it are its history. All columns are text, as the raw zone keeps everything.
 */
export interface ArchivedProfileRow {
  readonly profile_id: string;
  /** `profile`, `identifier`, `redirect` (merged into another) or `deleted`. */
  readonly kind: "profile" | "identifier" | "redirect" | "deleted";
  /** Place of the change in the table's stream, padded so that texts compare as numbers do. */
  readonly sequence: string;
  /** When the profile store was written, ISO 8601. */
  readonly changed_at: string;
  /** Of `profile`: hash of the content. */
  readonly version: string | null;
  /** Of `identifier`. */
  readonly identifier_type: string | null;
  readonly identifier_value: string | null;
  /** Of `profile` and `identifier`, ISO 8601. */
  readonly first_seen: string | null;
  readonly last_seen: string | null;
  /** Of `profile`: JSON. */
  readonly traits: string | null;
  readonly consent: string | null;
  readonly lineage: string | null;
  /** Of `redirect`: the profile that it was merged into. */
  readonly redirect_to: string | null;
}

/** The folder of these rows in the raw zone's bucket. */
export const archivedProfilesFolder = "profiles/";
