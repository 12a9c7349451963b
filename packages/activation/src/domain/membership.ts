import { type AudienceDefinition, matches, nodeKey, type Profile, type ProfileItem } from "@tributary/model";
import type { Reason } from "./standing/standing";

/** A change of a profile: its item before and after, undefined where there was none. */
export interface ProfileChange {
  readonly profileId: string;
  readonly before: ProfileItem | undefined;
  readonly after: ProfileItem | undefined;
}

/** What the memberships table must say of a profile in an audience. */
export interface MembershipWrite {
  readonly audience: string;
  readonly profileId: string;
  /** Whether it was a member before, as far as the changes tell. */
  readonly was: boolean;
  readonly member: boolean;
  readonly reason: Reason;
  /** Version of the profile; null where it is gone or was merged. */
  readonly version: string | null;
}

/**
 * The memberships that changes of profiles call for. Changes of one profile are folded: only its last state counts, so
 * a batch that is delivered again writes the same. A merged profile (redirect) and a deleted one are in no audience.
 */
export function membershipWrites(
  changes: readonly ProfileChange[],
  audiences: Readonly<Record<string, AudienceDefinition>>,
): MembershipWrite[] {
  const writes: MembershipWrite[] = [];
  for (const states of byProfile(changes)) {
    const last = profileOf(states.at(-1));
    const profileId = states.profileId;
    const reason = causeOf({ profileId, before: states[0], after: states.at(-1) });
    for (const [audience, { predicate }] of Object.entries(audiences)) {
      const member = last !== undefined && matches(predicate, last);
      const touched = member || states.some((state) => isMember(state, predicate));
      const was = isMember(states[0], predicate);
      if (touched) writes.push({ audience, profileId, was, member, reason, version: last?.version ?? null });
    }
  }
  return writes;
}

/** What a change of a profile means to its audiences. */
export function causeOf({ before, after }: ProfileChange): Reason {
  if (after === undefined) return "deletion";
  if (after.kind === "redirect") return "merge";
  return identifiersIn(before) === identifiersIn(after) ? "profile" : "identity";
}

function identifiersIn(item: ProfileItem | undefined): string {
  return item?.kind === "profile" ? item.identifiers.map(nodeKey).join("\n") : "";
}

function isMember(state: ProfileItem | undefined, predicate: AudienceDefinition["predicate"]): boolean {
  const profile = profileOf(state);
  return profile !== undefined && matches(predicate, profile);
}

function profileOf(item: ProfileItem | undefined): Profile | undefined {
  return item?.kind === "profile" ? item : undefined;
}

type States = (ProfileItem | undefined)[] & { profileId: string };

/** All states that the batch knows of each profile, oldest first. */
function byProfile(changes: readonly ProfileChange[]): States[] {
  const known = new Map<string, States>();
  for (const { profileId, before, after } of changes) {
    const states = known.get(profileId) ?? Object.assign([before] as (ProfileItem | undefined)[], { profileId });
    states.push(after);
    known.set(profileId, states);
  }
  return [...known.values()];
}
