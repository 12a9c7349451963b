import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AwsError, Kernel, type Principal, type Realiser, type Resource } from "../../src/kernel";
import * as eventbridge from "../../src/services/eventbridge";
import { targetPayload } from "../../src/services/eventbridge/input";
import { compilePattern } from "../../src/services/eventbridge/pattern";
import { readSchedule } from "../../src/services/eventbridge/schedule";
import * as iam from "../../src/services/iam";
import * as s3 from "../../src/services/s3";
import * as scheduler from "../../src/services/scheduler";
import * as sns from "../../src/services/sns";

const queueArn = "arn:aws:sqs:us-east-1:000000000000:q";
const deadArn = "arn:aws:sqs:us-east-1:000000000000:dead";
const functionArn = "arn:aws:lambda:us-east-1:000000000000:function:f";

interface Sent {
  readonly queue: string;
  readonly body: string;
  readonly input: Record<string, unknown>;
  readonly principal: Principal;
}

let folder: string;
let kernel: Kernel;
let realisers: Map<string, Realiser>;
let sent: Sent[] = [];
let invoked: { arn: string; payload: unknown; principal: Principal }[] = [];
let broken = new Set<string>();

function start(options: { schedules?: boolean } = {}): void {
  kernel = new Kernel({ dataDir: folder, ...options });
  realisers = new Map(
    [iam, s3, sns, eventbridge, scheduler].flatMap(({ install }) => install(kernel)).map((r) => [r.type, r]),
  );
  // Permissions are proven in iam.test.ts.
  kernel.authorizer = { check() {} };
  kernel.register({
    name: "sqs",
    operations: {
      SendMessage: (input: Record<string, unknown>, { principal }) => {
        const queue = String(input.QueueUrl).split("/").at(-1) ?? "";
        if (broken.has(queue)) throw new AwsError("AccessDenied", `no way into ${queue}`, { status: 403 });
        sent.push({ queue, body: String(input.MessageBody), input, principal });
        return {};
      },
    },
    permissions: () => [],
  });
  kernel.lambda = {
    async invoke() {
      throw new Error("not used");
    },
    async invokeAsync(arn, payload, principal) {
      invoked.push({ arn, payload, principal });
    },
    roleOf: () => "",
  };
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-messaging-"));
  sent = [];
  invoked = [];
  broken = new Set();
  start();
});

afterEach(async () => {
  await kernel.close();
  rmSync(folder, { recursive: true, force: true });
});

async function make(type: string, name: string, inputs: Record<string, unknown>): Promise<Resource> {
  const realiser = realisers.get(type);
  if (!realiser) throw new Error(`no realiser for ${type}`);
  const registered = { urn: `urn:pulumi:dev::test::${type}::${name}`, type, name, inputs };
  const { id, outputs } = await realiser.compute(registered, kernel);
  const resource: Resource = { ...registered, id, outputs: { ...inputs, ...outputs } };
  kernel.resources.set(resource.urn, resource);
  await realiser.attach?.(resource, kernel);
  return resource;
}

async function failure(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "no failure",
    (error: Error) => error.name,
  );
}

const settle = () => kernel.quiesce({ timeoutMs: 10_000 });
const json = (value: unknown) => JSON.parse(String(value));

describe("event patterns", () => {
  const event = {
    source: "shop",
    "detail-type": "Order",
    detail: {
      state: "paid",
      total: 42.5,
      tags: ["a", "b"],
      nothing: null,
      items: [{ sku: "x1" }, { sku: "y2" }],
      ip: "10.0.0.7",
    },
  };
  test.each([
    [{ source: ["shop"] }, true],
    [{ source: ["other", "shop"] }, true],
    [{ source: ["Shop"] }, false],
    [{ source: [{ "equals-ignore-case": "SHOP" }] }, true],
    [{ source: ["shop"], "detail-type": ["Refund"] }, false],
    [{ detail: { state: [{ prefix: "pa" }] } }, true],
    [{ detail: { state: [{ suffix: "id" }] } }, true],
    [{ detail: { state: [{ wildcard: "p*d" }] } }, true],
    [{ detail: { state: [{ prefix: { "equals-ignore-case": "PA" } }] } }, true],
    [{ detail: { tags: ["b"] } }, true],
    [{ detail: { tags: ["c"] } }, false],
    [{ detail: { items: { sku: ["y2"] } } }, true],
    [{ detail: { nothing: [null] } }, true],
    [{ detail: { missing: [{ exists: false }] } }, true],
    [{ detail: { state: [{ exists: false }] } }, false],
    [{ detail: { state: [{ exists: true }] } }, true],
    [{ detail: { state: [{ "anything-but": "open" }] } }, true],
    [{ detail: { state: [{ "anything-but": ["paid", "open"] }] } }, false],
    [{ detail: { state: [{ "anything-but": { prefix: "pa" } }] } }, false],
    [{ detail: { missing: [{ "anything-but": "x" }] } }, false],
    [{ detail: { total: [{ numeric: [">", 40, "<=", 42.5] }] } }, true],
    [{ detail: { total: [{ numeric: ["=", 42] }] } }, false],
    [{ detail: { state: [{ numeric: [">", 0] }] } }, false],
    [{ detail: { ip: [{ cidr: "10.0.0.0/24" }] } }, true],
    [{ $or: [{ source: ["x"] }, { detail: { total: [{ numeric: [">", 1] }] } }] }, true],
    [{ $or: [{ source: ["x"] }, { source: ["y"] }] }, false],
  ])("%j: %s", (pattern, expected) => {
    expect(compilePattern(pattern)(event)).toBe(expected);
  });

  test.each([[{ source: "shop" }], [{ source: [] }], [{ a: [{ nope: 1 }] }], [{ a: [{ numeric: [">"] }] }], [[]]])(
    "%j is no pattern",
    (pattern) => expect(() => compilePattern(pattern)).toThrow(/Event pattern is not valid/),
  );
});

