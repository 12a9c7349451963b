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

/** Jaro-Winkler similarity where it is at least `least`, else 0. */
export function similarity({ values, masks }: Texts, a: number, b: number, least: number): number {
  const maskA = masks[a] as number;
  const maskB = masks[b] as number;
  const x = values[a] as string;
  const y = values[b] as string;
  const m = x.length;
  const n = y.length;
  // No more characters can be common than one side has of the other's: most pairs end here.
  const common = Math.min(m - bits(maskA & ~maskB), n - bits(maskB & ~maskA));
  if (common <= 0) return 0;
  const bound = (common / m + common / n + 1) / 3;
  let prefix = 0;
  while (prefix < 4 && prefix < m && x.charCodeAt(prefix) === y.charCodeAt(prefix)) prefix++;
  if (bound + prefix * 0.1 * (1 - bound) < least) return 0;
  const found = jaroWinkler(x, y);
  return found >= least ? found : 0;
}

/** How near two unequal words are: 0 not, 1 Jaro-Winkler .8, 2 Jaro-Winkler .9, 3 one edit. */
export function nearness(texts: Texts, a: number, b: number): 0 | 1 | 2 | 3 {
  if (isOneEdit(texts, a, b)) return 3;
  const found = similarity(texts, a, b, 0.8);
  if (found >= 0.9) return 2;
  return found > 0 ? 1 : 0;
}
