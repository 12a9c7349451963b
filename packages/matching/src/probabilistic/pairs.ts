import { sharedIntegers } from "./arrays";

/** Pairs of distinct records with a weight, as columns that grow: 12 bytes a pair. */
export class Pairs {
  a: Int32Array;
  b: Int32Array;
  weight: Float32Array;
  length = 0;

  /** @param room - pairs that there is room for at first, in shared memory */
  constructor(room = 1 << 16) {
    this.a = sharedIntegers(room);
    this.b = sharedIntegers(room);
    this.weight = new Float32Array(new SharedArrayBuffer(room * 4));
  }

  push(a: number, b: number, weight: number): void {
    if (this.length === this.a.length) {
      const room = Math.max(1 << 16, this.length * 2);
      this.a = grown(this.a, new Int32Array(room));
      this.b = grown(this.b, new Int32Array(room));
      this.weight = grown(this.weight, new Float32Array(room));
    }
    this.a[this.length] = a;
    this.b[this.length] = b;
    this.weight[this.length++] = weight;
  }
}

/** Numbers as one column that grows. */
export class Floats {
  values = new Float32Array(1 << 16);
  private length = 0;

  push(value: number): void {
    if (this.length === this.values.length) this.values = grown(this.values, new Float32Array(this.length * 2));
    this.values[this.length++] = value;
  }
}

function grown<T extends Int32Array | Float32Array>(old: T, next: T): T {
  next.set(old);
  return next;
}

/** Links as columns. */
export type Linked = Pick<Pairs, "a" | "b" | "weight">;

/**
 * Places of the pairs (of some of them), the heaviest first; equal weights in an order made of the records' content, so that
 * neither the input's order nor the order of blocking shows.
 */
export function heaviestFirst(pairs: Linked, order: Float64Array, places: Int32Array): Int32Array {
  const { length } = places;
  const keys = new Uint32Array(length);
  const hashOf = (p: number): number => {
    const x = order[pairs.a[p] as number] as number;
    const y = order[pairs.b[p] as number] as number;
    return (Math.imul((x % 4294967296) | 0, 1) ^ Math.imul((y % 4294967296) | 0, 1)) >>> 0;
  };
  for (let at = 0; at < length; at++) {
    const p = places[at] as number;
    // 1/64 bit is finer than any of the figures is true; weights lie between −56 and 200.
    const rank = Math.max(0, Math.min(0x3fff, Math.floor((200 - (pairs.weight[p] as number)) * 64)));
    keys[at] = ((rank << 18) | (hashOf(p) >>> 14)) >>> 0;
  }
  const ranked = radixSorted(keys);
  const sorted = ranked.map((at) => places[at] as number);
  const low = (p: number) => Math.min(order[pairs.a[p] as number] as number, order[pairs.b[p] as number] as number);
  const high = (p: number) => Math.max(order[pairs.a[p] as number] as number, order[pairs.b[p] as number] as number);
  for (let from = 0; from < length; ) {
    let to = from + 1;
    const key = keys[ranked[from] as number];
    while (to < length && keys[ranked[to] as number] === key) to++;
    if (to - from > 1) {
      sorted
        .subarray(from, to)
        .sort(
          (p, q) => (pairs.weight[q] as number) - (pairs.weight[p] as number) || low(p) - low(q) || high(p) - high(q),
        );
    }
    from = to;
  }
  return sorted;
}

function radixSorted(keys: Uint32Array): Int32Array {
  const { length } = keys;
  let from = new Int32Array(length);
  for (let p = 0; p < length; p++) from[p] = p;
  let to = new Int32Array(length);
  const counts = new Int32Array(65_536);
  for (const shift of [0, 16]) {
    counts.fill(0);
    for (let p = 0; p < length; p++) {
      const digit = ((keys[p] as number) >>> shift) & 0xffff;
      counts[digit] = (counts[digit] as number) + 1;
    }
    let sum = 0;
    for (let digit = 0; digit < counts.length; digit++) {
      const count = counts[digit] as number;
      counts[digit] = sum;
      sum += count;
    }
    for (let at = 0; at < length; at++) {
      const p = from[at] as number;
      const digit = ((keys[p] as number) >>> shift) & 0xffff;
      const place = counts[digit] as number;
      to[place] = p;
      counts[digit] = place + 1;
    }
    [from, to] = [to, from];
  }
  return from;
}
