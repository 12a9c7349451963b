import { type Blocks, blocksOf, type Grouping, type Groups, grouped, groupingOf, split } from "./blocks";
import type { Key } from "./keys";

/** Most records that pairs are counted on. */
const counted = 100_000;

/** Larger groups of two keys are made anew: there may be hundreds. */
const mostKept = 20_000;

/** What conjunctions cost, and samples of their blocks; chosen by content, the same in every run. */
export class BlockSamples {
  private readonly some: Int32Array | undefined;
  /** Codes of the sample's records, by key: what is counted again and again lies together. */
  private readonly codes = new Map<Key, Int32Array>();
  private readonly alone = new Map<Key, Groups>();
  /** By two keys together: many conjunctions of three begin with the same two. */
  private readonly both = new Map<Key, Map<Key, Groups>>();

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
  }

  /** Pairs that a conjunction makes, about. */
  pairsOf(keys: readonly Key[]): number {
    const [first, ...others] = keys
      .map((key) => this.groupsOf(key))
      .map((groups, at) => ({ groups, key: keys[at] as Key }))
      // Few records are left soon where the rarest key comes first.
      .sort((a, b) => a.groups.members.length - b.groups.members.length);
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
      groups = grouped(this.codesOf(key), key.hashes.length);
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
      if (both.members.length <= mostKept) known.set(other, both);
    }
    return both;
  }

  /** The groups taken apart by another key. */
  private refined(groups: Groups, key: Key): Groups {
    return split(groups, this.codesOf(key), key.hashes.length);
  }
}

/** A part of a conjunction's blocks: those of one value in so many of its rarest key. */
export interface BlockShare {
  readonly keys: readonly Grouping[];
  readonly rarest: Grouping;
  readonly share: number;
}

export const shareOf = (keys: readonly Key[], share: number): BlockShare => {
  const rarest = keys.reduce((rarest, key) => (key.collision < rarest.collision ? key : rarest));
  return { keys: keys.map(groupingOf), rarest: groupingOf(rarest), share };
};

export const blocksOfShare = ({ keys, rarest, share }: BlockShare): Blocks =>
  blocksOf(keys, share === 1 ? undefined : withShare(rarest, share));

/** The records that have one of a key's values in so many. */
function withShare({ codes, hashes }: Grouping, share: number): Int32Array {
  const chosen = new Uint8Array(hashes.length);
  for (let code = 0; code < chosen.length; code++) {
    const hash = Math.imul(hashes[code] as number, 0x9e3779b1) >>> 7;
    chosen[code] = (hash & (share - 1)) === 0 ? 1 : 0;
  }
  const picked: number[] = [];
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] as number;
    if (code >= 0 && chosen[code] === 1) picked.push(i);
  }
  return Int32Array.from(picked);
}
