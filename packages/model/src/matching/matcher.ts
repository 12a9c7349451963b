import { alternativesOf, type Condition, conditionOfKeys, isFuzzy, type MatchingFunction } from "./condition";
import { parseCondition } from "./grammar";
import type { MatchRecord, MatchValue } from "./match-values";
import type { MatchRule, MatchRules } from "./rule-set";
import { cosineDistance, levenshtein, soundex } from "./similarity";

/** More work than memory and time of one process allow. */
export class MatchingBoundError extends Error {
  override readonly name = "MatchingBoundError";
}

/** Most pairs that one fuzzy rule may compare. */
export const mostComparisons = 50_000_000;

/** A rule as the alternatives of which one must hold. */
export interface CompiledRule {
  readonly name: string;
  readonly alternatives: readonly (readonly MatchingFunction[])[];
}

export function compile(rule: MatchRule): CompiledRule {
  const condition: Condition = "matchKeys" in rule ? conditionOfKeys(rule.matchKeys) : parseCondition(rule.condition);
  return { name: rule.name, alternatives: alternativesOf(condition) };
}

/** Sets that grow together. */
export class Union {
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

/** Finds what rules match among some records. */
export class Matcher {
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
  blocks(exact: readonly MatchingFunction[], among: readonly number[]): Iterable<number[]> {
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
export function holds(
  given: MatchingFunction,
  a: MatchRecord,
  b: MatchRecord,
  comparison: MatchRules["comparison"],
): boolean {
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
