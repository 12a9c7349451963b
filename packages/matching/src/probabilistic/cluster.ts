import type { Encoded } from "./encode";
import { heaviestFirst, type Pairs } from "./pairs";
import type { Prior, Scorer } from "./scorer";

export interface ProfileOptions {
  /** Two profiles become one only where their weight, compared as if each were one record, is at least this. */
  readonly cohesion: number;
  /** Least weight of a link. */
  readonly threshold: number;
  /** Most records of one profile. */
  readonly maxSize: number;
  /** Why two profiles must not become one, by their distinct records; undefined where they may. */
  readonly refusal?: (a: readonly number[], b: readonly number[]) => string | undefined;
  /** Told of the distinct records united before the first link (by rules, by declaration). */
  readonly united?: Iterable<readonly [number, number]>;
}

export interface Profiles {
  /** Per distinct record: the distinct record that stands for its profile. */
  readonly root: Int32Array;
  /** Places (in the pairs) of the links that hold profiles together. */
  readonly kept: readonly number[];
  /** Links refused, by reason. */
  readonly cut: ReadonlyMap<string, number>;
}

/**
 * Takes the links from the heaviest down; each unites two profiles where these, compared with one another as a whole, are
 * rather one person than two. A chain of plausible links therefore ends where its ends contradict each other.
 */
export function clusterProfiles(
  encoded: Encoded,
  pairs: Pairs,
  scorer: Scorer,
  prior: Prior,
  options: ProfileOptions,
): Profiles {
  const { size } = encoded;
  const parent = new Int32Array(size);
  /** The next member of a record's profile, round and round. */
  const next = new Int32Array(size);
  /** Distinct records of a profile, and records, by its root. */
  const lengths = new Int32Array(size).fill(1);
  const records = new Int32Array(size);
  for (let at = 0; at < size; at++) {
    parent[at] = at;
    next[at] = at;
  }
  for (const distinct of encoded.distinctOf) records[distinct] = (records[distinct] as number) + 1;
  const find = (at: number): number => {
    let current = at;
    while (parent[current] !== current) {
      parent[current] = parent[parent[current] as number] as number;
      current = parent[current] as number;
    }
    return current;
  };
  const membersOf = (root: number): number[] => {
    const members = [root];
    for (let at = next[root] as number; at !== root; at = next[at] as number) members.push(at);
    return members;
  };
  const unite = (x: number, y: number): void => {
    const [into, from] = (lengths[x] as number) >= (lengths[y] as number) ? [x, y] : [y, x];
    const after = next[into] as number;
    next[into] = next[from] as number;
    next[from] = after;
    parent[from] = into;
    lengths[into] = (lengths[into] as number) + (lengths[from] as number);
    records[into] = (records[into] as number) + (records[from] as number);
  };
  for (const [a, b] of options.united ?? []) {
    const x = find(a);
    const y = find(b);
    if (x !== y) unite(x, y);
  }
  const kept: number[] = [];
  const cut = new Map<string, number>();
  const refusal = (x: number, y: number, state: number): string | undefined => {
    if ((records[x] as number) + (records[y] as number) > options.maxSize)
      return `more than ${options.maxSize} records`;
    // A pair of single records has been weighed: its link is what brought us here.
    if (state === 2 && options.refusal === undefined) return undefined;
    const a = membersOf(x);
    const b = membersOf(y);
    if (state > 2 && !scorer.holdTogether(a, b, prior, options.cohesion)) return "the profiles contradict each other";
    return options.refusal?.(a, b);
  };
  // A pair of profiles that was refused is asked again only when one of them has grown.
  const refused = new Map<number, number>();
  for (const place of heaviestFirst(pairs, encoded.order)) {
    if ((pairs.weight[place] as number) < options.threshold) continue;
    const x = find(pairs.a[place] as number);
    const y = find(pairs.b[place] as number);
    if (x === y) continue;
    const state = (lengths[x] as number) + (lengths[y] as number);
    const key = Math.min(x, y) * size + Math.max(x, y);
    if (refused.get(key) === state) continue;
    const reason = refusal(x, y, state);
    if (reason !== undefined) {
      refused.set(key, state);
      cut.set(reason, (cut.get(reason) ?? 0) + 1);
      continue;
    }
    unite(x, y);
    kept.push(place);
  }
  for (let at = 0; at < size; at++) parent[at] = find(at);
  return { root: parent, kept, cut };
}

/**
 * Per record: the first record of its profile. Records whose fields are all equal are one person where they share a profile
 * with others, and alone where what they say is enough (`alike`); "John" and "John" are not.
 */
export function recordRoots(encoded: Encoded, root: Int32Array, alike: (distinct: number) => boolean): Int32Array {
  const sizes = new Int32Array(encoded.size);
  for (const at of root) sizes[at] = (sizes[at] as number) + 1;
  const first = new Int32Array(encoded.size).fill(-1);
  const together = new Int8Array(encoded.size);
  return Int32Array.from(encoded.distinctOf, (distinct, record) => {
    const at = root[distinct] as number;
    if (first[at] === -1) {
      first[at] = record;
      return record;
    }
    if (together[at] === 0) together[at] = (sizes[at] as number) > 1 || alike(at) ? 1 : -1;
    return together[at] === 1 ? (first[at] as number) : record;
  });
}
