import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import type { LakeTable } from "@tributary/model";
import type { Kernel } from "../../../local/src/kernel";
import { duckdbType, LakeEngine, quoteText, scanOf } from "../../../local/src/services/duckdb";
import * as glue from "../../../local/src/services/glue";
import { catalogOf, relationOf } from "../../../local/src/services/glue/catalog";
import * as s3 from "../../../local/src/services/s3";
import type { TestLake } from "../../../local/test/services/lake-support";
import { nightlySteps, peopleToMatch, tablesOf, transformText, zones } from "../../src";
import { tablesIn } from "../../src/tables/sql-names";
import type { SparkOracle } from "./oracle";

export const lakeServices = [s3, glue];
/** Every transform, in the order of the pipeline. */
export const steps: readonly LakeTable[] = [...nightlySteps.clean, peopleToMatch, ...nightlySteps.curate];

/** The tables of a lake under test, and what makes them. */
export interface TestPlan {
  readonly tables: readonly LakeTable[];
  readonly steps: readonly { readonly table: LakeTable; readonly sql: string }[];
}
/** Every lake's. */
export const everyLake: TestPlan = {
  tables: tablesOf({ peopleToMatch: true }).tables,
  steps: steps.map((table) => ({ table, sql: transformText(table) })),
};
const nameOf = ({ zone, name }: LakeTable) => `${zone}.${name}`;
const sparkName = (type: string) => (type === "varchar" ? "string" : type);

const manifestOf = (plan: TestPlan, uri: (table: LakeTable) => string, bookmark: string) =>
  JSON.stringify({
    version: 1,
    bookmark,
    steps: plan.steps.map(({ table, sql }) => ({
      name: nameOf(table),
      sql: uri(table),
      target: { database: table.zone, table: table.name },
      mode: "overwrite",
      follow: table.incremental ?? "whole",
      key: table.primaryKey,
      ...(table.firstBy && { firstBy: table.firstBy }),
      ...(table.groupBy && { groupBy: table.groupBy }),
      order: table.order ?? [],
      presorted: table.presorted ?? false,
      sources: tablesIn(sql).flatMap((read) => {
        const source = plan.tables.find((each) => nameOf(each) === read);
        return source ? [{ database: source.zone, table: source.name, format: source.format ?? "parquet" }] : [];
      }),
    })),
  });

/** Declares the lake's tables in the local catalog and runs every transform there, as the Glue job does. */
export async function runLocally(lake: TestLake, plan: TestPlan = everyLake): Promise<void> {
  const roleArn = lake.role("job", "glue.amazonaws.com");
  for (const bucket of [...zones, "scripts"]) await lake.add("aws:s3/bucket:Bucket", bucket, { bucket });
  for (const name of zones) await lake.add("aws:glue/catalogDatabase:CatalogDatabase", name, { name });
  for (const table of plan.tables) {
    const serde = table.format === "json" ? "org.openx.data.jsonserde.JsonSerDe" : "ParquetHiveSerDe";
    await lake.add("aws:glue/catalogTable:CatalogTable", nameOf(table), {
      name: table.name,
      databaseName: table.zone,
      partitionKeys: table.partitionBy.map((name) => ({ name, type: "string" })),
      storageDescriptor: {
        location: `s3://${table.zone}/${table.name}/`,
        columns: table.columns.map(({ name, type }) => ({ name, type })),
        serDeInfo: { serializationLibrary: serde },
      },
    });
  }
  for (const { table, sql } of plan.steps) await lake.putText("scripts", `${nameOf(table)}.sql`, sql);
  await lake.putText(
    "scripts",
    "manifest.json",
    manifestOf(plan, (table) => `s3://scripts/${nameOf(table)}.sql`, "s3://scripts/bookmark.json"),
  );
  await lake.add("aws:glue/job:Job", "nightly", {
    name: "nightly",
    roleArn,
    command: { scriptLocation: "s3://scripts/driver.py" },
    defaultArguments: { "--manifest": "s3://scripts/manifest.json" },
  });
}

/** Runs the job and waits for it; undefined, or why it failed. */
export async function runJob(
  kernel: Kernel,
  given: Readonly<Record<string, string>> = {},
  onStep: (step: glue.StepStatistics) => void = () => {},
): Promise<string | undefined> {
  const start = { JobName: "nightly", Arguments: given };
  const { JobRunId } = await kernel.call<{ JobRunId: string }>("glue", "StartJobRun", start);
  const { state, errorMessage, statistics } = await glue.jobRunsOf(kernel).settled("nightly", JobRunId);
  statistics.forEach(onStep);
  return state === "SUCCEEDED" ? undefined : (errorMessage ?? state);
}

