import type { Dictionary } from "./encode";
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

/** Made once for a dictionary. */
export function tokensOf(dictionary: Dictionary): Tokens {
  const known = made.get(dictionary);
  if (known !== undefined) return known;
  const ids = new Map<string, number>();
  const counts: number[] = [];
  const starts = new Int32Array(dictionary.size + 1);
  const flat: number[] = [];
  const several = new Uint8Array(dictionary.size);
  for (let code = 0; code < dictionary.size; code++) {
    const words = (dictionary.values[code] as string).split(" ");
    several[code] = words.length > 1 ? 1 : 0;
    for (const word of words) {
      if (word.length < shortest) continue;
      let id = ids.get(word);
      if (id === undefined) {
        id = counts.length;
        ids.set(word, id);
        counts.push(0);
      }
      counts[id] = (counts[id] as number) + 1;
      flat.push(id);
    }
    starts[code + 1] = flat.length;
  }
  const tooMany = Math.max(20, dictionary.size * mostShare);
  const words = Int32Array.from(flat, (id) => ((counts[id] as number) > tooMany ? -1 : id));
  const tokens: Tokens = {
    shared: (a, b) => {
      if (several[a] === 0 && several[b] === 0) return false;
      for (let x = starts[a] as number; x < (starts[a + 1] as number); x++) {
        const word = words[x] as number;
        if (word < 0) continue;
        for (let y = starts[b] as number; y < (starts[b + 1] as number); y++) if (words[y] === word) return true;
      }
      return false;
    },
  };
  made.set(dictionary, tokens);
  return tokens;
}

/** The distinct parts of a dictionary's values. */
export interface Parts {
  /** By the value's code: its part's. */
  readonly codes: Int32Array;
  readonly values: readonly string[];
  readonly masks: Int32Array;
}

const partsMade = new WeakMap<Dictionary, Map<string, Parts>>();

/** Made once for a dictionary and a part's name. */
export function partsOf(dictionary: Dictionary, name: string, part: (value: string) => string): Parts {
  let own = partsMade.get(dictionary);
  if (own === undefined) {
    own = new Map();
    partsMade.set(dictionary, own);
  }
  const known = own.get(name);
  if (known !== undefined) return known;
  const ids = new Map<string, number>();
  const codes = new Int32Array(dictionary.size);
  for (let code = 0; code < codes.length; code++) {
    const text = part(dictionary.values[code] as string);
    let id = ids.get(text);
    if (id === undefined) {
      id = ids.size;
      ids.set(text, id);
    }
    codes[code] = id;
  }
  const values = [...ids.keys()];
  const parts = { codes, values, masks: Int32Array.from(values, characterMask) };
  own.set(name, parts);
  return parts;
}

/** What stands before the @. */
export const userOf = (address: string): string => address.slice(0, address.indexOf("@"));
