import { createHash, randomUUID } from "node:crypto";
import { AwsError, type Kernel } from "../../kernel";
import { assertTrusted } from "../iam";
import { perKernel } from "../support";
import { ChildRunner } from "./child-runner";
import { type Machine, parseMachine } from "./definition";
import { type ExecutionRow, executionToSdk, notRedrivable, running, type StateMachine } from "./execution-row";
import { type End, type Launch, launch, type Running, type Shared, type Stop } from "./execution-run";
import { Journals } from "./journal";
import { MapRuns } from "./map-run";
import { announceStatus } from "./status-events";
import { TaskTokens } from "./task-tokens";

export type { ExecutionStatus, StateMachine } from "./execution-row";

/** Where Wait states above a second stand to the clock unless the kernel's options or the environment say otherwise. */
const defaultTimeScale = 1 / 60;
/** What cannot be in an ARN or a log is refused. */
const executionName = /^[^\s<>{}[\]?*"#%\\^|~`$&,;:/]{1,80}$/;
const afterAll = "\u{10ffff}";

/**
 * Executions of state machines: durable rows, histories and positions. What the end of the process cut short goes on when
 * its machine is there again; a task that was in flight fails by name, for Retry and Catch to see.
 */
export class Executions {
  readonly machines = new Map<string, StateMachine>();
  readonly journals: Journals;
  readonly mapRuns: MapRuns;
  readonly tokens: TaskTokens;
  private readonly rows;
  private readonly definitions;
  private readonly running = new Map<string, Running>();
  /** Strands in flight, of stopped executions too. */
  private readonly tails = new Set<Promise<void>>();
  /** Executions whose end could not be kept; they go on at the next start. */
  private readonly lost = new Map<string, Error>();
  private readonly shared: Shared;
  /** Set once the runtime ends. */
  closing = false;

  constructor(private readonly kernel: Kernel) {
    this.rows = kernel.store.table<ExecutionRow>("sfn.executions");
    this.definitions = kernel.store.table<string>("sfn.definitions");
    this.journals = new Journals(kernel);
    this.mapRuns = new MapRuns(kernel);
    this.tokens = new TaskTokens(kernel);
    this.shared = {
      kernel,
      journals: this.journals,
      tokens: this.tokens,
      timeScale: timeScaleOf(kernel),
      childrenOf: (parent) => new ChildRunner(this, parent),
      settledExecution: async (arn) => this.describe(await this.settled(arn)),
      closing: () => this.closing,
      runsOut: (strand) => this.runsOut(strand),
      finish: (row, end) => this.finish(row, end),
      lost: (row, error) => this.lost.set(row.arn, error),
    };
    kernel.track({
      name: "state machines",
      // An execution that rests on something else is no work in progress.
      pending: () => [...this.running.values()].filter((each) => !each.idle()).length,
    });
    kernel.onClose(async () => {
      this.closing = true;
      for (const { stop } of this.running.values()) stop({ status: "CLOSED" });
      await Promise.all([...this.running.values()].map(({ done }) => done));
      // What a stopped execution had called may need a moment to come back.
      await Promise.race([Promise.all(this.tails), new Promise((resolve) => setTimeout(resolve, 2000).unref())]);
    });
    setTimeout(() => void this.failOrphans(), 2000).unref();
  }

  /** Makes a machine's executions possible, and those go on that the last end of the process cut short. */
  attach(machine: StateMachine): void {
    this.machines.set(machine.arn, machine);
    // Not before the resources around it are there.
    const resume = () => {
      if (this.closing) return;
      if (this.kernel.restoring) setTimeout(resume, 10);
      else for (const row of this.list(machine.arn)) if (row.status === "RUNNING") this.resume(row);
    };
    setImmediate(resume);
  }

  /** The machine is away, for a change or for good; what it has started goes on. */
  detach(machineArn: string): void {
    this.machines.delete(machineArn);
  }

  /** A machine that is deleted takes its executions with it. */
  destroy(machineArn: string): void {
    const why = { status: "ABORTED", cause: "The state machine was deleted." } as const;
    for (const { arn, status } of this.list(machineArn)) if (status === "RUNNING") this.running.get(arn)?.stop(why);
  }

  requireMachine(arn: string): StateMachine {
    const machine = this.machines.get(arn);
    if (machine) return machine;
    throw new AwsError("StateMachineDoesNotExist", `State Machine Does Not Exist: '${arn}'`);
  }

  find(executionArn: string): ExecutionRow | undefined {
    return this.rows.get(executionArn);
  }

  get(executionArn: string): ExecutionRow {
    const row = this.rows.get(executionArn);
    if (row) return row;
    throw new AwsError("ExecutionDoesNotExist", `Execution Does Not Exist: '${executionArn}'`);
  }

  /** Executions of a machine without those of its distributed Maps, newest first. */
  list(machineArn: string): ExecutionRow[] {
    const type = this.machines.get(machineArn)?.type === "EXPRESS" ? ":express:" : ":execution:";
    return this.listBelow(`${machineArn.replace(":stateMachine:", type)}:`);
  }

  /** Executions whose ARNs begin with something, newest first. */
  listBelow(prefix: string): ExecutionRow[] {
    const all = [...this.rows.entries({ start: prefix, end: prefix + afterAll })].map(({ value }) => value);
    return all.sort((a, b) => b.startedAt - a.startedAt);
  }

  now(): number {
    return this.kernel.now();
  }

  describe(row: ExecutionRow): Record<string, unknown> {
    return executionToSdk(row, row.arn.includes(":express:") ? "EXPRESS" : "STANDARD", this.kernel.now());
  }

  definitionOf(row: ExecutionRow): string {
    return this.definitions.get(row.definition ?? "") ?? this.requireMachine(row.machineArn).definition;
  }

  async start(machine: StateMachine, name: string = randomUUID(), input = "{}"): Promise<ExecutionRow> {
    assertTrusted(this.kernel, machine.roleArn, "states.amazonaws.com", machine.arn);
    if (!executionName.test(name)) throw new AwsError("InvalidName", `Invalid Name: '${name}'`);
    try {
      JSON.parse(input);
    } catch (error) {
      throw new AwsError("InvalidExecutionInput", `Invalid State Machine Execution Input: ${String(error)}`);
    }
    const express = machine.type === "EXPRESS";
    const path = machine.arn.replace(":stateMachine:", express ? ":express:" : ":execution:");
    const arn = `${path}:${name}${express ? `:${randomUUID()}` : ""}`;
    const existing = this.rows.get(arn);
    if (existing) {
      // Starting the same again is no second start while it runs.
      if (existing.status === "RUNNING" && existing.input === input) return existing;
      throw new AwsError("ExecutionAlreadyExists", `Execution Already Exists: '${arn}'`);
    }
    const definition = createHash("sha256").update(machine.definition).digest("hex");
    const startedAt = this.kernel.now();
    const row: ExecutionRow = { arn, name, machineArn: machine.arn, status: "RUNNING", input, startedAt, definition };
    const started = await this.kernel.store.write(() => {
      // Two starts of one name at once: the second finds the first.
      const other = this.rows.get(arn);
      if (other) return other;
      this.rows.put(arn, row);
      if (this.definitions.get(definition) === undefined) this.definitions.put(definition, machine.definition);
      return row;
    });
    if (started !== row) {
      if (started.input === input) return started;
      throw new AwsError("ExecutionAlreadyExists", `Execution Already Exists: '${arn}'`);
    }
    this.launchMachine(row, machine, machine.machine, "start");
    await announceStatus(this.kernel, row);
    return row;
  }

  /** Runs what failed again, from where it failed, by the definition that it was started with. */
  async redrive(executionArn: string): Promise<ExecutionRow> {
    const row = this.get(executionArn);
    const machine = this.requireMachine(row.machineArn);
    const reason = notRedrivable(row, machine.type, this.kernel.now());
    if (reason !== undefined) throw new AwsError("ExecutionNotRedrivable", reason);
    assertTrusted(this.kernel, machine.roleArn, "states.amazonaws.com", machine.arn);
    await this.running.get(executionArn)?.done;
    const again = { ...running(row), redriveCount: (row.redriveCount ?? 0) + 1, redrivenAt: this.kernel.now() };
    await this.save(again);
    this.launchMachine(again, machine, this.machineOf(again), "redrive");
    await announceStatus(this.kernel, again);
    return again;
  }

  stop(executionArn: string, why: Omit<Stop, "status">): void {
    this.get(executionArn);
    this.running.get(executionArn)?.stop({ status: "ABORTED", ...why });
  }

  /** Resolves when the execution has ended, however it ended. */
  async settled(executionArn: string): Promise<ExecutionRow> {
    for (;;) {
      await this.running.get(executionArn)?.done;
      const row = this.get(executionArn);
      if (row.status !== "RUNNING" || this.closing) return row;
      const lost = this.lost.get(executionArn);
      if (lost) throw lost;
      // It waits for its machine to be there again.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Runs an execution in this process. */
  launch(given: Launch): Running {
    const { arn } = given.row;
    const run = launch(this.shared, given);
    this.running.set(arn, run);
    const forget = () => {
      if (this.running.get(arn) === run) this.running.delete(arn);
    };
    void run.done.then(forget);
    return run;
  }

  async save(row: ExecutionRow): Promise<void> {
    await this.kernel.store.write(() => this.rows.put(row.arn, row));
  }

  private resume(row: ExecutionRow): void {
    const machine = this.machines.get(row.machineArn);
    if (!machine || this.running.has(row.arn)) return;
    this.launchMachine(row, machine, this.machineOf(row), "resume");
  }

  private machineOf(row: ExecutionRow): Machine {
    return parseMachine(this.definitionOf(row), this.requireMachine(row.machineArn).type);
  }

  private launchMachine(row: ExecutionRow, machine: StateMachine, group: Machine, mode: Launch["mode"]): void {
    const { QueryLanguage: queryLanguage, TimeoutSeconds: timeoutSeconds } = group;
    this.launch({ row, machine, group, queryLanguage, mode, timeoutSeconds });
  }

  private runsOut(strand: Promise<unknown>): void {
    const tail: Promise<void> = strand
      .then(
        () => {},
        // Reported by the execution that raced it.
        () => {},
      )
      .finally(() => this.tails.delete(tail));
    this.tails.add(tail);
  }

  private async finish(row: ExecutionRow, end: End): Promise<void> {
    const at = this.kernel.now();
    const ended: ExecutionRow = { ...running(row), ...end, stoppedAt: at };
    await this.save(ended);
    await announceStatus(this.kernel, ended);
    if (row.mapRunArn !== undefined) return;
    const names = { SUCCEEDED: "Succeeded", FAILED: "Failed", TIMED_OUT: "TimedOut", ABORTED: "Aborted" };
    const name = `Executions${names[end.status as keyof typeof names]}`;
    const dimensions = { StateMachineArn: row.machineArn };
    this.kernel.metrics.put({ namespace: "AWS/States", name, dimensions, value: 1, at });
  }

  /** Ends what no machine is there for any more. */
  private async failOrphans(): Promise<void> {
    if (this.closing) return;
    if (this.kernel.restoring) return void setTimeout(() => void this.failOrphans(), 500).unref();
    const cause = "The runtime was stopped while the execution ran, and its state machine is not there any more.";
    for (const { value: row } of [...this.rows.entries()]) {
      if (row.status !== "RUNNING" || row.mapRunArn !== undefined) continue;
      if (this.machines.has(row.machineArn) || this.running.has(row.arn)) continue;
      await this.finish(row, { status: "FAILED", error: "Tributary.RuntimeStopped", cause }).catch((error) =>
        this.kernel.log.warn(`sfn: ${row.arn} could not be ended: ${String(error)}`),
      );
    }
  }
}

function timeScaleOf(kernel: Kernel): number {
  const given = kernel.options.timeScale;
  if (given !== undefined) return given;
  const text = process.env.TRIBUTARY_TIME_SCALE;
  if (text === undefined || text === "") return defaultTimeScale;
  const scale = Number(text);
  if (scale >= 0) return scale;
  throw new AwsError("ValidationException", `TRIBUTARY_TIME_SCALE must be a number such as 1 or 0.01, not ${text}`);
}

export const executionsOf = perKernel((kernel) => new Executions(kernel));
