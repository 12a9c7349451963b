import type { DuckDBConnection, DuckDBListVector } from "@duckdb/node-api";
import { sharedIntegers } from "./arrays";
import type { Field } from "./fields";
import type { Texts } from "./near";
import { characterMask } from "./strings";

/** The distinct normal forms of a family of fields, by code; in memory that all threads see. */
export interface Dictionary extends Texts {
  /** A number made of each value: codes differ from run to run, these do not. */
  readonly hashes: Int32Array;
  readonly size: number;
}

/** Some of a field's distinct texts: a hash of each in two halves, the bytes of its normal form (−1: none), these bytes. */
interface Packed {
  readonly raw: Int32Array;
  readonly lengths: Int32Array;
  readonly bytes: Uint8Array;
}

/** So many texts are packed together at most, about. */
const packed = 2_048;

/** Bits of the texts' hashes by which they are packed. */
const packBits = (records: number): number => Math.max(0, Math.round(Math.log2(records / packed)));

/**
 * Normalises each distinct text of a field once. What comes back is packed, thousands of values in one: one call into the
 * database's memory instead of one for each of millions.
 */
export async function readWords(
  connection: DuckDBConnection,
  table: string,
  field: Field,
  records: number,
): Promise<readonly Packed[]> {
  const result = await connection.run(
    `SELECT list(hash(raw)), list(coalesce(strlen(v), -1)::INT), encode(coalesce(string_agg(v, ''), '')) FROM (SELECT raw, CASE WHEN raw IS NOT NULL THEN ${field.value("raw")} END AS v FROM (SELECT ${field.source} AS raw FROM ${table} GROUP BY 1)) GROUP BY hash(raw) & ${2 ** packBits(records) - 1}`,
  );
  const all: Packed[] = [];
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) return all;
    const texts = chunk.getColumnValues(2) as unknown as { bytes: Uint8Array }[];
    for (const [row, { bytes }] of texts.entries()) {
      const items = <T>(column: number) => {
        const list = (chunk.getColumnVector(column) as DuckDBListVector).getItemVector(row);
        return (list as unknown as { items: T }).items;
      };
      const hashes = items<BigUint64Array>(0);
      all.push({
        // Copies: the chunk's memory is the database's.
        raw: new Int32Array(hashes.buffer, hashes.byteOffset, hashes.length * 2).slice(),
        lengths: items<Int32Array>(1).slice(),
        bytes,
      });
    }
  }
}

/** Numbers of a place: the hash of a text in two halves, its value's code and 2 (1: it has no value; 0: a free place), its value's hash. */
const stride = 4;
const noValue = 1;

/**
 * Codes of a field's values by the hashes of the texts that they were made of, as open addressing. Texts that came packed
 * together lie together: what is filled in pack by pack stays in the processor's cache.
 */
export class RawCodes {
  private readonly slots: Int32Array;
  private readonly mask: number;
  /** A hash turned by so many bits has those at its front by which it was packed. */
  private readonly turn: number;

  constructor(texts: number, records: number) {
    const bits = Math.max(4, Math.ceil(Math.log2(texts * 2)));
    this.slots = new Int32Array(2 ** bits * stride);
    this.mask = 2 ** bits - 1;
    this.turn = Math.max(0, bits - packBits(records));
  }

  private first(low: number): number {
    const { turn } = this;
    return (((low << turn) | (low >>> (32 - turn))) & this.mask) * stride;
  }

  set(low: number, high: number, code: number, hash: number): void {
    const { slots, mask } = this;
    let place = this.first(low);
    while (slots[place + 2] !== 0) place = (place + stride) & (mask * stride + stride - 1);
    slots[place] = low;
    slots[place + 1] = high;
    slots[place + 2] = code + 2;
    slots[place + 3] = hash;
  }

