import type { ArchivedProfileRow, ProfileItem } from "@tributary/model";

/** A change of the profile store, from its stream. */
export interface ProfileStoreChange {
  readonly profileId: string;
  /** The stream's sequence number. */
  readonly sequence: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Undefined where the item was deleted. */
  readonly after: ProfileItem | undefined;
}

/** Digits of a stream's sequence number, at most. Source: `SequenceNumber` in the DynamoDB Streams API (21 to 40). */
const sequenceDigits = 40;

const nothing = {
  version: null,
  identifier_type: null,
  identifier_value: null,
  first_seen: null,
  last_seen: null,
  traits: null,
  consent: null,
  lineage: null,
  redirect_to: null,
} as const;

/** The rows that changes of the profile store come to; of one profile's changes in a batch only the last. */
export function archivedRows(changes: readonly ProfileStoreChange[]): ArchivedProfileRow[] {
  const last = new Map(changes.map((change) => [change.profileId, change]));
  return [...last.values()].flatMap(rowsOf);
}

function rowsOf({ profileId, sequence, at, after }: ProfileStoreChange): ArchivedProfileRow[] {
  const common = {
    ...nothing,
    profile_id: profileId,
    sequence: sequence.padStart(sequenceDigits, "0"),
    changed_at: new Date(at).toISOString(),
  };
  if (after === undefined) return [{ ...common, kind: "deleted" }];
  if (after.kind === "redirect") return [{ ...common, kind: "redirect", redirect_to: after.redirectTo }];
  const profile: ArchivedProfileRow = {
    ...common,
    kind: "profile",
    version: after.version,
    first_seen: after.firstSeen,
    last_seen: after.lastSeen,
    traits: JSON.stringify(after.traits),
    consent: JSON.stringify(after.consent),
    lineage: JSON.stringify(after.lineage),
  };
  const identifiers = after.identifiers.map(
    ({ type, value, firstSeen, lastSeen }): ArchivedProfileRow => ({
      ...common,
      kind: "identifier",
      identifier_type: type,
      identifier_value: value,
      first_seen: firstSeen,
      last_seen: lastSeen,
    }),
  );
  return [profile, ...identifiers];
}
