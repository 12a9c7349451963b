import { UnionFind } from "../cluster/union-find";
import { sharedIntegers } from "./arrays";
import type { Encoded } from "./encode";
import { heaviestFirst, type Linked, type Pairs } from "./pairs";
import type { Prior, Scorer, Weights } from "./scorer";
import type { Threads } from "./threads";

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
  /** By place in the pairs: 1 where the link holds a profile together. */
  readonly kept: Uint8Array;
  /** Links refused, by reason. */
  readonly cut: ReadonlyMap<string, number>;
}

/** Profiles while they are made; in shared memory, since threads make those of different records. */
interface Sets {
  readonly parent: Int32Array;
  /** The next member of a record's profile, round and round. */
  readonly next: Int32Array;
  /** Distinct records of a profile, and records, by its root. */
  readonly lengths: Int32Array;
  readonly records: Int32Array;
}

/** Links to take, part by part; no two parts have a record in common. */
export interface ClusterRequest {
  readonly pairs: Linked;
  readonly length: number;
  /** By distinct record: its part. */
  readonly partOf: Uint8Array;
  readonly parts: number;
  readonly cursor: Int32Array;
  readonly sets: Sets;
  readonly order: Float64Array;
  readonly prior: Prior;
  readonly options: Pick<ProfileOptions, "cohesion" | "threshold" | "maxSize">;
  /** Filled: see `Profiles`. */
  readonly kept: Uint8Array;
}

/** Links refused, by reason. */
export type Cuts = ReadonlyMap<string, number>;

/** Others that help, and what they need to weigh as this thread does. */
export interface ClusterHelp {
  readonly threads: Threads;
  readonly weights: readonly Weights[];
}

/** Parts for each thread: they take about as long. */
const partsEach = 2;

/**
 * Takes the links from the heaviest down; each unites two profiles where these, compared with one another as a whole, are
 * rather one person than two. A chain of plausible links therefore ends where its ends contradict each other.
 *
 * What no chain of links connects has nothing to do with each other: threads share the parts of the graph, unless a
 * `refusal` is given, and the result is the same.
 */
export async function clusterProfiles(
  encoded: Encoded,
  pairs: Pairs,
  scorer: Scorer,
  prior: Prior,
  options: ProfileOptions,
  help?: ClusterHelp,
): Promise<Profiles> {
  const { size } = encoded;
  const sets = newSets(encoded);
  const helpers = options.refusal === undefined && help !== undefined ? help.threads.helpers : 0;
  const whole = helpers > 0 ? new UnionFind(size) : undefined;
  for (const [a, b] of options.united ?? []) {
    const x = rootOf(sets.parent, a);
    const y = rootOf(sets.parent, b);
    if (x === y) continue;
    unite(sets, x, y);
    whole?.unite(a, b);
  }
  const parts = helpers > 0 ? Math.min(255, (helpers + 1) * partsEach) : 1;
  const request: ClusterRequest = {
    pairs: { a: pairs.a, b: pairs.b, weight: pairs.weight },
    length: pairs.length,
    partOf: partsOf(whole, pairs, parts, size),
    parts,
    cursor: sharedIntegers(1),
    sets,
    order: encoded.order,
    prior,
    options: { cohesion: options.cohesion, threshold: options.threshold, maxSize: options.maxSize },
    kept: new Uint8Array(new SharedArrayBuffer(pairs.length)),
  };
  const own = () => clusterParts(request, scorer, options.refusal);
  const cuts =
    helpers > 0 && help !== undefined
      ? await help.threads.ask(
          "cluster",
          { clusters: request, weights: help.weights, codes: scorer.vectors.codes },
          own,
        )
      : [own()];
  const cut = new Map<string, number>();
  for (const [reason, count] of cuts.flatMap((one) => [...one])) cut.set(reason, (cut.get(reason) ?? 0) + count);
  const { parent } = sets;
  for (let at = 0; at < size; at++) parent[at] = rootOf(parent, at);
  return { root: parent, kept: request.kept, cut };
}

