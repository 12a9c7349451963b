import { setMaxListeners } from "node:events";
import type { Json } from "@tributary/model";
import type { Kernel, Principal } from "../../kernel";
import { abortion } from "./clock";
import type { QueryLanguage, StateGroup } from "./definition";
import type { ExecutionRow, ExecutionStatus, StateMachine } from "./execution-row";
import { Interpreter } from "./interpreter";
import type { Journals } from "./journal";
import type { ChildExecutions } from "./map-run";
import { StateError } from "./state-error";
import type { TaskTokens } from "./task-tokens";

/** Ends an execution before its states do. */
export interface Stop {
  /** `CLOSED`: the runtime ends; the execution goes on at the next start. */
  readonly status: "ABORTED" | "TIMED_OUT" | "CLOSED";
  readonly error?: string | undefined;
  readonly cause?: string | undefined;
}

/** An execution in this process. */
export interface Running {
  /** Resolves when it has ended, however it ended, and that is in the store. */
  readonly done: Promise<void>;
  stop(why: Stop): void;
  /** Whether all of it rests on something else: a Wait state, a task token, another execution. */
  idle(): boolean;
}

export type End = Partial<ExecutionRow> & { readonly status: ExecutionStatus };

export interface Launch {
  readonly row: ExecutionRow;
  readonly machine: StateMachine;
  readonly group: StateGroup;
  readonly queryLanguage: QueryLanguage;
  /** `start`: from its first state. `resume`: after a restart of the runtime. `redrive`: what failed, again. */
  readonly mode: "start" | "resume" | "redrive";
  /** Seconds from its start, or its last redrive. */
  readonly timeoutSeconds?: number | undefined;
}

/** What executions share. */
export interface Shared {
  readonly kernel: Kernel;
  readonly journals: Journals;
  readonly tokens: TaskTokens;
  readonly timeScale: number;
  childrenOf(launch: Launch): ChildExecutions;
  settledExecution(executionArn: string): Promise<Record<string, unknown>>;
  closing(): boolean;
  /** Strands that run on after their execution was stopped. */
  runsOut(strand: Promise<unknown>): void;
  finish(row: ExecutionRow, end: End): Promise<void>;
  /** The end of an execution could not be kept: the store is full or closed. */
  lost(row: ExecutionRow, error: Error): void;
}

const longestTimer = 2 ** 31 - 1;

/** Runs an execution to its end. */
export function launch(shared: Shared, given: Launch): Running {
  const { kernel } = shared;
  const { row, machine, mode } = given;
  let stopped: Stop | undefined;
  const work = { active: 1, idle: 0 };
  const controller = new AbortController();
  const { signal } = controller;
  setMaxListeners(0, signal);
  const interrupted = abortion(signal);
  const stop = (why: Stop) => {
    if (stopped) return;
    stopped = why;
    controller.abort();
  };
  const journal = shared.journals.of(row.arn);
  const input = JSON.parse(row.input) as Json;
  const principal: Principal = { kind: "role", roleArn: machine.roleArn, session: row.name };
  const redrives = row.redriveCount ?? 0;
  const interpreter = new Interpreter({
    kernel,
    principal,
    executionArn: row.arn,
    machineArn: machine.arn,
    context: {
      Execution: {
        Id: row.arn,
        Input: input,
        Name: row.name,
        RoleArn: machine.roleArn,
        StartTime: new Date(row.startedAt).toISOString(),
        RedriveCount: redrives,
        ...(row.redrivenAt !== undefined && { RedriveTime: new Date(row.redrivenAt).toISOString() }),
      },
      StateMachine: { Id: machine.arn, Name: machine.name },
    },
    queryLanguage: given.queryLanguage,
    timeScale: shared.timeScale,
    journal,
    tokens: shared.tokens,
    marks: mode === "start" ? new Map() : journal.marks(),
    redriven: mode === "redrive",
    children: shared.childrenOf(given),
    strands: (change) => {
      work.active += change;
    },
    idle: async (other) => {
      work.idle += 1;
      try {
        return await other;
      } finally {
        work.idle -= 1;
      }
    },
    closing: shared.closing,
    settledExecution: shared.settledExecution,
  });
  const timer = limitOf(kernel, given, () => stop({ status: "TIMED_OUT" }));
  const strand = { path: "$", outer: {}, own: {}, signal, last: 0 };
  const run = async (): Promise<End | undefined> => {
    if (mode === "start")
      strand.last = journal.add("ExecutionStarted", 0, { input: row.input, roleArn: machine.roleArn });
    if (mode === "redrive") strand.last = journal.add("ExecutionRedriven", 0, { redriveCount: redrives });
    try {
      const running = interpreter.run(given.group, input, strand);
      shared.runsOut(running);
      const output = await Promise.race([running, interrupted.promise]);
      return { status: "SUCCEEDED", output: JSON.stringify(output) };
    } catch (error) {
      return stopped?.status === "CLOSED" ? undefined : endOf(error, stopped);
    }
  };
  const done = async () => {
    try {
      const end = await run();
      if (end) {
        const { status, stoppedAt: _, ...details } = end;
        journal.add(eventOf[status] ?? "ExecutionFailed", strand.last, details as { [key: string]: Json });
        // Nothing goes on from a success.
        if (status === "SUCCEEDED") journal.forget("");
      }
      await journal.flush();
      if (end) await shared.finish(row, end);
    } catch (error) {
      // The execution goes on at the next start.
      kernel.log.warn(`sfn: the end of ${row.arn} could not be kept: ${String(error)}`);
      shared.lost(row, error instanceof Error ? error : new Error(String(error)));
    } finally {
      clearTimeout(timer);
      interrupted.release();
    }
  };
  return { done: done(), stop, idle: () => work.idle > 0 && work.idle >= work.active };
}

const eventOf: Readonly<Partial<Record<ExecutionStatus, string>>> = {
  SUCCEEDED: "ExecutionSucceeded",
  FAILED: "ExecutionFailed",
  TIMED_OUT: "ExecutionTimedOut",
  ABORTED: "ExecutionAborted",
};

function limitOf(kernel: Kernel, { row, timeoutSeconds }: Launch, stop: () => void): NodeJS.Timeout | undefined {
  if (timeoutSeconds === undefined) return undefined;
  const left = (row.redrivenAt ?? row.startedAt) + timeoutSeconds * 1000 - kernel.now();
  return setTimeout(stop, Math.min(Math.max(left, 0), longestTimer));
}

function endOf(error: unknown, stopped: Stop | undefined): End {
  if (stopped && stopped.status !== "CLOSED") {
    const { status, error: name, cause } = stopped;
    if (status === "TIMED_OUT") return { status, error: "States.Timeout" };
    return { status, ...(name !== undefined && { error: name }), ...(cause !== undefined && { cause }) };
  }
  if (error instanceof StateError) return { status: "FAILED", error: error.error, cause: error.causeText };
  return { status: "FAILED", error: "States.Runtime", cause: error instanceof Error ? error.message : String(error) };
}
