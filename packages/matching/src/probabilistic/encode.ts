import type { DuckDBConnection, DuckDBDataChunk, DuckDBListVector, DuckDBResult } from "@duckdb/node-api";
import { sharedIntegers } from "./arrays";
import { type Dictionary, dictionaryOf, readWords } from "./dictionary";
import type { Field, Role } from "./fields";

/** A field of every distinct record; plain data, in memory that all threads see. */
export interface Column {
  readonly field: Omit<Field, "source" | "value">;
  readonly role: Exclude<Role, "shape">;
  /** Code of each distinct record's value in the dictionary; -1 where it has none. */
  readonly codes: Int32Array;
  readonly dictionary: Dictionary;
  /** Records, duplicates included, by code. */
  readonly counts: Int32Array;
  /** Records, duplicates included, that have a value. */
  readonly known: number;
  /** Different values of this field. */
  readonly distinct: number;
}

/** Records whose hashes are read at once. */
const rowsTogether = 20_000;

/** The records as numbers: what blocking, comparing and scoring work on. */
export interface Encoded {
  /** Records of the input. */
  readonly records: number;
  /** Distinct records: those whose fields are all equal are one. */
  readonly size: number;
  readonly columns: readonly Column[];
  /** A number made of each distinct record's content, in shared memory: an order that does not depend on the input's. */
  readonly order: Float64Array;
  /** Distinct record of each record; the first record of each distinct one. */
  readonly distinctOf: Int32Array;
  readonly firstOf: Int32Array;
}

async function count(connection: DuckDBConnection, sql: string): Promise<number> {
  const rows = (await connection.runAndReadAll(sql)).getRows();
  return Number(rows[0]?.[0] ?? 0);
}

/** Codes and categories are told apart by more than equality only where their values are long enough to be mistyped. */
function shapeOf(role: Role, { units, starts, lengths, size }: Dictionary, known: number): Exclude<Role, "shape"> {
  if (role !== "shape") return role;
  if (size <= 60) return "category";
  let digits = 0;
  for (let code = 0; code < size; code++) {
    const start = starts[code] as number;
    const text = units.subarray(start, start + (lengths[code] as number));
    if (text.some((unit) => unit >= 48 && unit <= 57)) digits++;
  }
  if (digits > size * 0.8) return "code";
  return known > 0 ? "text" : "category";
}

/**
 * Normalises every field, gives each distinct value a number, and makes one of the records whose fields are all equal.
 * A record is its `rowid` in `table`: 0, 1, 2… Texts are told apart by 64 bits of hash, normal forms by all they are.
 */
export async function encode(connection: DuckDBConnection, table: string, fields: readonly Field[]): Promise<Encoded> {
  const records = await count(connection, `SELECT count(*) FROM ${table}`);
  const families = [...new Set(fields.map((field) => field.family))];
  const dictionaries = new Map<string, Dictionary>();
  const codes = fields.map(() => new Int32Array(records));
  const content = new Int32Array(2 * records);
  // What has been read is taken in while the database works on what follows.
  let before = Promise.resolve();
  for (const family of families) {
    const own = [...fields.keys()].filter((index) => fields[index]?.family === family);
    const words: Awaited<ReturnType<typeof readWords>>[] = [];
    for (const index of own) words.push(await readWords(connection, table, fields[index] as Field, records));
    const hashes = own.map((index) => `list(hash(${fields[index]?.source}))`);
    // Lists are long and few: so are the calls that read them.
    const rows = await connection.run(
      `SELECT list(rowid::INT), ${hashes.join(", ")} FROM ${table} GROUP BY rowid // ${rowsTogether}`,
    );
    const last = before;
    before = (async () => {
      await last;
      const made = dictionaryOf(words, records);
      dictionaries.set(family, made.dictionary);
      await eachChunk(rows, (chunk) => {
        const at = listed<Int32Array>(chunk, 0);
        for (const [place, index] of own.entries()) {
          const { buffer, byteOffset } = listed<BigUint64Array>(chunk, place + 1);
          const raw = new Int32Array(buffer, byteOffset, at.length * 2);
          made.codes[place]?.read(raw, at, codes[index] as Int32Array, content);
        }
      });
    })();
    // Waited for below; what goes wrong until then is not unheard.
    before.catch(() => {});
  }
  await before;
  const orders = new Float64Array(records);
  for (let r = 0; r < records; r++)
    orders[r] = ((content[2 * r] as number) >>> 0) * 0x200000 + ((content[2 * r + 1] as number) >>> 11);
  const { distinctOf, firstOf } = collapse(codes, orders);
  const columns = fields.map((field, index) =>
    columnOf(field, codes[index] as Int32Array, dictionaries.get(field.family) as Dictionary, firstOf),
  );
  const order = new Float64Array(new SharedArrayBuffer(firstOf.length * 8));
  for (const [at, first] of firstOf.entries()) order[at] = orders[first] as number;
  return { records, size: firstOf.length, columns, order, distinctOf, firstOf };
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

function columnOf(field: Field, codes: Int32Array, dictionary: Dictionary, firstOf: Int32Array): Column {
  const counts = sharedIntegers(dictionary.size);
  let known = 0;
  for (let r = 0; r < codes.length; r++) {
    const code = codes[r] as number;
    if (code < 0) continue;
    known++;
    counts[code] = (counts[code] as number) + 1;
  }
  let distinct = 0;
  for (const one of counts) if (one > 0) distinct++;
  const own = sharedIntegers(firstOf.length);
  for (let i = 0; i < own.length; i++) own[i] = codes[firstOf[i] as number] as number;
  const role = shapeOf(field.role, dictionary, known);
  const { source: _, value: __, ...plain } = field;
  return { field: plain, role, codes: own, dictionary, counts, known, distinct };
}

/** One number for all records with the same codes; records are told apart by their codes, not by the hash alone. */
function collapse(raw: readonly Int32Array[], content: Float64Array): { distinctOf: Int32Array; firstOf: Int32Array } {
  const records = content.length;
  const distinctOf = new Int32Array(records);
  const first: number[] = [];
  let bits = 1;
  while (1 << bits < records * 2) bits++;
  const slots = new Int32Array(1 << bits).fill(-1);
  const mask = slots.length - 1;
  const same = (a: number, b: number): boolean => {
    for (const codes of raw) if (codes[a] !== codes[b]) return false;
    return true;
  };
  for (let r = 0; r < records; r++) {
    const hash = content[r] as number;
    let slot = (hash % 4294967296) & mask;
    for (;;) {
      const seen = slots[slot] as number;
      if (seen < 0) {
        slots[slot] = first.length;
        distinctOf[r] = first.length;
        first.push(r);
        break;
      }
      const other = first[seen] as number;
      if (content[other] === hash && same(other, r)) {
        distinctOf[r] = seen;
        break;
      }
      slot = (slot + 1) & mask;
    }
  }
  return { distinctOf, firstOf: Int32Array.from(first) };
}

/**
 * Distinct records in an order made of their content, about `most` of them where there are more: the same records give
 * the same sample however they came.
 */
export function byContent(order: Float64Array, most: number): Int32Array {
  const bound = order.length > most * 1.2 ? 2 ** 53 * (most / order.length) : Number.POSITIVE_INFINITY;
  const picked: number[] = [];
  for (let i = 0; i < order.length; i++) if ((order[i] as number) < bound) picked.push(i);
  return Int32Array.from(picked).sort((a, b) => (order[a] as number) - (order[b] as number));
}
