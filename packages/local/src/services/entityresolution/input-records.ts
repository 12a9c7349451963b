import { compareText, type MatchField } from "@tributary/model";
import { AwsError, type Kernel, NotSupportedLocally, type Principal } from "../../kernel";
import { LakeEngine, parseSelect, quoteName } from "../duckdb";
import { bindTables, catalogOf, catalogPermissions } from "../glue";
import type { SchemaMapping } from "./definitions";

/** Most records of one job here: they are matched in memory. On AWS there is no such bound. */
export const mostRecords = 100_000;

/** A row of an input: its unique id, and the mapped fields as text, empty where there is no value. */
export interface InputRow {
  readonly uniqueId: string;
  readonly cells: Readonly<Record<string, string>>;
}

export interface InputTable {
  readonly sourceArn: string;
  readonly fields: readonly MatchField[];
  readonly applyNormalization: boolean;
  readonly rows: readonly InputRow[];
  /** Rows that are not processed, and why. */
  readonly rejected: readonly { readonly row: InputRow; readonly why: string }[];
}

/** Names that the output has of its own. Source: user guide, "Troubleshooting matching workflows". */
const reserved = new Set(
  ["EmailAddress", "InputSourceARN", "MatchRule", "MatchID", "HashingProtocol", "ConfidenceLevel", "Source"].map(
    (name) => name.toLowerCase(),
  ),
);

/**
 * Reads the mapped columns of a Glue table as a role, and tells the rows that cannot be processed. Rows are in the order of
 * their unique ids, whatever the files' order: it decides which of two match ids is the smaller.
 *
 * @param most - records that a job may still take
 */
export async function readInput(
  kernel: Kernel,
  principal: Principal,
  source: { readonly inputSourceArn: string; readonly applyNormalization?: boolean | undefined },
  schema: SchemaMapping,
  most: number,
): Promise<InputTable> {
  const [, database = "", table = ""] = source.inputSourceArn.split(":table")[1]?.split("/") ?? [];
  const fields = schema.mappedInputFields.map(
    ({ fieldName, type, groupName, matchKey, hashed }): MatchField => ({
      column: fieldName,
      type,
      group: groupName,
      matchKey,
      hashed,
    }),
  );
  // The role reads the catalog level by level, as the service does.
  for (const needed of catalogPermissions(kernel, "GetDatabase", database)) {
    kernel.authorize(principal, needed, "StartMatchingJob");
  }
  const { columns, partitionKeys } = catalogOf(kernel).requireTable(database, table);
  const known = [...columns, ...partitionKeys].map(({ name }) => name.toLowerCase());
  const missing = fields.filter(({ column }) => !known.includes(column.toLowerCase())).map(({ column }) => column);
  if (missing.length > 0) {
    throw new AwsError(
      "ValidationException",
      `schema mapping ${schema.schemaName} has fields that ${database}.${table} lacks: ${missing.join(", ")}; the table has ${known.join(", ")}`,
    );
  }
  const rows = await readRows(kernel, principal, `${quoteName(database)}.${quoteName(table)}`, fields, most);
  const idColumn = fields.find(({ type }) => type === "UNIQUE_ID")?.column ?? "";
  return {
    sourceArn: source.inputSourceArn,
    fields,
    applyNormalization: source.applyNormalization === true,
    ...sort(rows, idColumn, fields),
  };
}

async function readRows(
  kernel: Kernel,
  principal: Principal,
  table: string,
  fields: readonly MatchField[],
  most: number,
): Promise<Record<string, string>[]> {
  const select = fields.map(({ column }) => `CAST(${quoteName(column)} AS VARCHAR)`).join(", ");
  const sql = `SELECT ${select} FROM ${table}`;
  return await LakeEngine.of(kernel).with("duckdb", async (session) => {
    const { tables } = await parseSelect(session, sql);
    await bindTables(kernel, session, tables, { principal, operation: "StartMatchingJob" });
    const reader = await session.connection.streamAndReadUntil(sql, most + 1);
    const rows = reader.getRows();
    if (rows.length > most) {
      throw new NotSupportedLocally(
        `a matching job over more than ${mostRecords} records (${table} goes beyond it)`,
        "Here a job matches in memory: give it a smaller table, match the file with `tributary resolve`, or run it on AWS.",
      );
    }
    return rows.map((row) =>
      Object.fromEntries(fields.map(({ column }, index) => [column, row[index] === null ? "" : String(row[index])])),
    );
  });
}

function sort(
  rows: readonly Record<string, string>[],
  idColumn: string,
  fields: readonly MatchField[],
): Pick<InputTable, "rows" | "rejected"> {
  const taken = fields.filter(({ column }) => reserved.has(column.toLowerCase())).map(({ column }) => column);
  const seen = new Set<string>();
  const sorted: { rows: InputRow[]; rejected: { row: InputRow; why: string }[] } = { rows: [], rejected: [] };
  const read = rows.map((cells) => ({ uniqueId: (cells[idColumn] ?? "").trim(), cells }));
  read.sort(
    (a, b) => compareText(a.uniqueId, b.uniqueId) || compareText(JSON.stringify(a.cells), JSON.stringify(b.cells)),
  );
  for (const row of read) {
    const why =
      taken.length > 0 ? `the schema mapping has reserved names: ${taken.join(", ")}` : fault(row.uniqueId, seen);
    if (why === undefined) sorted.rows.push(row);
    else sorted.rejected.push({ row, why });
    seen.add(row.uniqueId);
  }
  return sorted;
}

/** Source: glossary, "Unique ID"; user guide, "Troubleshooting matching workflows". */
function fault(uniqueId: string, seen: ReadonlySet<string>): string | undefined {
  if (uniqueId === "") return "the unique id is missing";
  if (uniqueId.length > 38) return `the unique id has ${uniqueId.length} characters, at most 38 are allowed`;
  if (!/^[a-zA-Z0-9_-]+$/.test(uniqueId)) return "the unique id has characters other than a-z, A-Z, 0-9, _ and -";
  return seen.has(uniqueId) ? "the unique id is repeated in the table" : undefined;
}
