import { randomUUID } from "node:crypto";
import { AwsError, type Kernel, NotSupportedLocally, type Principal } from "../../kernel";
import { assertTrusted } from "../iam";
import { perKernel } from "../support";
import { semanticsOf, type Workflow } from "./definitions";
import { indexOf } from "./match-index";
import { registryOf } from "./registry";
import { type JobMetrics, runMatchingJob } from "./run-job";

export interface JobRow {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly workflowName: string;
  readonly status: "QUEUED" | "RUNNING" | "SUCCEEDED" | "FAILED";
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly metrics?: JobMetrics;
  readonly errorMessage?: string;
}

const ended = ({ status }: JobRow): boolean => status === "SUCCEEDED" || status === "FAILED";

/**
 * Matching jobs: durable rows, one at a time in the account and Region, as the quota is. A job that the end of the process
 * cut short is FAILED at the next start.
 */
export class MatchingJobs {
  private readonly rows;
  private readonly done = new Map<string, Promise<void>>();
  private readonly recovered: Promise<void>;
  private active: JobRow | undefined;

  constructor(private readonly kernel: Kernel) {
    this.rows = kernel.store.table<JobRow>("entityresolution.jobs");
    this.recovered = this.recover();
    this.recovered.catch((error) => kernel.log.warn(`entityresolution: recovery of jobs failed: ${String(error)}`));
    kernel.track({ name: "matching jobs", pending: () => this.done.size });
    kernel.onClose(async () => {
      await Promise.allSettled(this.done.values());
    });
  }

  async start(workflowName: string): Promise<JobRow> {
    await this.recovered;
    const workflow = registryOf(this.kernel).requireWorkflow(workflowName);
    refuseUnsupported(workflow);
    const busy = this.active;
    if (busy?.workflowName === workflowName) {
      throw new AwsError("ConflictException", `Workflow ${workflowName} is currently running job ${busy.id}.`);
    }
    if (busy) {
      throw new AwsError(
        "ExceedsLimitException",
        `One matching job may run at a time in an account and Region: ${busy.workflowName} is running job ${busy.id}.`,
        { status: 402, details: { quotaName: "Concurrent matching jobs", quotaValue: 1 } },
      );
    }
    const row: JobRow = {
      id: randomUUID().replaceAll("-", ""),
      workflowName,
      status: "QUEUED",
      startedAt: this.kernel.now(),
    };
    // At once, so that a second start in the same turn sees it.
    this.active = row;
    indexOf(this.kernel).begin(workflowName);
    const saved = this.save(row);
    const work = saved
      .then(() => this.execute(workflow, row))
      .finally(() => {
        this.active = undefined;
        this.done.delete(row.id);
      });
    work.catch((error) => this.kernel.log.warn(`entityresolution: job ${row.id} was not recorded: ${String(error)}`));
    this.done.set(row.id, work);
    await saved;
    return row;
  }

  get(workflowName: string, id: string): JobRow {
    const row = this.rows.get([workflowName, id]);
    if (row) return row;
    throw new AwsError("ResourceNotFoundException", `Workflow ${workflowName} has no job ${id}.`, { status: 404 });
  }

  /** Newest first. */
  list(workflowName: string): JobRow[] {
    const rows = [...this.rows.entries({ start: [workflowName], end: [workflowName, "\u{10ffff}"] })];
    return rows.map(({ value }) => value).sort((a, b) => b.startedAt - a.startedAt);
  }

  async forget(workflowName: string): Promise<void> {
    await this.kernel.store.write(() => {
      this.rows.clear({ start: [workflowName], end: [workflowName, "\u{10ffff}"] });
    });
  }

  private async execute(workflow: Workflow, queued: JobRow): Promise<void> {
    let row: JobRow = { ...queued, status: "RUNNING" };
    try {
      await this.save(row);
      assertTrusted(this.kernel, workflow.roleArn, "entityresolution.amazonaws.com", workflow.arn);
      const principal: Principal = { kind: "role", roleArn: workflow.roleArn, session: "EntityResolution" };
      const metrics = await runMatchingJob(this.kernel, principal, workflow, row.id);
      row = { ...row, status: "SUCCEEDED", metrics };
    } catch (error) {
      const errorMessage = error instanceof Error ? error.message : String(error);
      this.kernel.log.warn(`entityresolution: job ${row.id} of ${workflow.workflowName} failed: ${errorMessage}`);
      row = { ...row, status: "FAILED", errorMessage };
    }
    await this.save({ ...row, endedAt: this.kernel.now() });
  }

  private async save(row: JobRow): Promise<void> {
    await this.kernel.store.write(() => this.rows.put([row.workflowName, row.id], row));
  }

  private async recover(): Promise<void> {
    const errorMessage = "The runtime was stopped while the job ran; start it again.";
    for (const { value } of [...this.rows.entries()]) {
      if (!ended(value)) await this.save({ ...value, status: "FAILED", errorMessage, endedAt: this.kernel.now() });
    }
  }
}

/** What a job of this workflow would be that does not run here. */
function refuseUnsupported({ workflowName, resolutionTechniques, outputSourceConfig, ...given }: Workflow): void {
  const { resolutionType = "RULE_MATCHING", ruleBasedProperties } = resolutionTechniques;
  const what = `a ${resolutionType} job of workflow ${workflowName}`;
  if (resolutionType === "ML_MATCHING") {
    throw new NotSupportedLocally(
      what,
      "The model is AWS's own. Match by rules here, or the data by `tributary resolve`, whose probabilistic stage needs no rules; run this workflow on AWS.",
    );
  }
  if (resolutionType === "PROVIDER" || !semanticsOf({ resolutionTechniques, outputSourceConfig, ...given })) {
    throw new NotSupportedLocally(what, "Its matching is done by a third party. Run this workflow on AWS.");
  }
  if (ruleBasedProperties?.matchPurpose === "INDEXING") {
    throw new NotSupportedLocally(`${what} with matchPurpose INDEXING`, "It only serves ID mapping: run it on AWS.");
  }
  if (outputSourceConfig[0]?.outputS3Path === undefined) {
    throw new NotSupportedLocally(
      `${what} whose output goes to Customer Profiles`,
      "Give outputS3Path, which works here, or run this workflow on AWS.",
    );
  }
}

export const jobsOf = perKernel((kernel) => new MatchingJobs(kernel));
