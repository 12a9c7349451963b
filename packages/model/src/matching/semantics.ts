import { alternativesOf, type Condition, conditionOfKeys, isFuzzy, type MatchingFunction } from "./condition";
import { parseCondition } from "./grammar";
import type { MatchRecord, MatchValue } from "./match-values";
import type { MatchRule, MatchRules } from "./rule-set";
import { cosineDistance, levenshtein, soundex } from "./similarity";

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

/** More work than memory and time of one process allow. */
export class MatchingBoundError extends Error {
  override readonly name = "MatchingBoundError";
}

/** Most pairs that one fuzzy rule may compare. */
export const mostComparisons = 50_000_000;

interface CompiledRule {
  readonly name: string;
  readonly alternatives: readonly (readonly MatchingFunction[])[];
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

function compile(rule: MatchRule): CompiledRule {
  const condition: Condition = "matchKeys" in rule ? conditionOfKeys(rule.matchKeys) : parseCondition(rule.condition);
  return { name: rule.name, alternatives: alternativesOf(condition) };
}

class Union {
  private readonly parents: Int32Array;

  constructor(size: number) {
    this.parents = Int32Array.from({ length: size }, (_, index) => index);
  }

  root(index: number): number {
    let at = index;
    while (this.parents[at] !== at) {
      const parent = this.parents[at] as number;
      this.parents[at] = this.parents[parent] as number;
      at = parent;
    }
    return at;
  }

  join(a: number, b: number): void {
    const [left, right] = [this.root(a), this.root(b)];
    // The smaller index leads, so that groups are numbered by their first record.
    if (left !== right) this.parents[Math.max(left, right)] = Math.min(left, right);
  }
}

class Matcher {
  constructor(
    readonly records: readonly MatchRecord[],
    private readonly comparison: MatchRules["comparison"],
  ) {}

  /** Records that a rule matches, among some, in groups of two and more: each in the order of records, groups by their first. */
  groups(rule: CompiledRule, among: readonly number[]): number[][] {
    const union = new Union(this.records.length);
    for (const functions of rule.alternatives) this.link(rule.name, functions, among, union);
    const groups = new Map<number, number[]>();
    for (const index of among) {
      const root = union.root(index);
      const members = groups.get(root);
      if (members) members.push(index);
      else groups.set(root, [index]);
    }
    return [...groups.values()].filter(({ length }) => length > 1);
  }

  private link(name: string, functions: readonly MatchingFunction[], among: readonly number[], union: Union): void {
    const exact = functions.filter((given) => !isFuzzy(given));
    const fuzzy = functions.filter(isFuzzy);
    let comparisons = 0;
    for (const block of this.blocks(exact, among)) {
      const [first] = block;
      if (first === undefined) continue;
      if (fuzzy.length === 0) {
        for (const index of block) union.join(first, index);
        continue;
      }
      comparisons += (block.length * (block.length - 1)) / 2;
      if (comparisons > mostComparisons) {
        throw new MatchingBoundError(
          `rule "${name}" compares more than ${mostComparisons} pairs: one of its blocks has ${block.length} records. AND an exact function that fewer records share, or match fewer records at a time`,
        );
      }
      for (let i = 0; i < block.length; i++) {
        for (let j = i + 1; j < block.length; j++) {
          const [a, b] = [block[i] as number, block[j] as number];
          if (union.root(a) !== union.root(b) && this.alike(fuzzy, a, b)) union.join(a, b);
        }
      }
    }
  }

  private alike(fuzzy: readonly MatchingFunction[], a: number, b: number): boolean {
    const [left, right] = [this.records[a] as MatchRecord, this.records[b] as MatchRecord];
    return fuzzy.every((given) => holds(given, left, right, this.comparison));
  }

  /** Records that agree on all exact functions. Without one, all records are a block. */
  private blocks(exact: readonly MatchingFunction[], among: readonly number[]): Iterable<number[]> {
    if (exact.length === 0) return [[...among]];
    const blocks = new Map<string, number[]>();
    for (const index of among) {
      let keys = [""];
      for (const given of exact) {
        const tokens = tokensOf(given, this.records[index] as MatchRecord, this.comparison);
        keys = keys.flatMap((key) => tokens.map((token) => `${key}\u0000${token}`));
      }
      for (const key of keys) {
        const block = blocks.get(key);
        if (block) block.push(index);
        else blocks.set(key, [index]);
      }
    }
    return blocks.values();
  }
}

const filled = (record: MatchRecord, key: string): readonly MatchValue[] =>
  (record.keys[key] ?? []).filter(({ value }) => value !== "");

/** What an exact function compares a record by: two records match where they have one in common. */
function tokensOf(given: MatchingFunction, record: MatchRecord, comparison: MatchRules["comparison"]): string[] {
  if (given.kind === "exactManyToMany") {
    return distinct(given.keys.flatMap((key) => filled(record, key)).map(({ value }) => value));
  }
  if (given.kind !== "exact") return [];
  const process = given.emptyValues === "Process";
  const values = process ? (record.keys[given.key] ?? []) : filled(record, given.key);
  const byField = comparison === "ONE_TO_ONE";
  return distinct(values.map(({ field, value }) => (byField ? `${field}\u0001${value}` : value)));
}

/** Whether a function finds two records alike. */
function holds(given: MatchingFunction, a: MatchRecord, b: MatchRecord, comparison: MatchRules["comparison"]): boolean {
  if (given.kind === "exact" || given.kind === "exactManyToMany") {
    const tokens = tokensOf(given, b, comparison);
    return tokensOf(given, a, comparison).some((token) => tokens.includes(token));
  }
  const right = filled(b, given.key);
  return filled(a, given.key).some((one) =>
    right.some(
      (other) => (comparison === "MANY_TO_MANY" || one.field === other.field) && similar(given, one.value, other.value),
    ),
  );
}

const distinct = (values: readonly string[]): string[] => [...new Set(values)];

function similar(given: MatchingFunction, a: string, b: string): boolean {
  switch (given.kind) {
    case "levenshtein":
      return levenshtein(a, b, given.threshold) <= given.threshold;
    case "cosine":
      return cosineDistance(a, b) <= given.threshold;
    case "soundex": {
      const code = soundex(a);
      return code !== "" && code === soundex(b);
    }
    default:
      return false;
  }
}
