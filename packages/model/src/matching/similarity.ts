/**
 * Single-character edits between two texts, counted up to a bound: above it any number greater than the bound is given.
 */
export function levenshtein(a: string, b: string, bound = Number.POSITIVE_INFINITY): number {
  if (a === b) return 0;
  if (Math.abs(a.length - b.length) > bound) return bound + 1;
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const substituted = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const distance = Math.min(substituted, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1);
      current.push(distance);
      least = Math.min(least, distance);
    }
    if (least > bound) return bound + 1;
    previous = current;
  }
  return previous[b.length] ?? 0;
}

function bigrams(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  const parts = text.length < 2 ? [text] : Array.from({ length: text.length - 1 }, (_, i) => text.slice(i, i + 2));
  for (const part of parts) counts.set(part, (counts.get(part) ?? 0) + 1);
  return counts;
}

/**
 * Cosine distance in percent, 0 for equal texts and 100 for texts that share nothing, over pairs of neighbouring
 * characters (normalised names have no words left). AWS documents neither what Cosine's vectors are nor its scale; the
 * threshold is taken as the greatest distance, as with Levenshtein.
 */
export function cosineDistance(a: string, b: string): number {
  if (a === b) return 0;
  const [left, right] = [bigrams(a), bigrams(b)];
  let dot = 0;
  for (const [part, count] of left) dot += count * (right.get(part) ?? 0);
  const square = (counts: Map<string, number>) => [...counts.values()].reduce((sum, count) => sum + count * count, 0);
  return 100 * (1 - dot / Math.sqrt(square(left) * square(right)));
}

const soundexCodes: Readonly<Record<string, string>> = {
  ...{ B: "1", F: "1", P: "1", V: "1", C: "2", G: "2", J: "2", K: "2", Q: "2", S: "2", X: "2", Z: "2" },
  ...{ D: "3", T: "3", L: "4", M: "5", N: "5", R: "6" },
};

/**
 * American Soundex, a letter and three digits; empty where there is no Latin letter. H and W between two consonants of one
 * code do not part them, vowels do. Source: the National Archives' "The Soundex Indexing System".
 */
export function soundex(text: string): string {
  const letters = text
    .normalize("NFD")
    .toUpperCase()
    .replace(/[^A-Z]/g, "");
  const [first] = letters;
  if (first === undefined) return "";
  let code = first;
  let last = soundexCodes[first];
  for (const letter of letters.slice(1)) {
    const digit = soundexCodes[letter];
    if (digit !== undefined && digit !== last) code += digit;
    if (letter !== "H" && letter !== "W") last = digit;
    if (code.length === 4) break;
  }
  return code.padEnd(4, "0");
}
