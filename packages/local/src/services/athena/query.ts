import { type DuckDBType, type DuckDBValue, VARCHAR } from "@duckdb/node-api";
import { athenaFunctions, type Json } from "@tributary/model";
import { AwsError, type Kernel, NotSupportedLocally, type Principal, rootPrincipal } from "../../kernel";
import { athenaType, LakeEngine, nearest, parseSelect, toJson } from "../duckdb";
import { bindTables, catalogOf, catalogPermissions, isView, tableNotFound } from "../glue";
import { checkStatement } from "./statements";

export interface QueryOutcome {
  readonly columns: readonly { readonly name: string; readonly type: DuckDBType }[];
  readonly rows: readonly (readonly DuckDBValue[])[];
  /** Sum of the sizes of the files that the query may read: an upper bound of what is scanned. */
  readonly scannedBytes: number;
}

export interface QueryOptions {
  readonly principal: Principal;
  readonly database?: string | undefined;
  readonly scanCutoff?: number | undefined;
  readonly onStart?: (interrupt: () => void) => void;
}

const named = `(?:"[^"]+"|\`[^\`]+\`|\\w+)`;
const showTables = new RegExp(
  `^\\s*show\\s+(tables|views)(?:\\s+(?:in|from)\\s+(${named}))?(?:\\s+'([^']*)')?\\s*$`,
  "i",
);
const showDatabases = /^\s*show\s+(?:databases|schemas)\s*$/i;
const showColumns = new RegExp(`^\\s*show\\s+columns\\s+(?:in|from)\\s+(?:(${named})\\.)?(${named})\\s*$`, "i");
const describe = new RegExp(`^\\s*desc(?:ribe)?\\s+(?:(${named})\\.)?(${named})\\s*$`, "i");
const unquoted = (name: string | undefined) => name?.replace(/^["`]|["`]$/g, "");

/** Runs one Athena statement: SELECT, WITH, VALUES, SHOW TABLES, VIEWS, DATABASES or COLUMNS, or DESCRIBE. */
export async function runStatement(kernel: Kernel, text: string, options: QueryOptions): Promise<QueryOutcome> {
  const sql = text.replace(/[;\s]+$/, "");
  checkStatement(sql);
  const listed = catalogStatement(kernel, sql, options);
  if (listed) return listed;
  for (let attempt = 0; ; attempt++) {
    try {
      return await select(kernel, sql, options);
    } catch (error) {
      // A job replaced the table's files between the listing and the read: list again.
      if (attempt >= 3 || !(error instanceof AwsError) || !/No such file|No files found/i.test(error.message))
        throw error;
    }
  }
}

/** A query's columns and rows as JSON, for the command line: the caller is the user of this machine. */
export async function queryRows(
  kernel: Kernel,
  sql: string,
): Promise<{ columns: { name: string; type: string }[]; rows: Json[][] }> {
  const { columns, rows } = await runStatement(kernel, sql, { principal: rootPrincipal });
  return {
    columns: columns.map(({ name, type }) => ({ name, type: athenaType(type).name })),
    rows: rows.map((row) => row.map(toJson)),
  };
}

async function select(kernel: Kernel, sql: string, options: QueryOptions): Promise<QueryOutcome> {
  return await LakeEngine.of(kernel).with("athena", async (session) => {
    const { tables } = await parseSelect(session, sql);
    const bound = await bindTables(kernel, session, tables, {
      principal: options.principal,
      operation: "StartQueryExecution",
      defaultDatabase: options.database,
      views: true,
    });
    const scannedBytes = bound.reduce((sum, { scan }) => sum + scan.bytes, 0);
    if (options.scanCutoff !== undefined && scannedBytes > options.scanCutoff) {
      throw new AwsError(
        "InvalidRequestException",
        `Bytes scanned limit was exceeded: ${scannedBytes} > ${options.scanCutoff}`,
      );
    }
    options.onStart?.(() => session.connection.interrupt());
    try {
      const reader = await session.connection.runAndReadAll(sql);
      const columns = reader.columnTypes().map((type, index) => ({ name: reader.columnName(index), type }));
      return { columns, rows: reader.getRows(), scannedBytes };
    } catch (error) {
      throw inAthenaWords(error);
    }
  });
}

/** SHOW and DESCRIBE, answered from the catalog; undefined for anything else. */
function catalogStatement(kernel: Kernel, sql: string, options: QueryOptions): QueryOutcome | undefined {
  const catalog = catalogOf(kernel);
  const allow = (action: string, database?: string, table?: string) => {
    for (const needed of catalogPermissions(kernel, action, database, table)) {
      kernel.authorize(options.principal, needed, "StartQueryExecution");
    }
  };
  if (showDatabases.test(sql)) {
    allow("GetDatabases");
    return listing(
      ["database_name"],
      catalog.listDatabases().map(({ name }) => [name]),
    );
  }
  const tables = showTables.exec(sql);
  if (tables) {
    const [, what = "", given, like] = tables;
    const database = unquoted(given) ?? options.database;
    if (database === undefined)
      throw new AwsError("InvalidRequestException", `SHOW ${what.toUpperCase()} IN <database>: name the database`);
    if (!catalog.database(database)) throw databaseNotFound(kernel, database);
    allow("GetTables", database);
    const pattern = like === undefined ? undefined : new RegExp(`^(?:${like.replaceAll("*", ".*")})$`);
    const all = catalog.listTables(database);
    const names = all.filter((table) => what.toLowerCase() === "tables" || isView(table)).map(({ name }) => name);
    return listing(
      ["tab_name"],
      names.filter((name) => !pattern || pattern.test(name)).map((name) => [name]),
    );
  }
  const columns = showColumns.exec(sql);
  const described = columns ?? describe.exec(sql);
  if (!described) return undefined;
  const database = unquoted(described[1]) ?? options.database;
  const name = unquoted(described[2]) ?? "";
  const table = database === undefined ? undefined : catalog.table(database, name);
  if (!table) throw tableNotFound(kernel, database, name);
  allow("GetTable", table.database, table.name);
  const all = [...table.columns, ...table.partitionKeys];
  if (columns)
    return listing(
      ["field"],
      all.map((column) => [column.name]),
    );
  return listing(
    ["col_name", "data_type", "comment"],
    all.map((column) => [column.name, column.type, column.comment ?? ""]),
  );
}

const listing = (names: readonly string[], rows: string[][]): QueryOutcome => ({
  columns: names.map((name) => ({ name, type: VARCHAR })),
  rows,
  scannedBytes: 0,
});

function databaseNotFound(kernel: Kernel, database: string): AwsError {
  const names = catalogOf(kernel)
    .listDatabases()
    .map(({ name }) => name);
  const near = nearest(database, names);
  const hint = near ? `; did you mean ${near}?` : `; the catalog has ${names.join(", ") || "no databases"}`;
  return new AwsError("InvalidRequestException", `SCHEMA_NOT_FOUND: database ${database} does not exist${hint}`);
}

const codes: readonly (readonly [RegExp, string])[] = [
  [/Binder Error: .*column/is, "COLUMN_NOT_FOUND"],
  [/(Catalog|Binder) Error: .*function/is, "FUNCTION_NOT_FOUND"],
  [/Parser Error/i, "SYNTAX_ERROR"],
  [/Conversion Error/i, "INVALID_CAST_ARGUMENT"],
  [/Binder Error/i, "TYPE_MISMATCH"],
  [/Out of Memory/i, "EXCEEDED_MEMORY_LIMIT"],
  [/INTERRUPT/i, "QUERY_STOPPED"],
];

/** DuckDB's complaint under the code that Athena would give, with what it suggests, without the engine's own advice. */
function inAthenaWords(error: unknown): AwsError {
  const message = error instanceof Error ? error.message : String(error);
  const missing = /function with name "?(\w+)"? does not exist/i.exec(message)?.[1];
  // A text that names a function which Athena has not came to nobody's ears here: it was refused before.
  if (missing !== undefined && athenaFunctions.has(missing.toLowerCase()))
    return new NotSupportedLocally(
      `Athena's function ${missing}`,
      "docs/lake/sql.md has those that work here; run this query against AWS.",
    );
  const code = codes.find(([pattern]) => pattern.test(message))?.[1] ?? "GENERIC_USER_ERROR";
  const text = message.split(/\n\s*\n/)[0] ?? message;
  const candidates = /Candidate bindings: (.*)/.exec(message)?.[1];
  const hint = candidates && !text.includes(candidates) ? `; did you mean ${candidates}?` : "";
  return new AwsError("InvalidRequestException", `${code}: ${text.replace(/^\w[\w ]* Error: /, "")}${hint}`);
}
