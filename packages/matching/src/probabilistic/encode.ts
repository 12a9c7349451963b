import type { DuckDBConnection } from "@duckdb/node-api";
import { bump } from "./arrays";
import type { Field, Role } from "./fields";
import { characterMask } from "./strings";

/** The distinct normal forms of a family of fields, by code. */
export interface Dictionary {
  /** Empty for families whose values are only told apart. */
  readonly values: readonly string[];
  readonly masks: Int32Array;
  /** A number made of each value: codes differ from run to run, these do not. */
  readonly hashes: Int32Array;
  readonly size: number;
}

/** A field of every distinct record. */
export interface Column {
  readonly field: Field;
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

async function readInto(
  connection: DuckDBConnection,
  sql: string,
  columns: readonly { fill(row: number, value: unknown): void }[],
): Promise<void> {
  const result = await connection.stream(sql);
  let row = 0;
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) return;
    const count = chunk.rowCount;
    columns.forEach((column, index) => {
      const vector = chunk.getColumnVector(index);
      for (let i = 0; i < count; i++) column.fill(row + i, vector.getItem(i));
    });
    row += count;
  }
}

async function count(connection: DuckDBConnection, sql: string): Promise<number> {
  const rows = (await connection.runAndReadAll(sql)).getRows();
  return Number(rows[0]?.[0] ?? 0);
}

/** Codes and categories are told apart by more than equality only where their values are long enough to be mistyped. */
function shapeOf(role: Role, values: readonly string[], known: number): Exclude<Role, "shape"> {
  if (role !== "shape") return role;
  if (values.length <= 60) return "category";
  let digits = 0;
  for (const value of values) if (/[0-9]/.test(value)) digits++;
  if (digits > values.length * 0.8) return "code";
  return known > 0 ? "text" : "category";
}

/**
 * Normalises every field, gives each distinct value a number, and makes one of the records whose fields are all equal.
 * A record is its `rowid` in `table`: 0, 1, 2…
 */
export async function encode(connection: DuckDBConnection, table: string, fields: readonly Field[]): Promise<Encoded> {
  const records = await count(connection, `SELECT count(*) FROM ${table}`);
  const slots = fields.map((_, index) => `f${index}`);
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE fs_values AS SELECT rowid::INT AS r, ${fields.map((field, index) => `${field.expression} AS f${index}`).join(", ")} FROM ${table}`,
  );
  const families = [...new Set(fields.map((field) => field.family))];
  const dictionaries = new Map<string, Dictionary>();
  for (const [number, family] of families.entries()) {
    const parts = fields.flatMap((field, index) =>
      field.family === family ? [`SELECT f${index} AS v FROM fs_values WHERE f${index} IS NOT NULL`] : [],
    );
    await connection.run(
      `CREATE OR REPLACE TEMP TABLE fs_words${number} AS SELECT (row_number() OVER () - 1)::INT AS code, v FROM (SELECT v FROM (${parts.join(" UNION ALL ")}) GROUP BY v)`,
    );
    const size = await count(connection, `SELECT count(*) FROM fs_words${number}`);
    const values: string[] = new Array(size);
    const masks = new Int32Array(size);
    const hashes = new Int32Array(size);
    const codeOf = new Int32Array(size);
    await readInto(connection, `SELECT code, v, (hash(v) >> 33)::INT FROM fs_words${number}`, [
      {
        fill: (row, value) => {
          codeOf[row] = value as number;
        },
      },
      {
        fill: (row, value) => {
          const code = codeOf[row] as number;
          values[code] = value as string;
          masks[code] = characterMask(value as string);
        },
      },
      {
        fill: (row, value) => {
          hashes[codeOf[row] as number] = value as number;
        },
      },
    ]);
    dictionaries.set(family, { values, masks, hashes, size });
  }
  const raw = fields.map(() => new Int32Array(records).fill(-1));
  const content = new Float64Array(records);
  const row = new Int32Array(records);
  await readInto(
    connection,
    `SELECT r, (hash(${slots.join(", ")}) >> 11)::DOUBLE, ${fields.map((_, index) => `d${index}.code`).join(", ")} FROM fs_values ${fields
      .map((field, index) => `LEFT JOIN fs_words${families.indexOf(field.family)} d${index} ON d${index}.v = f${index}`)
      .join(" ")}`,
    [
      {
        fill: (at, value) => {
          row[at] = value as number;
        },
      },
      {
        fill: (at, value) => {
          content[row[at] as number] = value as number;
        },
      },
      ...raw.map((codes) => ({
        fill: (at: number, value: unknown) => {
          if (value !== null) codes[row[at] as number] = value as number;
        },
      })),
    ],
  );
  await connection.run("DROP TABLE fs_values");
  for (const number of families.keys()) await connection.run(`DROP TABLE fs_words${number}`);

  const { distinctOf, firstOf } = collapse(raw, content);
  const columns = fields.map((field, index): Column => {
    const codes = raw[index] as Int32Array;
    const dictionary = dictionaries.get(field.family) as Dictionary;
    const counts = new Int32Array(dictionary.size);
    let known = 0;
    for (const code of codes) {
      if (code < 0) continue;
      known++;
      bump(counts, code);
    }
    let distinct = 0;
    for (const one of counts) if (one > 0) distinct++;
    const own = Int32Array.from(firstOf, (first) => codes[first] as number);
    return {
      field,
      role: shapeOf(field.role, dictionary.values, known),
      codes: own,
      dictionary,
      counts,
      known,
      distinct,
    };
  });
  return {
    records,
    size: firstOf.length,
    columns,
    order: Float64Array.from(firstOf, (first) => content[first] as number),
    distinctOf,
    firstOf,
  };
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
  const same = (a: number, b: number) => raw.every((codes) => codes[a] === codes[b]);
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
