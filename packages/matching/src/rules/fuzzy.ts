import { cosineDistance, levenshtein, type MatchingFunction, soundex } from "@tributary/model";
import type { Blocks } from "./blocks";
import type { TextColumn } from "./texts";

/** Most comparisons of different values in one block; beyond it the exact part of the rule says too little. */
const mostComparisons = 2_000_000;
/** Most pairs of records that two alike values are written out to; more are linked by their first ones. */
const mostPairs = 1_000;

/** A fuzzy function over the columns of its match key. */
export interface FuzzyTest {
  readonly given: MatchingFunction;
  readonly columns: readonly TextColumn[];
  /** Columns are compared with their own kind only. */
  readonly oneToOne: boolean;
}

export interface FuzzyOutcome {
  /** Blocks that were too large to compare: their first record and size. */
  readonly skipped: { readonly row: number; readonly records: number }[];
}

/** Finds the pairs of records in a block that all tests hold for; records with the same values are compared once. */
export function linkAlike(
  blocks: Blocks,
  tests: readonly FuzzyTest[],
  link: (a: number, b: number) => void,
): FuzzyOutcome {
  const skipped: { row: number; records: number }[] = [];
  const memory = tests.map(() => new Map<number, boolean>());
  const columns = tests.flatMap((test) => test.columns);
  const alike = (a: number, b: number): boolean => tests.every((test, index) => holds(test, a, b, memory[index]));
  blocks.forEach((rows, count) => {
    const group = rows.subarray(0, count);
    const byValues = new Map<string, number[]>();
    for (const row of group) {
      const values = columns.map(({ of }) => of[row]).join(" ");
      const same = byValues.get(values);
      if (same) same.push(row);
      else byValues.set(values, [row]);
    }
    const kinds = [...byValues.values()];
    if ((kinds.length * (kinds.length - 1)) / 2 > mostComparisons) {
      skipped.push({ row: group[0] as number, records: count });
      return;
    }
    for (let i = 0; i < kinds.length; i++) {
      const one = kinds[i] as number[];
      if (one.length > 1 && alike(one[0] as number, one[1] as number)) linkAll(one, one, link);
      for (let j = i + 1; j < kinds.length; j++) {
        const other = kinds[j] as number[];
        if (alike(one[0] as number, other[0] as number)) linkAll(one, other, link);
      }
    }
  });
  return { skipped };
}

function linkAll(one: readonly number[], other: readonly number[], link: (a: number, b: number) => void): void {
  if (one.length * other.length <= mostPairs) {
    for (const a of one) for (const b of other) if (a < b || (one !== other && a !== b)) link(a, b);
    return;
  }
  for (const b of other) if (b !== one[0]) link(one[0] as number, b);
  for (const a of one) if (a !== other[0]) link(other[0] as number, a);
}

const mostRemembered = 4_000_000;

function holds(test: FuzzyTest, a: number, b: number, memory: Map<number, boolean> | undefined): boolean {
  const { columns, given, oneToOne } = test;
  for (const [field, left] of columns.entries()) {
    const x = left.of[a] as number;
    if (x < 0) continue;
    for (const [otherField, right] of columns.entries()) {
      if (oneToOne && field !== otherField) continue;
      const y = right.of[b] as number;
      if (y < 0) continue;
      if (columns.length > 1) {
        if (similar(given, left.texts[x] as string, right.texts[y] as string)) return true;
        continue;
      }
      const pair = x < y ? x * left.texts.length + y : y * left.texts.length + x;
      let verdict = memory?.get(pair);
      if (verdict === undefined) {
        verdict = similar(given, left.texts[x] as string, right.texts[y] as string);
        if (memory && memory.size < mostRemembered) memory.set(pair, verdict);
      }
      if (verdict) return true;
    }
  }
  return false;
}

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
      throw new Error(`${given.kind} is no fuzzy function`);
  }
}
