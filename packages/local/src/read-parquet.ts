import { DuckDBInstance } from "@duckdb/node-api";

/** The rows of a Parquet file as plain values, a chunk at a time; times as ISO text, decimals and big integers as text. */
export async function* readParquet(file: string): AsyncGenerator<{ header: string[]; rows: unknown[][] }> {
  const instance = await DuckDBInstance.create(":memory:", { memory_limit: "256MB", threads: "1", TimeZone: "UTC" });
  const connection = await instance.connect();
  try {
    const result = await connection.stream(`SELECT * FROM read_parquet('${file.replaceAll("'", "''")}')`);
    const header = result.columnNames();
    for await (const rows of result.yieldRowsJson()) yield { header, rows };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
