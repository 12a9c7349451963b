import { createHash } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AwsError, type Kernel, type Principal } from "../../kernel";
import { filesOf, LakeEngine, parseLocation, quoteText, type Session, tablesOf } from "../duckdb";
import { bindTables } from "./bind-tables";
import { type CatalogTable, catalogOf, catalogPermissions, relationOf } from "./catalog";
import { isDiskFull, messageOf } from "./disk-full";
import { fingerprints, type PartitionName, partitionValues } from "./fingerprints";
import { FirstPartition } from "./first-partition";
import type { ManifestStep } from "./manifest";
import { planStep, type StepMemory, type StepPlan } from "./plan-step";
import { holdToRules, type QualityResult } from "./quality";
import type { RunOptions } from "./run-options";
import { type Source, selectOf, show, sourcesOf, tableIn } from "./sources";
import { conform, type StagedRows, stage, stagePartition } from "./stage";
import { filesBefore, swap } from "./swap";
import { assertReadable, findUnreadable, UnreadableFiles } from "./unreadable";

export interface StepRun {
  readonly kernel: Kernel;
  readonly principal: Principal;
  /** Unique per job run and step. */
  readonly id: string;
  /** The job run. */
  readonly run: string;
  readonly step: ManifestStep;
  readonly sql: string;
  readonly options: RunOptions;
  /** What the step did last. */
  readonly memory: StepMemory | undefined;
  /** Called with the function that cuts the running statement short. */
  readonly onStart: (interrupt: () => void) => void;
  /** Called with what became of the step's quality rules, whether or not they stop it. */
  readonly onQuality?: (result: QualityResult) => void;
}

export interface StepOutcome {
  /** Rows that were written; none where nothing had changed. */
  readonly rows: number;
  /** Partitions whose files were replaced or removed; a table without partitions counts as one. */
  readonly partitions: number;
  /** Whether nothing had changed, so that nothing was done. */
  readonly skipped: boolean;
  readonly memory: StepMemory;
}

/** What a step's rows are made from and where they go, in a session in which its SELECT's tables are bound. */
interface StepContext {
  readonly run: StepRun;
  readonly session: Session;
  readonly query: string;
  readonly target: CatalogTable;
  readonly sources: readonly Source[];
  readonly temporary: string;
}

/**
 * Runs one SELECT in Spark's dialect and makes its rows the target table's data, as far as its sources have changed since
 * the last run. The rows are staged; then the table's files are replaced in one step.
 */
export async function materialise(run: StepRun): Promise<StepOutcome> {
  const { kernel, step, id } = run;
  const target = catalogOf(kernel).requireTable(step.target.database, step.target.table);
  authorizeWrite(run, target);
  const temporary = kernel.folder("tmp", "glue", id);
  try {
    return await LakeEngine.of(kernel).with("spark", async (session) => {
      run.onStart(() => session.connection.interrupt());
      const query = run.sql.replace(/[;\s]+$/, "");
      const told = (await tablesOf(session, query)).some(({ database, table }) => !database && table === "run");
      await session.run(
        `CREATE VIEW ${session.database}.main.run AS SELECT CAST(${quoteText(run.options.asOf.replace("Z", ""))} AS TIMESTAMP) AS as_of`,
      );
      const reads = { principal: run.principal, operation: "StartJobRun", except: ["run"], empty: true };
      const bound = await bindTables(kernel, session, query, reads);
      const sources = sourcesOf(bound, target, step.follow);
      // A log goes on from its own rows: they are read and staged before its files are replaced.
      const mine = bound.find(({ table: { database, name } }) => database === target.database && name === target.name);
      if (mine) await session.run(`CREATE OR REPLACE VIEW ${tableIn(session, target)} AS ${mine.scan.sql}`);
      const before = filesBefore(kernel, target);
      const known = {
        hash: hashOf(run, target),
        ...(told && { asOf: run.options.asOf }),
        sources: Object.fromEntries(sources.map((source) => [source.name, source.fingerprints])),
      };
      const followed = sources.filter((source) => source.followed).map(({ name }) => name);
      const state = { ...known, target: fingerprints(before), followed };
      const plan = planStep(step.follow, state, run.memory, run.options);
      if (plan.kind === "skip")
        return { rows: 0, partitions: 0, skipped: true, memory: { ...known, target: state.target } };
      const context = { run, session, query, target, sources, temporary };
      const made = await make(context, plan).catch((error) => blameFiles(context, plan, error));
      let { staged } = made;
      const replaced = replacedBy(run, target, made);
      if (step.quality !== undefined) {
        const kept = [...before].flatMap(([name, files]) => (replaced(name) ? [] : files));
        staged = await holdToRules(run, session, target, staged, step.quality, kept);
      }
      const partitions = await swap(kernel, id, target, staged, before, replaced);
      return {
        rows: staged.rows,
        partitions,
        skipped: false,
        memory: { ...known, target: fingerprints(filesBefore(kernel, target)) },
      };
    });
  } finally {
    for (const folder of ["", "-passing", "-rejected"]) {
      rmSync(`${temporary}${folder}`, { recursive: true, force: true });
    }
  }
}

