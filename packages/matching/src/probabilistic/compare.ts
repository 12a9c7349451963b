import { sharedIntegers } from "./arrays";
import { type Blocks, mostMembers } from "./blocks";
import { Floats, Pairs } from "./pairs";
import { WeightCounts } from "./prior";
import type { Scorer } from "./scorer";

/** The pairs of the chosen blockings, cut into parts that threads take one after the other; all in shared memory. */
export interface Candidates {
  readonly blockings: readonly Pick<Blocks, "members" | "starts">[];
  /** Larger blocks are left out. */
  readonly mostMembers: number;
  /**
   * Block of record i in blocking k, counted from 1, at i × width + k; 0 where it is in none. A pair's earlier meetings are
   * seen in two places of memory.
   */
  readonly blockOf: Int32Array;
  /** Blocking, first block, block after the last one, of each part. */
  readonly parts: Int32Array;
  /** The next part to take; the pairs compared so far, in thousands. */
  readonly cursor: Int32Array;
}

/** What one thread has found: pairs that may be links, by part. */
export interface Found {
  readonly a: Int32Array;
  readonly b: Int32Array;
  readonly weight: Float32Array;
  readonly kin: Float32Array;
  /** Part, first place and place after the last one. */
  readonly parts: Int32Array;
  readonly grid: Float64Array;
  readonly compared: number;
}

const partPairs = 50_000;

/** Every pair of a small input. */
export function allPairs(size: number): Candidates {
  const members = Int32Array.from({ length: size }, (_, at) => at);
  return candidatesOf([{ blocks: { members, starts: Int32Array.of(0, size) }, pairs: 0 }], size, size);
}

export function candidatesOf(
  chosen: readonly { readonly blocks: Pick<Blocks, "members" | "starts">; readonly pairs: number }[],
  size: number,
  most = mostMembers,
): Candidates {
  const width = chosen.length;
  const blockOf = sharedIntegers(size * width);
  const parts: number[] = [];
  // Most pairs meet in several blockings, most often in the larger ones: there they are looked for first.
  const blockings = [...chosen]
    .sort((a, b) => b.pairs - a.pairs)
    .map(({ blocks: { members, starts } }) => ({ members, starts }));
  for (const [k, { members, starts }] of blockings.entries()) {
    let pairs = 0;
    let first = 0;
    for (let block = 0; block + 1 < starts.length; block++) {
      const from = starts[block] as number;
      const to = starts[block + 1] as number;
      if (to - from > most) continue;
      for (let at = from; at < to; at++) blockOf[(members[at] as number) * width + k] = block + 1;
      pairs += ((to - from) * (to - from - 1)) / 2;
      if (pairs < partPairs) continue;
      parts.push(k, first, block + 1);
      first = block + 1;
      pairs = 0;
    }
    if (pairs > 0) parts.push(k, first, starts.length - 1);
  }
  const shared = sharedIntegers(parts.length);
  shared.set(parts);
  return { blockings, mostMembers: most, blockOf, parts: shared, cursor: sharedIntegers(2) };
}

/**
 * Weighs the pairs of the parts that no other thread has taken, each pair once: it is left out where an earlier blocking
 * meets it. Pairs below even evidence are neither links nor many matches, and are not kept.
 */
export function compareParts(candidates: Candidates, scorer: Scorer, onPairs?: (compared: number) => void): Found {
  const { blockings, mostMembers: most, blockOf, parts, cursor } = candidates;
  const width = blockings.length;
  const pairs = new Pairs();
  const kin = new Floats();
  const counts = new WeightCounts();
  const segments: number[] = [];
  let compared = 0;
  for (;;) {
    const part = Atomics.add(cursor, 0, 1);
    if (part * 3 >= parts.length) break;
    const k = parts[part * 3] as number;
    const { members, starts } = blockings[k] as Candidates["blockings"][number];
    const first = pairs.length;
    const before = compared;
    for (let block = parts[part * 3 + 1] as number; block < (parts[part * 3 + 2] as number); block++) {
      const from = starts[block] as number;
      const to = starts[block + 1] as number;
      if (to - from > most) continue;
      for (let x = from; x < to; x++) {
        const i = members[x] as number;
        for (let y = x + 1; y < to; y++) {
          const j = members[y] as number;
          if (metBefore(blockOf, i * width, j * width, k)) continue;
          compared++;
          if (!scorer.isLikely(i, j)) continue;
          counts.add(scorer.match, scorer.kin);
          pairs.push(i, j, scorer.match);
          kin.push(scorer.kin);
        }
      }
    }
    segments.push(part, first, pairs.length);
    const thousands = Math.round((compared - before) / 1000);
    onPairs?.((Atomics.add(cursor, 1, thousands) + thousands) * 1000);
  }
  const { a, b, weight } = pairs;
  return { a, b, weight, kin: kin.values, parts: Int32Array.from(segments), grid: counts.grid, compared };
}

/** What all threads have found, in the order of the parts: who took which does not show. */
export function together(found: readonly Found[]): {
  readonly pairs: Pairs;
  readonly kin: Float32Array;
  readonly counts: WeightCounts;
  readonly compared: number;
} {
  const places: { readonly of: Found; readonly part: number; readonly from: number; readonly to: number }[] = [];
  const counts = new WeightCounts();
  let compared = 0;
  let length = 0;
  for (const of of found) {
    compared += of.compared;
    counts.addAll(of.grid);
    for (let at = 0; at < of.parts.length; at += 3) {
      const [part, from, to] = of.parts.subarray(at, at + 3) as unknown as [number, number, number];
      places.push({ of, part, from, to });
      length += to - from;
    }
  }
  places.sort((x, y) => x.part - y.part);
  const pairs = new Pairs(length);
  const kin = new Float32Array(length);
  for (const { of, from, to } of places) {
    pairs.a.set(of.a.subarray(from, to), pairs.length);
    pairs.b.set(of.b.subarray(from, to), pairs.length);
    pairs.weight.set(of.weight.subarray(from, to), pairs.length);
    kin.set(of.kin.subarray(from, to), pairs.length);
    pairs.length += to - from;
  }
  return { pairs, kin, counts, compared };
}

function metBefore(blockOf: Int32Array, atI: number, atJ: number, k: number): boolean {
  for (let earlier = 0; earlier < k; earlier++) {
    const block = blockOf[atI + earlier] as number;
    if (block > 0 && block === blockOf[atJ + earlier]) return true;
  }
  return false;
}
