import { createHash } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AwsError, type Kernel, type Principal } from "../../kernel";
import { LakeEngine, parseLocation, parseSelect } from "../duckdb";
import { type CatalogTable, catalogOf, catalogPermissions } from "./catalog";
import { isDiskFull, messageOf } from "./disk-full";
import { fingerprints, grown, type PartitionName } from "./fingerprints";
import { foldRows, rowsByKey } from "./fold";
import { KeyIndex } from "./key-index";
import { makePartitions } from "./make-partitions";
import type { ManifestStep } from "./manifest";
import { planStep, type StepMemory, type StepPlan } from "./plan-step";
import { holdToRules, type QualityResult } from "./quality";
import type { RunOptions } from "./run-options";
import { show, sourcesOf } from "./sources";
import { conform, stage } from "./stage";
import { bindStep, type Made, type StepContext } from "./step-context";
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
      const working = new Set([session]);
      run.onStart(() => {
        for (const { connection } of working) connection.interrupt();
      });
      const query = await parseSelect(session, run.sql.replace(/[;\s]+$/, ""));
      const told = query.tables.some(({ database, table }) => !database && table === "run");
      const sources = sourcesOf(await bindStep(run, session, query, target), target, step.follow);
      const before = filesBefore(kernel, target);
      const known = {
        hash: hashOf(run, target),
        ...(told && { asOf: run.options.asOf }),
        sources: Object.fromEntries(sources.map((source) => [source.name, source.fingerprints])),
      };
      const followed = sources.filter((source) => source.followed);
      const [first] = followed;
      const state = {
        ...known,
        target: fingerprints(before),
        followed: followed.map(({ name }) => name),
        grown: first === undefined ? [] : grown(run.memory?.sources[first.name] ?? {}, first.partitions),
      };
      const plan = planStep(step.follow, state, run.memory, run.options);
      if (plan.kind === "skip")
        return { rows: 0, partitions: 0, skipped: true, memory: { ...known, target: state.target } };
      const context = { run, session, working, query, target, sources, temporary };
      const made = await make(context, plan).catch((error) => blameFiles(context, plan, error));
      let { staged } = made;
      const replaced = replacedBy(run, target, made);
      if (step.quality !== undefined) {
        const kept = [...before].flatMap(([name, files]) => (replaced(name) ? [] : files));
        staged = await holdToRules(run, session, target, staged, step.quality, kept);
      }
      const partitions = await swap(kernel, id, target, staged, before, replaced);
      const after = filesBefore(kernel, target);
      if (step.follow === "first")
        await new KeyIndex(kernel, session, target, step.key).keep([...after.values()].flat());
      return { rows: staged.rows, partitions, skipped: false, memory: { ...known, target: fingerprints(after) } };
    });
  } finally {
    for (const folder of ["", "-passing", "-rejected"]) {
      rmSync(`${temporary}${folder}`, { recursive: true, force: true });
    }
  }
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
  const found = await findUnreadable(session, sources, partitionsRead(plan));
  throw found.length > 0 ? new UnreadableFiles(found) : error;
}

/** The partitions of its followed sources that a step reads; undefined for all. */
const partitionsRead = (plan: Exclude<StepPlan, { kind: "skip" }>): readonly PartitionName[] | undefined =>
  plan.kind === "whole" || plan.kind === "keys" ? undefined : plan.partitions;

/** Makes what the plan says, into files of its own. */
async function make(context: StepContext, plan: Exclude<StepPlan, { kind: "skip" }>): Promise<Made> {
  const { run, session, query, target, sources, temporary } = context;
  const { follow, key, order } = run.step;
  const only = partitionsRead(plan);
  await assertReadable(session, sources, only);
  if (follow === "partition" || follow === "first") return await makePartitions(context, only);
  for (const each of sources) {
    if (!each.followed || only === undefined) await show(session, each, each.partitions.keys());
  }
  const source = sources.find(({ followed }) => followed);
  let select: string;
  if (plan.kind === "fold" && source !== undefined) select = await foldRows(context, source, plan.partitions);
  else if (plan.kind === "keys" && source !== undefined) select = await rowsByKey(context, source, plan.partitions);
  else select = await conform(session, query, target);
  return { staged: await stage(session, select, temporary, { target, order: [...order, ...key] }) };
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
  const { mode, follow, key, groupBy, order, presorted, quality } = step;
  const of = (all: CatalogTable["columns"]) => all.map(({ name, type }) => `${name} ${type}`);
  const made = [sql, mode, follow, key, ...(groupBy === undefined ? [] : [groupBy]), order, presorted, quality ?? null];
  const parts = [...made, of(columns), of(partitionKeys), location];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}
