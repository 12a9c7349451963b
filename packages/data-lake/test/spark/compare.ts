import type { Session } from "../../../local/src/services/duckdb";
import { quoteText } from "../../../local/src/services/duckdb";
import type { SparkOracle } from "./oracle";
import type { Pool } from "./pools";

/** Every way in which the two engines differ on a pool: a line each, empty where they agree. */
export interface Difference {
  readonly expression: string;
  /** What differs: the types, an error of one of them, or rows with both values. */
  readonly what: string;
}

const rowsOf = async (session: Session, sql: string) => (await session.connection.runAndReadAll(sql)).getRowsJson();
const firstLine = (error: unknown) => String(error instanceof Error ? error.message : error).split("\n")[0];

/** Parquet files hold instants; both engines' `timestamp` is the UTC one. */
const plainType = (type: unknown) => String(type).replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMP");

/** Writes a pool to a Parquet file that both engines read. */
export async function writePool(session: Session, pool: Pool, file: string): Promise<void> {
  const names = Object.keys(pool.columns);
  const literal = (value: string | number | boolean | null) =>
    value === null ? "NULL" : typeof value === "string" ? quoteText(value) : String(value);
  const values = pool.rows.map((row, index) => `(${[index, ...row.map(literal)].join(", ")})`);
  const casts = names.map((name) => `CAST(${name} AS ${pool.columns[name]}) AS ${name}`);
  await session.run(
    `COPY (SELECT CAST(id AS INTEGER) AS id, ${casts.join(", ")} FROM (VALUES ${values.join(", ")}) v(id, ${names.join(", ")}))` +
      ` TO ${quoteText(file)} (FORMAT parquet)`,
  );
}

/** Evaluates the expressions on both engines and tells where they differ in type or value. */
export async function differences(
  spark: SparkOracle,
  session: Session,
  folder: string,
  name: string,
  pool: Pool,
  expressions: readonly string[],
): Promise<Difference[]> {
  const inputs = `${folder}/${name}.parquet`;
  const into = `${folder}/${name}-spark`;
  await writePool(session, pool, inputs);
  const named = Object.fromEntries(expressions.map((expression, index) => [`c${index}`, expression]));
  const { failed } = await spark.expressions({ inputs, groupBy: pool.groupBy, expressions: named, into });
  const columns = Object.entries(pool.columns).map(([column, type]) =>
    type === "TIMESTAMPTZ" ? `CAST(${column} AS TIMESTAMP) AS ${column}` : column,
  );
  await session.run(
    `CREATE OR REPLACE TABLE inputs AS SELECT id, ${columns.join(", ")} FROM read_parquet(${quoteText(inputs)})`,
  );
  await session.run(
    `CREATE OR REPLACE TABLE theirs AS SELECT * FROM read_parquet(${quoteText(`${into}/*.parquet`)}, hive_partitioning = false)`,
  );
  const theirTypes = new Map((await rowsOf(session, "DESCRIBE theirs")).map(([column, type]) => [column, type]));
  const found: Difference[] = [];
  for (const [column, expression] of Object.entries(named)) {
    const group = pool.groupBy;
    const query = `SELECT ${group ?? "id"} AS id, ${expression} AS v FROM inputs${group ? ` GROUP BY ${group}` : ""}`;
    let failure: string | undefined;
    try {
      await session.run(`CREATE OR REPLACE TABLE ours AS ${query}`);
    } catch (error) {
      failure = firstLine(error);
    }
    if (failed[column] !== undefined || failure !== undefined) {
      const what = `Spark: ${failed[column] ?? "answers"}; DuckDB: ${failure ?? "answers"}`;
      if (failed[column] === undefined || failure === undefined) found.push({ expression, what });
      continue;
    }
    const ourType = plainType((await rowsOf(session, "DESCRIBE ours"))[1]?.[1]);
    const theirType = plainType(theirTypes.get(column));
    if (ourType !== theirType) found.push({ expression, what: `type: Spark ${theirType}, DuckDB ${ourType}` });
    const typed = `CAST(t.${column} AS ${theirType})`;
    const differ =
      theirType === "DOUBLE"
        ? // The last place of a logarithm is the platform's.
          `(${typed} IS DISTINCT FROM o.v AND NOT coalesce(abs(${typed} - o.v) <= 1e-13 * abs(o.v), false))`
        : `CAST(${typed} AS VARCHAR) IS DISTINCT FROM CAST(o.v AS VARCHAR)`;
    const source = group ? "" : "JOIN inputs i ON i.id = o.id";
    const shown = group ? "o.id" : "i";
    const rows = await rowsOf(
      session,
      `SELECT CAST(${shown} AS VARCHAR), CAST(${typed} AS VARCHAR), CAST(o.v AS VARCHAR)
       FROM ours o FULL JOIN theirs t ON o.id IS NOT DISTINCT FROM t.id ${source} WHERE ${differ} ORDER BY o.id`,
    );
    for (const [input, theirs, ours] of rows) {
      found.push({
        expression,
        what: `${input}: Spark ${JSON.stringify(theirs)}, DuckDB ${JSON.stringify(ours)}`,
      });
    }
  }
  return found;
}