describe("schedules", () => {
  const day = "2026-11-23";
  const at = (text: string) => Date.parse(text);
  test.each([
    ["rate(5 minutes)", "UTC", `${day}T09:00:01Z`, `${day}T09:05:00.000Z`],
    ["rate(1 day)", "UTC", `${day}T09:00:00Z`, "2026-11-24T09:00:00.000Z"],
    ["cron(0 2 * * ? *)", "UTC", `${day}T09:00:00Z`, "2026-11-24T02:00:00.000Z"],
    ["cron(0 2 * * ? *)", "Europe/Berlin", `${day}T09:00:00Z`, "2026-11-24T01:00:00.000Z"],
    ["cron(0/15 * * * ? *)", "UTC", `${day}T09:00:00Z`, `${day}T09:15:00.000Z`],
    ["cron(0 8 ? * 2-6 *)", "UTC", "2026-11-28T09:00:00Z", "2026-11-30T08:00:00.000Z"],
    ["cron(0 8 ? * MON-FRI *)", "UTC", "2026-11-28T09:00:00Z", "2026-11-30T08:00:00.000Z"],
    ["cron(0 8 1 1 ? 2028)", "UTC", `${day}T09:00:00Z`, "2028-01-01T08:00:00.000Z"],
    ["cron(0 8 1 1 ? 2025)", "UTC", `${day}T09:00:00Z`, undefined],
    ["at(2026-12-24T18:00:00)", "Europe/Berlin", `${day}T09:00:00Z`, "2026-12-24T17:00:00.000Z"],
    ["at(2026-11-22T18:00:00)", "UTC", `${day}T09:00:00Z`, undefined],
  ])("%s in %s after %s", (expression, timezone, after, expected) => {
    const next = readSchedule(expression, at(`${day}T09:00:00Z`), timezone).next(at(after));
    expect(next === undefined ? undefined : new Date(next).toISOString()).toBe(expected);
  });

  test.each([
    "rate(0 minutes)",
    "rate(5 lightyears)",
    "cron(0 2 * * * *)",
    "cron(0 2 * *)",
    "every day",
    "at(tomorrow)",
  ])("%s is refused", (expression) =>
    expect(() => readSchedule(expression, 0)).toThrow(/ScheduleExpression is not valid/),
  );

  test("a one-time schedule fires once, under its role, and only if schedules are on", async () => {
    const Statement = { Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "scheduler.amazonaws.com" } };
    const role = (name: string, service: string) =>
      make("aws:iam/role:Role", name, {
        name,
        assumeRolePolicy: JSON.stringify({ Statement: { ...Statement, Principal: { Service: service } } }),
      });
    const trusted = await role("ticker", "scheduler.amazonaws.com");
    const stranger = await role("stranger", "lambda.amazonaws.com");
    const soon = new Date(Math.ceil(Date.now() / 1000) * 1000 + 1000).toISOString().slice(0, 19);
    const inputs = (roleArn: unknown) => ({
      name: "once",
      scheduleExpression: `at(${soon})`,
      flexibleTimeWindow: { mode: "OFF" },
      target: { arn: functionArn, roleArn, input: '{"hello":"world","at":"<aws.scheduler.scheduled-time>"}' },
    });
    const refused = make("aws:scheduler/schedule:Schedule", "bad", inputs(stranger.outputs.arn));
    await expect(refused).rejects.toThrow(/scheduler.amazonaws.com may not assume/);
    await make("aws:scheduler/schedule:Schedule", "once", inputs(trusted.outputs.arn));
    for (let waited = 0; invoked.length === 0 && waited < 5000; waited += 20)
      await new Promise((r) => setTimeout(r, 20));
    expect(invoked).toEqual([
      {
        arn: functionArn,
        payload: { hello: "world", at: `${soon}Z` },
        principal: { kind: "role", roleArn: trusted.outputs.arn, session: "once" },
      },
    ]);
  });
});

