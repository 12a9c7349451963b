import { randomUUID } from "node:crypto";
import { z } from "zod";
import { AwsError, arn, type Kernel, type Principal, parseArn, type Table } from "../../kernel";
import { readSchedule } from "../eventbridge/schedule";
import { ScheduleTimers } from "../eventbridge/timers";
import { assertTrusted } from "../iam";
import { Outbox, perKernel } from "../support";

export interface ScheduleRow {
  readonly group: string;
  readonly name: string;
  readonly arn: string;
  readonly expression: string;
  readonly timezone: string;
  readonly enabled: boolean;
  readonly createdAt: number;
  readonly startAt?: number;
  readonly endAt?: number;
  readonly deleteAfter: boolean;
  readonly target: {
    readonly arn: string;
    readonly roleArn: string;
    readonly input?: string;
    readonly deadLetterArn?: string;
    readonly maxAttempts?: number;
    readonly messageGroupId?: string;
    readonly partitionKey?: string;
    readonly busEvent?: { readonly source: string; readonly detailType: string };
  };
}

const jsonObject = z.record(z.string(), z.unknown());

/** Schedules of EventBridge Scheduler; each fires under its own role. */
export class Schedules {
  readonly rows: Table<ScheduleRow>;
  private readonly outbox: Outbox;
  private readonly timers: ScheduleTimers;

  constructor(private readonly kernel: Kernel) {
    this.rows = kernel.store.table("scheduler.schedules");
    this.outbox = new Outbox(kernel, "scheduler");
    this.timers = new ScheduleTimers(kernel);
    for (const { value } of this.rows.entries()) this.arm(value);
  }

  arnOf(group: string, name: string): string {
    return arn(this.kernel.place, "scheduler", `schedule/${group}/${name}`);
  }

  require(group: string, name: string): ScheduleRow {
    const row = this.rows.get([group, name]);
    if (!row) throw new AwsError("ResourceNotFoundException", `Schedule ${name} does not exist.`, { status: 404 });
    return row;
  }

  /** @throws AwsError for an expression that is none, or a role that Scheduler may not assume */
  async save(row: ScheduleRow): Promise<void> {
    readSchedule(row.expression, row.createdAt, row.timezone);
    assertTrusted(this.kernel, row.target.roleArn, "scheduler.amazonaws.com", row.arn);
    await this.kernel.store.write(() => this.rows.put([row.group, row.name], row));
    this.arm(row);
  }

  async remove(group: string, name: string): Promise<void> {
    this.timers.clear(this.arnOf(group, name));
    await this.kernel.store.write(() => this.rows.remove([group, name]));
  }

  private arm(row: ScheduleRow): void {
    this.timers.clear(row.arn);
    if (!row.enabled) return;
    const times = readSchedule(row.expression, row.startAt ?? row.createdAt, row.timezone);
    const next = (after: number) => {
      const time = times.next(Math.max(after, (row.startAt ?? 0) - 1));
      return time !== undefined && time <= (row.endAt ?? Number.POSITIVE_INFINITY) ? time : undefined;
    };
    this.timers.set(row.arn, { next }, async (due) => {
      await this.fire(withContext(row, due));
      if (row.deleteAfter && next(due) === undefined) await this.remove(row.group, row.name);
    });
  }

  private async fire(row: ScheduleRow): Promise<void> {
    const { target } = row;
    const principal: Principal = { kind: "role", roleArn: target.roleArn, session: row.name.slice(0, 64) };
    const [, service, action] = /^arn:aws:scheduler:::aws-sdk:([a-z0-9-]+):(\w+)$/.exec(target.arn) ?? [];
    if (service && action) {
      const operation = action.charAt(0).toUpperCase() + action.slice(1);
      await this.kernel.call(
        sdkNames[service] ?? service,
        operation,
        jsonObject.parse(JSON.parse(target.input ?? "{}")),
        principal,
      );
      return;
    }
    const options = {
      ...(target.messageGroupId && { messageGroupId: target.messageGroupId }),
      ...(target.partitionKey && { partitionKey: target.partitionKey }),
    };
    const delivery = {
      targetArn: target.arn,
      payload: this.payload(row),
      principal,
      options,
      ...(target.deadLetterArn && { deadLetterArn: target.deadLetterArn }),
      ...(target.maxAttempts !== undefined && { maxAttempts: target.maxAttempts }),
    };
    await this.kernel.store.write(() => this.outbox.stage([delivery]));
    this.outbox.kick();
  }

  private payload({ target, arn: scheduleArn }: ScheduleRow): unknown {
    const input = target.input === undefined ? {} : jsonOrText(target.input);
    if (parseArn(target.arn)?.service !== "events") return input;
    const { source = "scheduler", detailType = "Scheduled Event" } = target.busEvent ?? {};
    return { source, "detail-type": detailType, detail: input, resources: [scheduleArn] };
  }
}

/**
 * Scheduler's context attributes in the input of the target: names of this schedule, this time and this delivery.
 * Source: user guide, "Context attributes".
 */
function withContext(row: ScheduleRow, due: number): ScheduleRow {
  const { input } = row.target;
  if (input === undefined) return row;
  const attributes: Readonly<Record<string, string>> = {
    "schedule-arn": row.arn,
    "scheduled-time": new Date(due).toISOString().replace(/\.\d+Z$/, "Z"),
    "execution-id": randomUUID(),
    "attempt-number": "1",
  };
  const filled = input.replace(/<aws\.scheduler\.([a-z-]+)>/g, (whole, name: string) => attributes[name] ?? whole);
  return { ...row, target: { ...row.target, input: filled } };
}

/** Names of services in universal targets, where they differ from the SDK package's name. */
const sdkNames: Readonly<Record<string, string>> = {
  secretsmanager: "secrets-manager",
  dynamodbstreams: "dynamodb-streams",
  cloudwatchlogs: "cloudwatch-logs",
};

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export const schedulesOf = perKernel((kernel) => new Schedules(kernel));
