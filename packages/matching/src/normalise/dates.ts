import type { DuckDBConnection } from "@duckdb/node-api";
import { type DateReading, dateOrderCounts } from "./expressions";

/**
 * How a column's dates are read: day before month, unless more of them can only be the other way round.
 *
 * @param text - an SQL expression over `table`
 */
export async function dateReading(connection: DuckDBConnection, table: string, text: string): Promise<DateReading> {
  const counts = await connection.runAndReadAll(
    // Dates that begin with the year say nothing of the others' order, and are most.
    `SELECT ${dateOrderCounts(text)} FROM ${table} WHERE NOT regexp_full_match(${text}, '[0-9]{4}-[0-9]{2}-[0-9]{2}')`,
  );
  const [row] = counts.getRows();
  return { dayFirst: Number(row?.[0] ?? 0) >= Number(row?.[1] ?? 0) };
}