describe("SNS", () => {
  let topicArn: string;
  beforeEach(async () => {
    topicArn = (await make("aws:sns/topic:Topic", "orders", { name: "orders" })).id;
  });
  const publish = (input: object) => kernel.call("sns", "Publish", { TopicArn: topicArn, ...input });
  const subscribe = (name: string, inputs: object) =>
    make("aws:sns/topicSubscription:TopicSubscription", name, {
      topic: topicArn,
      protocol: "sqs",
      endpoint: queueArn,
      ...inputs,
    });

  test("a queue gets the envelope, or the bare message; a function gets a record", async () => {
    await subscribe("wrapped", {});
    await subscribe("raw", { endpoint: deadArn, rawMessageDelivery: true });
    await subscribe("fn", { protocol: "lambda", endpoint: functionArn });
    const MessageAttributes = { kind: { DataType: "String", StringValue: "new" } };
    const { MessageId } = await publish({ Message: "hi", Subject: "s", MessageAttributes });
    await settle();
    expect(json(sent.find(({ queue }) => queue === "q")?.body)).toMatchObject({
      Type: "Notification",
      MessageId,
      TopicArn: topicArn,
      Subject: "s",
      Message: "hi",
      MessageAttributes: { kind: { Type: "String", Value: "new" } },
    });
    expect(sent.find(({ queue }) => queue === "dead")).toMatchObject({
      body: "hi",
      input: { MessageAttributes },
      principal: { kind: "service", service: "sns.amazonaws.com", sourceArn: topicArn },
    });
    expect(invoked[0]?.payload).toMatchObject({
      Records: [{ EventSource: "aws:sns", Sns: { Message: "hi", MessageId, Subject: "s" } }],
    });
  });

  test.each([
    ["MessageAttributes", { kind: ["new"] }, 1],
    ["MessageAttributes", { size: [{ numeric: [">=", 10] }] }, 1],
    ["MessageAttributes", { list: ["b"] }, 1],
    ["MessageAttributes", { kind: [{ "anything-but": "new" }] }, 0],
    ["MessageBody", { order: { total: [{ numeric: [">", 5] }] } }, 1],
    ["MessageBody", { order: { total: [{ numeric: [">", 50] }] } }, 0],
  ])("filter on %s %j lets %i through", async (filterPolicyScope, filterPolicy, count) => {
    await subscribe("filtered", { filterPolicyScope, filterPolicy: JSON.stringify(filterPolicy) });
    await publish({
      Message: JSON.stringify({ order: { total: 7 } }),
      MessageAttributes: {
        kind: { DataType: "String", StringValue: "new" },
        size: { DataType: "Number", StringValue: "12" },
        list: { DataType: "String.Array", StringValue: '["a","b"]' },
      },
    });
    await settle();
    expect(sent).toHaveLength(count);
  });

  test("what cannot be delivered goes to the subscription's dead-letter queue", async () => {
    broken.add("q");
    await subscribe("s", { redrivePolicy: JSON.stringify({ deadLetterTargetArn: deadArn }) });
    await publish({ Message: "lost?" });
    await settle();
    expect(sent.map(({ queue, body }) => [queue, json(body).Message])).toEqual([["dead", "lost?"]]);
  });

  test("mail is recorded, web hooks are refused, topics and faults have AWS's names", async () => {
    await subscribe("mail", { protocol: "email", endpoint: "ops@example.com" });
    await publish({ Message: "wake up", Subject: "alarm" });
    expect(sns.recordedMail(kernel)).toMatchObject([{ to: "ops@example.com", subject: "alarm", message: "wake up" }]);
    expect(await failure(subscribe("hook", { protocol: "https", endpoint: "https://example.com" }))).toBe(
      "NotSupportedLocally",
    );
    expect(await failure(subscribe("bad", { filterPolicy: "{" }))).toBe("InvalidParameterException");
    expect(await failure(publish({ Message: "" }))).toBe("InvalidParameterException");
    expect(await failure(publish({ Message: "x", TopicArn: `${topicArn}x` }))).toBe("NotFoundException");
    expect(await failure(publish({ Message: "x", PhoneNumber: "+1" }))).toBe("NotSupportedLocally");
    const batch = [1, 2, 3].map((n) => ({ Id: `${n}`, Message: n === 2 ? "" : "m" }));
    const result = await kernel.call("sns", "PublishBatch", { TopicArn: topicArn, PublishBatchRequestEntries: batch });
    expect(result).toMatchObject({ Successful: [{ Id: "1" }, { Id: "3" }], Failed: [{ Id: "2", SenderFault: true }] });
  });
});

