import { join } from "node:path";
import { AwsError } from "../../kernel";
import {
  duckdbType,
  type LakeFile,
  parquetOptions,
  parseLocation,
  parseSelect,
  quoteName,
  quoteText,
  type Session,
  scanFiles,
} from "../duckdb";
import { bindTables } from "./bind-tables";
import { type CatalogTable, catalogOf, relationOf } from "./catalog";
import type { Quality } from "./manifest";
import type { StepRun } from "./materialise";
import { authorizeWrite } from "./materialise";
import { replaceObjects } from "./replace-objects";
import { type StagedRows, stage } from "./stage";

/** What became of a rule: how many of the rows that were to become the table's break it. */
export interface RuleResult {
  readonly rule: string;
  readonly failing: number;
  /** Share of rows that may. */
  readonly threshold: number;
  readonly passed: boolean;
}

/** What became of a table's rules. */
export interface QualityResult {
  readonly table: string;
  readonly total: number;
  /** Rows that were kept out of the table, or, where the pipeline stopped, a sample of those that stopped it. */
  readonly rejected: number;
  readonly rules: readonly RuleResult[];
}

/** Rows that break a rule and that are kept where the pipeline stops: its table can be made again, so these are to look at. */
const sampleRows = 10_000;

/** A table's rules were broken by more rows than may break them. */
class QualityFailed extends AwsError {
  constructor(message: string) {
    super("QualityFailed", message);
  }
}

/**
 * Holds staged rows to a table's rules. Rows that break one go to the rejected rows; where more do than may, throws and
 * the table is left as it is. Returns the rows that are to become the table's.
 */
export async function holdToRules(
  run: StepRun,
  session: Session,
  target: CatalogTable,
  staged: StagedRows,
  quality: Quality,
  /** Files of the table that stay beside the staged rows. */
  kept: readonly LakeFile[],
): Promise<StagedRows> {
  await offer(session, target, staged, kept);
  const reads = { principal: run.principal, operation: "StartJobRun", except: ["candidate", "kept", "outcome"] };
  const { tables } = await parseSelect(session, quality.measure);
  await bindTables(run.kernel, session, tables, reads);
  const [total = 0, ...failing] = await numbers(session, quality.measure);
  const rules = quality.rules.map(({ name, threshold }, index): RuleResult => {
    const broken = failing[index] ?? 0;
    return { rule: name, failing: broken, threshold, passed: broken <= threshold * total };
  });
  const stopped = rules.filter(({ passed }) => !passed);
  const some = quality.rules.some((rule, index) => rule.rows && (failing[index] ?? 0) > 0);
  let rejected = 0;
  if (some && quality.rejects !== undefined) {
    const limit = stopped.length > 0 ? ` LIMIT ${sampleRows}` : "";
    rejected = await reject(run, session, target, quality, `${quality.rejects}${limit}`);
  }
  const table = run.step.name;
  run.onQuality?.({ table, total, rejected, rules });
  if (stopped.length > 0) {
    const told = stopped.map(({ rule, failing: broken, threshold }) =>
      quality.rules.find(({ name }) => name === rule)?.rows
        ? `${rule}: ${broken} of ${total} rows break it (${share(broken, total)}), at most ${threshold * 100}% may`
        : `${rule}: the table of ${total} rows breaks it`,
    );
    const where = `see ${quality.rejected.database}.${quality.rejected.table} where run = '${run.run}'`;
    throw new QualityFailed(`QualityFailed: ${table}: ${told.join("; ")}${rejected > 0 ? `; ${where}` : ""}`);
  }
  if (!some || quality.passing === undefined) return staged;
  const shape = { target, order: [...run.step.order, ...run.step.key] };
  return await stage(session, quality.passing, `${staged.folder}-passing`, shape);
}

const share = (part: number, whole: number): string => `${whole === 0 ? 0 : Math.round((part / whole) * 1000) / 10}%`;

/** The staged rows, those that stay, and both as the table as it will be, under the names that the rules know them by. */
async function offer(
  session: Session,
  target: CatalogTable,
  { folder, rows }: StagedRows,
  kept: readonly LakeFile[],
): Promise<void> {
  const columns = [...target.columns, ...target.partitionKeys];
  const types = `{${target.partitionKeys.map(({ name, type }) => `${quoteText(name)}: ${quoteText(duckdbType(type))}`).join(", ")}}`;
  const hive =
    target.partitionKeys.length > 0 ? `hive_partitioning = true, hive_types = ${types}` : "hive_partitioning = false";
  const staged = `SELECT ${columns.map(({ name }) => quoteName(name)).join(", ")} FROM read_parquet(${quoteText(join(folder, "**", "*.parquet"))}, ${hive})`;
  const files = (some: readonly LakeFile[]) => scanFiles(relationOf(target), some).sql;
  const named = (name: string) => `${session.database}.main.${name}`;
  const view = (name: string, select: string) => session.run(`CREATE OR REPLACE VIEW ${named(name)} AS ${select}`);
  await view("candidate", rows === 0 ? files([]) : staged);
  await view("kept", files(kept));
  await view("outcome", `SELECT * FROM ${named("candidate")} UNION ALL BY NAME SELECT * FROM ${named("kept")}`);
}

async function numbers(session: Session, sql: string): Promise<number[]> {
  const reader = await session.connection.runAndReadAll(sql);
  return (reader.getRows()[0] ?? []).map(Number);
}

/** Puts rows into the table of rejected rows, beside those that are there. Returns how many. */
async function reject(
  run: StepRun,
  session: Session,
  target: CatalogTable,
  quality: Quality,
  rows: string,
): Promise<number> {
  const { kernel, id } = run;
  const table = catalogOf(kernel).requireTable(quality.rejected.database, quality.rejected.table);
  authorizeWrite(run, table);
  const now = kernel.now();
  const day = new Date(now).toISOString().slice(0, 10);
  const file = join(kernel.folder("tmp", "glue", `${id}-rejected`), "rows.parquet");
  const names = [...target.columns, ...target.partitionKeys].map(
    ({ name }) => `${quoteText(name)}, r.${quoteName(name)}`,
  );
  const select = [
    `SELECT ${quoteText(run.run)} AS run, ${quoteText(run.step.name)} AS table_name, r.quality_rule AS rule,`,
    `make_timestamp(${now * 1000}) AS rejected_at, CAST(json_object(${names.join(", ")}) AS VARCHAR) AS row_json`,
    `FROM (${rows}) r`,
  ].join(" ");
  const count = await session.run(`COPY (${select}) TO ${quoteText(file)} (${parquetOptions()})`);
  const { bucket, prefix } = parseLocation(table.location);
  const key = `${prefix}dt=${day}/part-00000-${id}.zstd.parquet`;
  await replaceObjects(kernel, bucket, `${id}-rejected`, [{ key, file }], []);
  return count;
}
