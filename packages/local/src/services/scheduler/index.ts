import { z } from "zod";
import { arn, type Kernel, type Realiser, type Resource } from "../../kernel";
import { defineService, isRecord, operation, physicalName, tagOutputs, text } from "../support";
import { type ScheduleRow, schedulesOf } from "./schedules";

const target = z.strictObject({
  Arn: z.string().startsWith("arn:"),
  RoleArn: z.string().startsWith("arn:"),
  Input: z.string().optional(),
  DeadLetterConfig: z.object({ Arn: z.string().optional() }).optional(),
  RetryPolicy: z
    .object({ MaximumRetryAttempts: z.number().optional(), MaximumEventAgeInSeconds: z.number().optional() })
    .optional(),
  SqsParameters: z.object({ MessageGroupId: z.string().optional() }).optional(),
  KinesisParameters: z.object({ PartitionKey: z.string() }).optional(),
  EventBridgeParameters: z.object({ DetailType: z.string(), Source: z.string() }).optional(),
});
const named = { Name: z.string().min(1).max(64), GroupName: z.string().optional() };
const saved = z.strictObject({
  ...named,
  ScheduleExpression: z.string(),
  ScheduleExpressionTimezone: z.string().optional(),
  // Any moment of the window is right; the first one is taken.
  FlexibleTimeWindow: z.object({ Mode: z.string(), MaximumWindowInMinutes: z.number().optional() }),
  State: z.enum(["ENABLED", "DISABLED"]).optional(),
  StartDate: z.date().optional(),
  EndDate: z.date().optional(),
  ActionAfterCompletion: z.enum(["NONE", "DELETE"]).optional(),
  Description: z.string().optional(),
  ClientToken: z.string().optional(),
  Target: target,
});

function readTarget(input: z.output<typeof target>): ScheduleRow["target"] {
  const retries = input.RetryPolicy?.MaximumRetryAttempts;
  return {
    arn: input.Arn,
    roleArn: input.RoleArn,
    ...(input.Input !== undefined && { input: input.Input }),
    ...(input.DeadLetterConfig?.Arn && { deadLetterArn: input.DeadLetterConfig.Arn }),
    ...(retries !== undefined && { maxAttempts: Math.min(retries + 1, 8) }),
    ...(input.SqsParameters?.MessageGroupId && { messageGroupId: input.SqsParameters.MessageGroupId }),
    ...(input.KinesisParameters && { partitionKey: input.KinesisParameters.PartitionKey }),
    ...(input.EventBridgeParameters && {
      busEvent: { source: input.EventBridgeParameters.Source, detailType: input.EventBridgeParameters.DetailType },
    }),
  };
}

/** A resource's inputs in the API's names, so that both ways share one reading. */
function asApi({ inputs, outputs }: Resource): unknown {
  const upper = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(upper);
    if (!isRecord(value)) return value;
    const entries = Object.entries(value).filter(([, member]) => member !== undefined && member !== null);
    return Object.fromEntries(
      entries.map(([key, member]) => [
        key === "eventbridgeParameters" ? "EventBridgeParameters" : key.charAt(0).toUpperCase() + key.slice(1),
        upper(member),
      ]),
    );
  };
  const date = (value: unknown) => (text(value) ? new Date(String(value)) : undefined);
  return {
    Name: outputs.name,
    GroupName: outputs.groupName,
    ScheduleExpression: inputs.scheduleExpression,
    ScheduleExpressionTimezone: inputs.scheduleExpressionTimezone,
    FlexibleTimeWindow: upper(inputs.flexibleTimeWindow),
    State: inputs.state,
    StartDate: date(inputs.startDate),
    EndDate: date(inputs.endDate),
    ActionAfterCompletion: inputs.actionAfterCompletion,
    Target: upper(inputs.target),
  };
}

