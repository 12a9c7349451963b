import { AwsError, NotSupportedLocally } from "../../kernel";
import type { Session } from "./engine";
import { quoteText } from "./types";

/** A table that a query reads: `database` is undefined where the query leaves it to the session's default. */
export interface TableReference {
  readonly database: string | undefined;
  readonly table: string;
}

/** One SELECT (WITH, VALUES), with what the parser says of it. */
export interface ParsedSelect {
  readonly sql: string;
  readonly tables: readonly TableReference[];
  /** What its columns are called, in order; undefined where the text alone does not tell (`select *`). */
  readonly columns: readonly string[] | undefined;
}

/** Table functions that read nothing outside the query itself. */
const harmless = new Set(["range", "generate_series", "sequence", "unnest", "json_each"]);

type Node = { readonly [key: string]: unknown };
const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value);

/** The error for a table of another catalog than the account's own. */
function otherCatalog(catalog: string, name: string): AwsError {
  if (catalog.toLowerCase() === "awsdatacatalog")
    return new AwsError("InvalidRequestException", `SYNTAX_ERROR: leave the catalog out: write ${name}`);
  return new NotSupportedLocally(
    `the catalog ${catalog} (federated queries and catalogs of other accounts)`,
    `Here is the account's own catalog, whose tables are called database.table.`,
  );
}

/** What went wrong in the parser's words, on one line. */
function parserMessage(answer: Node): string {
  const position = typeof answer.position === "string" ? ` at position ${answer.position}` : "";
  return `${String(answer.error_message)}${position}`;
}

/** Names of a SELECT's columns, as far as each says its own. */
function columnsOf(select: unknown): string[] | undefined {
  if (!isNode(select) || select.type !== "SELECT_NODE" || !Array.isArray(select.select_list)) return undefined;
  const names = select.select_list.map((item: unknown) => {
    if (!isNode(item) || item.class === "STAR") return undefined;
    const own = item.class === "COLUMN_REF" && Array.isArray(item.column_names) ? item.column_names.at(-1) : undefined;
    return item.alias || own;
  });
  return names.every((name) => typeof name === "string") ? names : undefined;
}

/**
 * What a query reads and gives, from the parser's own tree. Throws `InvalidRequestException` for text that does not parse, is
 * not exactly one SELECT (WITH, VALUES), or reads anything but tables (files, engine internals).
 */
export async function parseSelect(session: Session, sql: string): Promise<ParsedSelect> {
  const reader = await session.connection.runAndReadAll(`SELECT json_serialize_sql(${quoteText(sql)})`);
  const answer: unknown = JSON.parse(String(reader.getRows()[0]?.[0]));
  if (!isNode(answer)) throw new AwsError("InvalidRequestException", "the query cannot be parsed");
  if (answer.error === true) {
    throw new AwsError("InvalidRequestException", `SYNTAX_ERROR: ${parserMessage(answer)}`);
  }
  const statements = answer.statements;
  if (!Array.isArray(statements) || statements.length !== 1) {
    throw new AwsError("InvalidRequestException", "SYNTAX_ERROR: one statement at a time");
  }
  const found = new Map<string, TableReference>();
  const withNames = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) {
      value.forEach(visit);
      return;
    }
    if (!isNode(value)) return;
    if (isNode(value.cte_map) && Array.isArray(value.cte_map.map)) {
      for (const entry of value.cte_map.map) if (isNode(entry)) withNames.add(String(entry.key).toLowerCase());
    }
    if (value.type === "BASE_TABLE") {
      const catalog = String(value.catalog_name ?? "");
      if (catalog !== "") throw otherCatalog(catalog, `${String(value.schema_name)}.${String(value.table_name)}`);
      const reference = { database: String(value.schema_name) || undefined, table: String(value.table_name) };
      found.set(`${reference.database ?? ""}.${reference.table}`.toLowerCase(), reference);
    }
    if (value.type === "TABLE_FUNCTION" && isNode(value.function)) {
      const name = String(value.function.function_name);
      if (!harmless.has(name)) {
        throw new AwsError("InvalidRequestException", `FUNCTION_NOT_FOUND: table function ${name} is not available`);
      }
    }
    Object.values(value).forEach(visit);
  };
  visit(statements);
  const tables = [...found.values()].filter(({ database, table }) => database || !withNames.has(table.toLowerCase()));
  const [statement]: unknown[] = statements;
  return { sql, tables, columns: isNode(statement) ? columnsOf(statement.node) : undefined };
}
