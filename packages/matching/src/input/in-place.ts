import { realpathSync } from "node:fs";
import { literal, type Session } from "../session";
import type { InputFile } from "./files";

/** Columns that Parquet's reader adds to those of the files. */
const added = ["file_row_number", "file_index"];

/** Whether files can be read where they lie: Parquet, none of them about to be written, no column named as one of ours. */
export function canStay(files: readonly InputFile[], columns: readonly string[], out: string | undefined): boolean {
  const written = out === undefined ? undefined : realPath(out);
  return (
    files.every(({ path, format }) => format === "parquet" && realPath(path) !== written) &&
    !columns.some((column) => added.includes(column.toLowerCase()))
  );
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** A reader of Parquet files, and SQL over it for a record's number: 0, 1, 2… in the order of the files. */
export async function numberedReader(
  session: Session,
  files: readonly InputFile[],
): Promise<{ reader: string; row: string; records: number }> {
  const list = `[${files.map(({ path }) => literal(path)).join(", ")}]`;
  let records = 0;
  const starts: number[] = [];
  for (const { path } of files) {
    starts.push(records);
    const [found] = await session.rows<{ n: bigint }>(
      `select sum(num_rows)::BIGINT as n from parquet_file_metadata(${literal(path)})`,
    );
    records += Number(found?.n ?? 0);
  }
  const row =
    files.length === 1 ? "file_row_number" : `file_row_number + ([${starts.join(", ")}])[file_index::BIGINT + 1]`;
  return {
    reader: `read_parquet(${list}${files.length === 1 ? "" : ", union_by_name = true"}, file_row_number = true)`,
    row: `(${row})::BIGINT`,
    records,
  };
}