describe("EventBridge", () => {
  const put = (detail: object, more: object = {}) =>
    kernel.call("eventbridge", "PutEvents", {
      Entries: [{ Source: "shop", DetailType: "Order", Detail: JSON.stringify(detail), ...more }],
    });
  const rule = (inputs: object = {}) =>
    make("aws:cloudwatch/eventRule:EventRule", "r", { name: "r", eventPattern: '{"source":["shop"]}', ...inputs });
  const target = (inputs: object) =>
    make("aws:cloudwatch/eventTarget:EventTarget", "t", { rule: "r", targetId: "t", arn: queueArn, ...inputs });

  test("a rule's targets get the event, across a restart, from the rule as a source", async () => {
    const made = await rule();
    await target({});
    await kernel.close();
    start();
    await put({ id: 1 });
    await put({ id: 2 }, { Source: "other" });
    await settle();
    expect(sent).toHaveLength(1);
    expect(sent[0]?.principal).toEqual({
      kind: "service",
      service: "events.amazonaws.com",
      sourceArn: made.outputs.arn,
    });
    expect(json(sent[0]?.body)).toMatchObject({
      version: "0",
      source: "shop",
      "detail-type": "Order",
      account: "000000000000",
      region: "us-east-1",
      detail: { id: 1 },
    });
  });

  test("a disabled rule is silent; a removed target, too", async () => {
    await rule({ state: "DISABLED" });
    const made = await target({});
    await put({});
    await kernel.call("eventbridge", "EnableRule", { Name: "r" });
    await realisers.get(made.type)?.destroy?.(made, kernel);
    await put({});
    await settle();
    expect(sent).toEqual([]);
  });

  test("a target that refuses is given up to its dead-letter queue after the tries it was allowed", async () => {
    broken.add("q");
    await rule();
    await target({ deadLetterConfig: { arn: deadArn }, retryPolicy: { maximumRetryAttempts: 0 } });
    await put({ id: 9 });
    await settle();
    expect(sent.map(({ queue, body }) => [queue, json(body).detail])).toEqual([["dead", { id: 9 }]]);
  });

  test("bad entries fail alone", async () => {
    const Entries = [
      { Source: "shop", DetailType: "Order", Detail: "{" },
      { Source: "shop", DetailType: "Order" },
      { Source: "shop", DetailType: "Order", Detail: "{}" },
    ];
    expect(await kernel.call("eventbridge", "PutEvents", { Entries })).toMatchObject({
      FailedEntryCount: 2,
      Entries: [{ ErrorCode: "MalformedDetail" }, { ErrorCode: "InvalidArgument" }, { EventId: expect.any(String) }],
    });
  });

  test("an object's event reaches a rule through the default bus", async () => {
    await rule({ eventPattern: '{"source":["aws.s3"],"detail":{"object":{"key":[{"prefix":"in/"}]}}}' });
    await target({ arn: functionArn });
    await make("aws:s3/bucket:Bucket", "b", { bucket: "drop-zone" });
    await make("aws:s3/bucketNotification:BucketNotification", "n", { bucket: "drop-zone", eventbridge: true });
    for (const Key of ["in/a", "out/a"]) await kernel.call("s3", "PutObject", { Bucket: "drop-zone", Key, Body: "x" });
    await settle();
    expect(invoked.map(({ payload }) => payload)).toMatchObject([
      {
        source: "aws.s3",
        "detail-type": "Object Created",
        resources: ["arn:aws:s3:::drop-zone"],
        detail: { object: { key: "in/a" } },
      },
    ]);
  });

  test.each([
    [{}, "the event itself", { detail: { id: 7, name: 'say "hi"' } }],
    [{ input: '{"fixed":true}' }, "a constant", { fixed: true }],
    [{ inputPath: "$.detail.id" }, "a part", 7],
    [
      {
        transformer: {
          paths: { id: "$.detail.id", name: "$.detail.name" },
          template: '{"id":<id>,"text":"order <id> of <name>"}',
        },
      },
      "a template",
      { id: 7, text: 'order 7 of say "hi"' },
    ],
  ])("%j gives the target %s", (input, _what, expected) => {
    expect(targetPayload(input, { detail: { id: 7, name: 'say "hi"' } })).toEqual(expected);
  });
});
