import { z } from "zod";
import { AwsError, type AwsService, type Kernel, type RequiredPermission } from "../../kernel";
import { defineService, operation } from "../support";
import type { Buses, RuleRow, TargetRow } from "./buses";

const bus = { EventBusName: z.string().optional() };
const named = z.strictObject({ ...bus, Name: z.string().min(1) });
const rule = z.strictObject({ ...bus, Rule: z.string().min(1) });

/** Checked entry by entry: a bad one fails alone. */
const entry = z.object({
  Source: z.string().min(1),
  DetailType: z.string().min(1),
  Detail: z.string(),
  EventBusName: z.string().optional(),
  Resources: z.array(z.string()).optional(),
  // A date from another thread may be of another realm.
  Time: z.coerce.date().optional(),
});
const looseEntry = z.looseObject({ EventBusName: z.string().optional() });

const target = z.strictObject({
  Id: z.string().min(1),
  Arn: z.string().startsWith("arn:"),
  RoleArn: z.string().optional(),
  Input: z.string().optional(),
  InputPath: z.string().optional(),
  InputTransformer: z
    .object({ InputPathsMap: z.record(z.string(), z.string()).optional(), InputTemplate: z.string() })
    .optional(),
  DeadLetterConfig: z.object({ Arn: z.string().optional() }).optional(),
  RetryPolicy: z
    .object({ MaximumRetryAttempts: z.number().optional(), MaximumEventAgeInSeconds: z.number().optional() })
    .optional(),
  SqsParameters: z.object({ MessageGroupId: z.string().optional() }).optional(),
  KinesisParameters: z.object({ PartitionKeyPath: z.string() }).optional(),
});

function readTarget(input: z.output<typeof target>): TargetRow {
  const { Id: id, Arn: arn, RoleArn, Input, InputPath, InputTransformer, RetryPolicy } = input;
  const deadLetterArn = input.DeadLetterConfig?.Arn;
  return {
    id,
    arn,
    ...(RoleArn && { roleArn: RoleArn }),
    ...(Input !== undefined && { input: Input }),
    ...(InputPath && { inputPath: InputPath }),
    ...(InputTransformer && {
      transformer: { paths: InputTransformer.InputPathsMap ?? {}, template: InputTransformer.InputTemplate },
    }),
    ...(deadLetterArn && { deadLetterArn }),
    ...(RetryPolicy?.MaximumRetryAttempts !== undefined && {
      maxAttempts: Math.min(RetryPolicy.MaximumRetryAttempts + 1, 8),
    }),
    ...(input.SqsParameters?.MessageGroupId && { messageGroupId: input.SqsParameters.MessageGroupId }),
    ...(input.KinesisParameters && { partitionKeyPath: input.KinesisParameters.PartitionKeyPath }),
  };
}

function showRule(row: RuleRow): Record<string, unknown> {
  return {
    Name: row.name,
    Arn: row.arn,
    EventBusName: row.bus,
    State: row.enabled ? "ENABLED" : "DISABLED",
    ...(row.pattern && { EventPattern: row.pattern }),
    ...(row.schedule && { ScheduleExpression: row.schedule }),
    ...(row.description && { Description: row.description }),
  };
}

