import { isFuzzy } from "./condition";
import type { BlockStatistics } from "./lint";
import type { MatchRecord } from "./match-values";
import { type CompiledRule, compile, holds, Matcher, Union } from "./matcher";
import type { MatchRule, MatchRules } from "./rule-set";

/** How records are grouped: see `MatchRules`. */
export interface MatchingSemantics {
  readonly rules: readonly MatchRule[];
  readonly mode: MatchRules["mode"];
  readonly comparison: MatchRules["comparison"];
}

/** What a record was matched by. */
export interface Matched {
  readonly id: string;
  /** Number of its group, in the order in which groups were made. */
  readonly group: number;
  /** Name of the rule that matched it: the first in priority that did. */
  readonly rule: string;
}

/**
 * Groups records in memory as Entity Resolution does without (`aws-waterfall`) and with transitive matching
 * (`aws-transitive`), or by the closure of all links; records that nothing matches are left out. The reference for other
 * engines: small and exact, for some hundred thousand records.
 *
 * What AWS does not document is decided so: within one rule, links are closed over; an empty value matches nothing, unless
 * EmptyValues=Process; a group that a later rule finds between two earlier ones leaves both as they are.
 *
 * @throws MatchingBoundError where a fuzzy rule would compare more than `mostComparisons` pairs
 */
export function matchRecords(records: readonly MatchRecord[], semantics: MatchingSemantics): Matched[] {
  const rules = semantics.rules.map(compile);
  const matcher = new Matcher(records, semantics.comparison);
  const matched = run(matcher, rules, semantics.mode);
  return records.flatMap(({ id }, index) => {
    const found = matched[index];
    return found ? [{ id, ...found }] : [];
  });
}

/**
 * Finds what one record matches among others, rule by rule: all that the first rule which finds any matches.
 * Undefined where none does.
 */
export function matchOne(
  record: MatchRecord,
  others: Iterable<MatchRecord>,
  { rules, comparison }: Pick<MatchingSemantics, "rules" | "comparison">,
): { readonly rule: string; readonly ids: readonly string[] } | undefined {
  const compiled = rules.map(compile);
  const found = compiled.map((): string[] => []);
  for (const other of others) {
    const place = compiled.findIndex(({ alternatives }) =>
      alternatives.some((functions) => functions.every((given) => holds(given, record, other, comparison))),
    );
    found[place]?.push(other.id);
  }
  const first = found.findIndex(({ length }) => length > 0);
  const [rule, ids] = [compiled[first], found[first]];
  return rule && ids ? { rule: rule.name, ids } : undefined;
}

/**
 * The blocks that each rule's exact part makes of these records, for `lint`: of several alternatives those of the one with
 * the most pairs. A rule without an exact part has none.
 */
export function blockStatistics(
  records: readonly MatchRecord[],
  { rules, comparison }: Pick<MatchingSemantics, "rules" | "comparison">,
): Record<string, BlockStatistics[]> {
  const matcher = new Matcher(records, comparison);
  const all = records.map((_, index) => index);
  return Object.fromEntries(
    rules.map(compile).map(({ name, alternatives }) => {
      let worst: Required<BlockStatistics> | undefined;
      for (const functions of alternatives) {
        const exact = functions.filter((given) => !isFuzzy(given));
        if (exact.length === 0) continue;
        const given = { records: 0, blocks: 0, largest: 0, pairs: 0 };
        for (const { length } of matcher.blocks(exact, all)) {
          given.records += length;
          given.blocks += 1;
          given.largest = Math.max(given.largest, length);
          given.pairs += (length * (length - 1)) / 2;
        }
        if (!worst || given.pairs > worst.pairs) worst = given;
      }
      return [name, worst ? [worst] : []];
    }),
  );
}

type Found = { readonly group: number; readonly rule: string } | undefined;

function run(matcher: Matcher, rules: readonly CompiledRule[], mode: MatchRules["mode"]): Found[] {
  const all = matcher.records.map((_, index) => index);
  const found: Found[] = all.map(() => undefined);
  let groups = 0;
  if (mode === "closure") {
    const union = new Union(all.length);
    const firstRule: (string | undefined)[] = all.map(() => undefined);
    for (const rule of rules) {
      for (const members of matcher.groups(rule, all)) {
        for (const index of members) {
          firstRule[index] ??= rule.name;
          union.join(members[0] as number, index);
        }
      }
    }
    const numbers = new Map<number, number>();
    return all.map((index) => {
      const rule = firstRule[index];
      if (rule === undefined) return undefined;
      const root = union.root(index);
      const group = numbers.get(root) ?? groups++;
      numbers.set(root, group);
      return { group, rule };
    });
  }
  const level: number[] = all.map(() => Number.POSITIVE_INFINITY);
  rules.forEach((rule, place) => {
    const candidates = mode === "aws-waterfall" ? all.filter((index) => found[index] === undefined) : all;
    const fresh: [number, Found][] = [];
    for (const members of matcher.groups(rule, candidates)) {
      const group = inherited(members, found, level) ?? groups++;
      for (const index of members) {
        if (found[index] === undefined) fresh.push([index, { group, rule: rule.name }]);
      }
    }
    // A rule's groups are all judged by what earlier rules gave.
    for (const [index, given] of fresh) {
      found[index] = given;
      level[index] = place;
    }
  });
  return found;
}

/** "If multiple candidates exist, the smallest match ID from the earliest rule level is selected." */
function inherited(members: readonly number[], found: readonly Found[], level: readonly number[]): number | undefined {
  let best: { group: number; level: number } | undefined;
  for (const index of members) {
    const given = found[index];
    const its = level[index] ?? Number.POSITIVE_INFINITY;
    if (!given) continue;
    if (!best || its < best.level || (its === best.level && given.group < best.group)) {
      best = { group: given.group, level: its };
    }
  }
  return best?.group;
}
