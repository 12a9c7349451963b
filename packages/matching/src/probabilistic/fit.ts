import { bump } from "./arrays";
import type { Comparison } from "./comparisons";
import type { Encoded } from "./encode";
import { type Learned, learn, levelCounts, randomSamples, sessionSample, shares, trainingKeys } from "./estimate";
import type { Key } from "./keys";
import type { Patterns, Sample } from "./patterns";
import type { BlockSamples } from "./samples";
import type { Weights } from "./scorer";

/** What the model knows of one comparison. */
export interface FittedComparison extends Weights {
  readonly comparison: Comparison;
  /** Share of the levels among matches, random pairs, and pairs of one household; the missing one left out. */
  readonly m: Float64Array;
  readonly u: Float64Array;
  readonly kin: Float64Array;
}

export interface Fit {
  readonly fitted: readonly FittedComparison[];
  /** The conjunctions learned from, with the pairs looked at and the matches expected among them. */
  readonly sessions: readonly { readonly keys: string; readonly pairs: number; readonly matches: number }[];
  /** Pairs of one household for each match, as seen where only what a household shares is blocked on. */
  readonly kinPerMatch: number;
}

/** Random pairs to learn u from, and pairs of one training session. */
const randomPairs = 150_000;
const sessionPairs = 100_000;
/** A session weighs as much as its expected matches, up to this many: no blocking alone decides. */
const fullVoice = 2_000;

/**
 * Learns a model without labels: u from random pairs, then held; m by EM in several sessions, each of which leaves out the
 * columns that it blocks on.
 */
export async function fit(
  encoded: Encoded,
  comparisons: readonly Comparison[],
  keys: readonly Key[],
  blocks: BlockSamples,
  patternsOf: (samples: readonly Sample[]) => Promise<readonly Patterns[]>,
): Promise<Fit> {
  const trained = trainingKeys(keys, encoded.size);
  const strangers = randomSamples(encoded, randomPairs);
  const patterns = await patternsOf([
    ...trained.map((some) => sessionSample(encoded, some, sessionPairs, blocks)),
    ...strangers,
  ]);
  const random = levelCounts(patterns.slice(trained.length), comparisons);
  const u = random.map((counts, c) => {
    const row = shares(counts, 1);
    const { column } = comparisons[c] as Comparison;
    // Equality is counted over all pairs: in a sample it is too rare.
    row[row.length - 1] = equalityChance(column.counts, column.known);
    return row;
  });
  const sessions = trained.map((some, at) => {
    const sampled = { keys: some, patterns: patterns[at] as Patterns };
    const learned = learn(sampled, comparisons, u);
    return { sampled, learned };
  });
  const personal = new Set(comparisons.filter((one) => one.personal).map((one) => one.column));
  const fitted = comparisons.map((comparison, c): FittedComparison => {
    const learned = sessions.map((one) => one.learned);
    const m = together(learned, "matches", c, comparison.levels.length);
    const own = u[c] as Float64Array;
    const kin = comparison.personal ? own : together(learned, "kin", c, comparison.levels.length);
    const weigh = (shares: Float64Array) =>
      Float64Array.from(shares, (value, level) => (level === 0 ? 0 : Math.log2(value / (own[level] as number))));
    const { column } = comparison;
    const average = own[own.length - 1] as number;
    const rarity = new Float32Array(new SharedArrayBuffer(column.counts.length * 4));
    const expected = average * column.known;
    // Most values are seen a few times.
    const ofCount = Float32Array.from({ length: 1_024 }, (_, count) => Math.log2(expected / count));
    for (let code = 0; code < rarity.length; code++) {
      const count = column.counts[code] as number;
      if (count > 0) rarity[code] = count < ofCount.length ? (ofCount[count] as number) : Math.log2(expected / count);
    }
    return { comparison, m, u: own, kin, weights: weigh(m), kinWeights: weigh(kin), rarity };
  });
  return {
    fitted,
    sessions: sessions.map(({ sampled, learned }) => ({
      keys: sampled.keys.map((key) => key.name).join(" & "),
      pairs: sum(sampled.patterns.counts),
      matches: learned.totals.matches,
    })),
    kinPerMatch: Math.max(
      0,
      ...sessions
        .filter(
          ({ sampled, learned }) =>
            learned.totals.matches >= 100 && !sampled.keys.some((key) => personal.has(key.column)),
        )
        .map(({ learned }) => learned.totals.kin / learned.totals.matches),
    ),
  };
}

const sum = (row: Float64Array): number => row.reduce((total, one) => total + one, 0);

/** The sessions' levels as one distribution. */
function together(learned: readonly Learned[], of: "matches" | "kin", c: number, levels: number): Float64Array {
  const total = new Float64Array(levels);
  for (const one of learned) {
    const row = one[of][c];
    if (row === undefined) continue;
    const known = sum(row) - (row[0] as number);
    if (known < 1) continue;
    const voice = Math.min(known, fullVoice) / known;
    for (let level = 1; level < levels; level++) bump(total, level, (row[level] as number) * voice);
  }
  return shares(total, 2);
}

/** Chance that two records have the same value, where both have one. */
function equalityChance(counts: Int32Array, known: number): number {
  let pairs = 0;
  for (const count of counts) pairs += count * Math.max(0, count - 1);
  return Math.max(pairs / (known * Math.max(1, known - 1)), 1 / (known * known + 1));
}
