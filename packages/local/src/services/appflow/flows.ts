import { AwsError, arn, type Kernel, NotSupportedLocally, type Table } from "../../kernel";
import { readSchedule } from "../eventbridge/schedule";
import { ScheduleTimers } from "../eventbridge/timers";
import { perKernel } from "../support";
import type { FlowDefinition } from "./definition";
import { unsupported } from "./definition";
import { runFlow } from "./run";

export type FlowStatus = "Draft" | "Active" | "Suspended";

/** What a flow keeps from run to run. */
export interface FlowState {
  readonly status: FlowStatus;
  readonly activatedAt?: number;
  /** Up to when an incremental flow has pulled, epoch milliseconds. */
  readonly pulledUpTo?: number;
}

export interface FlowRun {
  readonly flowName: string;
  readonly executionId: string;
  readonly status: "InProgress" | "Successful" | "Error";
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly records: number;
  readonly bytes: number;
  readonly message?: string;
}

export interface Flow {
  readonly name: string;
  readonly arn: string;
  readonly definition: FlowDefinition;
}

/** AppFlow writes `rate(1hours)`; weeks and months are counted in days here. */
export function scheduleOf(expression: string): string {
  const [, count = "", unit = ""] = /^rate\((\d+)\s*([a-z]+)\)$/.exec(expression.trim()) ?? [];
  if (count === "") return expression;
  const days = unit.startsWith("week") ? 7 : unit.startsWith("month") ? 30 : undefined;
  return days === undefined ? `rate(${count} ${unit})` : `rate(${Number(count) * days} days)`;
}

/** Flows of the stack, their schedules and their runs. One run of a flow at a time. */
export class Flows {
  readonly byName = new Map<string, Flow>();
  readonly states: Table<FlowState>;
  readonly runs: Table<FlowRun>;
  private readonly timers: ScheduleTimers;
  private readonly running = new Map<string, Promise<void>>();

  constructor(private readonly kernel: Kernel) {
    this.states = kernel.store.table("appflow.flows");
    this.runs = kernel.store.table("appflow.runs");
    this.timers = new ScheduleTimers(kernel);
    kernel.track({ name: "appflow runs", pending: () => this.running.size });
    kernel.onClose(async () => void (await Promise.all(this.running.values())));
    void this.recover();
  }

  arnOf(name: string): string {
    return arn(this.kernel.place, "appflow", `flow/${name}`);
  }

  require(name: string): Flow {
    const flow = this.byName.get(name);
    if (flow) return flow;
    const known = [...this.byName.keys()].join(", ") || "none";
    throw new AwsError("ResourceNotFoundException", `Flow ${name} does not exist. Flows of the stack: ${known}`, {
      status: 404,
    });
  }

  stateOf(name: string): FlowState {
    return this.states.get(name) ?? { status: this.isScheduled(name) ? "Draft" : "Active" };
  }

  runsOf(name: string): FlowRun[] {
    return [...this.runs.entries({ start: [name], end: [name, "\u{10ffff}"] })]
      .map(({ value }) => value)
      .sort((left, right) => right.startedAt - left.startedAt);
  }

  attach(flow: Flow): void {
    this.byName.set(flow.name, flow);
    this.arm(flow);
  }

  detach(name: string): void {
    this.timers.clear(this.arnOf(name));
    this.byName.delete(name);
  }

  /** On demand: runs it. Scheduled: activates it; a rate begins with a run. */
  async start(name: string): Promise<{ executionId?: string; status: FlowStatus }> {
    const flow = this.require(name);
    const why = unsupported(flow.definition);
    if (why !== undefined) {
      throw new NotSupportedLocally(
        why,
        "Here flows run from custom connectors to S3, as JSON lines or Parquet. Run this one against AWS.",
      );
    }
    if (!this.isScheduled(name)) return { executionId: await this.run(flow), status: "Active" };
    if (this.stateOf(name).status === "Active") return { status: "Active" };
    await this.change(name, { status: "Active", activatedAt: this.kernel.now() });
    this.arm(flow);
    if (this.expressionOf(flow)?.startsWith("rate")) await this.run(flow);
    return { status: "Active" };
  }

  async stop(name: string): Promise<void> {
    this.require(name);
    if (!this.isScheduled(name))
      throw new AwsError(
        "UnsupportedOperationException",
        `Flow ${name} runs on demand; only scheduled flows can be stopped.`,
      );
    this.timers.clear(this.arnOf(name));
    await this.change(name, { status: "Suspended" });
  }

  async change(name: string, change: Partial<FlowState>): Promise<void> {
    await this.kernel.store.write(() => this.states.put(name, { ...this.stateOf(name), ...change }));
  }

  async forget(name: string): Promise<void> {
    await this.kernel.store.write(() => {
      this.states.remove(name);
      this.runs.clear({ start: [name], end: [name, "\u{10ffff}"] });
    });
  }

  /** Begins a run, after the one that may be under way; resolves with its id once it is on record. */
  private async run(flow: Flow): Promise<string> {
    const { executionId, finished } = await runFlow(this.kernel, this, flow, this.running.get(flow.name));
    const work: Promise<void> = finished.finally(() => {
      if (this.running.get(flow.name) === work) this.running.delete(flow.name);
    });
    this.running.set(flow.name, work);
    return executionId;
  }

  private isScheduled(name: string): boolean {
    return this.byName.get(name)?.definition.triggerConfig.triggerType === "Scheduled";
  }

  private expressionOf({ definition }: Flow): string | undefined {
    return definition.triggerConfig.triggerProperties?.scheduled?.scheduleExpression;
  }

  private arm(flow: Flow): void {
    this.timers.clear(flow.arn);
    const expression = this.expressionOf(flow);
    const { status, activatedAt = this.kernel.now() } = this.stateOf(flow.name);
    if (expression === undefined || status !== "Active") return;
    const timezone = flow.definition.triggerConfig.triggerProperties?.scheduled?.timezone ?? "UTC";
    this.timers.set(
      flow.arn,
      readSchedule(scheduleOf(expression), activatedAt, timezone),
      async () => void (await this.run(flow)),
    );
  }

  /** A run that the end of the process cut short failed; what it pulled is pulled again by the next. */
  private async recover(): Promise<void> {
    const cut = [...this.runs.entries()].filter(({ value }) => value.status === "InProgress");
    if (cut.length === 0) return;
    await this.kernel.store.write(() => {
      for (const { key, value } of cut) {
        this.runs.put(key, {
          ...value,
          status: "Error",
          endedAt: this.kernel.now(),
          message: "the runtime ended during the run",
        });
      }
    });
  }
}

export const flowsOf = perKernel((kernel) => new Flows(kernel));