  /**
   * Writes the codes of records, −1 where one has no value, and adds the values to what is made of the records' content.
   *
   * @param raw - the hashes of the records' texts, in halves
   * @param at - the records' places
   */
  read(raw: Int32Array, at: Int32Array, codes: Int32Array, content: Int32Array): void {
    const { slots, mask } = this;
    for (let row = 0; row < at.length; row++) {
      const low = raw[2 * row] as number;
      const high = raw[2 * row + 1] as number;
      let place = this.first(low);
      while (slots[place] !== low || slots[place + 1] !== high) {
        if (slots[place + 2] === 0) throw new Error("A record has a text that the distinct ones lack.");
        place = (place + stride) & (mask * stride + stride - 1);
      }
      const r = at[row] as number;
      const hash = slots[place + 3] as number;
      codes[r] = (slots[place + 2] as number) - 2;
      const a = Math.imul((content[2 * r] as number) ^ hash, 0x9e3779b1);
      const b = Math.imul((content[2 * r + 1] as number) + hash, 0x85ebca6b);
      content[2 * r] = a ^ (a >>> 15);
      content[2 * r + 1] = b ^ (b >>> 13);
    }
  }
}

/** Makes one dictionary of the values of a family's fields, and for each field the codes of its texts. */
export function dictionaryOf(
  fields: readonly (readonly Packed[])[],
  records: number,
): { dictionary: Dictionary; codes: RawCodes[] } {
  let most = 0;
  let bytes = 0;
  for (const one of fields.flat()) {
    most += one.lengths.length;
    bytes += one.bytes.length;
  }
  const words = new Words(most, bytes);
  const codes = fields.map((packs) => {
    const texts = packs.reduce((sum, { lengths }) => sum + lengths.length, 0);
    const field = new RawCodes(texts, records);
    for (const pack of packs) words.add(pack, field);
    return field;
  });
  return { dictionary: words.done(), codes };
}

/** Values of different texts may be equal: each is kept once. */
class Words {
  // UTF-16 has at most one unit for each byte of UTF-8.
  private readonly units: Uint16Array;
  private readonly starts: Uint32Array;
  private readonly lengths: Int32Array;
  private readonly hashes: Int32Array;
  private readonly masks: Int32Array;
  private readonly slots: Int32Array;
  private readonly decoder = new TextDecoder();
  private size = 0;
  private filled = 0;

  constructor(most: number, bytes: number) {
    this.units = new Uint16Array(new SharedArrayBuffer(bytes * 2));
    this.starts = new Uint32Array(new SharedArrayBuffer(most * 4));
    this.lengths = sharedIntegers(most);
    this.hashes = sharedIntegers(most);
    this.masks = sharedIntegers(most);
    this.slots = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(16, most * 2)))).fill(-1);
  }

  add({ raw, lengths, bytes }: Packed, codes: RawCodes): void {
    let at = 0;
    for (let text = 0; text < lengths.length; text++) {
      const length = lengths[text] as number;
      const low = raw[2 * text] as number;
      const high = raw[2 * text + 1] as number;
      if (length < 0) {
        codes.set(low, high, -1, noValue);
        continue;
      }
      const code = this.codeOf(bytes, at, at + length);
      codes.set(low, high, code, this.hashes[code] as number);
      at += length;
    }
    if (at !== bytes.length) throw new Error("The database packed other values than it counted.");
  }

  private codeOf(bytes: Uint8Array, from: number, to: number): number {
    const { units, starts, lengths, hashes, slots } = this;
    const start = this.filled;
    let end = start;
    let plain = 0;
    let hash = 0x811c9dc5;
    for (let at = from; at < to; at++) {
      const byte = bytes[at] as number;
      plain |= byte;
      units[end++] = byte;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    if (plain > 127) {
      const decoded = this.decoder.decode(bytes.subarray(from, to));
      end = start;
      for (let at = 0; at < decoded.length; at++) units[end++] = decoded.charCodeAt(at);
    }
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    hash ^= hash >>> 13;
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const code = slots[slot] as number;
      if (code < 0) break;
      if (hashes[code] === hash && lengths[code] === end - start) {
        const other = starts[code] as number;
        let same = 0;
        while (start + same < end && units[other + same] === units[start + same]) same++;
        if (start + same === end) return code;
      }
      slot = (slot + 1) & mask;
    }
    const code = this.size++;
    slots[slot] = code;
    starts[code] = start;
    lengths[code] = end - start;
    hashes[code] = hash;
    this.masks[code] = characterMask(units, start, end);
    this.filled = end;
    return code;
  }

  done(): Dictionary {
    const { units, starts, lengths, hashes, masks, size } = this;
    return {
      units,
      starts: starts.subarray(0, size),
      lengths: lengths.subarray(0, size),
      hashes: hashes.subarray(0, size),
      masks: masks.subarray(0, size),
      size,
    };
  }
}
