import { renameSync, rmSync, statSync } from "node:fs";
import { DOUBLE, DuckDBDataChunk, type DuckDBType, INTEGER } from "@duckdb/node-api";
import type { Links } from "./cluster/links";
import { MatchingError } from "./faults";
import { formatOf } from "./input/files";
import type { Source } from "./input/load";
import { literal, quoted, type Session } from "./session";

const rowsPerChunk = 2_048;

/** Writes whole numbers as rows of a temporary table, a chunk of columns at a time. */
async function appendNumbers(
  session: Session,
  table: string,
  length: number,
  columns: readonly ((from: number, to: number, into: Int32Array | Float64Array) => void)[],
  types: readonly DuckDBType[],
): Promise<void> {
  const appender = await session.connection.createAppender(table, null, "temp");
  for (let from = 0; from < length; from += rowsPerChunk) {
    const count = Math.min(rowsPerChunk, length - from);
    const chunk = DuckDBDataChunk.create(types, count);
    for (const [index, fill] of columns.entries()) {
      const vector = chunk.getColumnVector(index) as unknown as { items: Int32Array | Float64Array; flush(): void };
      fill(from, from + count, vector.items);
      vector.flush();
    }
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

const copied =
  (values: Int32Array | Float64Array | Uint8Array) =>
  (from: number, to: number, into: Int32Array | Float64Array): void =>
    into.set(values.subarray(from, to));

/** Writes roots by record as the table `assignment(r, root)`. */
export async function storeAssignment(session: Session, root: Int32Array): Promise<void> {
  await session.run("create or replace temp table assignment(r INTEGER, root INTEGER)");
  const numbered = (from: number, to: number, into: Int32Array | Float64Array): void => {
    for (let row = from; row < to; row++) into[row - from] = row;
  };
  await appendNumbers(session, "assignment", root.length, [numbered, copied(root)], [INTEGER, INTEGER]);
}

/** Writes links as the table `links(a, b, tier, weight)`. */
export async function storeLinks(session: Session, links: Links): Promise<void> {
  await session.run("create or replace temp table links(a INTEGER, b INTEGER, tier INTEGER, weight DOUBLE)");
  const columns = [links.a, links.b, links.tier, links.weight].map(copied);
  await appendNumbers(session, "links", links.length, columns, [INTEGER, INTEGER, INTEGER, DOUBLE]);
}

const copyOptions = {
  csv: "format csv, header",
  json: "format json",
  // Dictionaries of many values cost a third of the writing and save nothing; of small parts all threads have some to the end.
  parquet: "format parquet, compression zstd, compression_level 1, dictionary_size_limit 5000, row_group_size 65536",
} as const;

/** Names that the output adds; other columns of the input of the same name get a `_2` behind theirs. */
const added = ["record_id", "profile_id"];

/**
 * Writes record_id, profile_id and the input's columns. The file appears when it is whole: it is written under another
 * name beside its own and then renamed.
 */
export async function writeOutput(session: Session, source: Source, path: string): Promise<void> {
  const format = formatOf(path);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new MatchingError(`${path} is a folder. Name a file, such as ${path}/profiles.parquet.`);
  }
  const taken = new Set(added);
  const columns = source.columns.flatMap((name) => {
    // The id stands there already.
    if (name === added[0] && name === source.idColumn) return [];
    let free = name;
    for (let number = 2; taken.has(free.toLowerCase()); number++) free = `${name}_${number}`;
    taken.add(free.toLowerCase());
    return [`${source.column(name)} as ${quoted(free)}`];
  });
  const partial = `${path}.${process.pid}.partial${/\.gz$/i.test(path) ? ".gz" : ""}`;
  const compressed = /\.gz$/i.test(path) ? ", compression gzip" : "";
  const options = `${copyOptions[format]}${format === "parquet" ? "" : compressed}`;
  const list = [`${source.id} as record_id`, "profile_id", ...columns].join(", ");
  try {
    await session.run(
      `copy (select ${list} from source join assignment on source.rowid = r join profiles using (root)) to ${literal(partial)} (${options})`,
    );
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw new MatchingError(`${path} cannot be written: ${(error as Error).message.split("\n")[0]}`, { cause: error });
  }
}
