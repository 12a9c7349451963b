import type { DuckDBConnection } from "@duckdb/node-api";
import type { MatchAttribute } from "@tributary/model";
import { dateOrderCounts } from "../normalise/expressions";
import { type Blocking, chooseBlocking, declaredBlocking, eachPair } from "./candidates";
import { comparisonsOf } from "./comparisons";
import { type Encoded, encode } from "./encode";
import { type ColumnSql, fieldsOf } from "./fields";
import { type Fit, type FittedComparison, fit } from "./fit";
import { type Key, keysOf } from "./keys";
import { Pairs } from "./pairs";
import { WeightCounts } from "./prior";
import { matchWeight, type Prior, Scorer } from "./scorer";
import { Vectors } from "./vectors";

/** The same for all data. Weights are log2 of odds: 0 is even, −3 is one to eight. */
export const probabilisticDefaults = {
  /** Least match weight of a link. */
  threshold: 0,
  /** Least match weight of two profiles compared as a whole. */
  cohesion: -3,
} as const;

export interface ScoreInput {
  readonly connection: DuckDBConnection;
  /** A record is its `rowid` in it: 0, 1, 2… */
  readonly table: string;
  readonly attributes: readonly MatchAttribute[];
  /** SQL over the table for a column; undefined where the table has none. */
  readonly column: ColumnSql;
  /** Columns that take no part: the records' id, the truth. */
  readonly without?: ReadonlySet<string>;
  readonly threshold?: number;
  /** Columns to block by, together, instead of those that would be chosen. */
  readonly blocking?: readonly (readonly string[])[] | undefined;
  readonly onProgress?: (stage: string, done?: number) => void;
}

/** What the stage found: links, and what explains them. */
export interface Scored {
  readonly encoded: Encoded;
  readonly fitted: readonly FittedComparison[];
  readonly sessions: Fit["sessions"];
  readonly blocking: readonly Blocking[];
  /** Share of the matches that are expected to meet in a block. */
  readonly recall: number;
  readonly prior: Prior;
  readonly scorer: Scorer;
  /** Pairs of distinct records compared. */
  readonly compared: number;
  /** Pairs of distinct records at or above the threshold. */
  readonly pairs: Pairs;
  /** Pairs at most 3 below it. */
  readonly nearMisses: Pairs;
  readonly threshold: number;
}

/** Fewer columns than this cannot tell a match from a chance. */
const fewestComparisons = 2;

/**
 * Pairs to compare at most: all of a small input, a handful a record of a large one. More blocking finds little more, and
 * time is linear in it.
 */
const pairBudget = (size: number): number => 4_000_000 + 8 * size;

/** Why an input cannot be scored; undefined where it can. */
export class NothingToCompare extends Error {}

/**
 * Scores pairs of records (Fellegi–Sunter) without labels: fields and comparisons by the columns' types, u from random
 * pairs, m by EM, blocking chosen by what it is expected to find. The same records give the same links in any order.
 *
 * @throws NothingToCompare where fewer than two columns say anything.
 */
