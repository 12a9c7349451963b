import {
  type CustomerEvent,
  componentItemKey,
  encodeComponent,
  type IdentityRules,
  profileIdOf,
  type Resolution,
  resolve,
  shortHash,
} from "@tributary/model";
import type { ComponentChange, ProfileRedirect } from "./graph";
import type { Draft } from "./world";

/** Identifier items rewritten for path compression in one transaction, at most. */
const maxCompressed = 10;

/** What committing a draft writes: the component with the profiles that it now comes to, as far as they changed. */
export function changeOf(draft: Draft, rules: IdentityRules, events: readonly CustomerEvent[]): ComponentChange {
  const resolution = resolve(draft.evidence, rules);
  const bases = [...draft.bases].sort((a, b) => (a.id < b.id ? -1 : 1));
  const [winner, ...losers] = bases;
  const before = new Map(bases.flatMap((base) => [...base.component.written.versions]));
  const after = new Map(resolution.profiles.map((profile) => [profile.profileId, profile.version]));
  const gone = [...before.keys()].filter((id) => !after.has(id));
  const { redirects, deletedProfiles } = successors(gone, draft, resolution, newestReceipt(draft, events));
  return {
    id: winner?.id ?? newComponentId(draft),
    expected: winner?.revision,
    data: encodeComponent({
      evidence: draft.evidence,
      written: { versions: after, assignment: resolution.assignment },
    }),
    merged: losers.map((base) => ({ id: base.id, expected: base.revision })),
    newIdentifiers: [...draft.newIdentifiers],
    staleIdentifiers: [...draft.staleIdentifiers].slice(0, maxCompressed),
    profiles: resolution.profiles.filter((profile) => before.get(profile.profileId) !== profile.version),
    redirects,
    deletedProfiles,
    indivisible: draft.events.size === 1,
  };
}

/** After its first identifier: two workers that meet the same strangers at once try to make the same item, and one retries. */
function newComponentId(draft: Draft): string {
  const [first = ""] = [...draft.newIdentifiers].sort();
  return shortHash(componentItemKey(first));
}

function newestReceipt(draft: Draft, events: readonly CustomerEvent[]): string {
  let newest = "";
  for (const index of draft.events) {
    const received = events[index]?.receivedAt ?? "";
    if (received > newest) newest = received;
  }
  return newest;
}

/** A written id that is gone points to the profile of the identifier that it was made of; without one, to any heir. */
function successors(
  gone: readonly string[],
  draft: Draft,
  resolution: Resolution,
  at: string,
): { redirects: ProfileRedirect[]; deletedProfiles: string[] } {
  const redirects: ProfileRedirect[] = [];
  const deletedProfiles: string[] = [];
  if (gone.length === 0) return { redirects, deletedProfiles };
  const makers = new Map([...draft.evidence.nodes.keys()].map((key) => [profileIdOf(key), key]));
  for (const profileId of gone) {
    const formerMembers = draft.bases
      .flatMap((base) => [...base.component.written.assignment])
      .filter(([, id]) => id === profileId)
      .map(([key]) => key)
      .sort();
    const heir = [makers.get(profileId) ?? "", ...formerMembers].find((key) => resolution.assignment.has(key));
    const redirectTo = heir === undefined ? undefined : resolution.assignment.get(heir);
    if (redirectTo === undefined) deletedProfiles.push(profileId);
    else redirects.push({ profileId, redirectTo, at, reason: "merged" });
  }
  return { redirects, deletedProfiles };
}
