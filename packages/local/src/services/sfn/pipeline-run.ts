import type { Kernel } from "../../kernel";
import { isRecord } from "../support";
import type { ExecutionStatus } from "./execution-row";
import { executionsOf } from "./executions";
import type { HistoryEvent } from "./history";

export interface PipelineStep {
  readonly name: string;
  readonly seconds: number;
  /** Rows written; null where the step writes no table. */
  readonly rows: number | null;
  /** Partitions that a step replaced, where it says so. */
  readonly partitions?: number;
  /** Set where a step had nothing to do. */
  readonly skipped?: boolean;
}

export interface PipelineRun {
  readonly status: ExecutionStatus;
  readonly steps: readonly PipelineStep[];
  /** Name and cause of the error that ended the run. */
  readonly error?: string;
}

/**
 * How an execution stands, step by step: each table that a Glue job wrote, and each other task. Of one that was redriven, what
 * ran since.
 */
export function describePipelineRun(kernel: Kernel, executionArn: string): PipelineRun {
  const executions = executionsOf(kernel);
  const { status, error, cause } = executions.get(executionArn);
  const steps: PipelineStep[] = [];
  const scheduled = new Map<string, number>();
  for (const event of executions.journals.histories.list(executionArn)) {
    if (event.type === "ExecutionRedriven") steps.length = 0;
    const [, ended] = /^(?:Task|LambdaFunction)(Scheduled|Succeeded|Failed|TimedOut)$/.exec(event.type) ?? [];
    const name = event.state ?? "";
    if (ended === "Scheduled") scheduled.set(name, event.timestamp);
    if (ended === undefined || ended === "Scheduled") continue;
    const seconds = (event.timestamp - (scheduled.get(name) ?? event.timestamp)) / 1000;
    const tables = tablesOf(event);
    steps.push(...tables);
    if (tables.length === 0 || ended !== "Succeeded") steps.push({ name, seconds, rows: null });
  }
  const message = [error, cause === undefined ? undefined : readable(cause)].filter(Boolean).join(": ");
  return { status, steps, ...(message && { error: message }) };
}

/** What a job run says of its steps, in a task's output or in the cause of its failure. */
function tablesOf(event: HistoryEvent): PipelineStep[] {
  const run = parse(event.details?.output ?? event.details?.cause);
  if (!isRecord(run) || !Array.isArray(run.Statistics)) return [];
  return run.Statistics.filter(isRecord).map(({ name, seconds, rows, partitions, skipped }) => ({
    name: String(name),
    seconds: Number(seconds),
    rows: Number(rows),
    ...(typeof partitions === "number" && { partitions }),
    ...(typeof skipped === "boolean" && { skipped }),
  }));
}

/** The cause of a failed job or function is its whole description; a person wants its message. */
function readable(cause: string): string {
  const told = parse(cause);
  if (!isRecord(told)) return cause;
  return String(told.ErrorMessage ?? told.errorMessage ?? cause);
}

function parse(text: unknown): unknown {
  if (typeof text !== "string") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // A cause is free text unless a service wrote it.
    return undefined;
  }
}
