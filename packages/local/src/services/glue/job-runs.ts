import { randomUUID } from "node:crypto";
import type { JobRunState } from "@aws-sdk/client-glue";
import { AwsError, type Kernel, NotSupportedLocally, type Principal } from "../../kernel";
import { assertTrusted } from "../iam";
import { perKernel } from "../support";
import { runSteps, type StepHooks } from "./job-steps";

export interface JobDefinition {
  readonly name: string;
  readonly arn: string;
  readonly roleArn: string;
  readonly scriptLocation: string;
  readonly defaultArguments: Readonly<Record<string, string>>;
  readonly nonOverridableArguments: Readonly<Record<string, string>>;
  /** Further attempts after a failure. */
  readonly maxRetries: number;
  /** Minutes. */
  readonly timeout: number;
  readonly maxConcurrentRuns: number;
  readonly queuing: boolean;
}

/** What became of a step in a run. */
export interface StepStatistics {
  readonly name: string;
  /** Rows that were written. */
  readonly rows: number;
  /** Partitions whose files were replaced or removed; a table without partitions counts as one. */
  readonly partitions: number;
  /** Whether nothing had changed since the last run, so that nothing was done. */
  readonly skipped: boolean;
  readonly seconds: number;
}

export interface JobRunRow {
  readonly id: string;
  readonly jobName: string;
  readonly state: JobRunState;
  readonly arguments: Readonly<Record<string, string>>;
  readonly attempt: number;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly completedAt?: number;
  readonly errorMessage?: string;
  readonly statistics: readonly StepStatistics[];
}

const finished: ReadonlySet<JobRunState> = new Set<JobRunState>(["SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR"]);

/** Why a run ends early, once someone wants it to. */
type Stop = "STOPPED" | "TIMEOUT";

/**
 * The runs of SQL jobs: durable rows, executed one after the other (DuckDB uses every thread for one). A run that the
 * end of the process cut short is FAILED at the next start; its targets are as they were, or complete.
 */
export class JobRuns {
  readonly jobs = new Map<string, JobDefinition>();
  private readonly rows;
  private readonly running = new Map<string, { stop(reason: Stop): void }>();
  /** Runs by job that are about to be in the store. */
  private readonly starting = new Map<string, number>();
  private readonly done = new Map<string, Promise<void>>();
  private tail: Promise<void> = Promise.resolve();
  private readonly recovered: Promise<void>;

  constructor(private readonly kernel: Kernel) {
    this.rows = kernel.store.table<JobRunRow>("glue.runs");
    this.recovered = this.recover();
    this.recovered.catch((error) => kernel.log.warn(`glue: recovery of job runs failed: ${String(error)}`));
    kernel.track({ name: "glue jobs", pending: () => this.done.size });
    kernel.onClose(async () => {
      for (const { stop } of this.running.values()) stop("STOPPED");
      await Promise.all(this.done.values());
    });
  }

  requireJob(name: string): JobDefinition {
    const job = this.jobs.get(name);
    if (job) return job;
    throw new AwsError("EntityNotFoundException", `Job with name: ${name} not found.`);
  }

  async start(jobName: string, given: Record<string, string>): Promise<JobRunRow> {
    await this.recovered;
    const job = this.requireJob(jobName);
    const merged = { ...job.defaultArguments, ...given, ...job.nonOverridableArguments };
    const manifest = merged["--manifest"];
    if (manifest === undefined) {
      throw new NotSupportedLocally(
        `Glue job ${jobName} (script ${job.scriptLocation})`,
        "Locally a job runs the SQL of a manifest: give it the argument --manifest s3://bucket/key, or run this job on AWS.",
      );
    }
    const active = this.list(jobName).filter(({ state }) => !finished.has(state)).length;
    const starting = this.starting.get(jobName) ?? 0;
    if (active + starting >= job.maxConcurrentRuns && !job.queuing) {
      throw new AwsError("ConcurrentRunsExceededException", `Concurrent runs exceeded for ${jobName}`);
    }
    const run: JobRunRow = {
      id: `jr_${randomUUID().replaceAll("-", "")}`,
      jobName,
      state: "STARTING",
      arguments: merged,
      attempt: 0,
      startedAt: this.kernel.now(),
      statistics: [],
    };
    // Counted before it is in the store: two that start at once are two.
    this.starting.set(jobName, starting + 1);
    try {
      await this.save(run);
    } finally {
      this.starting.set(jobName, (this.starting.get(jobName) ?? 1) - 1);
    }
    this.tail = this.tail.then(() => this.execute(job, run, manifest));
    this.done.set(
      run.id,
      this.tail.finally(() => this.done.delete(run.id)),
    );
    return run;
  }

