import type { DuckDBConnection } from "@duckdb/node-api";
import { sharedIntegers } from "./arrays";
import { type Dictionary, dictionaryOf } from "./dictionary";
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

/** The records as numbers: what blocking, comparing and scoring work on. */
export interface Encoded {
  /** Records of the input. */
  readonly records: number;
  /** Distinct records: those whose fields are all equal are one. */
  readonly size: number;
  readonly columns: readonly Column[];
  /** A number made of each distinct record's content: an order that does not depend on the input's. */
  readonly order: Float64Array;
  /** Distinct record of each record; the first record of each distinct one. */
  readonly distinctOf: Int32Array;
  readonly firstOf: Int32Array;
}

/** Calls with each chunk's columns: numbers, which must not be null, as typed arrays. */
async function eachChunk(
  connection: DuckDBConnection,
  sql: string,
  take: (numbers: (at: number) => Int32Array | Float64Array, rows: number) => void,
): Promise<void> {
  const result = await connection.stream(sql);
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) return;
    const columns = Array.from({ length: chunk.columnCount }, (_, at) => chunk.getColumnVector(at));
    take((at) => (columns[at] as unknown as { items: Int32Array | Float64Array }).items, chunk.rowCount);
  }
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
 * A record is its `rowid` in `table`: 0, 1, 2…
 */
export async function encode(connection: DuckDBConnection, table: string, fields: readonly Field[]): Promise<Encoded> {
  const records = await count(connection, `SELECT count(*) FROM ${table}`);
  const families = [...new Set(fields.map((field) => field.family))];
  const dictionaries = new Map<string, Dictionary>();
  // What has been read is taken in while the next statement runs.
  let waiting: (() => void) | undefined;
  const run = async (sql: string): Promise<void> => {
    const running = connection.run(sql);
    const work = waiting;
    waiting = undefined;
    work?.();
    await running;
  };
  for (const [number, family] of families.entries()) {
    const own = [...fields.keys()].filter((index) => fields[index]?.family === family);
    for (const index of own) {
      const field = fields[index] as Field;
      await run(
        `CREATE OR REPLACE TEMP TABLE fs_raw${index} AS SELECT raw, ${field.value("raw")} AS v FROM (SELECT ${field.source} AS raw FROM ${table} GROUP BY 1) WHERE raw IS NOT NULL`,
      );
    }
    const all = own.map((index) => `SELECT v FROM fs_raw${index} WHERE v IS NOT NULL`).join(" UNION ALL ");
    await run(
      `CREATE OR REPLACE TEMP TABLE fs_words${number} AS SELECT (row_number() OVER () - 1)::INT AS code, v, (hash(v) >> 33)::INT AS h FROM (${all}) GROUP BY v`,
    );
    for (const index of own) {
      await run(
        `CREATE OR REPLACE TEMP TABLE fs_codes${index} AS SELECT raw, code, h FROM fs_raw${index} JOIN fs_words${number} USING (v)`,
      );
      await run(`DROP TABLE fs_raw${index}`);
    }
    const read = await dictionaryOf(connection, `fs_words${number}`);
    await run(`DROP TABLE fs_words${number}`);
    waiting = () => dictionaries.set(family, read());
  }
  const raw = fields.map(() => new Int32Array(records));
  const content = new Float64Array(records);
  const codes = fields.map((_, index) => `coalesce(d${index}.code, -1)::INT AS c${index}`);
  const hashes = fields.map((_, index) => `d${index}.h`);
  const joins = fields.map((field, index) => `LEFT JOIN fs_codes${index} d${index} ON d${index}.raw = ${field.source}`);
  // As a table first: a stream would run the joins in one thread.
  await run(
    `CREATE OR REPLACE TEMP TABLE fs_records AS SELECT ${table}.rowid::INT AS r, (hash(${hashes.join(", ")}) >> 11)::DOUBLE AS content, ${codes.join(", ")} FROM ${table} ${joins.join(" ")}`,
  );
  await eachChunk(connection, "FROM fs_records", (numbers, rows) => {
    const at = numbers(0);
    const order = numbers(1);
    for (let row = 0; row < rows; row++) content[at[row] as number] = order[row] as number;
    for (const [index, column] of raw.entries()) {
      const values = numbers(index + 2);
      for (let row = 0; row < rows; row++) column[at[row] as number] = values[row] as number;
    }
  });
  await connection.run("DROP TABLE fs_records");
  for (const index of fields.keys()) await connection.run(`DROP TABLE fs_codes${index}`);
  const { distinctOf, firstOf } = collapse(raw, content);
  const columns = fields.map((field, index) =>
    columnOf(field, raw[index] as Int32Array, dictionaries.get(field.family) as Dictionary, firstOf),
  );
  const order = Float64Array.from(firstOf, (first) => content[first] as number);
  return { records, size: firstOf.length, columns, order, distinctOf, firstOf };
}

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