/** Rows, and the partitions that they are all of; undefined where they are all of the table. */
interface Made {
  readonly staged: StagedRows;
  readonly partitions?: readonly PartitionName[];
}

/** Where a source's file turns out to be unreadable inside, says of which file it was that the engine spoke. */
async function blameFiles(
  { session, sources }: StepContext,
  plan: Exclude<StepPlan, { kind: "skip" }>,
  error: unknown,
): Promise<never> {
  const engines =
    !(error instanceof AwsError) && /\b(IO|Invalid Input|Invalid|Serialization) Error/.test(messageOf(error));
  if (!engines || isDiskFull(error)) throw error;
  const found = await findUnreadable(session, sources, plan.kind === "whole" ? undefined : plan.partitions);
  throw found.length > 0 ? new UnreadableFiles(found) : error;
}

/** Makes what the plan says, into files of its own. */
async function make(context: StepContext, plan: Exclude<StepPlan, { kind: "skip" }>): Promise<Made> {
  const { run, session, query, target, sources, temporary } = context;
  const { follow, key, order } = run.step;
  const only = plan.kind === "whole" ? undefined : plan.partitions;
  await assertReadable(session, sources, only);
  const byPartition = follow === "partition" || follow === "first";
  for (const each of sources) {
    if (!each.followed || (only === undefined && !byPartition)) await show(session, each, each.partitions.keys());
  }
  if (byPartition) return await makePartitions(context, only);
  const [source] = sources;
  if (plan.kind === "fold" && source !== undefined) {
    // Its own rows come from its files, not through a view of itself.
    const own = relationOf(target);
    const columns = own.columns.map(({ name }) => `"${name}"`).join(", ");
    const rows = filesOf(run.kernel, own);
    const mine = selectOf({ ...source, relation: own, partitions: new Map([["", rows]]) }, [""]);
    await show(
      session,
      source,
      plan.partitions,
      (select) => `SELECT ${columns} FROM (${mine}) UNION ALL BY NAME SELECT * FROM (${select})`,
    );
  }
  const select = await conform(session, query, target);
  return { staged: await stage(session, select, temporary, { target, order: [...order, ...key] }) };
}

/** Makes partitions one after the other from the same partitions of the sources. */
async function makePartitions(context: StepContext, only: readonly PartitionName[] | undefined): Promise<Made> {
  const { run, session, query, target, sources, temporary } = context;
  const { follow, key, order, presorted } = run.step;
  const keys = target.partitionKeys.map(({ name }) => name);
  const followed = sources.filter((source) => source.followed);
  const everything = [...new Set(followed.flatMap(({ partitions }) => [...partitions.keys()]))].sort();
  let partitions = only;
  const [source] = followed;
  const first =
    follow === "first" && source !== undefined
      ? new FirstPartition(session, source, { target, partitions: filesBefore(run.kernel, target), key })
      : undefined;
  if (first !== undefined) {
    partitions = partitions === undefined ? undefined : await first.hold(partitions);
    if (partitions === undefined) await first.begin();
  }
  // What was not looked at before: later partitions that hold keys of the changed ones.
  if (partitions !== undefined && partitions.length > (only?.length ?? 0)) {
    await assertReadable(session, sources, partitions);
  }
  const select = await conform(session, query, target);
  const shape = { target, order: [...order, ...key], presorted };
  let rows = 0;
  for (const name of partitions ?? everything) {
    if (followed.every((each) => !each.partitions.has(name))) continue;
    for (const each of followed) await show(session, each, [name], (of) => first?.leaveOut(of) ?? of);
    const partition = { name, values: partitionValues(name, keys) };
    rows += await stagePartition(session, select, temporary, partition, shape);
    const file = join(temporary, name);
    if (existsSync(file)) await first?.take(name, join(file, "*.parquet"));
  }
  return { staged: { folder: temporary, rows }, ...(partitions === undefined ? {} : { partitions }) };
}

/** Which partitions of the table the rows that were made replace. */
function replacedBy(
  { step }: StepRun,
  target: CatalogTable,
  { staged, partitions }: Made,
): (name: PartitionName) => boolean {
  if (partitions !== undefined) return (name) => partitions.includes(name);
  if (step.mode === "overwrite" || target.partitionKeys.length === 0) return () => true;
  return (name) => staged.rows > 0 && existsSync(join(staged.folder, name));
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

/** Of all that a table's bytes hang on beside its sources. */
function hashOf({ sql, step }: StepRun, { columns, partitionKeys, location }: CatalogTable): string {
  const { mode, follow, key, order, presorted, quality } = step;
  const of = (all: CatalogTable["columns"]) => all.map(({ name, type }) => `${name} ${type}`);
  const parts = [sql, mode, follow, key, order, presorted, quality ?? null, of(columns), of(partitionKeys), location];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}