/** Writes rows of the raw zone, by day of `dayOf`, for both engines. */
export async function putRaw<T extends object>(
  lake: TestLake,
  sparkFolder: string,
  table: LakeTable,
  rows: readonly T[],
  dayOf: (row: T) => string,
  /** Of the files. */
  name = "rows",
): Promise<void> {
  const days = new Map<string, T[]>();
  for (const row of rows) days.set(dayOf(row), [...(days.get(dayOf(row)) ?? []), row]);
  for (const [day, some] of days) {
    const folder = path.join(sparkFolder, table.zone, table.name, `dt=${day}`);
    mkdirSync(folder, { recursive: true });
    const lines = path.join(lake.kernel.folder("tmp"), "rows.json");
    writeFileSync(lines, some.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const file = path.join(folder, `${name}.${table.format ?? "parquet"}`);
    if (table.format === "json") cpSync(lines, file);
    else {
      const columns = table.columns.map(({ name, type }) => `${quoteText(name)}: ${quoteText(duckdbType(type))}`);
      await LakeEngine.of(lake.kernel).with("duckdb", (session) =>
        session.run(
          `COPY (SELECT * FROM read_json(${quoteText(lines)}, format = 'newline_delimited', columns = {${columns.join(", ")}}))` +
            ` TO ${quoteText(file)} (FORMAT parquet)`,
        ),
      );
    }
    const copy = path.join(lake.kernel.folder("tmp"), path.basename(file));
    cpSync(file, copy);
    await s3.putLocalFile(lake.kernel, table.zone, `${table.name}/dt=${day}/${path.basename(file)}`, copy);
  }
}

/** Runs the driver on Spark over the same rows; undefined, or why it failed. Tables are declared the first time. */
export async function runOnSpark(
  spark: SparkOracle,
  sparkFolder: string,
  {
    again = false,
    arguments: given = [],
    plan = everyLake,
  }: { readonly again?: boolean; readonly arguments?: readonly string[]; readonly plan?: TestPlan } = {},
): Promise<string | undefined> {
  const declarations = plan.tables.map((table) => {
    const columns = [...table.columns, ...table.partitionBy.map((name) => ({ name, type: "string" }))];
    const partitioned = table.partitionBy.length > 0 ? ` PARTITIONED BY (${table.partitionBy.join(", ")})` : "";
    const location = path.join(sparkFolder, table.zone, table.name);
    return (
      `CREATE TABLE ${nameOf(table)} (${columns.map(({ name, type }) => `\`${name}\` ${sparkName(type)}`).join(", ")})` +
      ` USING ${table.format ?? "parquet"}${partitioned} LOCATION ${quoteText(location)}`
    );
  });
  const manifest = path.join(sparkFolder, "manifest.json");
  for (const { table, sql } of plan.steps) writeFileSync(path.join(sparkFolder, `${nameOf(table)}.sql`), sql);
  writeFileSync(
    manifest,
    manifestOf(
      plan,
      (table) => path.join(sparkFolder, `${nameOf(table)}.sql`),
      path.join(sparkFolder, "bookmark.json"),
    ),
  );
  const databases = zones.map((zone) => `CREATE DATABASE ${zone}`);
  const statements = again ? [] : [...databases, ...declarations];
  const { error } = await spark.drive({
    tables: statements,
    manifest,
    arguments: ["--TempDir", path.join(sparkFolder, "staging"), ...given],
  });
  return error ?? undefined;
}

export interface TableComparison {
  readonly rows: number;
  /** Columns whose type in Spark's files is not the declared one. */
  readonly types: readonly string[];
  /** Some of the rows that only one engine has. */
  readonly onlySpark: readonly unknown[];
  readonly onlyDuckDB: readonly unknown[];
}

/** Compares a table's rows, with their multiplicity and in the declared types. */
export async function compareTable(kernel: Kernel, sparkFolder: string, table: LakeTable): Promise<TableComparison> {
  const relation = relationOf(catalogOf(kernel).requireTable(table.zone, table.name));
  const all = [...relation.columns, ...relation.partitionKeys];
  const hive = `hive_partitioning = ${relation.partitionKeys.length > 0}, hive_types_autocast = false`;
  const files = quoteText(path.join(sparkFolder, table.zone, table.name, "**", "*.parquet"));
  return await LakeEngine.of(kernel).with("duckdb", async (session) => {
    const read = async (sql: string) => (await session.connection.runAndReadAll(sql)).getRowObjectsJson();
    await session.run(`CREATE TABLE ours AS ${scanOf(kernel, relation).sql}`);
    await session.run(`CREATE VIEW files AS SELECT * FROM read_parquet(${files}, ${hive})`);
    const described = new Map(
      (await read("DESCRIBE files")).map((each) => [each.column_name, String(each.column_type)]),
    );
    const types = all.flatMap(({ name, type }) => {
      const found = described.get(name)?.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMP");
      return found === duckdbType(type) ? [] : [`${name}: ${found} instead of ${duckdbType(type)}`];
    });
    const casts = all.map(({ name, type }) => `CAST("${name}" AS ${duckdbType(type)}) AS "${name}"`).join(", ");
    await session.run(`CREATE TABLE theirs AS SELECT ${casts} FROM files`);
    const only = (one: string, other: string) => read(`(FROM ${one} EXCEPT ALL FROM ${other}) ORDER BY ALL LIMIT 4`);
    const [counted] = await read("SELECT count(*)::INTEGER AS rows FROM ours");
    return {
      rows: Number(counted?.rows),
      types,
      onlySpark: await only("theirs", "ours"),
      onlyDuckDB: await only("ours", "theirs"),
    };
  });
}
