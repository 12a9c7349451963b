import type { PipelineRun, RuntimeHandle } from "@tributary/local";
import type { PlatformContract } from "@tributary/model";
import { CommandError, UsageError } from "./errors";
import { progress } from "./progress";

/** What a run of the lake's pipeline is asked for: the input of its execution. */
export interface RunRequest {
  /** Days, both included. */
  readonly from?: string;
  readonly to?: string;
  /** Everything anew. */
  readonly full?: boolean;
  /** ISO 8601; what tables are as of. */
  readonly asOf?: string;
}

/** An execution as lists tell it. */
export interface Execution {
  readonly executionArn: string;
  readonly name: string;
  readonly status: string;
  readonly startDate: Date | string;
  readonly stopDate?: Date | string;
  readonly redriveCount?: number;
}

/** The state machine of a pipeline, and whether it is the lake's. @throws `UsageError` with the names there are */
export function pipelineNamed(
  platform: PlatformContract,
  name: string,
): { readonly arn: string; readonly ofLake: boolean } {
  const pipelines = { ...platform.lake.pipelines, ...platform.identities.pipelines };
  const arn = pipelines[name];
  if (arn !== undefined) return { arn, ofLake: platform.lake.pipelines[name] === arn };
  const names = Object.keys(pipelines);
  throw new UsageError(
    names.length === 0
      ? `There is no pipeline at all: a lake with nightly: "later" has one once the program calls runNightly.`
      : `There is no pipeline "${name}"; there is: ${names.join(", ")}.`,
  );
}

/**
 * Runs a pipeline and waits for its end. First everything under way is let through to the raw zone, so
 * that the run sees all that was accepted before it.
 */
export async function runPipeline(
  runtime: RuntimeHandle,
  platform: PlatformContract,
  name: string,
  request: RunRequest = {},
): Promise<PipelineRun> {
  const { arn: stateMachineArn, ofLake } = pipelineNamed(platform, name);
  const asked = Object.keys(request);
  if (!ofLake && asked.length > 0)
    throw new UsageError(`The pipeline "${name}" takes no ${asked.join(", ")}: only the lake's does.`);
  const bar = progress(`pipeline ${name}`);
  try {
    await runtime.quiesce((pending) => bar.update(0, 1, `waiting for ${Object.keys(pending).join(", ") || "nothing"}`));
    const { executionArn } = await runtime.call<{ executionArn: string }>("sfn", "StartExecution", {
      stateMachineArn,
      input: JSON.stringify(request),
    });
    return await ended(runtime, executionArn, bar);
  } finally {
    bar.stop();
  }
}

/**
 * Goes on with the newest execution that did not succeed, from the step where it stopped, and waits for its end.
 * @throws `CommandError` where there is none, or where another one runs
 */
export async function resumePipeline(
  runtime: RuntimeHandle,
  platform: PlatformContract,
  name: string,
): Promise<PipelineRun> {
  const executions = await executionsOf(runtime, pipelineNamed(platform, name).arn);
  const running = executions.find(({ status }) => status === "RUNNING");
  if (running !== undefined)
    throw new CommandError(
      `Pipeline ${name} runs: ${running.name}. Wait for its end; there may be nothing to resume then.`,
    );
  const executionArn = await lastStopped(runtime, executions);
  if (executionArn === undefined)
    throw new CommandError(
      `Pipeline ${name} has nothing to resume: ${executions.length === 0 ? "it has never run" : "its last run succeeded"}. Start it: tributary pipeline run ${name}`,
    );
  const bar = progress(`pipeline ${name}, resumed`);
  try {
    await runtime.call("sfn", "RedriveExecution", { executionArn });
    return await ended(runtime, executionArn, bar);
  } finally {
    bar.stop();
  }
}

/** Executions of a pipeline, newest first. */
export async function executionsOf(runtime: RuntimeHandle, stateMachineArn: string): Promise<readonly Execution[]> {
  const { executions } = await runtime.call<{ executions: readonly Execution[] }>("sfn", "ListExecutions", {
    stateMachineArn,
    maxResults: 100,
  });
  return executions;
}

/** The newest that did not succeed, unless one after it did. What found another running did nothing, and is passed over. */
async function lastStopped(runtime: RuntimeHandle, executions: readonly Execution[]): Promise<string | undefined> {
  for (const { executionArn, status } of executions) {
    if (status === "SUCCEEDED") return undefined;
    const { error } = await runtime.call<{ error?: string }>("sfn", "DescribeExecution", { executionArn });
    if (error !== "AlreadyRunning") return executionArn;
  }
  return undefined;
}

async function ended(
  runtime: RuntimeHandle,
  executionArn: string,
  bar: ReturnType<typeof progress>,
): Promise<PipelineRun> {
  for (;;) {
    const run = await runtime.pipelineRun(executionArn);
    if (run.status !== "RUNNING") return run;
    bar.update(run.steps.length, run.steps.length + 1, run.steps.at(-1)?.name);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
