import * as scheduler from "@pulumi/aws/scheduler";
import type * as sfn from "@pulumi/aws/sfn";
import type * as pulumi from "@pulumi/pulumi";
import { objectFaults, quoted, unknownFaults } from "./argument-faults";
import type { Fault } from "./faults";
import type { FoundationRef } from "./foundation";
import { grantStatements } from "./grants";
import { DeadLetterQueue } from "./queue";
import { ServiceRole } from "./service-role";

/** When something starts by itself. */
export interface ScheduleArgs {
  /** An EventBridge Scheduler expression: `cron(0 3 * * ? *)`, `rate(1 day)`. */
  readonly expression: string;
  /** IANA time zone of a cron expression. @default "UTC" */
  readonly timezone?: string;
  /** @default true */
  readonly enabled?: boolean;
}

/** A schedule with what was left out filled in. */
export function resolveSchedule(schedule: ScheduleArgs): Required<ScheduleArgs> {
  const { expression, timezone = "UTC", enabled = true } = schedule;
  return { expression, timezone, enabled };
}

/** Faults of a `ScheduleArgs`. */
export function scheduleFaults(path: string, value: unknown): Fault[] {
  return objectFaults(path, value, '{ expression: "cron(0 3 * * ? *)" }', (schedule) => {
    const { expression, timezone, enabled } = schedule;
    const faults: Fault[] = [];
    if (
      typeof expression !== "string" ||
      !/^(cron\((\S+ ){5}\S+\)|rate\([1-9]\d* (minutes?|hours?|days?)\))$/.test(expression)
    ) {
      faults.push({
        path: `${path}.expression`,
        reason: `${quoted(expression)} must be cron(minute hour day month weekday year), such as "cron(0 3 * * ? *)", or rate(n days)`,
      });
    }
    if (timezone !== undefined && !knownTimezone(timezone)) {
      faults.push({
        path: `${path}.timezone`,
        reason: `${quoted(timezone)} is not an IANA time zone such as "Europe/Berlin"`,
      });
    }
    if (enabled !== undefined && typeof enabled !== "boolean") {
      faults.push({ path: `${path}.enabled`, reason: `${quoted(enabled)} must be true or false` });
    }
    return [...faults, ...unknownFaults(`${path}.`, schedule, ["expression", "timezone", "enabled"])];
  });
}

function knownTimezone(timezone: unknown): boolean {
  if (typeof timezone !== "string") return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: timezone });
    return true;
  } catch {
    // The constructor's RangeError is the answer: no such zone.
    return false;
  }
}

/** What a schedule calls: a state machine or a function, and the one call that starts it. */
interface Scheduled {
  readonly foundation: FoundationRef;
  readonly schedule: Required<ScheduleArgs>;
  readonly arn: pulumi.Input<string>;
  readonly action: "states:StartExecution" | "lambda:InvokeFunction";
  /** JSON text. */
  readonly input: string;
  /** How long a start that failed is tried again. */
  readonly retry: { readonly maximumRetryAttempts: number; readonly maximumEventAgeInSeconds: number };
}

/**
 * Starts a state machine by the clock. A start that fails to the end rests in a dead-letter queue. Scheduler may deliver
 * one start twice; where that matters, `input` can name it by `<aws.scheduler.scheduled-time>`.
 */
export function scheduleStateMachine(
  name: string,
  args: {
    readonly foundation: FoundationRef;
    readonly machine: sfn.StateMachine;
    readonly schedule: Required<ScheduleArgs>;
    /** JSON text of the execution's input. @default "{}" */
    readonly input?: string;
  },
  opts: pulumi.CustomResourceOptions,
): scheduler.Schedule {
  const { foundation, machine, schedule, input = "{}" } = args;
  return makeSchedule(
    name,
    {
      foundation,
      schedule,
      arn: machine.arn,
      action: "states:StartExecution",
      input,
      retry: { maximumRetryAttempts: 10, maximumEventAgeInSeconds: 3600 },
    },
    opts,
  );
}

/** Calls a function by the clock, which makes up for a call that did not come: a start that fails is not tried for long. */
export function scheduleFunction(
  name: string,
  args: {
    readonly foundation: FoundationRef;
    readonly function: { readonly arn: pulumi.Input<string> };
    readonly schedule: ScheduleArgs;
  },
  opts: pulumi.CustomResourceOptions,
): scheduler.Schedule {
  return makeSchedule(
    name,
    {
      foundation: args.foundation,
      schedule: resolveSchedule(args.schedule),
      arn: args.function.arn,
      action: "lambda:InvokeFunction",
      input: "{}",
      retry: { maximumRetryAttempts: 2, maximumEventAgeInSeconds: 60 },
    },
    opts,
  );
}

function makeSchedule(
  name: string,
  { foundation, schedule, arn, action, input, retry }: Scheduled,
  opts: pulumi.CustomResourceOptions,
): scheduler.Schedule {
  const deadLetters = new DeadLetterQueue(`${name}-dead-letters`, { foundation, of: `schedule ${name}` }, opts);
  const role = new ServiceRole(name, { service: "scheduler.amazonaws.com", foundation }, opts);
  const policy = grantStatements(role, "start", [
    { sid: "Start", actions: [action], resources: [arn] },
    { sid: "DeadLetter", actions: ["sqs:SendMessage"], resources: [deadLetters.arn] },
    { sid: "Key", actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [foundation.keyArn] },
  ]);
  return new scheduler.Schedule(
    name,
    {
      scheduleExpression: schedule.expression,
      scheduleExpressionTimezone: schedule.timezone,
      state: schedule.enabled ? "ENABLED" : "DISABLED",
      flexibleTimeWindow: { mode: "OFF" },
      kmsKeyArn: foundation.keyArn,
      target: { arn, roleArn: role.arn, input, retryPolicy: retry, deadLetterConfig: { arn: deadLetters.arn } },
    },
    { ...opts, dependsOn: [policy] },
  );
}
