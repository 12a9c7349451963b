import { randomUUID } from "node:crypto";
import { setTimeout as setTimer } from "node:timers/promises";
import type { Json } from "@tributary/model";
import { AwsError, type Kernel, type Principal } from "../../kernel";
import { assertTrusted } from "../iam";
import { perKernel } from "../support";
import type { Machine } from "./definition";
import { Histories } from "./history";
import { Interpreter } from "./interpreter";
import { Aborted, StateError } from "./state-error";

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
}

/** Ends an execution before its states do. */
interface Stop {
  readonly status: "ABORTED" | "TIMED_OUT";
  readonly error?: string | undefined;
  readonly cause?: string | undefined;
}

/** An execution in this process. */
interface Running {
  readonly done: Promise<void>;
  stop(why: Stop): void;
  /** Whether all of it rests in Wait states. */
  idle(): boolean;
}

/** Where Wait states above a second stand to the clock unless the kernel's options say otherwise. */
const defaultTimeScale = 1 / 60;

/** Executions of state machines: durable rows and histories. One that the end of the process cut short has FAILED. */
export class Executions {
  readonly machines = new Map<string, StateMachine>();
  readonly histories: Histories;
  private readonly rows;
  private readonly running = new Map<string, Running>();
  /** Strands in flight, of stopped executions too. */
  private readonly tails = new Set<Promise<void>>();
  private readonly recovered: Promise<void>;

  constructor(private readonly kernel: Kernel) {
    this.rows = kernel.store.table<ExecutionRow>("sfn.executions");
    this.histories = new Histories(kernel);
    this.recovered = this.recover();
    this.recovered.catch((error) => kernel.log.warn(`sfn: recovery of executions failed: ${String(error)}`));
    kernel.track({
      name: "state machines",
      // An execution that rests in a Wait state is no work in progress.
      pending: () => [...this.running.values()].filter((each) => !each.idle()).length,
    });
    kernel.onClose(async () => {
      const cause = "The runtime was closed while the execution ran; start it again.";
      for (const { stop } of this.running.values())
        stop({ status: "ABORTED", error: "Tributary.RuntimeClosed", cause });
      await Promise.all([...this.running.values()].map(({ done }) => done));
      // What a stopped execution had called may need a moment to come back.
      await Promise.race([Promise.all(this.tails), new Promise((resolve) => setTimeout(resolve, 2000).unref())]);
    });
  }

  requireMachine(arn: string): StateMachine {
    const machine = this.machines.get(arn);
    if (machine) return machine;
    throw new AwsError("StateMachineDoesNotExist", `State Machine Does Not Exist: '${arn}'`);
  }

  get(executionArn: string): ExecutionRow {
    const row = this.rows.get(executionArn);
    if (row) return row;
    throw new AwsError("ExecutionDoesNotExist", `Execution Does Not Exist: '${executionArn}'`);
  }

  /** Executions of a machine, newest first. */
  list(machineArn: string): ExecutionRow[] {
    const all = [...this.rows.entries()].map(({ value }) => value).filter((row) => row.machineArn === machineArn);
    return all.sort((a, b) => b.startedAt - a.startedAt);
  }

  async start(machine: StateMachine, name: string = randomUUID(), input = "{}"): Promise<ExecutionRow> {
    await this.recovered;
    assertTrusted(this.kernel, machine.roleArn, "states.amazonaws.com", machine.arn);
    let data: Json;
    try {
      data = JSON.parse(input) as Json;
    } catch (error) {
      throw new AwsError("InvalidExecutionInput", `Invalid State Machine Execution Input: ${String(error)}`);
    }
    const arn = `${machine.arn.replace(":stateMachine:", ":execution:")}:${name}`;
    const existing = this.rows.get(arn);
    if (existing) {
      // Starting the same again is no second start while it runs.
      if (existing.status === "RUNNING" && existing.input === input) return existing;
      throw new AwsError("ExecutionAlreadyExists", `Execution Already Exists: '${arn}'`);
    }
    const row: ExecutionRow = {
      arn,
      name,
      machineArn: machine.arn,
      status: "RUNNING",
      input,
      startedAt: this.kernel.now(),
    };
    await this.save(row);
    this.running.set(arn, this.launch(machine, row, data));
    return row;
  }

  stop(executionArn: string, why: Omit<Stop, "status">): void {
    this.get(executionArn);
    this.running.get(executionArn)?.stop({ status: "ABORTED", ...why });
  }

  /** Resolves when the execution has ended, however it ended. */
  async settled(executionArn: string): Promise<ExecutionRow> {
    await this.recovered;
    await this.running.get(executionArn)?.done;
    return this.get(executionArn);
  }

