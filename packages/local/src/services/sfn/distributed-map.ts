import type { Json } from "@tributary/model";
import { AwsError } from "../../kernel";
import type { StateGroup } from "./definition";
import type { ExecutionRow } from "./execution-row";
import type { Interpreter } from "./interpreter";
import type { MapWork } from "./map-items";
import { type MapResult, resultOf } from "./map-result";
import { exceeded, type Tolerance, thresholdExceeded } from "./map-state";
import { failureDetails, together } from "./parallel-state";
import { Aborted, StateError } from "./state-error";
import type { Step } from "./step";

/** Child executions of a Map Run at once where the definition sets no limit. On AWS it is 10,000. */
const distributedConcurrency = 256;

export interface DistributedMap {
  readonly args: Json;
  readonly processor: StateGroup;
  readonly work: MapWork;
  /** 0: no limit. */
  readonly lanes: number;
  readonly tolerance: Tolerance;
}

/** Runs a Map as a Map Run: a child execution for each item or batch, each with a history of its own. */
export async function runDistributed(interpreter: Interpreter, step: Step, map: DistributedMap): Promise<Json> {
  const { host } = interpreter;
  const { strand, state, name } = step;
  const { processor, work, lanes, tolerance } = map;
  const started = step.resumed?.task?.started;
  const start = { action: "states:StartExecution", resource: host.machineArn };
  try {
    host.kernel.authorize(host.principal, start, "StartExecution");
  } catch (error) {
    throw error instanceof AwsError ? new StateError("States.Permissions", error.message) : error;
  }
  const run = await host.children.open(typeof started === "string" ? started : undefined, {
    label: state.Label ?? name.replace(/[^\w-]/g, "").slice(0, 40),
    maxConcurrency: lanes,
    toleratedFailureCount: tolerance.count ?? 0,
    toleratedFailurePercentage: tolerance.percentage ?? 0,
    total: work.total,
  });
  const details = { mapRunArn: run.arn };
  interpreter.record(strand, typeof started === "string" ? "MapRunRedriven" : "MapRunStarted", details, name);
  await step.keep({ task: { started: run.arn } });
  let failed = 0;
  const child = async (index: number, signal: AbortSignal): Promise<MapResult> => {
    const row = await host.idle(run.child(index, processor, () => work.inputOf(index), work.itemsIn(index), signal));
    if (signal.aborted) throw new Aborted();
    if (row.status !== "SUCCEEDED") {
      failed += work.itemsIn(index);
      if (exceeded(tolerance, failed, work.total))
        throw thresholdExceeded(failed, work.total, new StateError(row.error ?? row.status, row.cause ?? ""));
    }
    return childExecutionResult(row);
  };
  try {
    const results = await together(interpreter, step, work.count, lanes || distributedConcurrency, child);
    const result = await resultOf(host, step, map.args, results, run.arn);
    await run.finish("SUCCEEDED");
    interpreter.record(strand, "MapRunSucceeded", {}, name);
    return result;
  } catch (error) {
    if (strand.signal.aborted) {
      if (!host.closing()) await run.finish("ABORTED");
      throw error;
    }
    await run.finish("FAILED");
    interpreter.record(strand, "MapRunFailed", failureDetails(error), name);
    throw error;
  }
}

function childExecutionResult(row: ExecutionRow): MapResult {
  const failed = row.status !== "SUCCEEDED";
  return {
    failed,
    output: row.output === undefined ? undefined : (JSON.parse(row.output) as Json),
    get details() {
      return {
        ...(failed && { Error: row.error ?? "", Cause: row.cause ?? "" }),
        ExecutionArn: row.arn,
        Input: row.input,
        InputDetails: { Included: true },
        Name: row.name,
        ...(row.output !== undefined && { Output: row.output, OutputDetails: { Included: true } }),
        RedriveCount: row.redriveCount ?? 0,
        StartDate: new Date(row.startedAt).toISOString(),
        StateMachineArn: row.machineArn,
        Status: row.status,
        StopDate: new Date(row.stoppedAt ?? row.startedAt).toISOString(),
      };
    },
  };
}
