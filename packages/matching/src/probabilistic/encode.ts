import type { DuckDBConnection } from "@duckdb/node-api";
import { sharedIntegers } from "./arrays";
import { buildFamily, type Dictionary, type Family, readRows, readTexts } from "./dictionary";
import type { Field, Role } from "./fields";
import { width } from "./near";
import { Claimed, type Threads } from "./threads";

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
function shapeOf(role: Role, { units, values, size }: Dictionary, known: number): Exclude<Role, "shape"> {
  if (role !== "shape") return role;
  if (size <= 60) return "category";
  let digits = 0;
  for (let code = 0; code < size; code++) {
    const start = values[code * width] as number;
    const text = units.subarray(start, start + (values[code * width + 1] as number));
    if (text.some((unit) => unit >= 48 && unit <= 57)) digits++;
  }
  if (digits > size * 0.8) return "code";
  return known > 0 ? "text" : "category";
}

/**
 * Normalises every field, gives each distinct value a number, and makes one of the records whose fields are all equal.
 * A record is its `rowid` in `table`: 0, 1, 2… Texts are told apart by 64 bits of hash, normal forms by all they are.
 */
export async function encode(
  connection: DuckDBConnection,
  table: string,
  fields: readonly Field[],
  threads: Threads,
): Promise<Encoded> {
  const records = await count(connection, `SELECT count(*) FROM ${table}`);
  const names = [...new Set(fields.map((field) => field.family))];
  const codes = fields.map(() => sharedIntegers(records));
  // Other threads take in what has been read while the database works on what follows.
  const families = new Claimed("family", buildFamily, threads, names.length);
  for (const family of names) {
    const own = fields.filter((field) => field.family === family);
    const texts: Awaited<ReturnType<typeof readTexts>>[] = [];
    for (const field of own) texts.push(await readTexts(connection, table, field, records));
    const { places, raw } = await readRows(connection, table, own, records);
    const parts = own.map((field, at) => ({
      texts: texts[at] as (typeof texts)[number],
      raw: raw[at] as Int32Array,
      codes: codes[fields.indexOf(field)] as Int32Array,
    }));
    families.add({ fields: parts, places });
  }
  const made = await families.all();
  const columnsOf = fields.map((field) => {
    const { dictionary, counts } = made[names.indexOf(field.family)] as Family;
    const own = fields.filter((one) => one.family === field.family);
    return { dictionary, counts: counts[own.indexOf(field)] as Int32Array };
  });
  const orders = new Float64Array(new SharedArrayBuffer(records * 8));
  const byFamily = names.flatMap((family) => [...fields.keys()].filter((at) => fields[at]?.family === family));
  const content = {
    codes: byFamily.map((at) => codes[at] as Int32Array),
    hashes: byFamily.map((at) => (columnsOf[at] as (typeof columnsOf)[number]).dictionary.hashes),
    orders,
    cursor: sharedIntegers(1),
  };
  await threads.ask("content", content, () => fillOrders(content));
  const { distinctOf, firstOf } = collapse(codes, orders);
  // A distinct record stands nowhere behind its first one: they are gathered in place.
  const size = firstOf.length;
  const gathered = <T extends Int32Array | Float64Array>(all: T): T => {
    if (size < records) for (let at = 0; at < size; at++) all[at] = all[firstOf[at] as number] as number;
    return all.subarray(0, size) as T;
  };
  const columns = fields.map((field, index): Column => {
    const { dictionary, counts } = columnsOf[index] as (typeof columnsOf)[number];
    let [known, distinct] = [0, 0];
    for (let code = 0; code < counts.length; code++) {
      const count = counts[code] as number;
      known += count;
      if (count > 0) distinct++;
    }
    const { source: _, value: __, ...plain } = field;
    const role = shapeOf(field.role, dictionary, known);
    return { field: plain, role, codes: gathered(codes[index] as Int32Array), dictionary, counts, known, distinct };
  });
  return { records, size, columns, order: gathered(orders), distinctOf, firstOf };
}

/** What the records' numbers are made of; in shared memory. */
export interface ContentRequest {
  readonly codes: readonly Int32Array[];
  /** By field: the hash of each code's value. */
  readonly hashes: readonly Int32Array[];
  /** Filled: a number for each record. */
  readonly orders: Float64Array;
  readonly cursor: Int32Array;
}

const recordsTogether = 1 << 15;
/** In the place of the hash of a value that is not known. */
const nothing = 1;

/** Makes a number of each record's content, of those records that no other thread has taken. */
export function fillOrders({ codes, hashes, orders, cursor }: ContentRequest): void {
  for (;;) {
    const from = Atomics.add(cursor, 0, 1) * recordsTogether;
    const to = Math.min(orders.length, from + recordsTogether);
    if (from >= to) return;
    const [high, low] = [new Int32Array(to - from), new Int32Array(to - from)];
    for (const [index, own] of codes.entries()) {
      const hashOf = hashes[index] as Int32Array;
      for (let at = 0; at < high.length; at++) {
        const code = own[from + at] as number;
        const hash = code < 0 ? nothing : (hashOf[code] as number);
        const a = Math.imul((high[at] as number) ^ hash, 0x9e3779b1);
        const b = Math.imul((low[at] as number) + hash, 0x85ebca6b);
        high[at] = a ^ (a >>> 15);
        low[at] = b ^ (b >>> 13);
      }
    }
    for (let at = 0; at < high.length; at++)
      orders[from + at] = ((high[at] as number) >>> 0) * 0x200000 + ((low[at] as number) >>> 11);
  }
}

/** One number for all records with the same codes; records are told apart by their codes, not by the hash alone. */
function collapse(raw: readonly Int32Array[], content: Float64Array): { distinctOf: Int32Array; firstOf: Int32Array } {
  const records = content.length;
  const distinctOf = new Int32Array(records);
  const first = new Int32Array(records);
  let size = 0;
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
    let slot = ((hash / 0x200000) | 0) & mask;
    for (;;) {
      const seen = slots[slot] as number;
      if (seen < 0) {
        slots[slot] = size;
        distinctOf[r] = size;
        first[size++] = r;
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
  return { distinctOf, firstOf: first.slice(0, size) };
}

/**
 * Distinct records in an order made of their content, about `most` of them where there are more: the same records give
 * the same sample however they came.
 */
export function byContent(order: Float64Array, most: number): Int32Array {
  const bound = order.length > most * 1.2 ? 2 ** 53 * (most / order.length) : 2 ** 53;
  const picked: number[] = [];
  for (let i = 0; i < order.length; i++) if ((order[i] as number) < bound) picked.push(i);
  // The numbers are spread evenly: dealt out by size they lie nearly where they belong.
  const { length } = picked;
  const partOf = (i: number): number => Math.min(length - 1, Math.floor(((order[i] as number) / bound) * length));
  const next = new Int32Array(length + 1);
  for (const i of picked) next[partOf(i) + 1] = (next[partOf(i) + 1] as number) + 1;
  for (let part = 0; part < length; part++) next[part + 1] = (next[part + 1] as number) + (next[part] as number);
  const sorted = new Int32Array(length);
  for (const i of picked) {
    const part = partOf(i);
    const place = next[part] as number;
    sorted[place] = i;
    next[part] = place + 1;
  }
  for (let from = 1; from < length; from++) {
    const i = sorted[from] as number;
    let at = from;
    for (; at > 0 && (order[sorted[at - 1] as number] as number) > (order[i] as number); at--)
      sorted[at] = sorted[at - 1] as number;
    sorted[at] = i;
  }
  return sorted;
}
