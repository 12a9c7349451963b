import type { DuckDBConnection, DuckDBDataChunk, DuckDBListVector, DuckDBResult } from "@duckdb/node-api";
import { sharedIntegers } from "./arrays";
import type { Field } from "./fields";
import { type Texts, width } from "./near";
import { characterMask } from "./strings";

/** The distinct normal forms of a family of fields, by code; in memory that all threads see. */
export interface Dictionary extends Texts {
  /** A number made of each value: codes differ from run to run, these do not. */
  readonly hashes: Int32Array;
  readonly size: number;
}

/** A field's distinct texts: a hash of each in two halves, the bytes of its normal form (−1: none), these bytes. */
interface FieldTexts {
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
export async function readTexts(
  connection: DuckDBConnection,
  table: string,
  field: Field,
  records: number,
): Promise<FieldTexts> {
  const result = await connection.run(
    `SELECT list(hash(raw)), list(coalesce(strlen(v), -1)::INT), encode(coalesce(string_agg(v, ''), '')) FROM (SELECT raw, CASE WHEN raw IS NOT NULL THEN ${field.value("raw")} END AS v FROM (SELECT ${field.source} AS raw FROM ${table} GROUP BY 1)) GROUP BY hash(raw) & ${2 ** packBits(records) - 1}`,
  );
  const packs: { readonly hashes: BigUint64Array; readonly lengths: Int32Array; readonly bytes: Uint8Array }[] = [];
  await eachChunk(result, (chunk) => {
    const texts = chunk.getColumnValues(2) as unknown as { bytes: Uint8Array }[];
    for (const [row, { bytes }] of texts.entries()) {
      const items = <T>(column: number) => {
        const list = (chunk.getColumnVector(column) as DuckDBListVector).getItemVector(row);
        return (list as unknown as { items: T }).items;
      };
      packs.push({ hashes: items(0), lengths: items(1), bytes });
    }
  });
  const total = (of: (pack: (typeof packs)[number]) => ArrayLike<unknown>) =>
    packs.reduce((sum, pack) => sum + of(pack).length, 0);
  const texts = total((pack) => pack.lengths);
  const [raw, lengths] = [sharedIntegers(texts * 2), sharedIntegers(texts)];
  const bytes = new Uint8Array(new SharedArrayBuffer(total((pack) => pack.bytes)));
  let [at, byte] = [0, 0];
  for (const pack of packs) {
    raw.set(halvesOf(pack.hashes), at * 2);
    lengths.set(pack.lengths, at);
    bytes.set(pack.bytes, byte);
    at += pack.lengths.length;
    byte += pack.bytes.length;
  }
  return { raw, lengths, bytes };
}

/** Records whose hashes are read at once. */
const rowsTogether = 20_000;

/** The records' places in whatever order the database has them, and the hashes of their texts, in halves, by field. */
export async function readRows(
  connection: DuckDBConnection,
  table: string,
  fields: readonly Field[],
  records: number,
): Promise<{ readonly places: Int32Array; readonly raw: readonly Int32Array[] }> {
  const hashes = fields.map(({ source }) => `list(hash(${source}))`);
  // Lists are long and few: so are the calls that read them.
  const rows = await connection.run(
    `SELECT list(rowid::INT), ${hashes.join(", ")} FROM ${table} GROUP BY rowid // ${rowsTogether}`,
  );
  const places = sharedIntegers(records);
  const raw = fields.map(() => sharedIntegers(records * 2));
  let filled = 0;
  await eachChunk(rows, (chunk) => {
    const at = listed<Int32Array>(chunk, 0);
    places.set(at, filled);
    for (const [index, own] of raw.entries()) own.set(halvesOf(listed(chunk, index + 1)), filled * 2);
    filled += at.length;
  });
  return { places, raw };
}

async function eachChunk(result: DuckDBResult, take: (chunk: DuckDBDataChunk) => void): Promise<void> {
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) return;
    take(chunk);
  }
}

/** The numbers of all lists of a column, one list after the other. */
const listed = <T>(chunk: DuckDBDataChunk, column: number): T =>
  ((chunk.getColumnVector(column) as DuckDBListVector).childVector as unknown as { items: T }).items;

const halvesOf = ({ buffer, byteOffset, length }: BigUint64Array): Int32Array =>
  new Int32Array(buffer, byteOffset, length * 2);

