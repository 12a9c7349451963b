import { sharedIntegers } from "./arrays";
import type { Key } from "./keys";

/** Records that agree on all keys of a conjunction, one block after the other; blocks of one record are left out. */
export interface Blocks {
  readonly members: Int32Array;
  /** Where each block begins in `members`; one more at the end. */
  readonly starts: Int32Array;
  readonly pairs: number;
  readonly largest: number;
}

/** Groups the records (or some of them) by a conjunction of keys, in time and memory linear in their number. */
export function blocksOf(keys: readonly Key[], size: number, some?: Int32Array): Blocks {
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
function blocksOfOne({ codes, hashes }: Key): Blocks {
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
