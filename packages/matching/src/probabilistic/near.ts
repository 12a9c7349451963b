import { bits, jaroWinkler, withinOneEdit } from "./strings";

/** Texts as UTF-16 units, one after the other, and the bits of their characters. */
export interface Texts {
  readonly units: Uint16Array;
  readonly starts: Uint32Array;
  readonly lengths: Int32Array;
  readonly masks: Int32Array;
}

/** One of the texts as a string; its beginning where not all is wanted. */
export function textOf({ units, starts, lengths }: Texts, at: number, most = Number.POSITIVE_INFINITY): string {
  const start = starts[at] as number;
  const end = start + Math.min(lengths[at] as number, most);
  let text = "";
  for (let unit = start; unit < end; unit++) text += String.fromCharCode(units[unit] as number);
  return text;
}

/** Whether two unequal texts are one edit apart; most pairs end at their masks. */
export function isOneEdit({ units, starts, lengths, masks }: Texts, a: number, b: number): boolean {
  const maskA = masks[a] as number;
  const maskB = masks[b] as number;
  if (bits(maskA & ~maskB) > 1 || bits(maskB & ~maskA) > 1) return false;
  const m = lengths[a] as number;
  const n = lengths[b] as number;
  return m + n >= 6 && withinOneEdit(units, starts[a] as number, m, starts[b] as number, n);
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
  const { units } = texts;
  const x = texts.starts[a] as number;
  const y = texts.starts[b] as number;
  const m = texts.lengths[a] as number;
  const n = texts.lengths[b] as number;
  if (isUnlike(units, x, m, y, n, texts.masks[a] as number, texts.masks[b] as number, 0.8)) return 0;
  const similarity = jaroWinkler(units, x, m, y, n);
  if (similarity >= 0.9) return 2;
  return similarity >= 0.8 ? 1 : 0;
}
