/** The different values of a match key's columns, by code: 1, 2, 3… Code 0 is where nothing is known. */
export interface Dictionary {
  /** 64-bit hashes, as two halves; both 0 for code 0. */
  readonly low: Int32Array;
  readonly high: Int32Array;
  /** How often each value occurs in the columns together. */
  readonly counts: Int32Array;
  /** Values that are known. */
  readonly known: number;
  /** Different values. */
  readonly kinds: number;
}

/** A column's values by record. All arrays lie in memory that threads share. */
export interface ValueColumn {
  /** The value's code; empty where nobody asks for the column. */
  readonly codes: Int32Array;
  /** The column's own, or that of all columns of its match key. */
  readonly dictionary: Dictionary;
}

/** Numbers in memory that threads share; what nobody touches takes none. */
export const sharedNumbers = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(length * 4));

/** A record's values in some columns, as numbers of 53 bits. */
export function numbersOf(columns: readonly ValueColumn[], row: number): number[] {
  return columns.flatMap(({ codes, dictionary: { low, high } }) => {
    const code = codes[row] as number;
    return code === 0 ? [] : [((high[code] as number) >>> 0) * 0x200000 + ((low[code] as number) >>> 11)];
  });
}