function rowOf(kernel: Kernel, input: z.output<typeof saved>): ScheduleRow {
  const schedules = schedulesOf(kernel);
  const group = input.GroupName ?? "default";
  return {
    group,
    name: input.Name,
    arn: schedules.arnOf(group, input.Name),
    expression: input.ScheduleExpression,
    timezone: input.ScheduleExpressionTimezone ?? "UTC",
    enabled: input.State !== "DISABLED",
    createdAt: schedules.rows.get([group, input.Name])?.createdAt ?? kernel.now(),
    deleteAfter: input.ActionAfterCompletion === "DELETE",
    ...(input.StartDate && { startAt: input.StartDate.getTime() }),
    ...(input.EndDate && { endAt: input.EndDate.getTime() }),
    target: readTarget(input.Target),
  };
}

const schedule: Realiser = {
  type: "aws:scheduler/schedule:Schedule",
  replaceOn: ["name", "namePrefix", "groupName"],
  compute(resource, kernel, previous) {
    const name = physicalName(resource, previous);
    const groupName = text(resource.inputs.groupName) ?? "default";
    const scheduleArn = schedulesOf(kernel).arnOf(groupName, name);
    return { id: `${groupName}/${name}`, outputs: { name, groupName, arn: scheduleArn, region: kernel.place.region } };
  },
  async attach(resource, kernel) {
    await schedulesOf(kernel).save(rowOf(kernel, saved.parse(asApi(resource))));
  },
  async destroy({ outputs }, kernel) {
    await schedulesOf(kernel).remove(String(outputs.groupName), String(outputs.name));
  },
};

const group: Realiser = {
  type: "aws:scheduler/scheduleGroup:ScheduleGroup",
  replaceOn: ["name", "namePrefix"],
  compute(resource, kernel, previous) {
    const name = physicalName(resource, previous);
    const outputs = { name, arn: arn(kernel.place, "scheduler", `schedule-group/${name}`), state: "ACTIVE" };
    return { id: name, outputs: { ...outputs, ...tagOutputs(resource.inputs) } };
  },
};

/** EventBridge Scheduler: rate, cron and one-time schedules. They fire while the runtime is up. */
export function install(kernel: Kernel): Realiser[] {
  const schedules = schedulesOf(kernel);
  const key = z.strictObject({ ...named, ClientToken: z.string().optional() });
  const needs = (action: string) => (input: { Name: string; GroupName?: string | undefined }) => [
    { action: `scheduler:${action}`, resource: schedules.arnOf(input.GroupName ?? "default", input.Name) },
  ];
  const show = (row: ScheduleRow) => ({
    Name: row.name,
    GroupName: row.group,
    Arn: row.arn,
    State: row.enabled ? "ENABLED" : "DISABLED",
    Target: { Arn: row.target.arn, RoleArn: row.target.roleArn, ...(row.target.input && { Input: row.target.input }) },
  });
  const save = async (input: z.output<typeof saved>) => {
    const row = rowOf(kernel, input);
    await schedules.save(row);
    return { ScheduleArn: row.arn };
  };
  const service = defineService("scheduler", {
    CreateSchedule: operation(saved, needs("CreateSchedule"), save),
    UpdateSchedule: operation(saved, needs("UpdateSchedule"), save),
    GetSchedule: operation(key, needs("GetSchedule"), ({ Name, GroupName = "default" }) => {
      const row = schedules.require(GroupName, Name);
      return {
        ...show(row),
        ScheduleExpression: row.expression,
        ScheduleExpressionTimezone: row.timezone,
        FlexibleTimeWindow: { Mode: "OFF" },
      };
    }),
    ListSchedules: operation(
      z.strictObject({ GroupName: z.string().optional(), NamePrefix: z.string().optional() }),
      () => [{ action: "scheduler:ListSchedules", resource: "*" }],
      ({ GroupName, NamePrefix = "" }) => ({
        Schedules: [...schedules.rows.entries()]
          .map(({ value }) => value)
          .filter((row) => (GroupName === undefined || row.group === GroupName) && row.name.startsWith(NamePrefix))
          .map(show),
      }),
    ),
    DeleteSchedule: operation(key, needs("DeleteSchedule"), async ({ Name, GroupName = "default" }) => {
      schedules.require(GroupName, Name);
      await schedules.remove(GroupName, Name);
      return {};
    }),
  });
  kernel.register(service);
  return [schedule, group];
}
