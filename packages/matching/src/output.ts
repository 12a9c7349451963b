import { renameSync, rmSync, statSync } from "node:fs";
import { DuckDBDataChunk, INTEGER } from "@duckdb/node-api";
import { MatchingError } from "./faults";
import { formatOf } from "./input/files";
import type { Source } from "./input/load";
import { literal, quoted, type Session } from "./session";

const rowsPerChunk = 2_048;

/** Writes roots by record as the table `assignment(r, root)`. */
export async function storeAssignment(session: Session, root: Int32Array): Promise<void> {
  await session.run("create or replace table assignment(r INTEGER, root INTEGER)");
  const appender = await session.connection.createAppender("assignment");
  const types = [INTEGER, INTEGER];
  for (let from = 0; from < root.length; from += rowsPerChunk) {
    const length = Math.min(rowsPerChunk, root.length - from);
    const chunk = DuckDBDataChunk.create(types, length);
    const rows = chunk.getColumnVector(0) as unknown as { items: Int32Array; flush(): void };
    const roots = chunk.getColumnVector(1) as unknown as { items: Int32Array; flush(): void };
    for (let index = 0; index < length; index++) rows.items[index] = from + index;
    roots.items.set(root.subarray(from, from + length));
    rows.flush();
    roots.flush();
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

const copyOptions = {
  csv: "format csv, header",
  json: "format json",
  parquet: "format parquet, compression zstd",
} as const;

/** Names that the output adds; the input's columns of the same name get a `_2` behind theirs. */
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
  const columns = source.columns.map((name) => {
    let free = name;
    for (let number = 2; taken.has(free.toLowerCase()); number++) free = `${name}_${number}`;
    taken.add(free.toLowerCase());
    return `${source.column(name)} as ${quoted(free)}`;
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
