import { bits, jaroWinkler, withinOneEdit } from "./strings";

/** Texts as UTF-16 units, one after the other. */
export interface Texts {
  readonly units: Uint16Array;
  /** By text, at `text × width`: where it begins, its length, the bits of its characters. What is asked together lies together. */
  readonly values: Int32Array;
}

/** Numbers of a text in `values`; the last one is the dictionary's own. */
export const width = 4;

/** One of the texts as a string; its beginning where not all is wanted. */
export function textOf({ units, values }: Texts, at: number, most = Number.POSITIVE_INFINITY): string {
  const start = values[at * width] as number;
  const end = start + Math.min(values[at * width + 1] as number, most);
  let text = "";
  for (let unit = start; unit < end; unit++) text += String.fromCharCode(units[unit] as number);
  return text;
}

/** Whether two unequal texts are one edit apart; most pairs end at their masks. */
export function isOneEdit({ units, values }: Texts, a: number, b: number): boolean {
  const x = a * width;
  const y = b * width;
  const maskA = values[x + 2] as number;
  const maskB = values[y + 2] as number;
  if (bits(maskA & ~maskB) > 1 || bits(maskB & ~maskA) > 1) return false;
  const m = values[x + 1] as number;
  const n = values[y + 1] as number;
  return m + n >= 6 && withinOneEdit(units, values[x] as number, m, values[y] as number, n);
}

/** Whether no two texts of these beginnings, lengths and characters can be as similar as `least`: most pairs end here. */
export function isUnlike(
  units: Uint16Array,
  x: number,
  m: number,
  y: number,
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
  while (prefix < 4 && prefix < m && prefix < n && units[x + prefix] === units[y + prefix]) prefix++;
  return bound + prefix * 0.1 * (1 - bound) < least;
}

/** How near two unequal words are: 0 not, 1 Jaro-Winkler .8, 2 Jaro-Winkler .9, 3 one edit. */
export function nearness(texts: Texts, a: number, b: number): 0 | 1 | 2 | 3 {
  if (isOneEdit(texts, a, b)) return 3;
  const { units, values } = texts;
  const x = values[a * width] as number;
  const y = values[b * width] as number;
  const m = values[a * width + 1] as number;
  const n = values[b * width + 1] as number;
  const maskA = values[a * width + 2] as number;
  const maskB = values[b * width + 2] as number;
  if (isUnlike(units, x, m, y, n, maskA, maskB, 0.8)) return 0;
  const similarity = jaroWinkler(units, x, m, y, n);
  if (similarity >= 0.9) return 2;
  return similarity >= 0.8 ? 1 : 0;
}
