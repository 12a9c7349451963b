import { bump, sharedIntegers } from "./arrays";
import type { Comparison } from "./comparisons";
import { byContent, type Encoded } from "./encode";
import type { Key } from "./keys";
import type { Patterns, Sample } from "./patterns";
import { type BlockSamples, shareOf } from "./samples";

/** Random pairs, in a few samples: each record with those that follow it in the content's order. */
export function randomSamples(encoded: Encoded, target: number): Sample[] {
  const picked = byContent(encoded.order, target);
  const order = sharedIntegers(picked.length);
  order.set(picked);
  const size = order.length;
  const steps = Math.max(1, Math.min(Math.floor((size - 1) / 2), Math.ceil(target / Math.max(1, size))));
  return Array.from({ length: randomParts }, (_, part) => ({
    order,
    steps,
    from: Math.floor((size * part) / randomParts),
    to: Math.floor((size * (part + 1)) / randomParts),
  }));
}

const randomParts = 8;

/** A blocking to learn from, and the vectors of (a sample of) its pairs. */
export interface Session {
  readonly keys: readonly Key[];
  readonly patterns: Patterns;
}

/** Pairs of whole blocks, chosen by their values, about as many as wanted. */
export const sessionSample = (
  encoded: Encoded,
  keys: readonly Key[],
  wanted: number,
  blocks: BlockSamples,
): Sample => ({
  blocks: shareOf(keys, blocks.shareOf(keys, wanted)),
  content: encoded.order,
});

/** Conjunctions to learn from: pure enough that EM finds the matches, and no column in too many of them. */
export function trainingKeys(keys: readonly Key[], size: number): Key[][] {
  const exact = keys.filter((key) => key.exact);
  const found: { keys: Key[]; chance: number; coverage: number }[] = [];
  const consider = (some: Key[]) => {
    const chance = some.reduce((product, key) => product * key.collision, size);
    const coverage = some.reduce((product, key) => product * key.coverage, 1);
    if (chance <= 2) found.push({ keys: some, chance, coverage });
  };
  exact.forEach((key, index) => {
    consider([key]);
    for (const other of exact.slice(index + 1)) {
      consider([key, other]);
      if (size > 200_000) for (const third of exact.slice(exact.indexOf(other) + 1)) consider([key, other, third]);
    }
  });
  found.sort((a, b) => b.coverage - a.coverage || a.chance - b.chance);
  const used = new Map<unknown, number>();
  const picked: Key[][] = [];
  for (const one of found) {
    if (picked.length >= 8) break;
    if (one.keys.some((key) => (used.get(key.column) ?? 0) >= 3)) continue;
    for (const key of one.keys) used.set(key.column, (used.get(key.column) ?? 0) + 1);
    picked.push(one.keys);
  }
  return picked;
}

/** Shares of the levels among pairs, the missing one left out; every level keeps a little. */
export function shares(weights: Float64Array, little: number): Float64Array {
  const known = weights.subarray(1);
  const total = known.reduce((sum, one) => sum + one, 0);
  const result = new Float64Array(weights.length);
  for (let level = 1; level < weights.length; level++) {
    result[level] = ((weights[level] as number) + little / known.length) / (total + little);
  }
  return result;
}

export function levelCounts(all: readonly Patterns[], comparisons: readonly Comparison[]): Float64Array[] {
  const width = comparisons.length;
  const result = comparisons.map((comparison) => new Float64Array(comparison.levels.length));
  for (const { counts, levels } of all) {
    counts.forEach((count, p) => {
      for (let c = 0; c < width; c++) bump(result[c], levels[p * width + c] as number, count);
    });
  }
  return result;
}

/** How a comparison's levels are taken to occur among matches before anything is learned: nearly always equal. */
const firstGuess = (levels: number): Float64Array => {
  const m = new Float64Array(levels);
  for (let level = 1; level < levels - 1; level++) m[level] = 0.15 / (levels - 2);
  m[levels - 1] = 0.85;
  return m;
};

