import { bits, jaroWinkler, withinOneEdit } from "./strings";

/** Texts and the bits of their characters. */
export interface Texts {
  readonly values: readonly string[];
  readonly masks: Int32Array;
}

/** Whether two unequal texts are one edit apart; most pairs end at their masks. */
export function isOneEdit({ values, masks }: Texts, a: number, b: number): boolean {
  const maskA = masks[a] as number;
  const maskB = masks[b] as number;
  if (bits(maskA & ~maskB) > 1 || bits(maskB & ~maskA) > 1) return false;
  const x = values[a] as string;
  const y = values[b] as string;
  return x.length + y.length >= 6 && withinOneEdit(x, y);
}

/** Whether no two texts of these lengths, characters and beginnings can be as similar as `least`: most pairs end here. */
export function isUnlike(
  x: string,
  y: string,
  m: number,
  n: number,
  maskX: number,
  maskY: number,
  least: number,
): boolean {
  // No more characters can be common than one side has of the other's.
  const common = Math.min(m - bits(maskX & ~maskY), n - bits(maskY & ~maskX));
  if (common <= 0) return true;
  const bound = (common / m + common / n + 1) / 3;
  let prefix = 0;
  while (prefix < 4 && prefix < m && prefix < n && x.charCodeAt(prefix) === y.charCodeAt(prefix)) prefix++;
  return bound + prefix * 0.1 * (1 - bound) < least;
}

/** How near two unequal words are: 0 not, 1 Jaro-Winkler .8, 2 Jaro-Winkler .9, 3 one edit. */
export function nearness(texts: Texts, a: number, b: number): 0 | 1 | 2 | 3 {
  if (isOneEdit(texts, a, b)) return 3;
  const x = texts.values[a] as string;
  const y = texts.values[b] as string;
  if (isUnlike(x, y, x.length, y.length, texts.masks[a] as number, texts.masks[b] as number, 0.8)) return 0;
  const similarity = jaroWinkler(x, y);
  if (similarity >= 0.9) return 2;
  return similarity >= 0.8 ? 1 : 0;
}