  private launch(machine: StateMachine, row: ExecutionRow, input: Json): Running {
    let stopped: Stop | undefined;
    const undo = new Set<() => void>();
    const work = { active: 0, waiting: 0 };
    const controller = new AbortController();
    const { signal } = controller;
    const interrupted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(new Aborted()));
    });
    // Raced against the states below; alone it is nobody's error.
    interrupted.catch(() => {});
    const stop = (why: Stop) => {
      if (stopped) return;
      stopped = why;
      for (const each of undo) each();
      controller.abort();
    };
    const interpreter = this.interpreter(machine, row, input, {
      onAbort: (cut) => {
        undo.add(cut);
        if (stopped) cut();
        return () => undo.delete(cut);
      },
      sleep: async (ms, idle, until) => {
        if (idle) work.waiting += 1;
        try {
          await setTimer(Math.min(ms, 2 ** 31 - 1), undefined, { signal: until });
        } catch (error) {
          throw until.aborted ? new Aborted() : error;
        } finally {
          if (idle) work.waiting -= 1;
        }
      },
      strands: (change) => {
        work.active += change;
      },
    });
    const { TimeoutSeconds: limit } = machine.machine;
    const timer =
      limit === undefined
        ? undefined
        : setTimeout(() => stop({ status: "TIMED_OUT" }), Math.min(limit * 1000, 2 ** 31 - 1));
    const run = async () => {
      try {
        await this.histories.add(row.arn, "ExecutionStarted", { input: row.input, roleArn: machine.roleArn });
        work.active = 1;
        const running = interpreter.run(machine.machine, input, { variables: {}, signal });
        this.runsOut(running);
        const output = await Promise.race([running, interrupted]);
        await this.finish(row, { status: "SUCCEEDED", output: JSON.stringify(output) });
      } catch (error) {
        await this.finish(row, outcomeOf(error, stopped));
      } finally {
        clearTimeout(timer);
        this.running.delete(row.arn);
        this.histories.settle(row.arn);
      }
    };
    return { done: run(), stop, idle: () => work.waiting > 0 && work.waiting >= work.active };
  }

  private runsOut(running: Promise<Json>): void {
    const tail: Promise<void> = running
      .then(
        () => {},
        // Reported by the execution that raced it.
        () => {},
      )
      .finally(() => this.tails.delete(tail));
    this.tails.add(tail);
  }

  private interpreter(
    machine: StateMachine,
    row: ExecutionRow,
    input: Json,
    hooks: {
      onAbort(cut: () => void): () => void;
      sleep(ms: number, idle: boolean, until: AbortSignal): Promise<void>;
      strands(change: 1 | -1): void;
    },
  ): Interpreter {
    const { kernel } = this;
    const principal: Principal = { kind: "role", roleArn: machine.roleArn, session: row.name };
    const StartTime = new Date(row.startedAt).toISOString();
    return new Interpreter({
      kernel,
      task: {
        kernel,
        principal,
        onAbort: hooks.onAbort,
        settledExecution: async (arn) => executionToSdk(await this.settled(arn)),
      },
      context: {
        Execution: { Id: row.arn, Input: input, Name: row.name, RoleArn: machine.roleArn, StartTime },
        StateMachine: { Id: machine.arn, Name: machine.name },
      },
      queryLanguage: machine.machine.QueryLanguage,
      timeScale: kernel.options.timeScale ?? defaultTimeScale,
      sleep: hooks.sleep,
      strands: hooks.strands,
      record: (type, details) => this.histories.add(row.arn, type, details),
    });
  }

  private async finish(row: ExecutionRow, end: Partial<ExecutionRow> & { status: ExecutionStatus }): Promise<void> {
    const now = this.kernel.now();
    const { output, error, cause } = end;
    const types = { SUCCEEDED: "Succeeded", FAILED: "Failed", TIMED_OUT: "TimedOut", ABORTED: "Aborted", RUNNING: "" };
    const details: Record<string, string> = {};
    if (output !== undefined) details.output = output;
    if (error !== undefined) details.error = error;
    if (cause !== undefined) details.cause = cause;
    await this.histories.add(row.arn, `Execution${types[end.status]}`, details);
    await this.save({ ...row, ...end, stoppedAt: now });
    this.kernel.metrics.put({
      namespace: "AWS/States",
      name: `Executions${types[end.status]}`,
      dimensions: { StateMachineArn: row.machineArn },
      value: 1,
      at: now,
    });
  }

  private async save(row: ExecutionRow): Promise<void> {
    await this.kernel.store.write(() => this.rows.put(row.arn, row));
  }

  private async recover(): Promise<void> {
    for (const { value: row } of [...this.rows.entries()]) {
      if (row.status !== "RUNNING") continue;
      const cause = "The runtime was stopped while the execution ran; start it again.";
      await this.finish(row, { status: "FAILED", error: "Tributary.RuntimeStopped", cause });
    }
  }
}

function outcomeOf(error: unknown, stopped: Stop | undefined): Partial<ExecutionRow> & { status: ExecutionStatus } {
  if (stopped) {
    const { status, error: name, cause } = stopped;
    return { status, ...(name !== undefined && { error: name }), ...(cause !== undefined && { cause }) };
  }
  if (error instanceof StateError) return { status: "FAILED", error: error.error, cause: error.causeText };
  return { status: "FAILED", error: "States.Runtime", cause: error instanceof Error ? error.message : String(error) };
}

export function executionToSdk(row: ExecutionRow): Record<string, unknown> {
  return {
    executionArn: row.arn,
    stateMachineArn: row.machineArn,
    name: row.name,
    status: row.status,
    startDate: new Date(row.startedAt),
    ...(row.stoppedAt !== undefined && { stopDate: new Date(row.stoppedAt) }),
    input: row.input,
    ...(row.output !== undefined && { output: row.output }),
    ...(row.error !== undefined && { error: row.error }),
    ...(row.cause !== undefined && { cause: row.cause }),
  };
}

export const executionsOf = perKernel((kernel) => new Executions(kernel));
