import type { HashColumn } from "./hashes";
import type { Alternative } from "./plan";

const lowSeed = 0x2545f491;
const highSeed = 0x6c62272e;

function mixLow(low: number, half: number): number {
  const mixed = Math.imul(low ^ half, 0x85ebca6b);
  return (mixed ^ (mixed >>> 13)) + 0x61c88647;
}

function mixHigh(high: number, half: number): number {
  const mixed = Math.imul(high ^ half, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) + 0x3c6ef372;
}

const lastLow = (low: number): number => Math.imul(low ^ (low >>> 16), 0x85ebca6b);
const lastHigh = (high: number): number => Math.imul(high ^ (high >>> 15), 0x27d4eb2f);

/** Records with their keys, each an array of its own. */
export interface KeyedRows {
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly row: Int32Array;
}

export const keyedRows = (length: number): KeyedRows => ({
  low: new Int32Array(length),
  high: new Int32Array(length),
  row: new Int32Array(length),
});

/** One way in which a record can have a key of an alternative: a choice of each pool. */
interface Variant {
  readonly columns: readonly HashColumn[];
  readonly emptyValues: readonly boolean[];
  readonly salt: number;
}

/**
 * The keys of records under one alternative of a rule: 64 bits mixed from the hashes of its values. Records of one key
 * agree on all of the alternative's exact parts.
 */
export class Keys {
  /** The last key made. */
  low = 0;
  high = 0;
  private readonly all: readonly Variant[];

  constructor(alternative: Alternative, columns: readonly HashColumn[]) {
    let variants: Variant[] = [{ columns: [], emptyValues: [], salt: 0 }];
    for (const pool of alternative.pools) {
      variants = variants.flatMap((variant) =>
        pool.choices.map((choice) => ({
          columns: [...variant.columns, columns[choice.value] as HashColumn],
          emptyValues: [...variant.emptyValues, pool.emptyValues],
          salt: variant.salt * 31 + choice.tag,
        })),
      );
    }
    this.all = variants;
  }

  /** Ways in which a record can have a key. */
  get variants(): number {
    return this.all.length;
  }

  columnsOf(variant: number): readonly HashColumn[] {
    return (this.all[variant] as Variant).columns;
  }

  /** Makes a record's key; false where it has none. */
  make(row: number, variant: number): boolean {
    const { columns, emptyValues, salt } = this.all[variant] as Variant;
    let low = salt + lowSeed;
    let high = salt ^ highSeed;
    for (let index = 0; index < columns.length; index++) {
      const column = columns[index] as HashColumn;
      const a = column.low[row] as number;
      const b = column.high[row] as number;
      if ((a | b) === 0 && !emptyValues[index]) return false;
      low = mixLow(low, a);
      high = mixHigh(high, b);
    }
    this.low = lastLow(low);
    this.high = lastHigh(high);
    return true;
  }

  /**
   * The keys of records 0…n−1 at once, of keys with one variant: those that have one, in order, as key and record.
   *
   * @returns how many have one
   */
  makeAll(records: number, into: KeyedRows): number {
    const { columns, emptyValues, salt } = this.all[0] as Variant;
    const width = columns.length;
    if (emptyValues.includes(true) || width < 2 || width > 3) return this.makeEach(records, into);
    // Rules of two or three match keys are nearly all: these are written out.
    const [low0, low1, low2] = columns.map((column) => column.low) as [Int32Array, Int32Array, Int32Array];
    const [high0, high1, high2] = columns.map((column) => column.high) as [Int32Array, Int32Array, Int32Array];
    const { low: lows, high: highs, row: rows } = into;
    const lowStart = salt + lowSeed;
    const highStart = salt ^ highSeed;
    let count = 0;
    for (let row = 0; row < records; row++) {
      const a0 = low0[row] as number;
      const a1 = low1[row] as number;
      const b0 = high0[row] as number;
      const b1 = high1[row] as number;
      if ((a0 | b0) === 0 || (a1 | b1) === 0) continue;
      let low = mixLow(mixLow(lowStart, a0), a1);
      let high = mixHigh(mixHigh(highStart, b0), b1);
      if (width === 3) {
        const a2 = low2[row] as number;
        const b2 = high2[row] as number;
        if ((a2 | b2) === 0) continue;
        low = mixLow(low, a2);
        high = mixHigh(high, b2);
      }
      lows[count] = lastLow(low);
      highs[count] = lastHigh(high);
      rows[count++] = row;
    }
    return count;
  }

  private makeEach(records: number, into: KeyedRows): number {
    let count = 0;
    for (let row = 0; row < records; row++) {
      if (!this.make(row, 0)) continue;
      into.low[count] = this.low;
      into.high[count] = this.high;
      into.row[count++] = row;
    }
    return count;
  }

  /** The last key as one number, of its best 53 bits. */
  get number(): number {
    return (this.high >>> 0) * 0x200000 + (this.low >>> 11);
  }
}