export function eventService(kernel: Kernel, buses: Buses): AwsService {
  const onRule = (action: string, busName: string | undefined, name: string): RequiredPermission[] => [
    { action: `events:${action}`, resource: buses.ruleArn(buses.nameOf(busName), name) },
  ];
  const onBus = (action: string, busName: string | undefined): RequiredPermission[] => [
    { action: `events:${action}`, resource: buses.busArn(busName ?? "default") },
  ];
  const setEnabled = (action: "EnableRule" | "DisableRule") =>
    operation(
      named,
      ({ EventBusName, Name }) => onRule(action, EventBusName, Name),
      async ({ EventBusName, Name }) => {
        const row = buses.requireRule(buses.nameOf(EventBusName), Name);
        await buses.saveRule({ ...row, enabled: action === "EnableRule" });
        return {};
      },
    );
  return defineService("eventbridge", {
    PutEvents: operation(
      z.strictObject({ Entries: z.array(looseEntry).min(1).max(10) }),
      ({ Entries }) =>
        [...new Set(Entries.map(({ EventBusName }) => buses.nameOf(EventBusName)))].flatMap((name) =>
          onBus("PutEvents", name),
        ),
      async ({ Entries }) => {
        const results: object[] = [];
        for (const given of Entries) results.push(await putEvent(buses, given));
        return { FailedEntryCount: results.filter((result) => "ErrorCode" in result).length, Entries: results };
      },
    ),
    /** Not AWS's: how services of this runtime (S3) put their own events on a bus. Refused to everybody else. */
    PutServiceEvent: operation(
      z.strictObject({ EventBusName: z.string().optional(), Event: z.record(z.string(), z.unknown()) }),
      () => [],
      async ({ EventBusName, Event }, { principal }) => {
        if (principal.kind === "role") throw new AwsError("AccessDeniedException", "only services may do this");
        const { source, "detail-type": detailType, detail, resources } = Event;
        const list = Array.isArray(resources) ? resources.map(String) : [];
        const event = buses.envelope(String(source), String(detailType), detail, { resources: list });
        await buses.accept(buses.nameOf(EventBusName), [event]);
        return {};
      },
    ),
    CreateEventBus: operation(
      z.strictObject({ Name: z.string().min(1), Description: z.string().optional() }),
      ({ Name }) => onBus("CreateEventBus", Name),
      async ({ Name }) => {
        const EventBusArn = buses.busArn(Name);
        await kernel.store.write(() => buses.buses.put(Name, { name: Name, arn: EventBusArn }));
        return { EventBusArn };
      },
    ),
    ListEventBuses: operation(
      z.strictObject({ NamePrefix: z.string().optional() }),
      () => [{ action: "events:ListEventBuses", resource: "*" }],
      ({ NamePrefix = "" }) => ({
        EventBuses: ["default", ...[...buses.buses.entries()].map(({ value }) => value.name)]
          .filter((name) => name.startsWith(NamePrefix))
          .map((name) => ({ Name: name, Arn: buses.busArn(name) })),
      }),
    ),
    PutRule: operation(
      z.strictObject({
        ...bus,
        Name: z.string().min(1),
        EventPattern: z.string().optional(),
        ScheduleExpression: z.string().optional(),
        State: z.enum(["ENABLED", "DISABLED"]).optional(),
        Description: z.string().optional(),
      }),
      ({ EventBusName, Name }) => onRule("PutRule", EventBusName, Name),
      async ({ EventBusName, Name, EventPattern, ScheduleExpression, State, Description }) => {
        const busName = buses.nameOf(EventBusName);
        const arn = buses.ruleArn(busName, Name);
        await buses.saveRule({
          bus: busName,
          name: Name,
          arn,
          enabled: State !== "DISABLED",
          createdAt: buses.rules.get([busName, Name])?.createdAt ?? kernel.now(),
          ...(EventPattern !== undefined && { pattern: EventPattern }),
          ...(ScheduleExpression !== undefined && { schedule: ScheduleExpression }),
          ...(Description !== undefined && { description: Description }),
        });
        return { RuleArn: arn };
      },
    ),
    DeleteRule: operation(
      named,
      ({ EventBusName, Name }) => onRule("DeleteRule", EventBusName, Name),
      async ({ EventBusName, Name }) => {
        const busName = buses.nameOf(EventBusName);
        if (buses.targetsOf(busName, Name).length > 0) {
          throw new AwsError("ValidationException", "Rule can't be deleted since it has targets.");
        }
        await buses.removeRule(busName, Name);
        return {};
      },
    ),
    DescribeRule: operation(
      named,
      ({ EventBusName, Name }) => onRule("DescribeRule", EventBusName, Name),
      ({ EventBusName, Name }) => showRule(buses.requireRule(buses.nameOf(EventBusName), Name)),
    ),
    ListRules: operation(
      z.strictObject({ ...bus, NamePrefix: z.string().optional() }),
      ({ EventBusName }) => onRule("ListRules", EventBusName, "*"),
      ({ EventBusName, NamePrefix = "" }) => ({
        Rules: buses
          .rulesOf(buses.nameOf(EventBusName))
          .filter(({ name }) => name.startsWith(NamePrefix))
          .map(showRule),
      }),
    ),
    EnableRule: setEnabled("EnableRule"),
    DisableRule: setEnabled("DisableRule"),
    PutTargets: operation(
      z.strictObject({ ...bus, Rule: z.string().min(1), Targets: z.array(target).min(1).max(100) }),
      ({ EventBusName, Rule }) => onRule("PutTargets", EventBusName, Rule),
      async ({ EventBusName, Rule, Targets }) => {
        const busName = buses.nameOf(EventBusName);
        buses.requireRule(busName, Rule);
        await kernel.store.write(() => {
          for (const row of Targets.map(readTarget)) buses.targets.put([busName, Rule, row.id], row);
        });
        return { FailedEntryCount: 0, FailedEntries: [] };
      },
    ),
    RemoveTargets: operation(
      z.strictObject({ ...bus, Rule: z.string().min(1), Ids: z.array(z.string()).min(1) }),
      ({ EventBusName, Rule }) => onRule("RemoveTargets", EventBusName, Rule),
      async ({ EventBusName, Rule, Ids }) => {
        const busName = buses.nameOf(EventBusName);
        await kernel.store.write(() => {
          for (const id of Ids) buses.targets.remove([busName, Rule, id]);
        });
        return { FailedEntryCount: 0, FailedEntries: [] };
      },
    ),
    ListTargetsByRule: operation(
      rule,
      ({ EventBusName, Rule }) => onRule("ListTargetsByRule", EventBusName, Rule),
      ({ EventBusName, Rule }) => ({
        Targets: buses.targetsOf(buses.nameOf(EventBusName), Rule).map(({ id, arn, roleArn, input }) => ({
          Id: id,
          Arn: arn,
          ...(roleArn && { RoleArn: roleArn }),
          ...(input !== undefined && { Input: input }),
        })),
      }),
    ),
    TestEventPattern: operation(
      z.strictObject({ EventPattern: z.string(), Event: z.string() }),
      () => [{ action: "events:TestEventPattern", resource: "*" }],
      ({ EventPattern, Event }) => ({ Result: buses.matcher(EventPattern)(parseDetail(Event)) }),
    ),
  });
}

function parseDetail(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new AwsError("MalformedDetail", "Detail is malformed.");
  }
}

async function putEvent(buses: Buses, given: unknown): Promise<object> {
  try {
    const parsed = entry.safeParse(given);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new AwsError(
        "InvalidArgument",
        `Parameter ${issue?.path.join(".")} is not valid. Reason: ${issue?.message}`,
      );
    }
    const { Source, DetailType, Detail, EventBusName, Resources, Time } = parsed.data;
    const detail = parseDetail(Detail);
    const more = { ...(Resources && { resources: Resources }), ...(Time && { time: Time }) };
    const event = buses.envelope(Source, DetailType, detail, more);
    const busName = buses.nameOf(EventBusName);
    buses.requireBus(busName);
    await buses.accept(busName, [event]);
    return { EventId: event.id };
  } catch (error) {
    if (error instanceof AwsError) return { ErrorCode: error.name, ErrorMessage: error.message };
    throw error;
  }
}
