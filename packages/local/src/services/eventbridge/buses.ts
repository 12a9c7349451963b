import { randomUUID } from "node:crypto";
import { AwsError, arn, type Kernel, type Principal, type Table } from "../../kernel";
import { type Delivery, Outbox, perKernel } from "../support";
import { at, type TargetInput, targetPayload } from "./input";
import { compilePattern } from "./pattern";
import { readSchedule } from "./schedule";
import { ScheduleTimers } from "./timers";

export interface RuleRow {
  readonly bus: string;
  readonly name: string;
  readonly arn: string;
  readonly enabled: boolean;
  /** JSON text. */
  readonly pattern?: string;
  readonly schedule?: string;
  readonly description?: string;
  readonly createdAt: number;
}

export interface TargetRow extends TargetInput {
  readonly id: string;
  readonly arn: string;
  readonly roleArn?: string;
  readonly deadLetterArn?: string;
  /** Deliveries in all. */
  readonly maxAttempts?: number;
  readonly messageGroupId?: string;
  readonly partitionKeyPath?: string;
}

/** An event as rules see it: the envelope of EventBridge. */
export type BusEvent = Record<string, unknown>;

/** Buses, rules and targets; events are matched when they come and queued durably for the targets that want them. */
export class Buses {
  readonly buses: Table<{ readonly name: string; readonly arn: string }>;
  readonly rules: Table<RuleRow>;
  readonly targets: Table<TargetRow>;
  readonly outbox: Outbox;
  private readonly timers: ScheduleTimers;
  private readonly patterns = new Map<string, (event: unknown) => boolean>();

  constructor(private readonly kernel: Kernel) {
    this.buses = kernel.store.table("events.buses");
    this.rules = kernel.store.table("events.rules");
    this.targets = kernel.store.table("events.targets");
    this.outbox = new Outbox(kernel, "eventbridge");
    this.timers = new ScheduleTimers(kernel);
    for (const { value } of this.rules.entries()) this.arm(value);
  }

  /** Name or ARN of a bus to its name. */
  nameOf(bus: string | undefined): string {
    return bus?.split("/").at(-1) || "default";
  }

  busArn(bus: string): string {
    return arn(this.kernel.place, "events", `event-bus/${this.nameOf(bus)}`);
  }

  ruleArn(bus: string, name: string): string {
    return arn(this.kernel.place, "events", bus === "default" ? `rule/${name}` : `rule/${bus}/${name}`);
  }

  requireBus(bus: string): void {
    if (bus === "default" || this.buses.get(bus)) return;
    throw new AwsError("ResourceNotFoundException", `Event bus ${bus} does not exist.`);
  }

  requireRule(bus: string, name: string): RuleRow {
    const row = this.rules.get([bus, name]);
    if (!row) throw new AwsError("ResourceNotFoundException", `Rule ${name} does not exist on EventBus ${bus}.`);
    return row;
  }

  rulesOf(bus: string): RuleRow[] {
    return [...this.rules.entries({ start: [bus], end: [bus, "\u{10ffff}"] })].map(({ value }) => value);
  }

  targetsOf(bus: string, rule: string): TargetRow[] {
    const range = { start: [bus, rule], end: [bus, rule, "\u{10ffff}"] };
    return [...this.targets.entries(range)].map(({ value }) => value);
  }

  async saveRule(row: RuleRow): Promise<void> {
    this.requireBus(row.bus);
    if (row.pattern === undefined && row.schedule === undefined) {
      throw new AwsError("ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified.");
    }
    if (row.pattern !== undefined) this.matcher(row.pattern);
    if (row.schedule !== undefined) readSchedule(row.schedule, row.createdAt);
    await this.kernel.store.write(() => this.rules.put([row.bus, row.name], row));
    this.arm(row);
  }

  async removeRule(bus: string, name: string): Promise<void> {
    this.timers.clear(this.ruleArn(bus, name));
    await this.kernel.store.write(() => {
      this.rules.remove([bus, name]);
      this.targets.clear({ start: [bus, name], end: [bus, name, "\u{10ffff}"] });
    });
  }

  /** @throws AwsError for a pattern that is none */
  matcher(pattern: string): (event: unknown) => boolean {
    let matches = this.patterns.get(pattern);
    if (!matches) {
      let parsed: unknown;
      try {
        parsed = JSON.parse(pattern);
      } catch {
        throw new AwsError("InvalidEventPatternException", "Event pattern is not valid. Reason: it is no JSON");
      }
      matches = compilePattern(parsed);
      this.patterns.set(pattern, matches);
    }
    return matches;
  }

  envelope(
    source: string,
    detailType: string,
    detail: unknown,
    more: { resources?: readonly string[]; time?: Date },
  ): BusEvent {
    return {
      version: "0",
      id: randomUUID(),
      "detail-type": detailType,
      source,
      account: this.kernel.place.accountId,
      time: (more.time ?? new Date(this.kernel.now())).toISOString().replace(/\.\d+Z$/, "Z"),
      region: this.kernel.place.region,
      resources: more.resources ?? [],
      detail,
    };
  }

  /** Durably queues an event for every target of every rule that it matches. */
  async accept(bus: string, events: readonly BusEvent[]): Promise<void> {
    const rules = this.rulesOf(bus).filter(({ enabled, pattern }) => enabled && pattern !== undefined);
    const deliveries = events.flatMap((event) =>
      rules
        .filter(({ pattern }) => pattern !== undefined && this.matcher(pattern)(event))
        .flatMap((rule) => this.deliveries(rule, event)),
    );
    await this.stage(deliveries);
  }

  private deliveries(rule: RuleRow, event: BusEvent): Delivery[] {
    return this.targetsOf(rule.bus, rule.name).map((target) => {
      const principal: Principal = target.roleArn
        ? { kind: "role", roleArn: target.roleArn, session: "eventbridge" }
        : { kind: "service", service: "events.amazonaws.com", sourceArn: rule.arn };
      const partitionKey = target.partitionKeyPath ? at(event, target.partitionKeyPath) : event.id;
      return {
        targetArn: target.arn,
        payload: targetPayload(target, event),
        principal,
        options: {
          partitionKey: String(partitionKey),
          ...(target.messageGroupId && { messageGroupId: target.messageGroupId }),
        },
        ...(target.deadLetterArn && { deadLetterArn: target.deadLetterArn }),
        ...(target.maxAttempts !== undefined && { maxAttempts: target.maxAttempts }),
      };
    });
  }

  private async stage(deliveries: readonly Delivery[]): Promise<void> {
    if (deliveries.length === 0) return;
    await this.kernel.store.write(() => this.outbox.stage(deliveries));
    this.outbox.kick();
  }

  private arm(rule: RuleRow): void {
    this.timers.clear(rule.arn);
    if (rule.schedule === undefined || !rule.enabled) return;
    this.timers.set(rule.arn, readSchedule(rule.schedule, rule.createdAt), async (due) => {
      const time = new Date(due);
      const event = this.envelope("aws.events", "Scheduled Event", {}, { resources: [rule.arn], time });
      await this.stage(this.deliveries(rule, event));
    });
  }
}

export const busesOf = perKernel((kernel) => new Buses(kernel));
