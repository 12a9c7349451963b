import { type Dictionary, sharedNumbers, type ValueColumn } from "./columns";

/** 64-bit hashes of a column's values by record, as two halves; both 0 where nothing is known. */
export interface HashColumn {
  readonly low: Int32Array;
  readonly high: Int32Array;
  /** Records with a value. */
  readonly known: number;
}

/** Values that are worked on at a time: they and their table fit a core's own cache. */
const partLength = 16_384;
/** Most parts: more, and dealing values out to them costs more than it saves. */
const mostPartBits = 10;
/** Numbers a value that is dealt out: both halves of its hash, and where its code belongs. */
const stride = 3;

/**
 * Gives the values of columns that are compared with each other their codes, in the place of `low`. Time is that of waiting
 * for memory, so values are dealt out by the upper bits of their hashes and then gone through part by part.
 */
export function encode(columns: readonly HashColumn[]): ValueColumn[] {
  const { dealt, ends } = deal(columns);
  const known = dealt.length / stride;
  const [low, high, counts] = [0, 1, 2].map(() => sharedNumbers(known + 1)) as [Int32Array, Int32Array, Int32Array];
  const records = columns[0]?.low.length ?? 0;
  let codes = columns[0]?.low as Int32Array;
  let [column, start] = [0, 0];
  let table: Int32Array = new Int32Array(1024);
  let kinds = 0;
  let from = 0;
  for (const end of ends) {
    table.fill(0);
    let mask = table.length - 1;
    const before = kinds;
    for (let at = from * stride; at < end * stride; at += stride) {
      const a = dealt[at] as number;
      const b = dealt[at + 1] as number;
      let slot = b & mask;
      let code = table[slot] as number;
      while (code !== 0 && (low[code] !== a || high[code] !== b)) {
        slot = (slot + 1) & mask;
        code = table[slot] as number;
      }
      if (code === 0) {
        code = ++kinds;
        low[code] = a;
        high[code] = b;
        table[slot] = code;
        if ((kinds - before) * 2 > mask) {
          table = tableOf(high, before, kinds, table.length * 4);
          mask = table.length - 1;
        }
      }
      counts[code] = (counts[code] as number) + 1;
      const place = dealt[at + 2] as number;
      if (place < start || place >= start + records) {
        column = Math.floor(place / records);
        start = column * records;
        codes = (columns[column] as HashColumn).low;
      }
      codes[place - start] = code;
    }
    from = end;
  }
  const dictionary: Dictionary = { low, high, counts, known, kinds };
  return columns.map(({ low: codes }) => ({ codes, dictionary }));
}

/** The known values of all columns in the order of their parts, and where each part ends. */
function deal(columns: readonly HashColumn[]): { dealt: Int32Array; ends: Int32Array } {
  const records = columns[0]?.low.length ?? 0;
  const bits = Math.min(
    mostPartBits,
    Math.max(0, Math.ceil(Math.log2(Math.max(1, records * columns.length) / partLength))),
  );
  // Two shifts, since one by 32 is none.
  const shift = 31 - bits;
  const ends = new Int32Array(2 ** bits);
  for (const { low, high } of columns) {
    for (let row = 0; row < records; row++) {
      const a = low[row] as number;
      if ((a | (high[row] as number)) === 0) continue;
      const part = (a >>> 1) >>> shift;
      ends[part] = (ends[part] as number) + 1;
    }
  }
  let known = 0;
  for (let part = 0; part < ends.length; part++) {
    known += ends[part] as number;
    ends[part] = known - (ends[part] as number);
  }
  const dealt = new Int32Array(known * stride);
  for (const [column, { low, high }] of columns.entries()) {
    const start = column * records;
    for (let row = 0; row < records; row++) {
      const a = low[row] as number;
      const b = high[row] as number;
      if ((a | b) === 0) continue;
      const part = (a >>> 1) >>> shift;
      const to = ends[part] as number;
      ends[part] = to + 1;
      dealt[to * stride] = a;
      dealt[to * stride + 1] = b;
      dealt[to * stride + 2] = start + row;
      // What has no value keeps code 0.
    }
  }
  return { dealt, ends };
}

/** A table of the codes above `before`. */
function tableOf(high: Int32Array, before: number, kinds: number, size: number): Int32Array {
  const table = new Int32Array(size);
  const mask = size - 1;
  for (let code = before + 1; code <= kinds; code++) {
    let slot = (high[code] as number) & mask;
    while (table[slot] !== 0) slot = (slot + 1) & mask;
    table[slot] = code;
  }
  return table;
}
