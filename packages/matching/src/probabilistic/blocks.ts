import { sharedIntegers } from "./arrays";
import type { Key } from "./keys";
import type { Threads } from "./threads";

/** Records that agree on all keys of a conjunction, one block after the other; blocks of one record are left out. */
export interface Blocks {
  readonly members: Int32Array;
  /** Where each block begins in `members`; one more at the end. */
  readonly starts: Int32Array;
  readonly pairs: number;
  readonly largest: number;
}

/** Blocks of more records are not compared. */
export const mostMembers = 500;

/** Of a key: what records are grouped by. */
export type Grouping = Pick<Key, "codes" | "hashes">;

/** A conjunction to group by, of which the first thread that comes by takes care. */
export interface BlockRequest {
  readonly keys: readonly Grouping[];
  readonly size: number;
  readonly place: number;
  readonly taken: Int32Array;
}

/** The blocks; undefined where another thread makes them. */
export const buildBlock = ({ keys, size, place, taken }: BlockRequest): Blocks | undefined =>
  Atomics.compareExchange(taken, place, 0, 1) === 0 ? blocksOf(keys, size) : undefined;

/** Other threads group the records by what has been chosen while this one chooses on. */
export class BlockBuilder {
  private readonly requests: BlockRequest[] = [];
  private readonly answers: Promise<(Blocks | undefined)[]>[] = [];
  private readonly taken: Int32Array;

  constructor(
    private readonly threads: Threads,
    private readonly size: number,
    most: number,
  ) {
    this.taken = sharedIntegers(most);
  }

  add(keys: readonly Key[]): void {
    const plain = keys.map(({ codes, hashes }) => ({ codes, hashes }));
    const request = { keys: plain, size: this.size, place: this.requests.length, taken: this.taken };
    this.requests.push(request);
    this.answers.push(this.threads.begin("block", request));
  }

  /** The blocks of all conjunctions, in their order. */
  async all(): Promise<Blocks[]> {
    const own = this.requests.map(buildBlock);
    return await Promise.all(
      own.map(async (one, at) => one ?? ((await this.answers[at])?.find((other) => other !== undefined) as Blocks)),
    );
  }
}

/** Groups the records (or some of them) by a conjunction of keys, in time and memory linear in their number. */
export function blocksOf(keys: readonly Grouping[], size: number, some?: Int32Array): Blocks {
  const [only] = keys;
  if (keys.length === 1 && only !== undefined && some === undefined) return blocksOfOne(only);
  const all = some === undefined ? size : some.length;
  let bits = 4;
  while (2 ** bits < all * 2) bits++;
  const mask = 2 ** bits - 1;
  const slots = new Int32Array(mask + 1).fill(-1);
  const groupOf = new Int32Array(all).fill(-1);
  const leader = new Int32Array(all);
  const counts = new Int32Array(all);
  const [k0, k1, k2] = keys.map((key) => key.codes);
  if (k0 === undefined) throw new Error("A block needs a key.");
  let groups = 0;
  for (let at = 0; at < all; at++) {
    const i = some === undefined ? at : (some[at] as number);
    const a = k0[i] as number;
    const b = k1 === undefined ? 0 : (k1[i] as number);
    const c = k2 === undefined ? 0 : (k2[i] as number);
    if (a < 0 || b < 0 || c < 0) continue;
    let hash = Math.imul(a, 0x9e3779b1) ^ Math.imul(b + 0x7f4a7c15, 0x85ebca6b) ^ Math.imul(c + 0x165667b1, 0xc2b2ae35);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let slot = (hash ^ (hash >>> 13)) & mask;
    for (;;) {
      const group = slots[slot] as number;
      if (group < 0) {
        slots[slot] = groups;
        leader[groups] = i;
        counts[groups] = 1;
        groupOf[at] = groups++;
        break;
      }
      const first = leader[group] as number;
      if (k0[first] === a && (k1 === undefined || k1[first] === b) && (k2 === undefined || k2[first] === c)) {
        counts[group] = (counts[group] as number) + 1;
        groupOf[at] = group;
        break;
      }
      slot = (slot + 1) & mask;
    }
  }
  return arranged(groupOf, counts, groups, some);
}

/** One key's codes are its groups. */
function blocksOfOne({ codes, hashes }: Grouping): Blocks {
  const counts = new Int32Array(hashes.length);
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] as number;
    if (code >= 0) counts[code] = (counts[code] as number) + 1;
  }
  return arranged(codes, counts, counts.length);
}

function arranged(groupOf: Int32Array, counts: Int32Array, groups: number, some?: Int32Array): Blocks {
  let blocks = 0;
  let total = 0;
  let pairs = 0;
  let largest = 0;
  for (let group = 0; group < groups; group++) {
    const count = counts[group] as number;
    if (count < 2) continue;
    blocks++;
    total += count;
    pairs += (count * (count - 1)) / 2;
    if (count > largest) largest = count;
  }
  const starts = sharedIntegers(blocks + 1);
  const next = new Int32Array(groups);
  let block = 0;
  let at = 0;
  for (let group = 0; group < groups; group++) {
    const count = counts[group] as number;
    if (count < 2) {
      next[group] = -1;
      continue;
    }
    next[group] = at;
    starts[block++] = at;
    at += count;
  }
  starts[blocks] = total;
  const members = sharedIntegers(total);
  for (let i = 0; i < groupOf.length; i++) {
    const group = groupOf[i] as number;
    if (group < 0) continue;
    const place = next[group] as number;
    if (place < 0) continue;
    members[place] = some === undefined ? i : (some[i] as number);
    next[group] = place + 1;
  }
  return { members, starts, pairs, largest };
}
