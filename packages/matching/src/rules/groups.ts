import type { BlockStatistics } from "@tributary/model";
import type { ValueColumn } from "./columns";
import type { Keys } from "./keys";
import type { SharedValues } from "./shared-values";

/** Told of the records of one key, two and more: the first `count` of `rows`, in order, until the next call. */
export type OnGroup = (rows: Int32Array, count: number, variant: number) => void;

/** Up to this many records are told apart by comparing each with each. */
const few = 8;

/**
 * Finds the groups of keys of which a record has one at most. Records of one key share the value of its rarest column, so
 * they are looked for among those: few at a time, which is quicker than one table of all.
 */
export function groupsOf(
  columns: readonly ValueColumn[],
  rarest: number,
  shared: SharedValues,
  keys: Keys,
  call: OnGroup,
): Required<BlockStatistics> {
  const others = columns.filter((_, index) => index !== rarest);
  const among = new Among(others, keys, (rows, count) => {
    linked += count - 1;
    pairs += (count * (count - 1)) / 2;
    if (count > largest) largest = count;
    call(rows, count, 0);
  });
  const records = recordsWith(columns);
  let [linked, pairs, largest] = [0, 0, Math.min(1, records)];
  const { rows, ends, values } = shared;
  let from = 0;
  for (let value = 0; value < values; value++) {
    const end = ends[value] as number;
    among.group(rows, from, end);
    from = end;
  }
  return { records, blocks: records - linked, largest, pairs };
}

/** How many records have a value in each of some columns. */
function recordsWith(columns: readonly ValueColumn[]): number {
  const [first, second, ...rest] = columns.map(({ codes }) => codes) as [Int32Array, Int32Array?, ...Int32Array[]];
  let count = 0;
  for (let row = 0; row < first.length; row++) {
    if (first[row] === 0 || (second !== undefined && second[row] === 0)) continue;
    let known = 1;
    for (const codes of rest) if (codes[row] === 0) known = 0;
    count += known;
  }
  return count;
}

/** Groups some records by columns; its arrays are used again. */
class Among {
  private rows = new Int32Array(0);
  private keys = new Float64Array(0);
  private found = new Int32Array(0);
  /** Of many records: a hash table of those that are the first of their key, and by record the next of its key. */
  private table = new Int32Array(0);
  private next = new Int32Array(0);
  private last = new Int32Array(0);
  private readonly codes: readonly Int32Array[];
  /** By column: what its code counts in a key, so that different keys are different numbers. */
  private readonly factors: readonly number[] | undefined;

  constructor(
    columns: readonly ValueColumn[],
    private readonly made: Keys,
    private readonly call: (rows: Int32Array, count: number) => void,
  ) {
    this.codes = columns.map(({ codes }) => codes);
    const factors: number[] = [];
    let product = 1;
    for (const { dictionary } of columns) {
      factors.push(product);
      product *= dictionary.kinds + 1;
    }
    if (product <= Number.MAX_SAFE_INTEGER) this.factors = factors;
  }

  group(from: Int32Array, start: number, end: number): void {
    if (end - start > this.rows.length) this.reserve(end - start);
    const count = this.take(from, start, end);
    const { rows, keys, found } = this;
    if (count === 2) {
      if (keys[0] === keys[1]) this.call(rows, 2);
    } else if (count > few) this.groupMany(count);
    else {
      for (let one = 0; one < count - 1; one++) {
        const key = keys[one] as number;
        let size = 1;
        for (let other = one + 1; other < count; other++) {
          if (keys[other] !== key) continue;
          found[size++] = rows[other] as number;
          // Equal to no key, nor to itself.
          keys[other] = Number.NaN;
        }
        if (size === 1) continue;
        found[0] = rows[one] as number;
        this.call(found, size);
      }
    }
  }

  /** Takes the records that have a key, with their keys as numbers. */
  private take(from: Int32Array, start: number, end: number): number {
    const { rows, keys, codes, factors } = this;
    const [first, second] = codes as [Int32Array, Int32Array];
    let count = 0;
    if (factors && codes.length === 1) {
      for (let at = start; at < end; at++) {
        const row = from[at] as number;
        const code = first[row] as number;
        if (code === 0) continue;
        rows[count] = row;
        keys[count++] = code;
      }
      return count;
    }
    if (factors && codes.length === 2) {
      const factor = factors[1] as number;
      for (let at = start; at < end; at++) {
        const row = from[at] as number;
        const one = first[row] as number;
        const other = second[row] as number;
        if (one === 0 || other === 0) continue;
        rows[count] = row;
        keys[count++] = one + other * factor;
      }
      return count;
    }
    for (let at = start; at < end; at++) {
      const row = from[at] as number;
      const key = factors ? this.exact(row, factors) : this.mixed(row);
      if (key < 0) continue;
      rows[count] = row;
      keys[count++] = key;
    }
    return count;
  }

  private exact(row: number, factors: readonly number[]): number {
    let key = 0;
    for (let index = 0; index < factors.length; index++) {
      const code = (this.codes[index] as Int32Array)[row] as number;
      if (code === 0) return -1;
      key += code * (factors[index] as number);
    }
    return key;
  }

  /** Of 53 bits, among records that share a value already. */
  private mixed(row: number): number {
    return this.made.make(row, 0) ? this.made.number : -1;
  }

  private groupMany(count: number): void {
    const { rows, keys, found, next, last } = this;
    const size = 2 ** Math.ceil(Math.log2(count * 2));
    if (this.table.length < size) this.table = new Int32Array(size);
    else this.table.fill(0, 0, size);
    const { table } = this;
    const mask = size - 1;
    for (let at = 0; at < count; at++) {
      const key = keys[at] as number;
      let slot = (Math.imul((key | 0) ^ Math.imul((key / 0x1_0000_0000) | 0, 0x85ebca6b), 0x9e3779b1) >>> 7) & mask;
      let first = table[slot] as number;
      while (first !== 0 && keys[first - 1] !== key) {
        slot = (slot + 1) & mask;
        first = table[slot] as number;
      }
      next[at] = -1;
      last[at] = at;
      if (first === 0) table[slot] = at + 1;
      else {
        next[last[first - 1] as number] = at;
        last[first - 1] = at;
      }
    }
    for (let at = 0; at < count; at++) {
      // A first one that has others behind it.
      if (last[at] === at) continue;
      let length = 0;
      for (let one = at; one >= 0; one = next[one] as number) found[length++] = rows[one] as number;
      this.call(found, length);
    }
  }

  private reserve(length: number): void {
    const size = 2 ** Math.ceil(Math.log2(length));
    this.rows = new Int32Array(size);
    this.keys = new Float64Array(size);
    this.found = new Int32Array(size);
    this.next = new Int32Array(size);
    this.last = new Int32Array(size);
  }
}
