/**
 * String distances, written for many short texts: UTF-16 units in one array, no allocation per call, an early end wherever
 * a bound allows it.
 */

/**
 * Whether one edit (insert, delete, replace, or two neighbours swapped) at most makes two texts equal: those of m and n
 * units that begin at a and b.
 */
export function withinOneEdit(units: Uint16Array, a: number, m: number, b: number, n: number): boolean {
  const gap = Math.abs(m - n);
  if (gap > 1) return false;
  const short = Math.min(m, n);
  let start = 0;
  while (start < short && units[a + start] === units[b + start]) start++;
  let end = 0;
  const most = short - start;
  while (end < most && units[a + m - 1 - end] === units[b + n - 1 - end]) end++;
  const left = short - start - end;
  if (gap === 1) return left === 0;
  if (left <= 1) return true;
  return left === 2 && units[a + start] === units[b + start + 1] && units[a + start + 1] === units[b + start];
}

const widest = 64;
const rows = [new Uint8Array(widest + 1), new Uint8Array(widest + 1), new Uint8Array(widest + 1)] as const;

/** Damerau-Levenshtein distance (optimal string alignment), of the first 64 characters. */
export function editDistance(units: Uint16Array, a: number, lengthA: number, b: number, lengthB: number): number {
  const n = Math.min(lengthA, widest);
  const m = Math.min(lengthB, widest);
  let [before, last, now] = rows as readonly Uint8Array[] as [Uint8Array, Uint8Array, Uint8Array];
  for (let j = 0; j <= m; j++) last[j] = j;
  for (let i = 1; i <= n; i++) {
    now[0] = i;
    const ca = units[a + i - 1];
    for (let j = 1; j <= m; j++) {
      const cb = units[b + j - 1];
      let best = (last[j - 1] as number) + (ca === cb ? 0 : 1);
      const up = (last[j] as number) + 1;
      if (up < best) best = up;
      const left = (now[j - 1] as number) + 1;
      if (left < best) best = left;
      if (i > 1 && j > 1 && ca === units[b + j - 2] && units[a + i - 2] === cb) {
        const swap = (before[j - 2] as number) + 1;
        if (swap < best) best = swap;
      }
      now[j] = best;
    }
    [before, last, now] = [last, now, before];
  }
  return last[m] as number;
}

const takenA = new Uint8Array(widest);
const takenB = new Uint8Array(widest);

/** Jaro-Winkler similarity, 0 to 1, of the first 64 characters; prefix weight 0.1, up to four characters. */
export function jaroWinkler(units: Uint16Array, a: number, lengthA: number, b: number, lengthB: number): number {
  const n = Math.min(lengthA, widest);
  const m = Math.min(lengthB, widest);
  if (n === 0 || m === 0) return 0;
  const found = n <= widestInBits && m <= widestInBits ? commonInBits(units, a, n, b, m) : -1;
  const both = found < 0 ? commonOf(units, a, n, b, m) : found;
  const common = both & 0xff;
  const swaps = both >> 8;
  if (common === 0) return 0;
  const jaro = (common / n + common / m + (common - (swaps >> 1)) / common) / 3;
  let prefix = 0;
  while (prefix < 4 && prefix < n && prefix < m && units[a + prefix] === units[b + prefix]) prefix++;
  return jaro + prefix * 0.1 * (1 - jaro);
}

/** How far from its place a character counts as common. */
const reachOf = (n: number, m: number): number => Math.max(0, (Math.max(n, m) >> 1) - 1);

/** Characters in common, and 256 for each of them that stands in another order. */
function commonOf(units: Uint16Array, a: number, n: number, b: number, m: number): number {
  const reach = reachOf(n, m);
  takenA.fill(0, 0, n);
  takenB.fill(0, 0, m);
  let common = 0;
  for (let i = 0; i < n; i++) {
    const c = units[a + i];
    const to = Math.min(m, i + reach + 1);
    for (let j = Math.max(0, i - reach); j < to; j++) {
      if (takenB[j] === 0 && units[b + j] === c) {
        takenA[i] = 1;
        takenB[j] = 1;
        common++;
        break;
      }
    }
  }
  let swaps = 0;
  let j = 0;
  for (let i = 0; i < n; i++) {
    if (takenA[i] === 0) continue;
    while (takenB[j] === 0) j++;
    if (units[a + i] !== units[b + j]) swaps++;
    j++;
  }
  return common + (swaps << 8);
}

const widestInBits = 31;
/** By ASCII character: its places in a text, as bits. Empty between calls. */
const places = new Int32Array(128);

/** The same for short ASCII texts, a text's places all at once; −1 where a character is none. */
function commonInBits(units: Uint16Array, a: number, n: number, b: number, m: number): number {
  const reach = reachOf(n, m);
  let ascii = 0;
  for (let j = 0; j < m; j++) {
    const c = units[b + j] as number;
    ascii |= c;
    places[c & 127] = (places[c & 127] as number) | (1 << j);
  }
  let common = 0;
  let tookA = 0;
  let tookB = 0;
  for (let i = 0; i < n; i++) {
    const c = units[a + i] as number;
    ascii |= c;
    const within = (i + reach >= 30 ? -1 : (1 << (i + reach + 1)) - 1) & (i <= reach ? -1 : -1 << (i - reach));
    const free = (places[c & 127] as number) & within & ~tookB;
    if (free === 0) continue;
    tookB |= free & -free;
    tookA |= 1 << i;
    common++;
  }
  for (let j = 0; j < m; j++) places[(units[b + j] as number) & 127] = 0;
  if (ascii > 127) return -1;
  let swaps = 0;
  while (tookA !== 0) {
    const i = 31 - Math.clz32(tookA & -tookA);
    const j = 31 - Math.clz32(tookB & -tookB);
    if (units[a + i] !== units[b + j]) swaps++;
    tookA &= tookA - 1;
    tookB &= tookB - 1;
  }
  return common + (swaps << 8);
}

/** Digits have bits of their own, letters too but for the four rarest: two masks bound how near two texts can be. */
const maskBits = new Uint8Array(128);
[..."0123456789etaoinshrdlcumwfgypbvk"].forEach((character, bit) => {
  maskBits[character.charCodeAt(0)] = bit;
});
[..."jqxz"].forEach((character, index) => {
  maskBits[character.charCodeAt(0)] = 28 + index;
});

/** The characters from one place to another as bits. */
export function characterMask(units: Uint16Array, from: number, to: number): number {
  let mask = 0;
  for (let i = from; i < to; i++) mask |= 1 << (maskBits[(units[i] as number) & 127] as number);
  return mask;
}

/** Number of bits set. */
export function bits(value: number): number {
  let v = value - ((value >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return (((v + (v >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}

/** Soundex-like key that keeps the first letter and drops vowels and doubles; for Latin letters. */
export function phonetic(text: string): string {
  const codes = "01230120022455012623010202";
  let key = "";
  let last = "";
  for (let i = 0; i < text.length && key.length < 4; i++) {
    const c = text.charCodeAt(i) - 97;
    if (c < 0 || c > 25) continue;
    const code = codes[c] as string;
    if (key === "") key = text[i] as string;
    else if (code !== "0" && code !== last) key += code;
    if (c !== 7 && c !== 22) last = code;
  }
  return key;
}
