import { type Blocks, blocksOf, type Grouping } from "./blocks";
import type { Key } from "./keys";

/** Most records that pairs are counted on. */
const counted = 100_000;

/** Larger groups of two keys are made anew: there may be hundreds. */
const mostKept = 20_000;

/** Records of the sample that share their group with another one, and the groups. */
interface Groups {
  readonly places: Int32Array;
  readonly groups: Int32Array;
  readonly pairs: number;
}

/** What conjunctions cost, and samples of their blocks; chosen by content, the same in every run. */
export class BlockSamples {
  private readonly some: Int32Array | undefined;
  /** Codes of the sample's records, by key: what is counted again and again lies together. */
  private readonly codes = new Map<Key, Int32Array>();
  private readonly alone = new Map<Key, Groups>();
  /** By two keys together: many conjunctions of three begin with the same two. */
  private readonly both = new Map<Key, Map<Key, Groups>>();
  private readonly slots: Int32Array;
  private readonly mask: number;

  constructor(
    private readonly size: number,
    order: Float64Array,
  ) {
    if (size > counted * 1.2) {
      const bound = 2 ** 53 * (counted / size);
      const picked: number[] = [];
      for (let i = 0; i < size; i++) if ((order[i] as number) < bound) picked.push(i);
      this.some = Int32Array.from(picked);
    }
    let bits = 4;
    while (2 ** bits < (this.some?.length ?? size) * 2) bits++;
    this.slots = new Int32Array(2 ** bits);
    this.mask = 2 ** bits - 1;
  }

  /** Pairs that a conjunction makes, about. */
  pairsOf(keys: readonly Key[]): number {
    const [first, ...others] = keys
      .map((key) => this.groupsOf(key))
      .map((groups, at) => ({ groups, key: keys[at] as Key }))
      // Few records are left soon where the rarest key comes first.
      .sort((a, b) => a.groups.places.length - b.groups.places.length);
    if (first === undefined) throw new Error("A block needs a key.");
    const [second, third] = others;
    let groups = second === undefined ? first.groups : this.ofBoth(first, second.key);
    if (third !== undefined) groups = this.refined(groups, third.key);
    return this.some === undefined ? groups.pairs : groups.pairs * (this.size / Math.max(1, this.some.length)) ** 2;
  }

  /** One value in so many of a conjunction's rarest key: then it has about as many pairs as wanted, or fewer. */
  shareOf(keys: readonly Key[], wanted: number): number {
    return 2 ** Math.max(0, Math.floor(Math.log2(this.pairsOf(keys) / wanted)));
  }

  private codesOf(key: Key): Int32Array {
    const { some } = this;
    if (some === undefined) return key.codes;
    let codes = this.codes.get(key);
    if (codes === undefined) {
      codes = new Int32Array(some.length);
      for (let at = 0; at < some.length; at++) codes[at] = key.codes[some[at] as number] as number;
      this.codes.set(key, codes);
    }
    return codes;
  }

  private groupsOf(key: Key): Groups {
    let groups = this.alone.get(key);
    if (groups === undefined) {
      const codes = this.codesOf(key);
      const places = new Int32Array(codes.length);
      let length = 0;
      for (let at = 0; at < codes.length; at++) if ((codes[at] as number) >= 0) places[length++] = at;
      const known = places.subarray(0, length);
      groups = withoutSingles(
        known,
        Int32Array.from(known, (at) => codes[at] as number),
        key.hashes.length,
      );
      this.alone.set(key, groups);
    }
    return groups;
  }

  private ofBoth({ groups, key }: { readonly groups: Groups; readonly key: Key }, other: Key): Groups {
    const known = this.both.get(key) ?? new Map<Key, Groups>();
    this.both.set(key, known);
    let both = known.get(other);
    if (both === undefined) {
      both = this.refined(groups, other);
      if (both.places.length <= mostKept) known.set(other, both);
    }
    return both;
  }

  /** The groups taken apart by another key. */
  private refined({ places, groups }: Groups, key: Key): Groups {
    const codes = this.codesOf(key);
    const { slots, mask } = this;
    slots.fill(-1);
    const found = new Int32Array(places.length);
    const kept = new Int32Array(places.length);
    const leaders = new Int32Array(places.length);
    let length = 0;
    let next = 0;
    for (let at = 0; at < places.length; at++) {
      const place = places[at] as number;
      const code = codes[place] as number;
      if (code < 0) continue;
      const group = groups[at] as number;
      let hash = Math.imul(group, 0x9e3779b1) ^ Math.imul(code + 0x7f4a7c15, 0x85ebca6b);
      hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
      let slot = (hash ^ (hash >>> 13)) & mask;
      let own = slots[slot] as number;
      while (own >= 0) {
        const leader = leaders[own] as number;
        if (groups[leader] === group && codes[places[leader] as number] === code) break;
        slot = (slot + 1) & mask;
        own = slots[slot] as number;
      }
      if (own < 0) {
        own = next++;
        slots[slot] = own;
        leaders[own] = at;
      }
      kept[length] = place;
      found[length++] = own;
    }
    return withoutSingles(kept.subarray(0, length), found.subarray(0, length), next);
  }
}

function withoutSingles(places: Int32Array, groups: Int32Array, size: number): Groups {
  const counts = new Int32Array(size);
  for (let at = 0; at < groups.length; at++) {
    const group = groups[at] as number;
    counts[group] = (counts[group] as number) + 1;
  }
  let pairs = 0;
  let members = 0;
  for (let group = 0; group < size; group++) {
    const count = counts[group] as number;
    if (count < 2) continue;
    pairs += (count * (count - 1)) / 2;
    members += count;
  }
  const shared = new Int32Array(members);
  const own = new Int32Array(members);
  let length = 0;
  for (let at = 0; at < groups.length; at++) {
    const group = groups[at] as number;
    if ((counts[group] as number) < 2) continue;
    shared[length] = places[at] as number;
    own[length++] = group;
  }
  return { places: shared, groups: own, pairs };
}

/** A part of a conjunction's blocks: those of one value in so many of its rarest key. */
export interface BlockShare {
  readonly keys: readonly Grouping[];
  readonly rarest: Grouping;
  readonly share: number;
  readonly size: number;
}

export const shareOf = (keys: readonly Key[], share: number, size: number): BlockShare => {
  const plain = ({ codes, hashes }: Key): Grouping => ({ codes, hashes });
  const rarest = keys.reduce((rarest, key) => (key.collision < rarest.collision ? key : rarest));
  return { keys: keys.map(plain), rarest: plain(rarest), share, size };
};

export const blocksOfShare = ({ keys, rarest, share, size }: BlockShare): Blocks =>
  blocksOf(keys, size, share === 1 ? undefined : withShare(rarest, share, size));

/** The records that have one of a key's values in so many. */
function withShare(key: Grouping, share: number, size: number): Int32Array {
  const chosen = new Uint8Array(key.hashes.length);
  for (let code = 0; code < chosen.length; code++) {
    const hash = Math.imul(key.hashes[code] as number, 0x9e3779b1) >>> 7;
    chosen[code] = (hash & (share - 1)) === 0 ? 1 : 0;
  }
  const picked: number[] = [];
  for (let i = 0; i < size; i++) {
    const code = key.codes[i] as number;
    if (code >= 0 && chosen[code] === 1) picked.push(i);
  }
  return Int32Array.from(picked);
}
