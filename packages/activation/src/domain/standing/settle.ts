import { foldTraits, type Profile, type TraitFact, windowLength } from "@tributary/model";
import { advance, type Knowledge } from "./advance";
import { basisOf, type ComputedValues, type Definitions } from "./computed";
import { hear, membershipsIn, type SaidOf } from "./said";
import type { AudienceState, Reason, Standing, Step } from "./standing";

/** Where knowledge of people lies, and where their standings are kept. All reads see every write before them. */
export interface SettlePorts {
  /** A profile; undefined where it is gone or was merged into another. */
  profile(profileId: string): Promise<Profile | undefined>;
  /** Id of a profile, or of the one that it was merged into. */
  heir(profileId: string): Promise<string | undefined>;
  /** What events said that hang on the identifiers of a profile, since an instant (epoch milliseconds) or ever. */
  facts(profile: Profile, since: number | undefined): Promise<readonly TraitFact[]>;
  standing(profileId: string): Promise<Standing | undefined>;
  /** Memberships by audience, as they were before there was a standing. */
  memberships(profileId: string, audiences: readonly string[]): Promise<Readonly<Record<string, AudienceState>>>;
  /** Writes a step whole or not at all. False: somebody else wrote the standing since it was read. */
  commit(step: Step): Promise<boolean>;
  /** Epoch milliseconds. */
  now(): number;
  /** Waits before an attempt, given its number from 1. */
  backoff(attempt: number): Promise<void>;
}

/** Lost races before a profile goes back to where it came from. */
const maxConflicts = 12;

/**
 * Brings a profile's computed traits and memberships up to what is known of it now. Whoever learns something calls this
 * after it was written: the standing is computed from what is stored, never from what the caller brings, and kept only
 * where nobody wrote one since ours was read. So the last one kept has seen all that its writers knew, whatever their order.
 *
 * @param news what the lake says of the profile
 * @returns the steps that were written
 * @throws where others keep changing the same profile
 */
export async function settle(
  profileId: string,
  cause: Reason,
  definitions: Definitions,
  ports: SettlePorts,
  news: SaidOf = {},
): Promise<readonly Step[]> {
  const steps: Step[] = [];
  for (let conflicts = 0; conflicts < maxConflicts; ) {
    const before = await ports.standing(profileId);
    const profile = await ports.profile(profileId);
    const now = ports.now();
    // A profile's first standing takes over the memberships that were decided without one.
    const audiences = before ? {} : await ports.memberships(profileId, Object.keys(definitions.audiences));
    if (!before && !profile && Object.values(audiences).every(({ member }) => !member)) return steps;
    const start: Standing = before ?? unborn(profileId, audiences, now);
    const known = await knowledgeOf(profile, before, cause, definitions, now, ports);
    const knowledge = { ...known, said: hear(start.said, news) };
    const step = advance(profileId, start, knowledge, definitions, now, profile ? cause : goneBy(cause));
    if (!step) return steps;
    if (!(await ports.commit(step))) {
      await ports.backoff(++conflicts);
      continue;
    }
    steps.push(step);
    if (step.more) continue;
    // Who saw a change of the profile while this was on its way may have found nothing to write yet: look again.
    const after = await ports.profile(profileId);
    if (after?.version === profile?.version) return steps;
  }
  throw Object.assign(new Error(`others keep changing the standing of profile ${profileId}`), {
    name: "ConflictError",
  });
}

/**
 * Settles whoever a profile is by now with what the lake says of it. Asked again after the writing, as it may have been
 * merged meanwhile: whoever merged it has looked for its standing before or after that.
 *
 * @returns undefined where there is no such profile any more
 */
export async function tell(
  profileId: string,
  cause: Reason,
  definitions: Definitions,
  ports: SettlePorts,
  news: SaidOf,
): Promise<readonly Step[] | undefined> {
  const steps: Step[] = [];
  let heir = await ports.heir(profileId);
  while (heir !== undefined) {
    steps.push(...(await settle(heir, cause, definitions, ports, news)));
    const after = await ports.heir(profileId);
    if (after === heir) return steps;
    heir = after;
  }
  return undefined;
}

/** Settles a profile. Where it was merged into another, that one takes over the segments by SQL that it was in. */
export async function settleWithHeir(
  profileId: string,
  cause: Reason,
  definitions: Definitions,
  ports: SettlePorts,
): Promise<readonly Step[]> {
  const steps = await settle(profileId, cause, definitions, ports);
  const gone = steps.at(-1)?.standing.version === null;
  if (cause !== "merge" && !gone) return steps;
  const left = membershipsIn((await ports.standing(profileId))?.said ?? {});
  if (Object.keys(left).length === 0) return steps;
  return [...steps, ...((await tell(profileId, "identity", definitions, ports, left)) ?? [])];
}

function goneBy(cause: Reason): Reason {
  return cause === "deletion" ? cause : "merge";
}

/** What a profile's standing was before its first. */
function unborn(profileId: string, audiences: Standing["audiences"], now: number): Standing {
  return {
    profileId,
    revision: 0,
    asOf: now,
    nextChange: undefined,
    basis: "unborn",
    version: null,
    values: {},
    audiences,
    said: {},
  };
}

async function knowledgeOf(
  profile: Profile | undefined,
  before: Standing | undefined,
  cause: Reason,
  definitions: Definitions,
  now: number,
  ports: Pick<SettlePorts, "facts">,
): Promise<Omit<Knowledge, "said">> {
  if (!profile) return { profile, fold: () => ({ values: {}, nextChange: undefined }), happenedAt: () => false };
  if (before && cause !== "event" && holds(before, profile, definitions, now)) {
    const { values, nextChange } = before;
    return { profile, fold: () => ({ values, nextChange }), happenedAt: () => false };
  }
  const from = Math.min(now, before?.nextChange ?? now);
  const facts = await factsOf(profile, definitions, from, ports);
  const times = new Set(facts.map(({ at }) => at));
  return {
    profile,
    fold: (at) => foldTraits(facts, definitions.all, at),
    happenedAt: (at) => times.has(at),
  };
}

/** Whether a standing's values are those of a profile at an instant, as far as is known without new events. */
function holds(standing: Standing, profile: Profile, definitions: Definitions, now: number): boolean {
  const { basis, nextChange } = standing;
  return basis === basisOf(profile, definitions) && (nextChange === undefined || now < nextChange);
}

/** The facts that matter to the instants from one on. */
async function factsOf(
  profile: Profile,
  definitions: Definitions,
  from: number,
  ports: Pick<SettlePorts, "facts">,
): Promise<readonly TraitFact[]> {
  if (Object.keys(definitions.all).length === 0) return [];
  return ports.facts(profile, sinceOf(definitions, from));
}

/** Since when events matter to the instants from one on; undefined: for ever. */
function sinceOf({ all }: Definitions, from: number): number | undefined {
  let longest = 0;
  for (const { window } of Object.values(all)) {
    if (window === undefined) return undefined;
    longest = Math.max(longest, windowLength(window));
  }
  return from - 1 - longest;
}

/** The computed values of a profile at this very instant: those of its standing while they hold, else from the events. */
export async function valuesNow(
  profile: Profile,
  definitions: Definitions,
  ports: Pick<SettlePorts, "facts" | "standing" | "now">,
): Promise<ComputedValues> {
  const standing = await ports.standing(profile.profileId);
  const now = ports.now();
  if (standing && holds(standing, profile, definitions, now)) return standing.values;
  const facts = await factsOf(profile, definitions, now, ports);
  return foldTraits(facts, definitions.all, now).values;
}