function newSets({ size, distinctOf }: Encoded): Sets {
  const [parent, next, lengths, records] = [0, 1, 2, 3].map(() => sharedIntegers(size)) as [
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  for (let at = 0; at < size; at++) {
    parent[at] = at;
    next[at] = at;
    lengths[at] = 1;
  }
  for (let r = 0; r < distinctOf.length; r++) {
    const distinct = distinctOf[r] as number;
    records[distinct] = (records[distinct] as number) + 1;
  }
  return { parent, next, lengths, records };
}

/** Records that links connect are of one part. */
function partsOf(whole: UnionFind | undefined, pairs: Pairs, parts: number, size: number): Uint8Array {
  const partOf = new Uint8Array(new SharedArrayBuffer(size));
  if (whole === undefined) return partOf;
  for (let p = 0; p < pairs.length; p++) whole.unite(pairs.a[p] as number, pairs.b[p] as number);
  for (let at = 0; at < size; at++) partOf[at] = whole.find(at) % parts;
  return partOf;
}

function rootOf(parent: Int32Array, at: number): number {
  let current = at;
  while (parent[current] !== current) {
    parent[current] = parent[parent[current] as number] as number;
    current = parent[current] as number;
  }
  return current;
}

function unite({ parent, next, lengths, records }: Sets, x: number, y: number): void {
  const [into, from] = (lengths[x] as number) >= (lengths[y] as number) ? [x, y] : [y, x];
  const after = next[into] as number;
  next[into] = next[from] as number;
  next[from] = after;
  parent[from] = into;
  lengths[into] = (lengths[into] as number) + (lengths[from] as number);
  records[into] = (records[into] as number) + (records[from] as number);
}

function membersOf(next: Int32Array, root: number): number[] {
  const members = [root];
  for (let at = next[root] as number; at !== root; at = next[at] as number) members.push(at);
  return members;
}

/** Clusters the parts that no other thread has taken. */
export function clusterParts(
  request: ClusterRequest,
  scorer: Scorer,
  mayNot?: NonNullable<ProfileOptions["refusal"]>,
): Cuts {
  const { pairs, length, partOf, parts, cursor, sets, order, prior, options, kept } = request;
  const { parent, next, lengths, records } = sets;
  const size = parent.length;
  const cut = new Map<string, number>();
  const refusal = (x: number, y: number, state: number): string | undefined => {
    if ((records[x] as number) + (records[y] as number) > options.maxSize)
      return `more than ${options.maxSize} records`;
    // A pair of single records has been weighed: its link is what brought us here.
    if (state === 2 && mayNot === undefined) return undefined;
    const a = membersOf(next, x);
    const b = membersOf(next, y);
    if (state > 2 && !scorer.holdTogether(a, b, prior, options.cohesion)) return "the profiles contradict each other";
    return mayNot?.(a, b);
  };
  const places = new Int32Array(length);
  for (let part = Atomics.add(cursor, 0, 1); part < parts; part = Atomics.add(cursor, 0, 1)) {
    let own = 0;
    for (let p = 0; p < length; p++)
      if (partOf[pairs.a[p] as number] === part && (pairs.weight[p] as number) >= options.threshold) places[own++] = p;
    // A pair of profiles that was refused is asked again only when one of them has grown.
    const refused = new Map<number, number>();
    for (const place of heaviestFirst(pairs, order, places.subarray(0, own))) {
      const x = rootOf(parent, pairs.a[place] as number);
      const y = rootOf(parent, pairs.b[place] as number);
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
      unite(sets, x, y);
      kept[place] = 1;
    }
  }
  return cut;
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
  const { distinctOf } = encoded;
  const roots = new Int32Array(distinctOf.length);
  for (let record = 0; record < roots.length; record++) {
    const at = root[distinctOf[record] as number] as number;
    roots[record] = record;
    if (first[at] === -1) {
      first[at] = record;
      continue;
    }
    if (together[at] === 0) together[at] = (sizes[at] as number) > 1 || alike(at) ? 1 : -1;
    if (together[at] === 1) roots[record] = first[at] as number;
  }
  return roots;
}
