import type { DuckDBConnection } from "@duckdb/node-api";
import type { MatchAttribute } from "@tributary/model";
import { dateReading } from "../normalise/dates";
import type { DateReading } from "../normalise/expressions";
import { sharedIntegers } from "./arrays";
import { type Blocking, chooseBlocking, declaredBlocking } from "./candidates";
import { allPairs, candidatesOf, compareParts, together } from "./compare";
import { comparisonsOf } from "./comparisons";
import { type Encoded, encode } from "./encode";
import { type ColumnSql, fieldsOf } from "./fields";
import { type Fit, type FittedComparison, fit } from "./fit";
import { type Key, keysOf, makeKeys } from "./keys";
import { Pairs } from "./pairs";
import { type Patterns, patternsOf, type Sample } from "./patterns";
import { BlockSamples } from "./samples";
import { matchWeight, type Prior, Scorer, type Weights } from "./scorer";
import { Threads } from "./threads";
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
  /** Threads that compare. Default: as many as the database has, one where there are few records. */
  readonly threads?: number;
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

/** Each thread knows the values' words by heart: some ten megabytes for a million records. */
const mostThreads = 8;

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
export const scorePairs = (input: ScoreInput): Promise<Scored> => withScores(input, async (scored) => scored);

/** The same, with something to do while its threads are there. */
export async function withScores<T>(
  input: ScoreInput,
  use: (scored: Scored, threads: Threads) => Promise<T>,
): Promise<T> {
  const progress = input.onProgress ?? (() => {});
  const without = input.without ?? new Set<string>();
  const { connection, table, attributes } = input;
  progress("encode");
  // They take a while to start: the database works meanwhile.
  const threads = Threads.start((input.threads ?? (await usualThreads(connection, table))) - 1);
  try {
    const readings = await dateReadings(
      connection,
      table,
      attributes.filter((one) => !without.has(one.column)),
      input.column,
    );
    const encoded = await encode(connection, table, fieldsOf(attributes, input.column, readings, without), threads);
    threads.tell(encoded.columns);
    return await use(await scoreEncoded(input, encoded, threads), threads);
  } finally {
    await threads.end();
  }
}

async function scoreEncoded(input: ScoreInput, encoded: Encoded, threads: Threads): Promise<Scored> {
  const progress = input.onProgress ?? (() => {});
  const threshold = input.threshold ?? probabilisticDefaults.threshold;
  const { columns } = encoded;
  const comparisons = comparisonsOf(columns);
  if (comparisons.length < fewestComparisons) {
    const names = comparisons.map((one) => one.name).join(", ");
    throw new NothingToCompare(
      `Scores need at least two columns in which some records agree and others do not; there ${comparisons.length === 1 ? `is one: ${names}` : "is none"}. Name more columns as attributes, or match by rules alone.`,
    );
  }
  progress("learn");
  const next = { cursor: sharedIntegers(1) };
  const made = await threads.ask("keys", next, () => makeKeys({ columns }, next));
  const keys = keysOf(columns, made.flat());
  const vectors = new Vectors(comparisons, encoded.size);
  const samples = new BlockSamples(encoded.size, encoded.order);
  const { fitted, sessions, kinPerMatch } = await fit(encoded, comparisons, keys, samples, (some) =>
    allPatterns(some, vectors, threads),
  );
  const { size } = encoded;
  const all = (size * (size - 1)) / 2;
  const budget = pairBudget(size);
  progress("block");
  const choice = input.blocking
    ? await declaredBlocking(input.blocking, keys, threads)
    : all <= budget
      ? { chosen: [], recall: 1 }
      : await chooseBlocking(keys, size, budget, agreementOf(fitted), encoded.order, samples, threads);
  progress("compare");
  const scorer = new Scorer(fitted, comparisons, vectors);
  const everybody = choice.chosen.length === 0 && !input.blocking;
  const candidates = everybody ? allPairs(size) : candidatesOf(choice.chosen, size);
  const found = await threads.ask("compare", { candidates, weights: weightsOf(fitted), codes: vectors.codes }, () =>
    compareParts(candidates, scorer, (compared) => progress("compare", compared)),
  );
  const { pairs, kin, counts, compared } = together(found);
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

/** What other threads need of a model. */
export const weightsOf = (fitted: readonly FittedComparison[]): Weights[] =>
  fitted.map(({ weights, kinWeights, rarity }) => ({ weights, kinWeights, rarity }));

async function allPatterns(samples: readonly Sample[], vectors: Vectors, threads: Threads): Promise<Patterns[]> {
  const work = { samples, cursor: sharedIntegers(1) };
  const found = await threads.ask("patterns", { ...work, codes: vectors.codes }, () => patternsOf(work, vectors));
  const patterns = new Map(found.flatMap((one) => [...one]));
  return samples.map((_, at) => patterns.get(at) as Patterns);
}

/** Below this many records a thread takes longer to start than it saves. */
const fewestForThreads = 100_000;

/** As many threads as the database uses. */
async function usualThreads(connection: DuckDBConnection, table: string): Promise<number> {
  const result = await connection.runAndReadAll(
    `SELECT current_setting('threads')::INT, count(*)::DOUBLE FROM ${table}`,
  );
  const [row] = result.getRows();
  return Number(row?.[1] ?? 0) < fewestForThreads ? 1 : Math.min(mostThreads, Number(row?.[0] ?? 1));
}

/** Match weights instead of sums; pairs below the threshold go, those a little below it are returned. */
function keepLinks(pairs: Pairs, kin: Float32Array, prior: Prior, threshold: number): Pairs {
  const misses = new Pairs();
  let kept = 0;
  for (let p = 0; p < pairs.length; p++) {
    const a = pairs.a[p] as number;
    const b = pairs.b[p] as number;
    const evidence = pairs.weight[p] as number;
    // What speaks against it only makes it less.
    if (evidence + prior.match < threshold - 3) continue;
    const weight = matchWeight(evidence, kin[p] as number, prior);
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
): Promise<ReadonlyMap<string, DateReading>> {
  const readings = new Map<string, DateReading>();
  for (const one of attributes) {
    if (one.type === "DATE") readings.set(one.column, await dateReading(connection, table, column(one.column)));
  }
  return readings;
}
