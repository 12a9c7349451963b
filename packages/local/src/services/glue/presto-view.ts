import { z } from "zod";
import { AwsError, NotSupportedLocally } from "../../kernel";
import { duckdbType, parseSelect, quoteName, type Session } from "../duckdb";
import type { CatalogTable } from "./catalog";

/** A view of Athena's as the catalog keeps it: base64 of JSON in a comment. */
const encoded = /^\s*\/\*\s*Presto View:\s*([A-Za-z0-9+/=\s]+?)\s*\*\/\s*$/;

const document = z.object({
  originalSql: z.string().min(1),
  catalog: z.string().optional(),
  schema: z.string().optional(),
  columns: z.array(z.object({ name: z.string().min(1), type: z.string().min(1) })).min(1),
});
export type PrestoView = z.output<typeof document>;

export const isView = ({ tableType }: Pick<CatalogTable, "tableType">): boolean => tableType === "VIRTUAL_VIEW";

/** Decodes a view. @throws AwsError `InvalidInputException` for text that Athena could not read, with what is wrong with it */
export function prestoViewOf(table: CatalogTable): PrestoView {
  const fault = (what: string) =>
    new AwsError(
      "InvalidInputException",
      `the view ${table.database}.${table.name} ${what}; viewOriginalText must be /* Presto View: <base64 of {"originalSql", "catalog", "schema", "columns": [{"name", "type"}]}> */`,
    );
  const [, text] = encoded.exec(table.viewOriginalText ?? "") ?? [];
  if (text === undefined) throw fault("has no Presto text");
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(text, "base64").toString("utf8"));
  } catch (error) {
    throw fault(`holds no JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  const view = document.safeParse(parsed);
  if (!view.success) {
    throw fault(view.error.issues.map((issue) => `${issue.path.join(".") || "document"}: ${issue.message}`).join(", "));
  }
  if (table.parameters.presto_view !== "true") throw fault('lacks the parameter presto_view = "true"');
  const declared = table.columns.map(({ name }) => name).join(", ");
  const told = view.data.columns.map(({ name }) => name).join(", ");
  if (declared !== told) throw fault(`has the columns ${declared} in the catalog and ${told} in its text`);
  return view.data;
}

/** Trino's name of a type as DuckDB's: `timestamp(3)` → `TIMESTAMP`. */
function columnType(type: string, table: CatalogTable, name: string): string {
  const lower = type.toLowerCase().replace(/\s+/g, "");
  if (/^timestamp\(\d+\)$/.test(lower)) return "TIMESTAMP";
  if (/^(varchar|char)\(\d+\)$/.test(lower)) return "VARCHAR";
  if (lower === "real") return "FLOAT";
  if (lower === "varbinary") return "BLOB";
  try {
    return duckdbType(lower);
  } catch {
    throw new NotSupportedLocally(`the type ${type} of ${table.database}.${table.name}.${name}`);
  }
}

/** Types that Trino takes where a wider one is declared. */
const wider: Readonly<Record<string, readonly string[]>> = {
  BIGINT: ["INTEGER", "SMALLINT", "TINYINT", "HUGEINT"],
  INTEGER: ["SMALLINT", "TINYINT"],
  DOUBLE: ["FLOAT"],
};
const fits = (given: string, declared: string): boolean =>
  given === declared ||
  wider[declared]?.includes(given) === true ||
  // A sum of decimals is wider here than it is in Trino; a NULL is of any type.
  (given.startsWith("DECIMAL") && declared.startsWith("DECIMAL")) ||
  given === '"NULL"';

/**
 * The SELECT of a view over tables that its session sees already. As in Athena a view whose query gives other columns
 * than it declares is stale, and cannot be read.
 */
export async function viewSelect(session: Session, table: CatalogTable, view: PrestoView): Promise<string> {
  const prepared = await session.connection.prepare(view.originalSql);
  const given = Array.from({ length: prepared.columnCount }, (_, index) => ({
    name: prepared.columnName(index),
    type: String(prepared.columnType(index)),
  }));
  prepared.destroySync();
  const stale = (what: string) =>
    new AwsError(
      "InvalidRequestException",
      `VIEW_IS_STALE: View '${table.database}.${table.name}' is stale or in invalid state: ${what}`,
    );
  if (given.length !== view.columns.length) {
    throw stale(`its query gives ${given.length} columns, it declares ${view.columns.length}`);
  }
  const columns = view.columns.map(({ name, type }, index) => {
    const declared = columnType(type, table, name);
    const { name: found = "", type: foundType = "" } = given[index] ?? {};
    if (found.toLowerCase() !== name.toLowerCase())
      throw stale(`column ${index + 1} is ${found} in its query, ${name} in its declaration`);
    if (!fits(foundType, declared))
      throw stale(`column ${name} is ${foundType.toLowerCase()} in its query, ${type} in its declaration`);
    return `CAST(${quoteName(found)} AS ${declared}) AS ${quoteName(name)}`;
  });
  return `SELECT ${columns.join(", ")} FROM (${view.originalSql.replace(/[;\s]+$/, "")})`;
}

/** What a view reads. Names without a database are Athena's own context, which a session here cannot have twice. */
export async function tablesOfView(session: Session, table: CatalogTable, view: PrestoView) {
  const { tables: read } = await parseSelect(session, view.originalSql);
  const loose = read.find(({ database }) => database === undefined);
  if (loose === undefined) return read;
  throw new NotSupportedLocally(
    `the view ${table.database}.${table.name}, whose SQL names ${loose.table} without its database`,
    `Write ${view.schema ?? table.database}.${loose.table}.`,
  );
}