  get(jobName: string, id: string): JobRunRow {
    const run = this.rows.get([jobName, id]);
    if (run) return run;
    throw new AwsError("EntityNotFoundException", `JobRun ${id} of job ${jobName} not found.`);
  }

  /** Runs of a job, newest first. */
  list(jobName: string): JobRunRow[] {
    const runs = [...this.rows.entries({ start: [jobName], end: [jobName, "\u{10ffff}"] })].map(({ value }) => value);
    return runs.sort((a, b) => b.startedAt - a.startedAt);
  }

  /** Resolves when the run has ended, however it ended. */
  async settled(jobName: string, id: string): Promise<JobRunRow> {
    await this.recovered;
    await this.done.get(id);
    return this.get(jobName, id);
  }

  stop(jobName: string, id: string): void {
    this.get(jobName, id);
    this.running.get(id)?.stop("STOPPED");
  }

  private async execute(job: JobDefinition, started: JobRunRow, manifestUri: string): Promise<void> {
    let stopped: Stop | undefined;
    let interrupt = () => {};
    const stop = (reason: Stop) => {
      stopped ??= reason;
      interrupt();
    };
    this.running.set(started.id, { stop });
    const timer = setTimeout(() => stop("TIMEOUT"), Math.min(job.timeout * 60_000, 2 ** 31 - 1));
    let run: JobRunRow = { ...started, state: "RUNNING" };
    try {
      await this.save(run);
      for (let attempt = 0; ; attempt++) {
        run = { ...run, attempt, statistics: [] };
        try {
          await this.attempt(job, run, manifestUri, {
            onStart: (cut) => {
              interrupt = cut;
              if (stopped) cut();
            },
            stopped: () => stopped !== undefined,
            onStep: async (statistics) => {
              run = { ...run, statistics: [...run.statistics, statistics] };
              await this.save(run);
            },
          });
          await this.finish(run, stopped ?? "SUCCEEDED");
          return;
        } catch (error) {
          const message = error instanceof Error ? error.message : String(error);
          if (stopped || attempt >= job.maxRetries) {
            await this.finish(run, stopped ?? "FAILED", stopped === "TIMEOUT" ? "Job run timed out" : message);
            return;
          }
          this.kernel.log.warn(`glue: ${job.name} failed and is tried again: ${message}`);
        }
      }
    } finally {
      clearTimeout(timer);
      this.running.delete(started.id);
    }
  }

  private async attempt(job: JobDefinition, run: JobRunRow, manifestUri: string, hooks: StepHooks): Promise<void> {
    assertTrusted(this.kernel, job.roleArn, "glue.amazonaws.com", job.arn);
    const principal: Principal = { kind: "role", roleArn: job.roleArn, session: "GlueJobRunnerSession" };
    await runSteps({ kernel: this.kernel, principal, run, manifestUri, hooks });
  }

  private async finish(run: JobRunRow, state: JobRunState, errorMessage?: string): Promise<void> {
    const completedAt = this.kernel.now();
    await this.save({ ...run, state, completedAt, ...(errorMessage !== undefined && { errorMessage }) });
  }

  private async save(run: JobRunRow): Promise<void> {
    await this.kernel.store.write(() => this.rows.put([run.jobName, run.id], run));
  }

  private async recover(): Promise<void> {
    for (const { value: run } of [...this.rows.entries()]) {
      if (finished.has(run.state)) continue;
      await this.finish(run, "FAILED", "The runtime was stopped while the job ran; start it again.");
    }
  }
}

export const jobRunsOf = perKernel((kernel) => new JobRuns(kernel));