/** Expected pairs at each level, by comparison; undefined for those that a session leaves out. */
type Expected = (Float64Array | undefined)[];

export interface Learned {
  readonly matches: Expected;
  readonly kin: Expected;
  /** Pairs of each kind. */
  readonly totals: { readonly matches: number; readonly kin: number };
}

/**
 * Expectation-maximisation over one session with three kinds of pairs: matches, random ones, and kin, two people of one
 * household, who agree on whatever a household shares but whose personal fields are as random as anybody's. Without the
 * third kind, a town full of families teaches the model that first names differ in matches.
 *
 * u stays, the columns blocked on stay out; what is learned are m, what kin share, and how many pairs are of each kind.
 */
export function learn(learned: Session, comparisons: readonly Comparison[], u: readonly Float64Array[]): Learned {
  const { patterns, keys } = learned;
  const width = comparisons.length;
  const used = comparisons.map((comparison) => !keys.some((key) => key.column === comparison.column));
  const hasKin = comparisons.some((comparison, c) => used[c] && comparison.personal);
  const m = comparisons.map((comparison) => firstGuess(comparison.levels.length));
  const h = comparisons.map((comparison, c) =>
    comparison.personal ? (u[c] as Float64Array) : firstGuess(comparison.levels.length),
  );
  const pairs = patterns.counts.reduce((sum, one) => sum + one, 0);
  let share = 0.4;
  let kinShare = hasKin ? 0.2 : 0;
  let expected: Pick<Learned, "matches" | "kin"> = { matches: [], kin: [] };
  let totals = { matches: 0, kin: 0 };
  for (let round = 0; round < 100; round++) {
    const empty = (): Expected =>
      comparisons.map((comparison, c) => (used[c] ? new Float64Array(comparison.levels.length) : undefined));
    expected = { matches: empty(), kin: empty() };
    const ratios = (of: readonly Float64Array[]) =>
      of.map((row, c) =>
        Float64Array.from(row, (one, level) =>
          level === 0 || !used[c] ? 1 : one / ((u[c] as Float64Array)[level] as number),
        ),
      );
    const mRatios = ratios(m);
    const hRatios = ratios(h);
    let matches = 0;
    let kin = 0;
    for (let p = 0; p < patterns.counts.length; p++) {
      const count = patterns.counts[p] as number;
      let odds = share;
      let kinOdds = kinShare;
      const at = p * width;
      for (let c = 0; c < width; c++) {
        const level = patterns.levels[at + c] as number;
        odds *= (mRatios[c] as Float64Array)[level] as number;
        kinOdds *= (hRatios[c] as Float64Array)[level] as number;
      }
      const all = odds + kinOdds + (1 - share - kinShare);
      const match = (count * odds) / all;
      const relative = (count * kinOdds) / all;
      matches += match;
      kin += relative;
      for (let c = 0; c < width; c++) {
        const level = patterns.levels[at + c] as number;
        bump(expected.matches[c], level, match);
        bump(expected.kin[c], level, relative);
      }
    }
    let moved = 0;
    for (let c = 0; c < width; c++) {
      const row = expected.matches[c];
      if (row === undefined) continue;
      const next = shares(row, 1);
      const old = m[c] as Float64Array;
      for (let level = 1; level < next.length; level++)
        moved = Math.max(moved, Math.abs((next[level] as number) - (old[level] as number)));
      m[c] = next;
      if (!(comparisons[c] as Comparison).personal) h[c] = shares(expected.kin[c] as Float64Array, 1);
    }
    share = Math.min(0.999, Math.max(1e-7, matches / Math.max(1, pairs)));
    kinShare = hasKin ? Math.min(1 - share - 1e-7, Math.max(1e-7, kin / Math.max(1, pairs))) : 0;
    totals = { matches, kin };
    if (moved < 1e-4) break;
  }
  return { ...expected, totals };
}
