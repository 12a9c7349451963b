import type { HashColumn } from "./hashes";

const mostCounters = 2 ** 22;

/**
 * How often each value occurs, counted by hash in an array of bounded size: never too low, and too high only by the few
 * values that share a counter. One for all columns of a match key.
 */
export class Frequencies {
  /** In memory that threads share. */
  readonly counters: Uint32Array;
  private readonly mask: number;
  /** Values that are known. */
  readonly known: number;
  /** Different values, about. */
  readonly kinds: number;

  constructor(columns: readonly HashColumn[]) {
    this.known = columns.reduce((sum, column) => sum + column.known, 0);
    const size = Math.min(mostCounters, 2 ** Math.ceil(Math.log2(Math.max(16, this.known * 4))));
    this.counters = new Uint32Array(new SharedArrayBuffer(size * 4));
    this.mask = size - 1;
    let kinds = 0;
    for (const { low, high } of columns) {
      for (let row = 0; row < low.length; row++) {
        const a = low[row] as number;
        const b = high[row] as number;
        if ((a | b) === 0) continue;
        const counter = this.counterOf(a, b);
        const count = this.counters[counter] as number;
        this.counters[counter] = count + 1;
        if (count === 0) kinds++;
      }
    }
    this.kinds = kinds;
  }

  /** The same counts in another thread. */
  static of(given: Pick<Frequencies, "counters" | "known" | "kinds">): Frequencies {
    const made = new Frequencies([]);
    return Object.assign(made, { ...given, mask: given.counters.length - 1 });
  }

  /** Occurrences of a record's value in a column of the key. */
  of(column: HashColumn, row: number): number {
    return this.counters[this.counterOf(column.low[row] as number, column.high[row] as number)] as number;
  }

  private counterOf(low: number, high: number): number {
    return (low ^ Math.imul(high, 0x9e3779b1)) & this.mask;
  }
}
