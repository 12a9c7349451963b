import { readFileSync } from "node:fs";
import type { QueryResult, RuntimeHandle } from "@tributary/local";
import { Command, Option } from "commander";
import { type CommonOptions, withCommonOptions, withRuntime } from "../context";
import { CommandError, UsageError } from "../errors";
import { table } from "../output";

interface SqlOptions extends CommonOptions {
  readonly file?: string;
  readonly format?: "table" | "csv" | "json";
  readonly engine: "athena" | "redshift";
}

/** `tributary sql QUERY`: the lake under its Athena names, or Redshift's database. */
export function sqlCommand(): Command {
  return withCommonOptions(new Command("sql"))
    .description("query the lake, in Athena's dialect, or Redshift")
    .argument("[query]", "for example: select count(*) from curated.orders")
    .option("--file <path>", "read the query from a file")
    .addOption(new Option("--format <format>", "how rows are printed").choices(["table", "csv", "json"]))
    .addOption(new Option("--engine <engine>", "who answers").choices(["athena", "redshift"]).default("athena"))
    .action(async (query: string | undefined, options: SqlOptions) => {
      const sql = textOf(query, options.file);
      const format = options.format ?? (options.json ? "json" : "table");
      await withRuntime({ ...options, json: format === "json" }, async (runtime, output) => {
        const result = options.engine === "redshift" ? await redshift(runtime, sql) : await runtime.query(sql);
        const names = result.columns.map(({ name }) => name);
        output.result(
          result.rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index]]))),
          () => (format === "csv" ? csv(names, result.rows) : table(names, result.rows)),
        );
      });
    });
}

function textOf(query: string | undefined, file: string | undefined): string {
  if (query !== undefined && file !== undefined) throw new UsageError("Give a query or --file, not both.");
  if (file === undefined) {
    if (query !== undefined) return query;
    throw new UsageError('Give a query: tributary sql "select count(*) from curated.orders", or --file PATH.');
  }
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** RFC 4180, as spreadsheets read it: quotes where they are needed, nothing for null. */
export function csv(names: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cell = (value: unknown): string => {
    if (value === null || value === undefined) return "";
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [names, ...rows].map((row) => row.map(cell).join(",")).join("\n");
}

interface Described {
  readonly Status: string;
  readonly Error?: string;
  readonly HasResultSet: boolean;
}

/** Runs a statement in the stack's one workgroup, by the Data API, and waits for its rows. */
async function redshift(runtime: RuntimeHandle, sql: string): Promise<QueryResult> {
  const { workgroups } = await runtime.call<{ workgroups: { workgroupName: string }[] }>(
    "redshift-serverless",
    "ListWorkgroups",
    {},
  );
  const [workgroup, ...more] = workgroups.map(({ workgroupName }) => workgroupName);
  if (workgroup === undefined)
    throw new UsageError("This stack has no Redshift: give DataLake `redshift: {}` (docs/lake/redshift.md).");
  if (more.length > 0) throw new UsageError(`This stack has several workgroups: ${[workgroup, ...more].join(", ")}.`);
  const { Id } = await runtime.call<{ Id: string }>("redshift-data", "ExecuteStatement", {
    WorkgroupName: workgroup,
    Sql: sql,
  });
  for (;;) {
    const told = await runtime.call<Described>("redshift-data", "DescribeStatement", { Id });
    if (told.Status === "FINISHED") return told.HasResultSet ? await rowsOf(runtime, Id) : { columns: [], rows: [] };
    if (told.Status === "FAILED" || told.Status === "ABORTED") throw new CommandError(told.Error ?? told.Status);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

interface Page {
  readonly ColumnMetadata: readonly { readonly name: string; readonly typeName: string }[];
  readonly Records: readonly (readonly Readonly<Record<string, unknown>>[])[];
  readonly NextToken?: string;
}

async function rowsOf(runtime: RuntimeHandle, Id: string): Promise<QueryResult> {
  const rows: unknown[][] = [];
  let NextToken: string | undefined;
  for (;;) {
    const page: Page = await runtime.call<Page>("redshift-data", "GetStatementResult", {
      Id,
      ...(NextToken !== undefined && { NextToken }),
    });
    for (const record of page.Records) {
      rows.push(record.map((field) => (field.isNull === true ? null : Object.values(field)[0])));
    }
    NextToken = page.NextToken;
    if (NextToken === undefined)
      return { columns: page.ColumnMetadata.map(({ name, typeName }) => ({ name, type: typeName })), rows };
  }
}