/** Numbers of a place: the hash of a text in two halves, its value's code and 2 (1: it has no value; 0: a free place), nothing. */
const stride = 4;

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

  set(low: number, high: number, code: number): void {
    const { slots, mask } = this;
    let place = this.first(low);
    while (slots[place + 2] !== 0) place = (place + stride) & (mask * stride + stride - 1);
    slots[place] = low;
    slots[place + 1] = high;
    slots[place + 2] = code + 2;
  }

  /**
   * Writes the codes of records, −1 where one has no value.
   *
   * @param raw - the hashes of the records' texts, in halves
   * @param places - the records' places
   */
  read(raw: Int32Array, places: Int32Array, codes: Int32Array): void {
    const { slots, mask } = this;
    for (let row = 0; row < places.length; row++) {
      const low = raw[2 * row] as number;
      const high = raw[2 * row + 1] as number;
      let place = this.first(low);
      while (slots[place] !== low || slots[place + 1] !== high) {
        if (slots[place + 2] === 0) throw new Error("A record has a text that the distinct ones lack.");
        place = (place + stride) & (mask * stride + stride - 1);
      }
      codes[places[row] as number] = (slots[place + 2] as number) - 2;
    }
  }
}

/** A family whose dictionary the first thread that comes by makes; all in shared memory. */
export interface FamilyRequest {
  readonly fields: readonly {
    readonly texts: FieldTexts;
    /** The hashes of the records' texts, in halves. */
    readonly raw: Int32Array;
    /** Filled: the code of each record's value, −1 where it has none. */
    readonly codes: Int32Array;
  }[];
  /** The records' places, in the order of `raw`. */
  readonly places: Int32Array;
  readonly place: number;
  readonly taken: Int32Array;
}

/** One dictionary of a family's values, and by field how many records have each. */
export interface Family {
  readonly dictionary: Dictionary;
  readonly counts: readonly Int32Array[];
}

/** Makes a family's dictionary and fills in its codes; undefined where another thread does. */
export function buildFamily({ fields, places, place, taken }: FamilyRequest): Family | undefined {
  if (Atomics.compareExchange(taken, place, 0, 1) !== 0) return undefined;
  const total = (of: (texts: FieldTexts) => ArrayLike<number>) =>
    fields.reduce((sum, { texts }) => sum + of(texts).length, 0);
  const words = new Words(
    total((texts) => texts.lengths),
    total((texts) => texts.bytes),
  );
  for (const { texts, raw, codes } of fields) {
    const ofTexts = new RawCodes(texts.lengths.length, places.length);
    words.add(texts, ofTexts);
    ofTexts.read(raw, places, codes);
  }
  const dictionary = words.done();
  const counts = fields.map(({ codes }) => {
    const counts = sharedIntegers(dictionary.size);
    for (let r = 0; r < codes.length; r++) {
      const code = codes[r] as number;
      if (code >= 0) counts[code] = (counts[code] as number) + 1;
    }
    return counts;
  });
  return { dictionary, counts };
}

/** Values of different texts may be equal: each is kept once. */
class Words {
  // UTF-16 has at most one unit for each byte of UTF-8.
  private readonly units: Uint16Array;
  /** As in `Texts`, and a hash in the last place of each. */
  private readonly values: Int32Array;
  private readonly slots: Int32Array;
  private readonly decoder = new TextDecoder();
  private size = 0;
  private filled = 0;

  constructor(most: number, bytes: number) {
    this.units = new Uint16Array(new SharedArrayBuffer(bytes * 2));
    this.values = sharedIntegers(most * width);
    this.slots = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(16, most * 2)))).fill(-1);
  }

  add({ raw, lengths, bytes }: FieldTexts, codes: RawCodes): void {
    let at = 0;
    for (let text = 0; text < lengths.length; text++) {
      const length = lengths[text] as number;
      const low = raw[2 * text] as number;
      const high = raw[2 * text + 1] as number;
      if (length < 0) {
        codes.set(low, high, -1);
        continue;
      }
      codes.set(low, high, this.codeOf(bytes, at, at + length));
      at += length;
    }
    if (at !== bytes.length) throw new Error("The database packed other values than it counted.");
  }

  private codeOf(bytes: Uint8Array, from: number, to: number): number {
    const { units, values, slots } = this;
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
      const place = code * width;
      if (values[place + 3] === hash && values[place + 1] === end - start) {
        const other = values[place] as number;
        let same = 0;
        while (start + same < end && units[other + same] === units[start + same]) same++;
        if (start + same === end) return code;
      }
      slot = (slot + 1) & mask;
    }
    const code = this.size++;
    slots[slot] = code;
    const place = code * width;
    values[place] = start;
    values[place + 1] = end - start;
    values[place + 2] = characterMask(units, start, end);
    values[place + 3] = hash;
    this.filled = end;
    return code;
  }

  done(): Dictionary {
    const { units, size } = this;
    const values = this.values.subarray(0, size * width);
    const hashes = sharedIntegers(size);
    for (let code = 0; code < size; code++) hashes[code] = values[code * width + 3] as number;
    return { units, values, hashes, size };
  }
}
