import { sharedIntegers } from "./arrays";
import type { Key } from "./keys";

/** Records that agree on something, one group after the other; groups of one record are left out. */
export interface Groups {
  readonly members: Int32Array;
  /** Where each group begins in `members`; one more at the end. */
  readonly starts: Int32Array;
  readonly pairs: number;
  readonly largest: number;
}

/** Records that agree on all keys of a conjunction; in memory that all threads see. */
export type Blocks = Groups;

/** Blocks of more records are not compared. */
export const mostMembers = 500;

/** Of a key: what records are grouped by. */
export type Grouping = Pick<Key, "codes" | "hashes" | "collision">;

/** A conjunction to group by, of which the first thread that comes by takes care. */
export interface BlockRequest {
  readonly keys: readonly Grouping[];
  readonly place: number;
  readonly taken: Int32Array;
}

export const groupingOf = ({ codes, hashes, collision }: Grouping): Grouping => ({ codes, hashes, collision });

/** The blocks; undefined where another thread makes them. */
export const buildBlock = ({ keys, place, taken }: BlockRequest): Blocks | undefined =>
  Atomics.compareExchange(taken, place, 0, 1) === 0 ? blocksOf(keys) : undefined;

/**
 * Groups the records (or some of them) by a conjunction of keys, in time and memory linear in their number: by the rarest
 * key first, which leaves groups so small that the others take them apart where they lie.
 */
export function blocksOf(keys: readonly Grouping[], some?: Int32Array): Blocks {
  const [first, ...others] = [...keys].sort((a, b) => a.collision - b.collision);
  if (first === undefined) throw new Error("A block needs a key.");
  return others.reduce(
    (groups, { codes, hashes }) => split(groups, codes, hashes.length),
    grouped(first.codes, first.hashes.length, some),
  );
}

/** Groups the records (or some of them) by their codes. */
export function grouped(codes: Int32Array, kinds: number, some?: Int32Array): Groups {
  const all = some === undefined ? codes.length : some.length;
  // By code: how many records have it; then where the next one of them belongs, −1 where there is no other.
  const next = new Int32Array(kinds);
  for (let at = 0; at < all; at++) {
    const code = codes[some === undefined ? at : (some[at] as number)] as number;
    if (code >= 0) next[code] = (next[code] as number) + 1;
  }
  const found = new Found(all);
  for (let code = 0; code < kinds; code++) {
    const count = next[code] as number;
    next[code] = count < 2 ? -1 : found.add(count);
  }
  const { members } = found;
  for (let at = 0; at < all; at++) {
    const record = some === undefined ? at : (some[at] as number);
    const code = codes[record] as number;
    if (code < 0) continue;
    const place = next[code] as number;
    if (place < 0) continue;
    members[place] = record;
    next[code] = place + 1;
  }
  return found.done();
}

/** Larger groups are taken apart by tables instead of by looking at every pair. */
const few = 24;

/** Takes groups apart by the codes of their members. */
export function split({ members: given, starts }: Groups, codes: Int32Array, kinds: number): Groups {
  const found = new Found(given.length);
  const { members } = found;
  const own = new Int32Array(few);
  let tables: { readonly counts: Int32Array; readonly next: Int32Array } | undefined;
  for (let group = 0; group + 1 < starts.length; group++) {
    const from = starts[group] as number;
    const to = starts[group + 1] as number;
    if (to - from > few) {
      tables ??= { counts: new Int32Array(kinds), next: new Int32Array(kinds) };
      splitLarge(given.subarray(from, to), codes, found, tables);
      continue;
    }
    const size = to - from;
    for (let x = 0; x < size; x++) own[x] = codes[given[from + x] as number] as number;
    for (let x = 0; x + 1 < size; x++) {
      const code = own[x] as number;
      if (code < 0) continue;
      let count = 1;
      for (let y = x + 1; y < size; y++) {
        if (own[y] !== code) continue;
        own[y] = -1;
        members[found.length + count++] = given[from + y] as number;
      }
      if (count > 1) members[found.add(count)] = given[from + x] as number;
    }
  }
  return found.done();
}

function splitLarge(
  given: Int32Array,
  codes: Int32Array,
  found: Found,
  { counts, next }: { readonly counts: Int32Array; readonly next: Int32Array },
): void {
  for (let at = 0; at < given.length; at++) {
    const code = codes[given[at] as number] as number;
    if (code >= 0) counts[code] = (counts[code] as number) + 1;
  }
  for (let at = 0; at < given.length; at++) {
    const record = given[at] as number;
    const code = codes[record] as number;
    if (code < 0) continue;
    const count = counts[code] as number;
    if (count > 0) {
      // The code's first member: a group of its own, or none.
      counts[code] = 0;
      next[code] = count < 2 ? -1 : found.add(count);
    }
    const place = next[code] as number;
    if (place < 0) continue;
    found.members[place] = record;
    next[code] = place + 1;
  }
}

/** Groups while they are found. */
class Found {
  readonly members: Int32Array;
  /** Members of all groups so far. */
  length = 0;
  private readonly starts: Int32Array;
  private groups = 0;
  private pairs = 0;
  private largest = 0;

  /** @param most - members there will be at most */
  constructor(most: number) {
    this.members = sharedIntegers(most);
    this.starts = sharedIntegers((most >> 1) + 1);
  }

  /** Adds a group; its members are the caller's to fill in, from the place given. */
  add(count: number): number {
    const place = this.length;
    this.starts[this.groups++] = place;
    this.length += count;
    this.pairs += (count * (count - 1)) / 2;
    if (count > this.largest) this.largest = count;
    return place;
  }

  done(): Groups {
    this.starts[this.groups] = this.length;
    return {
      members: this.members.subarray(0, this.length),
      starts: this.starts.subarray(0, this.groups + 1),
      pairs: this.pairs,
      largest: this.largest,
    };
  }
}
