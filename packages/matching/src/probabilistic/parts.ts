import type { Dictionary } from "./dictionary";
import { textOf, width } from "./near";
import { characterMask } from "./strings";

/** The words of a dictionary's values, as numbers. */
export interface Tokens {
  /** Whether two values have a word in common that tells something; false where neither has more than one word. */
  readonly shared: (a: number, b: number) => boolean;
}

/** A word that more than this share of the values have ("street") tells nothing. */
const mostShare = 0.02;
const shortest = 2;

const made = new WeakMap<Dictionary, Tokens>();

/** Made once for a dictionary. Words are told apart by 32 bits: among a million, two in ten thousand meet by accident. */
export function tokensOf(dictionary: Dictionary): Tokens {
  const known = made.get(dictionary);
  if (known !== undefined) return known;
  const { starts, words } = hashedWords(dictionary);
  // Counted in buckets: a rare word may share one with a frequent one, and then tells nothing, seldom.
  const buckets = new Int32Array(1 << 16);
  for (let at = 0; at < words.length; at++) {
    const bucket = (words[at] as number) & 0xffff;
    buckets[bucket] = (buckets[bucket] as number) + 1;
  }
  const tooMany = Math.max(20, dictionary.size * mostShare);
  for (let at = 0; at < words.length; at++) {
    if ((buckets[(words[at] as number) & 0xffff] as number) > tooMany) words[at] = 0;
  }
  const tokens: Tokens = {
    shared: (a, b) => {
      const toA = starts[a + 1] as number;
      const toB = starts[b + 1] as number;
      const fromB = starts[b] as number;
      if (toA - (starts[a] as number) < 2 && toB - fromB < 2) return false;
      for (let x = starts[a] as number; x < toA; x++) {
        const word = words[x] as number;
        if (word === 0) continue;
        for (let y = fromB; y < toB; y++) if (words[y] === word) return true;
      }
      return false;
    },
  };
  made.set(dictionary, tokens);
  return tokens;
}

/** The words of each value, one after the other, as hashes; 0 for those too short to tell anything. */
function hashedWords({ units, values, size }: Dictionary): {
  starts: Int32Array;
  words: Int32Array;
} {
  const starts = new Int32Array(size + 1);
  let words = new Int32Array(size * 2 + 16);
  let filled = 0;
  for (let code = 0; code < size; code++) {
    const begin = values[code * width] as number;
    const end = begin + (values[code * width + 1] as number);
    let hash = 0x811c9dc5;
    let length = 0;
    for (let at = begin; at <= end; at++) {
      const c = at === end ? 32 : (units[at] as number);
      if (c !== 32) {
        hash = Math.imul(hash ^ c, 0x01000193);
        length++;
        continue;
      }
      if (filled === words.length) {
        const wider = new Int32Array(words.length * 2);
        wider.set(words);
        words = wider;
      }
      words[filled++] = length < shortest ? 0 : hash ^ (hash >>> 15);
      hash = 0x811c9dc5;
      length = 0;
    }
    starts[code + 1] = filled;
  }
  return { starts, words: words.slice(0, filled) };
}

const at = "@".charCodeAt(0);

/**
 * What stands before the @ of each address, in the places of `Texts.values`: where it begins, its length, the bits of its
 * characters, and a hash to tell whether two are equal.
 */
export function usersOf({ units, values, size }: Dictionary): Int32Array {
  const users = new Int32Array(size * width);
  for (let place = 0; place < users.length; place += width) {
    const start = values[place] as number;
    const most = start + (values[place + 1] as number);
    let end = start;
    let hash = 0x811c9dc5;
    while (end < most && units[end] !== at) hash = Math.imul(hash ^ (units[end++] as number), 0x01000193);
    users[place] = start;
    users[place + 1] = end - start;
    users[place + 2] = characterMask(units, start, end);
    users[place + 3] = hash;
  }
  return users;
}

/** The distinct parts of a dictionary's values. */
export interface Parts {
  /** By the value's code: its part's. */
  readonly codes: Int32Array;
  readonly values: readonly string[];
}

/** @param most - how much of a value its part is made of */
export function partsOf(dictionary: Dictionary, part: (value: string) => string, most?: number): Parts {
  const ids = new Map<string, number>();
  const codes = new Int32Array(dictionary.size);
  for (let code = 0; code < codes.length; code++) {
    const text = part(textOf(dictionary, code, most));
    let id = ids.get(text);
    if (id === undefined) {
      id = ids.size;
      ids.set(text, id);
    }
    codes[code] = id;
  }
  return { codes, values: [...ids.keys()] };
}