export async function scorePairs(input: ScoreInput): Promise<Scored> {
  const progress = input.onProgress ?? (() => {});
  const without = input.without ?? new Set<string>();
  const { connection, table, attributes } = input;
  const threshold = input.threshold ?? probabilisticDefaults.threshold;
  progress("encode");
  const readings = await dateReadings(
    connection,
    table,
    attributes.filter((one) => !without.has(one.column)),
    input.column,
  );
  const encoded = await encode(connection, table, fieldsOf(attributes, input.column, readings, without));
  const comparisons = comparisonsOf(encoded);
  if (comparisons.length < fewestComparisons) {
    const names = comparisons.map((one) => one.name).join(", ");
    throw new NothingToCompare(
      `Scores need at least two columns in which some records agree and others do not; there ${comparisons.length === 1 ? `is one: ${names}` : "is none"}. Name more columns as attributes, or match by rules alone.`,
    );
  }
  progress("learn");
  const keys = keysOf(encoded);
  const vectors = new Vectors(comparisons, encoded.size);
  const { fitted, sessions, kinPerMatch } = fit(encoded, comparisons, vectors, keys);
  const { size } = encoded;
  const all = (size * (size - 1)) / 2;
  const budget = pairBudget(size);
  progress("block");
  const choice = input.blocking
    ? declaredBlocking(input.blocking, keys, size)
    : all <= budget
      ? { chosen: [], recall: 1 }
      : chooseBlocking(keys, size, budget, agreementOf(fitted), encoded.order);
  progress("compare");
  const scorer = new Scorer(fitted, vectors);
  const counts = new WeightCounts();
  const pairs = new Pairs();
  let compared = 0;
  const take = (i: number, j: number): void => {
    compared++;
    if (compared % 1_000_000 === 0) progress("compare", compared);
    // Below even evidence a pair is neither a link nor many matches.
    if (!scorer.isLikely(i, j)) return;
    counts.add(scorer.match, scorer.kin);
    pairs.push(i, j, scorer.match);
    kin.push(scorer.kin);
  };
  const kin = new FloatList();
  if (choice.chosen.length === 0 && !input.blocking) {
    for (let i = 0; i < size; i++) for (let j = i + 1; j < size; j++) take(i, j);
  } else eachPair(choice.chosen, size, take);
  const prior = counts.prior(Math.max(1, all), size, kinPerMatch);
  const nearMisses = keepLinks(pairs, kin, prior, threshold);
  return {
    encoded,
    fitted,
    sessions,
    blocking: choice.chosen,
    recall: choice.recall,
    prior,
    scorer,
    compared,
    pairs,
    nearMisses,
    threshold,
  };
}

/** Match weights instead of sums; pairs below the threshold go, those a little below it are returned. */
function keepLinks(pairs: Pairs, kin: FloatList, prior: Prior, threshold: number): Pairs {
  const misses = new Pairs();
  let kept = 0;
  for (let p = 0; p < pairs.length; p++) {
    const a = pairs.a[p] as number;
    const b = pairs.b[p] as number;
    const weight = matchWeight(pairs.weight[p] as number, kin.values[p] as number, prior);
    if (weight < threshold) {
      if (weight >= threshold - 3) misses.push(a, b, weight);
      continue;
    }
    pairs.a[kept] = a;
    pairs.b[kept] = b;
    pairs.weight[kept++] = weight;
  }
  pairs.length = kept;
  return misses;
}

class FloatList {
  values = new Float32Array(1 << 16);
  private length = 0;
  push(value: number): void {
    if (this.length === this.values.length) {
      const next = new Float32Array(this.length * 2);
      next.set(this.values);
      this.values = next;
    }
    this.values[this.length++] = value;
  }
}

/** How often matches agree on a key: as learned for equality; on something coarser, half of the rest too. */
const agreementOf =
  (fitted: readonly FittedComparison[]) =>
  (key: Key): number => {
    const one = fitted.find(({ comparison }) => comparison.column === key.column);
    if (one === undefined) return 0.5;
    const equal = one.m[one.m.length - 1] as number;
    return key.exact ? equal : equal + (1 - equal) * 0.5;
  };

async function dateReadings(
  connection: DuckDBConnection,
  table: string,
  attributes: readonly MatchAttribute[],
  column: ColumnSql,
): Promise<Map<string, { dayFirst: boolean }>> {
  const readings = new Map<string, { dayFirst: boolean }>();
  for (const one of attributes) {
    if (one.type !== "DATE") continue;
    const counts = await connection.runAndReadAll(`SELECT ${dateOrderCounts(column(one.column))} FROM ${table}`);
    const [row] = counts.getRows();
    readings.set(one.column, { dayFirst: Number(row?.[0] ?? 0) >= Number(row?.[1] ?? 0) });
  }
  return readings;
}
