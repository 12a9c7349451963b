import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AwsError, type Kernel, type Principal } from "../../kernel";
import {
  duckdbType,
  type LakeColumn,
  LakeEngine,
  listFiles,
  nearest,
  parquetOptions,
  parseLocation,
  partitionOf,
  quoteName,
  quoteText,
  type Session,
} from "../duckdb";
import { bindTables } from "./bind-tables";
import { type CatalogTable, catalogOf, catalogPermissions } from "./catalog";
import type { ManifestStep } from "./manifest";
import { holdToRules, type QualityResult } from "./quality";
import { type NewObject, replaceObjects } from "./replace-objects";

/** A file of the lake is cut at this size, so that any engine can read a table in parallel. */
const maxFileSize = "512MB";

export interface StepRun {
  readonly kernel: Kernel;
  readonly principal: Principal;
  /** Unique per job run and step; part of the file names. */
  readonly id: string;
  /** The job run. */
  readonly run: string;
  readonly step: ManifestStep;
  readonly sql: string;
  /** Called with the function that cuts the running statement short. */
  readonly onStart: (interrupt: () => void) => void;
  /** Called with what became of the step's quality rules, whether or not they stop it. */
  readonly onQuality?: (result: QualityResult) => void;
}

/** Runs one SELECT in Spark's dialect and makes its rows the target table's data. Returns the number of rows. */
export async function materialise(run: StepRun): Promise<number> {
  const { kernel, step, id } = run;
  const target = catalogOf(kernel).requireTable(step.target.database, step.target.table);
  authorizeWrite(run, target);
  const temporary = kernel.folder("tmp", "glue", id);
  try {
    return await LakeEngine.of(kernel).with("spark", async (session) => {
      run.onStart(() => session.connection.interrupt());
      const query = run.sql.replace(/[;\s]+$/, "");
      await bindTables(kernel, session, query, { principal: run.principal, operation: "StartJobRun" });
      const select = await conform(session, query, target);
      let staged = await stage(session, select, temporary, target.partitionKeys);
      if (step.quality !== undefined) staged = await holdToRules(run, session, target, staged, step.quality);
      await swap(run, target, staged);
      return staged.rows;
    });
  } finally {
    for (const folder of ["", "-passing", "-rejected"]) {
      rmSync(`${temporary}${folder}`, { recursive: true, force: true });
    }
  }
}

/** Checks that the caller may replace a table's data. */
export function authorizeWrite({ kernel, principal }: StepRun, target: CatalogTable): void {
  if (principal.kind === "root") return;
  for (const needed of catalogPermissions(kernel, "GetTable", target.database, target.name)) {
    kernel.authorize(principal, needed, "StartJobRun");
  }
  const { bucket, prefix } = parseLocation(target.location);
  const resource = `arn:aws:s3:::${bucket}/${prefix}part-00000.parquet`;
  for (const action of ["s3:PutObject", "s3:DeleteObject"]) {
    kernel.authorize(principal, { action, resource }, "StartJobRun");
  }
}

/** Wraps the query so that it yields exactly the target's columns, by name, in its order and types. */
async function conform(session: Session, query: string, target: CatalogTable): Promise<string> {
  const prepared = await session.connection.prepare(query);
  const given = Array.from({ length: prepared.columnCount }, (_, index) => prepared.columnName(index));
  prepared.destroySync();
  const wanted = [...target.columns, ...target.partitionKeys];
  const has = (names: readonly string[], name: string) =>
    names.some((each) => each.toLowerCase() === name.toLowerCase());
  const missing = wanted.filter(({ name }) => !has(given, name));
  const names = wanted.map(({ name }) => name);
  const extra = given.filter((name) => !has(names, name));
  if (missing.length > 0 || extra.length > 0) {
    const faults = [
      ...missing.map(({ name }) => {
        const near = nearest(name, extra);
        return `column ${name} is missing${near ? ` (the query has ${near})` : ""}`;
      }),
      ...extra.map((name) => `column ${name} is not in the table`),
    ];
    throw new AwsError(
      "InvalidInputException",
      `the query does not fit ${target.database}.${target.name}: ${faults.join("; ")}`,
    );
  }
  const casts = wanted.map(({ name, type }) => `CAST(${quoteName(name)} AS ${duckdbType(type)}) AS ${quoteName(name)}`);
  return `SELECT ${casts.join(", ")} FROM (\n${query}\n)`;
}

/** Rows in files that no table has yet. */
export interface StagedRows {
  readonly folder: string;
  readonly rows: number;
}

/** Writes the rows of a SELECT into a folder, as a table's files. */
export async function stage(
  session: Session,
  select: string,
  folder: string,
  partitionKeys: readonly LakeColumn[],
): Promise<StagedRows> {
  const options = [parquetOptions(), "OVERWRITE_OR_IGNORE true"];
  if (partitionKeys.length > 0) {
    options.push(`PARTITION_BY (${partitionKeys.map(({ name }) => quoteName(name)).join(", ")})`);
  } else {
    options.push(`FILE_SIZE_BYTES '${maxFileSize}'`);
  }
  const rows = await session.run(`COPY (${select}) TO ${quoteText(folder)} (${options.join(", ")})`);
  return { folder, rows };
}

async function swap(run: StepRun, target: CatalogTable, { folder, rows }: StagedRows): Promise<void> {
  const { kernel, step, id } = run;
  const { bucket, prefix } = parseLocation(target.location);
  const keys = target.partitionKeys.map(({ name }) => name);
  // An empty result leaves no file: an empty folder is an empty table.
  const names = rows === 0 ? [] : filesUnder(folder);
  const add: NewObject[] = names.map((name, index) => {
    const parent = name.includes("/") ? name.slice(0, name.lastIndexOf("/") + 1) : "";
    const part = String(index).padStart(5, "0");
    return { key: `${prefix}${parent}part-${part}-${id}.zstd.parquet`, file: join(folder, name) };
  });
  const written = new Set(names.map((name) => partitionKey(name, keys)));
  const old = listFiles(kernel, { bucket, prefix }).filter(
    ({ name }) => step.mode === "overwrite" || written.has(partitionKey(name, keys)),
  );
  const removed = old.map(({ name }) => `${prefix}${name}`);
  await replaceObjects(kernel, bucket, id, add, removed);
}

const partitionKey = (name: string, keys: readonly string[]): string =>
  JSON.stringify(partitionOf({ name, path: "", size: 0 }, keys) ?? []);

function filesUnder(folder: string, prefix = ""): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesUnder(folder, `${prefix}${entry.name}/`) : [`${prefix}${entry.name}`],
  );
}
