import { canonicalJson, type FoldedTraits, isStreamed, matches, type Profile } from "@tributary/model";
import { basisOf, type Definitions, versionOf, withComputed } from "./computed";
import { maxAudiences } from "./limits";
import type { SaidOf } from "./said";
import type { AudienceState, Reason, Standing, Step, Transition } from "./standing";

/** What is known of a profile now. */
export interface Knowledge {
  /** Undefined where it is gone or was merged into another. */
  readonly profile: Profile | undefined;
  /** The computed traits at an instant. */
  readonly fold: (at: number) => FoldedTraits;
  /** Whether an event of the person has this very time. */
  readonly happenedAt: (at: number) => boolean;
  /** What the lake said last of segments by SQL. */
  readonly said: SaidOf;
}

/** Instants at which a window may have changed something that one step goes through, at most. */
const maxInstants = 500;

const stranger: AudienceState = { member: false, sequence: 0 };

/** A person at an instant. */
interface Evaluation extends FoldedTraits {
  readonly members: ReadonlySet<string>;
}

/**
 * The next write that brings a standing to `now`; undefined where there is nothing to write.
 *
 * Time that passed since the standing was computed is gone through instant by instant, so that each exit from a window
 * is known by the instant at which it was true, whenever it is noticed, and none is lost where several fell due. What
 * changed because more is known (an event, a merge) counts from `now` on: history is not told anew.
 */
export function advance(
  profileId: string,
  before: Standing | undefined,
  knowledge: Knowledge,
  definitions: Definitions,
  now: number,
  cause: Reason,
): Step | undefined {
  const { profile } = knowledge;
  // Clocks of functions differ; a standing's time never goes back.
  const end = Math.max(now, before?.asOf ?? now);
  const known = before?.audiences ?? {};
  const stateOf = (audience: string): AudienceState => known[audience] ?? stranger;
  const evaluate = (at: number): Evaluation => evaluated(knowledge, definitions, at);

  const stepTo = (at: number, current: Evaluation, transitions: Transition[], more: boolean): Step => {
    const audiences = { ...known };
    for (const { audience, member, sequence } of transitions) audiences[audience] = { member, sequence };
    const version = profile ? versionOf(profile, current.values) : null;
    const moved = new Set(transitions.map(({ audience }) => audience));
    return {
      standing: {
        profileId,
        revision: (before?.revision ?? 0) + 1,
        asOf: at,
        nextChange: current.nextChange,
        basis: profile ? basisOf(profile, definitions) : "",
        version,
        values: current.values,
        audiences,
        said: knowledge.said,
      },
      transitions,
      refreshed:
        version === before?.version
          ? []
          : [...current.members].filter((audience) => stateOf(audience).member && !moved.has(audience)),
      more,
    };
  };
  const transition = (audience: string, member: boolean, at: number, reason: Reason): Transition => ({
    audience,
    member,
    sequence: stateOf(audience).sequence + 1,
    at,
    reason,
  });
  const names = Object.keys(definitions.audiences);

  if (profile && before?.nextChange !== undefined && before.nextChange <= end) {
    let earlier = evaluate(before.nextChange - 1);
    let instant: number | undefined = before.nextChange;
    for (let count = 0; instant !== undefined && instant <= end; count++) {
      const current = evaluate(instant);
      const passed = names.filter((name) => {
        const was = earlier.members.has(name);
        return was === stateOf(name).member && was !== current.members.has(name);
      });
      if (passed.length > 0 || count === maxInstants) {
        const reason: Reason = knowledge.happenedAt(instant) ? "event" : "window";
        const time = instant;
        const transitions = passed.map((name) => transition(name, current.members.has(name), time, reason));
        return stepTo(instant, current, transitions, true);
      }
      earlier = current;
      instant = current.nextChange;
    }
  }
  const current = evaluate(end);
  const changed = [...new Set([...names, ...Object.keys(known)])].flatMap((name) => {
    const member = current.members.has(name);
    // An audience that is declared no more keeps its members, unless they are gone.
    if (profile && !Object.hasOwn(definitions.audiences, name)) return [];
    return member === stateOf(name).member ? [] : [transition(name, member, end, cause)];
  });
  const step = stepTo(end, current, changed.slice(0, maxAudiences), changed.length > maxAudiences);
  return before && saysNothing(step, before) ? undefined : step;
}

function evaluated({ profile, fold, said }: Knowledge, definitions: Definitions, at: number): Evaluation {
  if (!profile) return { values: {}, nextChange: undefined, members: new Set() };
  const { values, nextChange } = fold(at);
  const person = withComputed(profile, values, definitions);
  const members = Object.entries(definitions.audiences).filter(([name, definition]) =>
    isStreamed(definition) ? matches(definition.predicate, person) : said[name]?.member === true,
  );
  return { values, nextChange, members: new Set(members.map(([name]) => name)) };
}

/** Whether a step tells nobody anything, and what was written before it holds as well from now on. */
function saysNothing({ standing, transitions, refreshed }: Step, before: Standing): boolean {
  return (
    transitions.length === 0 &&
    refreshed.length === 0 &&
    standing.nextChange === before.nextChange &&
    standing.basis === before.basis &&
    canonicalJson(standing.values) === canonicalJson(before.values) &&
    canonicalJson(standing.said) === canonicalJson(before.said)
  );
}
