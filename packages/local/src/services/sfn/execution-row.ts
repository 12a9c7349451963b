import type { Machine } from "./definition";

export type ExecutionStatus = "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

export interface StateMachine {
  readonly name: string;
  readonly arn: string;
  readonly roleArn: string;
  readonly type: "STANDARD" | "EXPRESS";
  readonly definition: string;
  readonly machine: Machine;
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

export interface ExecutionRow {
  readonly arn: string;
  readonly name: string;
  readonly machineArn: string;
  readonly status: ExecutionStatus;
  /** JSON text. */
  readonly input: string;
  readonly output?: string;
  readonly error?: string;
  readonly cause?: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly stoppedAt?: number;
  /** Key of the definition that it runs, whatever the machine is by now. */
  readonly definition?: string;
  readonly redriveCount?: number;
  readonly redrivenAt?: number;
  /** Of a child execution of a distributed Map. */
  readonly mapRunArn?: string;
  readonly itemCount?: number;
}

/** An execution without its end, for one that runs again. */
export function running(row: ExecutionRow): ExecutionRow {
  const { output: _output, error: _error, cause: _cause, stoppedAt: _stoppedAt, ...rest } = row;
  return { ...rest, status: "RUNNING" };
}

/** How long after its end an execution can be redriven. */
const redrivableMs = 14 * 24 * 3600 * 1000;

/** Why an execution cannot be redriven; undefined where it can. */
export function notRedrivable(row: ExecutionRow, type: "STANDARD" | "EXPRESS", now: number): string | undefined {
  if (type === "EXPRESS") return "Execution is of an EXPRESS state machine and cannot be redriven";
  if (row.status === "RUNNING" || row.status === "SUCCEEDED")
    return `Execution is ${row.status} and cannot be redriven`;
  if (row.mapRunArn !== undefined) return "A child workflow execution is redriven with its parent";
  if (now - (row.stoppedAt ?? now) > redrivableMs) return "Execution ended more than 14 days ago";
  return row.definition === undefined ? "Execution was started by an earlier version of the runtime" : undefined;
}

/** The execution as `DescribeExecution` tells it. */
export function executionToSdk(row: ExecutionRow, type: "STANDARD" | "EXPRESS", now: number): Record<string, unknown> {
  const reason = notRedrivable(row, type, now);
  const byMapRun = row.mapRunArn !== undefined && row.status !== "SUCCEEDED" && row.status !== "RUNNING";
  return {
    executionArn: row.arn,
    stateMachineArn: row.machineArn,
    name: row.name,
    status: row.status,
    startDate: new Date(row.startedAt),
    ...(row.stoppedAt !== undefined && { stopDate: new Date(row.stoppedAt) }),
    input: row.input,
    inputDetails: { included: true },
    ...(row.output !== undefined && { output: row.output, outputDetails: { included: true } }),
    ...(row.error !== undefined && { error: row.error }),
    ...(row.cause !== undefined && { cause: row.cause }),
    ...(row.mapRunArn !== undefined && { mapRunArn: row.mapRunArn }),
    redriveCount: row.redriveCount ?? 0,
    ...(row.redrivenAt !== undefined && { redriveDate: new Date(row.redrivenAt) }),
    redriveStatus: byMapRun ? "REDRIVABLE_BY_MAP_RUN" : reason === undefined ? "REDRIVABLE" : "NOT_REDRIVABLE",
    ...(reason !== undefined && !byMapRun && { redriveStatusReason: reason }),
  };
}
