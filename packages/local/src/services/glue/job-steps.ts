import { z } from "zod";
import type { Kernel, Principal } from "../../kernel";
import { parseS3Uri } from "../duckdb";
import { Bookmark } from "./bookmarks";
import { diskFull, isDiskFull, messageOf } from "./disk-full";
import type { JobRunRow, StepStatistics } from "./job-runs";
import { type Manifest, type ManifestStep, manifestSchema } from "./manifest";
import { materialise, type StepOutcome, type StepRun } from "./materialise";
import type { QualityResult } from "./quality";
import { tellRun } from "./quality-report";
import { runOptions } from "./run-options";
import { setAside } from "./set-aside";
import { UnreadableFiles } from "./unreadable";

export interface StepHooks {
  /** Called with the function that cuts the running statement short. */
  onStart(cut: () => void): void;
  stopped(): boolean;
  onStep(statistics: StepStatistics): Promise<void>;
}

interface AttemptContext {
  readonly kernel: Kernel;
  readonly principal: Principal;
  readonly run: JobRunRow;
  readonly manifestUri: string;
  readonly hooks: StepHooks;
}

/** Runs the steps of a manifest in order, each as far as its sources have changed, and keeps what each did. */
export async function runSteps(context: AttemptContext): Promise<void> {
  const { kernel, principal, run, manifestUri, hooks } = context;
  const options = runOptions(run.arguments, run.startedAt);
  const manifest = await readManifest(context, manifestUri);
  const bookmark = await Bookmark.read(kernel, principal, manifest.bookmark);
  const tables: QualityResult[] = [];
  const steps: StepStatistics[] = [];
  const unreadable: string[] = [];
  const tell = async () => {
    if (manifest.quality) await tellRun(kernel, principal, manifest.quality, run, { tables, steps, unreadable });
  };
  try {
    for (const [index, step] of manifest.steps.entries()) {
      if (hooks.stopped()) return;
      const begun = performance.now();
      const { memory, ...outcome } = await runStep(context, manifest, step, unreadable, async () => ({
        kernel,
        principal,
        id: `${run.id}-${run.attempt}-${index}`,
        run: run.id,
        step,
        sql: await read(context, step.sql),
        options,
        memory: bookmark.of(step.name),
        onStart: hooks.onStart,
        onQuality: (result) => tables.push(result),
      }));
      // First what was done, then that it was: a run that ends in between does it again, to the same bytes.
      await bookmark.keep(step.name, memory);
      const statistics = { name: step.name, ...outcome, seconds: (performance.now() - begun) / 1000 };
      steps.push(statistics);
      await hooks.onStep(statistics);
    }
  } catch (error) {
    // A run that was stopped has most to tell; what stopped it goes before a report that cannot be written.
    await tell().catch((fault) =>
      kernel.log.warn(`glue: the report of ${run.id} could not be written: ${String(fault)}`),
    );
    throw error;
  }
  await tell();
}

/** Runs a step, without the files that may be set aside. What it throws names the step, its SQL, and what to do. */
async function runStep(
  context: AttemptContext,
  manifest: Manifest,
  step: ManifestStep,
  aside: string[],
  stepRun: () => Promise<StepRun>,
): Promise<StepOutcome> {
  const told = (message: string, cause: unknown) => new Error(`step ${step.name} (${step.sql}): ${message}`, { cause });
  try {
    const run = await stepRun();
    for (let tries = 0; ; tries++) {
      try {
        return await materialise(run);
      } catch (error) {
        if (!(error instanceof UnreadableFiles)) throw error;
        const moved = tries < 10 ? await setAside(run, manifest.unreadable, error.files) : undefined;
        if (moved === undefined) throw new Error(`${error.message}. ${remedy(manifest, error)}`, { cause: error });
        aside.push(...moved);
      }
    }
  } catch (error) {
    const cause = isDiskFull(error) ? diskFull(step.name, context.kernel.options.dataDir, error) : error;
    throw told(messageOf(cause), error);
  }
}

function remedy({ unreadable }: Manifest, { files }: UnreadableFiles): string {
  const arrived = files.some(({ source }) => unreadable?.databases.includes(source.table.database));
  return arrived
    ? `Put back an earlier version of each, or move them away from the table (the lake's argument unreadable: "setAside" does so by itself, below ${unreadable?.prefix}), then start the run again: it goes on with this step`
    : "Tables that the pipeline makes are made again by a run with --full true of the job that makes them; put back others, then start the run again";
}

async function readManifest(context: AttemptContext, uri: string): Promise<Manifest> {
  const text = await read(context, uri);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Error(`the manifest ${uri} is not JSON: ${String(error)}`);
  }
  const result = manifestSchema.safeParse(parsed);
  if (!result.success) throw new Error(`the manifest ${uri} is not valid: ${z.prettifyError(result.error)}`);
  return result.data;
}

async function read({ kernel, principal }: AttemptContext, uri: string): Promise<string> {
  const { bucket, key } = parseS3Uri(uri);
  const request = { Bucket: bucket, Key: key };
  const { Body } = await kernel.call<{ Body: Uint8Array }>("s3", "GetObject", request, principal);
  return Buffer.from(Body).toString("utf8");
}
