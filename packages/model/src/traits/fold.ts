import { canonicalJson } from "../canonical";
import type { Json } from "../json";
import { type TraitDefinition, type TraitDefinitions, windowLength } from "./definition";
import type { TraitFact } from "./fact";
import { compareCodePoints, compareValues, millionths, ofMillionths, type TraitValue } from "./value";

/** The computed traits of one person at an instant. */
export interface FoldedTraits {
  /** Only of traits that some event counts for. */
  readonly values: Readonly<Record<string, Json>>;
  /** Before this instant (epoch milliseconds) no value changes without a new event; undefined: never. */
  readonly nextChange: number | undefined;
}

/**
 * Folds what events said into the traits' values at an instant. A fact that is given twice counts once, and the order in
 * which they are given is of no matter.
 *
 * @param facts All that is known of one person, whichever of their identifiers it hangs on.
 * @param at Epoch milliseconds. An event counts where `at - window < time <= at`.
 */
export function foldTraits(facts: Iterable<TraitFact>, traits: TraitDefinitions, at: number): FoldedTraits {
  const distinct = eachOnce(facts);
  const values: [string, Json][] = [];
  let nextChange = Number.POSITIVE_INFINITY;
  for (const [name, definition] of Object.entries(traits)) {
    const length = definition.window === undefined ? Number.POSITIVE_INFINITY : windowLength(definition.window);
    const counted: TraitFact[] = [];
    for (const fact of distinct) {
      if (!Object.hasOwn(fact.values, name)) continue;
      if (fact.at > at) nextChange = Math.min(nextChange, fact.at);
      else if (fact.at + length > at) {
        counted.push(fact);
        nextChange = Math.min(nextChange, fact.at + length);
      }
    }
    const value = counted.length === 0 ? undefined : folded(definition, name, counted);
    if (value !== undefined) values.push([name, value]);
  }
  return {
    values: Object.fromEntries(values),
    nextChange: Number.isFinite(nextChange) ? nextChange : undefined,
  };
}

/** A message is known by source and id. Of two accounts of one, which no store of ours gives, the earlier counts. */
function eachOnce(facts: Iterable<TraitFact>): TraitFact[] {
  const known = new Map<string, TraitFact>();
  for (const fact of facts) {
    const key = `${fact.sourceId}\n${fact.messageId}`;
    const before = known.get(key);
    if (before === undefined || isBefore(fact, before)) known.set(key, fact);
  }
  return [...known.values()];
}

function isBefore(a: TraitFact, b: TraitFact): boolean {
  return a.at === b.at ? compareCodePoints(canonicalJson(a.values), canonicalJson(b.values)) < 0 : a.at < b.at;
}

/** By time, then message id, then source. */
function compareFacts(a: TraitFact, b: TraitFact): number {
  return a.at - b.at || compareCodePoints(a.messageId, b.messageId) || compareCodePoints(a.sourceId, b.sourceId);
}

function folded(definition: TraitDefinition, name: string, facts: readonly TraitFact[]): Json | undefined {
  const given = facts.map((fact) => fact.values[name] as TraitValue);
  switch (definition.fold) {
    case "count":
      return facts.length;
    case "sum":
      return ofMillionths(given.reduce((sum, value) => sum + (millionths(Number(value)) ?? 0n), 0n));
    case "min":
      return given.reduce((least, value) => (compareValues(value, least) < 0 ? value : least));
    case "max":
      return given.reduce((most, value) => (compareValues(value, most) > 0 ? value : most));
    case "first":
      return facts.reduce((first, fact) => (compareFacts(fact, first) < 0 ? fact : first)).values[name];
    case "last":
      return facts.reduce((last, fact) => (compareFacts(fact, last) > 0 ? fact : last)).values[name];
    case "distinct":
      return new Set(given).size;
    case "mostFrequent":
      return mostFrequent(given);
  }
}

/** The value that most events gave; of several the smallest. */
function mostFrequent(values: readonly TraitValue[]): TraitValue | undefined {
  const times = new Map<TraitValue, number>();
  for (const value of values) times.set(value, (times.get(value) ?? 0) + 1);
  let best: TraitValue | undefined;
  for (const [value, count] of times) {
    const most = best === undefined ? 0 : (times.get(best) ?? 0);
    if (best === undefined || count > most || (count === most && compareValues(value, best) < 0)) best = value;
  }
  return best;
}
