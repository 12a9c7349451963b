import type { Column } from "./encode";
import { nearness, type Texts, width } from "./near";
import { tokensOf } from "./parts";

/**
 * The level of two distinct records `i` and `j` in one comparison, where their values' codes `a` and `b` are known and
 * different.
 */
export type Level = (a: number, b: number, i: number, j: number) => number;

/** "j" for "john", "rob" for "robert". */
function isPrefix({ units, values }: Texts, a: number, b: number): boolean {
  const x = values[a * width] as number;
  const y = values[b * width] as number;
  const short = Math.min(values[a * width + 1] as number, values[b * width + 1] as number);
  for (let at = 0; at < short; at++) if (units[x + at] !== units[y + at]) return false;
  return true;
}

/**
 * A first name. Where the two records have first and last name swapped the first name's comparison says so for both (and
 * the last name's says nothing); half a swap counts only where the other half is unknown, since a first name that is
 * another's last one is what families have in common.
 */
export function firstName(column: Column, last: Column | undefined): Level {
  const plain = oneName(column);
  if (last === undefined) return plain;
  const swap = swapOf(column, last);
  return (a, b, i, j) => {
    const level = plain(a, b, i, j);
    if (level === 5) return level;
    const swapped = swap(i, j);
    return swapped === 0 ? level : swapped + 5;
  };
}

export function lastName(column: Column, first: Column | undefined): Level {
  const plain = oneName(column);
  if (first === undefined) return plain;
  const swap = swapOf(first, column);
  return (a, b, i, j) => {
    const level = plain(a, b, i, j);
    return level < 5 && swap(i, j) === 2 ? 0 : level;
  };
}

/** 2: first and last name changed places. 1: one's first name is the other's last, and nothing else is known. */
function swapOf(first: Column, last: Column): (i: number, j: number) => 0 | 1 | 2 {
  const { dictionary } = first;
  if (dictionary !== last.dictionary) return () => 0;
  const half = (fi: number, li: number, fj: number, lj: number): 0 | 1 | 2 => {
    if (fi < 0 || fi !== lj) return 0;
    if (li < 0 || fj < 0) return 1;
    return li === fj || nearness(dictionary, li, fj) >= 2 ? 2 : 0;
  };
  return (i, j) => {
    const fi = first.codes[i] as number;
    const fj = first.codes[j] as number;
    const li = last.codes[i] as number;
    const lj = last.codes[j] as number;
    return half(fi, li, fj, lj) || half(fj, lj, fi, li);
  };
}

/** Names repeat, and so do pairs of them: the last level of each pair is kept, where another pair has not taken its place. */
const remembered = 1 << 16;

export function oneName(column: Column): Level {
  const { dictionary } = column;
  const tokens = tokensOf(dictionary);
  const pairs = new Float64Array(remembered).fill(-1);
  const levels = new Uint8Array(remembered);
  const level = (a: number, b: number): number => {
    const near = nearness(dictionary, a, b);
    if (near === 3) return 5;
    if (near === 2) return 4;
    if (isPrefix(dictionary, a, b) || tokens.shared(a, b)) return 3;
    return near === 1 ? 2 : 1;
  };
  return (a, b) => {
    const low = Math.min(a, b);
    const high = Math.max(a, b);
    const pair = low * dictionary.size + high;
    const place = (Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b)) >>> 16;
    if (pairs[place] !== pair) {
      pairs[place] = pair;
      levels[place] = level(low, high);
    }
    return levels[place] as number;
  };
}
export const lastLevels = ["missing", "differs", "similar", "part of the other", "very similar", "one edit", "equal"];
export const firstLevels = [
  ...lastLevels.slice(0, 6),
  "one's first is the other's last",
  "first and last swapped",
  "equal",
];

export const middleLevels = ["missing", "differs", "same initial", "one in common", "equal"];
export function middleName(column: Column): Level {
  const { dictionary } = column;
  const tokens = tokensOf(dictionary);
  return (a, b) => {
    if (tokens.shared(a, b) || nearness(dictionary, a, b) >= 2) return 3;
    const { units, values } = dictionary;
    return units[values[a * width] as number] === units[values[b * width] as number] ? 2 : 1;
  };
}
