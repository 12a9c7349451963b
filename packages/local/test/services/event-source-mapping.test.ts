import type { Resource } from "../../src/kernel";
import { install as installDynamoDb } from "../../src/services/dynamodb";
import { install as installKinesis } from "../../src/services/kinesis";
import { install as installLambda } from "../../src/services/lambda";
import { compileFilters } from "../../src/services/lambda/event-source/filters";
import { install as installSqs } from "../../src/services/sqs";
import { Bench, until } from "./compute-kit";

let bench: Bench;
let clock: (() => number) | undefined;
/** What each batch held, in order; a handler asks the test for its answer. */
let batches: string[][] = [];
let records: Record<string, unknown>[] = [];
let decide: (ids: string[], call: number) => unknown = () => null;

beforeEach(() => {
  clock = undefined;
  bench = new Bench([installKinesis, installDynamoDb, installSqs, installLambda], {
    now: () => clock?.() ?? Date.now(),
  });
  registerProbe();
});
afterEach(async () => {
  await bench.close();
});

function registerProbe(): void {
  batches = [];
  records = [];
  decide = () => null;
  bench.kernel.register({
    name: "probe",
    operations: {
      Batch: ({ ids, all }: { ids: string[]; all: Record<string, unknown>[] }) => {
        batches.push(ids);
        records.push(...all);
        return { answer: decide(ids, batches.length) };
      },
    },
    permissions: () => [],
  });
}

const probe = `
  const aws = globalThis[Symbol.for("tributary.aws")];
  const idOf = (r) => r.kinesis ? Buffer.from(r.kinesis.data, "base64").toString() : r.body;
  export const handler = async (event) => {
    const { answer } = await aws.call("probe", "Batch", { ids: event.Records.map(idOf), all: event.Records });
    if (answer === "throw") throw new Error("poison");
    return answer;
  };`;

async function stream(shardCount = 1): Promise<Resource> {
  return await bench.create("aws:kinesis/stream:Stream", "events", { name: "events", shardCount });
}

async function put(ids: readonly (string | { id: string; key: string })[]): Promise<void> {
  const Records = ids.map((each) => {
    const { id, key } = typeof each === "string" ? { id: each, key: "k" } : each;
    return { Data: new TextEncoder().encode(id), PartitionKey: key };
  });
  for (let from = 0; from < Records.length; from += 500) {
    await bench.kernel.call("kinesis", "PutRecords", {
      StreamName: "events",
      Records: Records.slice(from, from + 500),
    });
  }
}

async function map(source: Resource, inputs: Record<string, unknown> = {}): Promise<Resource> {
  const stream = source.type.includes("kinesis") ? { startingPosition: "TRIM_HORIZON" } : {};
  return await bench.create("aws:lambda/eventSourceMapping:EventSourceMapping", "m", {
    eventSourceArn: source.outputs.arn,
    functionName: "consumer",
    functionResponseTypes: ["ReportBatchItemFailures"],
    ...stream,
    ...inputs,
  });
}

/** The sequence number of a record by its data, as the handler saw it. */
function sequence(id: string): string {
  const found = records.find((record) => {
    const kinesis = record.kinesis as { data: string };
    return Buffer.from(kinesis.data, "base64").toString() === id;
  });
  return String((found?.kinesis as { sequenceNumber: string } | undefined)?.sequenceNumber);
}

const failing = (...ids: string[]) => ({ batchItemFailures: ids.map((id) => ({ itemIdentifier: sequence(id) })) });

async function receive(queue: Resource): Promise<string[]> {
  const { Messages } = await bench.kernel.call<{ Messages?: { Body: string }[] }>("sqs", "ReceiveMessage", {
    QueueUrl: queue.outputs.url,
    MaxNumberOfMessages: 10,
  });
  return (Messages ?? []).map(({ Body }) => Body);
}

describe("partial batch responses of a stream", () => {
  const all = ["0", "1", "2", "3", "4"];
  const once = (answer: unknown) => (_ids: string[], call: number) => (call === 1 ? answer : null);
  test.each<[string, (ids: string[], call: number) => unknown, Record<string, unknown>, string[][]]>([
    ["null is success", once(null), {}, [all]],
    ["an empty object is success", once({}), {}, [all]],
    ["an empty text is success", once(""), {}, [all]],
    ["an empty list is success", once({ batchItemFailures: [] }), {}, [all]],
    ["a null list is success", once({ batchItemFailures: null }), {}, [all]],
    [
      "the lowest failed number is the checkpoint",
      (_, n) => (n === 1 ? failing("3", "1") : null),
      {},
      [all, ["1", "2", "3", "4"]],
    ],
    [
      "an empty identifier fails the whole batch",
      once({ batchItemFailures: [{ itemIdentifier: "" }] }),
      {},
      [all, all],
    ],
    [
      "a null identifier fails the whole batch",
      once({ batchItemFailures: [{ itemIdentifier: null }] }),
      {},
      [all, all],
    ],
    ["a wrong key fails the whole batch", once({ batchItemFailures: [{ id: "1" }] }), {}, [all, all]],
    [
      "an unknown identifier fails the whole batch",
      once({ batchItemFailures: [{ itemIdentifier: "77" }] }),
      {},
      [all, all],
    ],
    ["another shape fails the whole batch", once("done"), {}, [all, all]],
    ["a throw fails the whole batch", once("throw"), {}, [all, all]],
    [
      "without the setting the answer does not matter",
      (_, n) => (n === 1 ? failing("1") : null),
      { functionResponseTypes: [] },
      [all],
    ],
    [
      "bisect splits at the returned number",
      (_, n) => (n === 1 ? failing("3") : null),
      { bisectBatchOnFunctionError: true },
      [all, ["3", "4"]],
    ],
    [
      "bisect halves a batch that fails as a whole",
      once("throw"),
      { bisectBatchOnFunctionError: true },
      [all, ["0", "1", "2"], ["3", "4"]],
    ],
  ])("%s", async (_name, answers, inputs, expected) => {
    const source = await stream();
    await put(all);
    await bench.fn("consumer", probe);
    decide = answers;
    await map(source, inputs);
    await until(
      () => batches.flat().filter((id) => id === "4").length,
      (seen) => seen >= expected.filter((b) => b.includes("4")).length,
    );
    await bench.kernel.quiesce({ timeoutMs: 5_000 });
    expect(batches).toEqual(expected);
  });
});

describe("giving up", () => {
  test("bisect isolates one poison record to the failure destination, and the shard moves on", async () => {
    const source = await stream();
    const dlq = await bench.create("aws:sqs/queue:Queue", "dlq", { name: "dlq" });
    const ids = Array.from({ length: 50 }, (_, index) => String(index));
    await put(ids);
    await bench.fn("consumer", probe);
    decide = (batch) => (batch.includes("17") ? "throw" : null);
    await map(source, {
      bisectBatchOnFunctionError: true,
      maximumRetryAttempts: 2,
      destinationConfig: { onFailure: { destinationArn: dlq.outputs.arn } },
    });
    await bench.kernel.quiesce({ timeoutMs: 10_000 });
    await put(["after"]);
    await bench.kernel.quiesce({ timeoutMs: 10_000 });
    const delivered = batches.filter((batch) => !batch.includes("17")).flat();
    expect(delivered).toEqual([...ids.filter((id) => id !== "17"), "after"]);
    // Splitting uses up no retry: the record alone was tried once and again twice.
    expect(batches.filter((batch) => batch.length === 1 && batch[0] === "17")).toHaveLength(3);
    const [message, ...others] = await receive(dlq);
    expect(others).toEqual([]);
    expect(JSON.parse(message ?? "")).toMatchObject({
      version: "1.0",
      requestContext: { condition: "RetryAttemptsExhausted", approximateInvokeCount: 3 },
      responseContext: { statusCode: 200, functionError: "Unhandled" },
      KinesisBatchInfo: {
        shardId: "shardId-000000000000",
        batchSize: 1,
        startSequenceNumber: sequence("17"),
        endSequenceNumber: sequence("17"),
        streamArn: source.outputs.arn,
      },
    });
  });

  test("without bisect the rest of the batch goes, and a bucket gets the records themselves", async () => {
    const objects: { Bucket: string; Key: string; Body: Uint8Array }[] = [];
    bench.kernel.register({
      name: "s3",
      operations: {
        PutObject: (input: { Bucket: string; Key: string; Body: Uint8Array }) => ({ n: objects.push(input) }),
      },
      permissions: () => [],
    });
    const source = await stream();
    await put(["0", "1", "2", "3"]);
    await bench.fn("consumer", probe);
    decide = (batch) => (batch.includes("2") ? failing("2") : null);
    const mapping = await map(source, {
      maximumRetryAttempts: 1,
      destinationConfig: { onFailure: { destinationArn: "arn:aws:s3:::failed" } },
    });
    await bench.kernel.quiesce({ timeoutMs: 10_000 });
    // The failed part was tried once, and once again.
    expect(batches).toEqual([
      ["0", "1", "2", "3"],
      ["2", "3"],
    ]);
    expect(objects).toHaveLength(1);
    expect(objects[0]?.Bucket).toBe("failed");
    expect(objects[0]?.Key).toMatch(
      new RegExp(`^aws/lambda/${mapping.id}/shardId-000000000000/\\d{4}/\\d\\d/\\d\\d/[\\dT.-]{19}-[0-9a-f-]{36}$`),
    );
    const document = JSON.parse(Buffer.from(objects[0]?.Body ?? []).toString()) as { payload: string };
    const { Records } = JSON.parse(document.payload) as { Records: { kinesis: { data: string } }[] };
    expect(Records.map(({ kinesis }) => Buffer.from(kinesis.data, "base64").toString())).toEqual(["2", "3"]);
  });

  test("records beyond their maximum age are not delivered at all", async () => {
    let now = Date.now();
    clock = () => now;
    const source = await stream();
    const dlq = await bench.create("aws:sqs/queue:Queue", "dlq", { name: "dlq" });
    await put(["old"]);
    now += 120_000;
    await put(["new"]);
    await bench.fn("consumer", probe);
    await map(source, {
      maximumRecordAgeInSeconds: 60,
      destinationConfig: { onFailure: { destinationArn: dlq.outputs.arn } },
    });
    await bench.kernel.quiesce({ timeoutMs: 10_000 });
    expect(batches).toEqual([["new"]]);
    expect(JSON.parse((await receive(dlq))[0] ?? "")).toMatchObject({
      requestContext: { condition: "RecordAgeExceeded" },
    });
  });

  test("the checkpoint does not pass a record that its failure destination refuses", async () => {
    const source = await stream();
    const dlq = await bench.create("aws:sqs/queue:Queue", "dlq", { name: "dlq" });
    await put(["bad", "good"]);
    await bench.fn("consumer", probe);
    decide = (batch) => (batch.includes("bad") ? "throw" : null);
    bench.denied.add("sqs:SendMessage");
    await map(source, {
      batchSize: 1,
      maximumRetryAttempts: 0,
      destinationConfig: { onFailure: { destinationArn: dlq.outputs.arn } },
    });
    await until(
      () => bench.warnings,
      (warnings) => warnings.some((each) => each.includes("failure destination refuses")),
    );
    expect(batches).toEqual([["bad"]]);
    bench.denied.clear();
    await bench.kernel.quiesce({ timeoutMs: 10_000 });
    expect(batches).toEqual([["bad"], ["good"]]);
    expect(await receive(dlq)).toHaveLength(1);
  });
});

describe("reading a stream", () => {
  test("a restart resumes at the checkpoint and drains the backlog, each record once", async () => {
    const source = await stream(2);
    await bench.fn("consumer", probe);
    await map(source, { batchSize: 7 });
    const record = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, index) => ({ id: String(from + index), key: String((from + index) % 5) }));
    await put(record(0, 100));
    await bench.kernel.quiesce({ timeoutMs: 10_000 });
    const before = batches.flat();
    await bench.restart();
    registerProbe();
    await put(record(100, 150));
    await bench.kernel.quiesce({ timeoutMs: 10_000 });
    const numbers = (list: string[]) => list.map(Number).sort((a, b) => a - b);
    expect(numbers(before)).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(numbers(batches.flat())).toEqual(Array.from({ length: 50 }, (_, index) => index + 100));
  });

  test("an update keeps the checkpoint; a mapping switched off stays off over a restart", async () => {
    const source = await stream();
    await bench.fn("consumer", probe);
    const mapping = await map(source);
    await put(["a"]);
    await bench.kernel.quiesce({ timeoutMs: 10_000 });
    const input = { UUID: mapping.id, Enabled: false };
    expect(await bench.kernel.call("lambda", "UpdateEventSourceMapping", input)).toMatchObject({ State: "Disabled" });
    await put(["b"]);
    await bench.restart();
    registerProbe();
    expect(await bench.kernel.call("lambda", "GetEventSourceMapping", input)).toMatchObject({ State: "Disabled" });
    expect(bench.kernel.pending()).toEqual({});
    await bench.kernel.call("lambda", "UpdateEventSourceMapping", { UUID: mapping.id, Enabled: true });
    await bench.kernel.quiesce({ timeoutMs: 10_000 });
    expect(batches).toEqual([["b"]]);
  });

  test.each([
    ["TRIM_HORIZON", {}, ["old", "mid", "new"]],
    ["LATEST", {}, ["new"]],
    ["AT_TIMESTAMP", { startingPositionTimestamp: new Date(1_700_000_050_000).toISOString() }, ["mid", "new"]],
  ])("starting position %s", async (startingPosition, more, expected) => {
    let now = 1_700_000_000_000;
    clock = () => now;
    const source = await stream();
    await bench.fn("consumer", probe);
    await put(["old"]);
    now += 60_000;
    await put(["mid"]);
    await map(source, { startingPosition, ...more });
    await bench.kernel.quiesce({ timeoutMs: 10_000 });
    await put(["new"]);
    await bench.kernel.quiesce({ timeoutMs: 10_000 });
    expect(batches.flat()).toEqual(expected);
  });

  test("a batching window gathers; flush cuts it short; a full batch does not wait", async () => {
    const source = await stream();
    await bench.fn("consumer", probe);
    await map(source, { batchSize: 3, maximumBatchingWindowInSeconds: 300 });
    await put(["a"]);
    await put(["b"]);
    expect(batches).toEqual([]);
    await put(["c", "d"]);
    await until(
      () => batches.length,
      (count) => count === 1,
    );
    expect(batches).toEqual([["a", "b", "c"]]);
    await bench.kernel.quiesce({ timeoutMs: 10_000 });
    expect(batches).toEqual([["a", "b", "c"], ["d"]]);
  });

  test("a batch stays below Lambda's 6 MB", async () => {
    const source = await stream();
    await bench.fn("consumer", probe.replace("all: event.Records", "all: []"));
    const big = "x".repeat(1_000_000);
    for (let n = 0; n < 8; n += 1) await put([`${n}${big}`]);
    await map(source, { batchSize: 100 });
    await bench.kernel.quiesce({ timeoutMs: 20_000 });
    expect(batches.map((batch) => batch.length)).toEqual([4, 4]);
    expect(batches.flat().map((id) => id[0])).toEqual(["0", "1", "2", "3", "4", "5", "6", "7"]);
  }, 60_000);

  test("lanes of a shard run side by side and keep the order of each key", async () => {
    const source = await stream();
    const running = { now: 0, most: 0 };
    bench.kernel.register({
      name: "gauge",
      operations: {
        Enter: () => {
          running.now += 1;
          running.most = Math.max(running.most, running.now);
          return {};
        },
        Leave: ({ ids }: { ids: string[] }) => {
          running.now -= 1;
          batches.push(ids);
          return {};
        },
      },
      permissions: () => [],
    });
    await bench.fn(
      "consumer",
      `
      const aws = globalThis[Symbol.for("tributary.aws")];
      export const handler = async (event) => {
        await aws.call("gauge", "Enter", {});
        await new Promise((resolve) => setTimeout(resolve, 25));
        await aws.call("gauge", "Leave", { ids: event.Records.map((r) => Buffer.from(r.kinesis.data, "base64").toString()) });
      };`,
    );
    const keys = ["a", "b", "c", "d", "e", "f", "g", "h"];
    await put(
      Array.from({ length: 80 }, (_, index) => ({
        id: `${keys[index % 8]}${Math.floor(index / 8)}`,
        key: keys[index % 8] ?? "",
      })),
    );
    await map(source, { parallelizationFactor: 4, batchSize: 5 });
    await bench.kernel.quiesce({ timeoutMs: 20_000 });
    expect(running.most).toBeGreaterThan(1);
    expect(running.most).toBeLessThanOrEqual(4);
    for (const key of keys) {
      const order = batches.flat().filter((id) => id.startsWith(key));
      expect(order).toEqual(Array.from({ length: 10 }, (_, index) => `${key}${index}`));
    }
  });

  test("filtered records are passed over, and the checkpoint with them", async () => {
    const source = await stream();
    await bench.fn("consumer", probe);
    await map(source, { filterCriteria: { filters: [{ pattern: JSON.stringify({ data: { type: ["track"] } }) }] } });
    await put(['{"type":"page"}', '{"type":"track"}', "no json", '{"type":"page"}']);
    await bench.kernel.quiesce({ timeoutMs: 10_000 });
    expect(batches).toEqual([['{"type":"track"}']]);
    await bench.restart();
    registerProbe();
    await bench.kernel.quiesce({ timeoutMs: 10_000 });
    expect(batches).toEqual([]);
  });

  test("a role that may not read stops the mapping loudly, without spinning, until it may", async () => {
    const source = await stream();
    await bench.fn("consumer", probe);
    bench.denied.add("kinesis:GetRecords");
    const mapping = await map(source);
    await put(["a"]);
    await until(
      () => bench.warnings,
      (warnings) => warnings.length > 0,
    );
    expect(bench.warnings).toHaveLength(1);
    expect(bench.warnings[0]).toContain("kinesis:GetRecords");
    const shown = await bench.kernel.call("lambda", "GetEventSourceMapping", { UUID: mapping.id });
    expect(shown.LastProcessingResult).toMatch(/^PROBLEM: .*kinesis:GetRecords/);
    expect(batches).toEqual([]);
    await expect(bench.kernel.quiesce({ timeoutMs: 50 })).rejects.toThrow("consumer ← stream/events");
    bench.denied.clear();
    await bench.kernel.quiesce({ timeoutMs: 10_000 });
    expect(batches).toEqual([["a"]]);
  });

  test.each([
    [{ batchSize: 0 }, "batchSize"],
    [{ startingPosition: undefined }, "startingPosition is required"],
    [{ eventSourceArn: "arn:aws:mq:us-east-1:000000000000:broker:x" }, "NotSupportedLocally"],
    [{ tumblingWindowInSeconds: 30 }, "tumbling window"],
    [{ filterCriteria: { filters: [{ pattern: "{" }] } }, "Invalid filter pattern"],
  ])("arguments that do not work are refused: %j", async (inputs, text) => {
    const source = await stream();
    await expect(map(source, inputs)).rejects.toThrow(text);
  });

  test("a hundred thousand records a second into a handler that does nothing", async () => {
    const source = await stream();
    await bench.fn("consumer", "export const handler = async () => null;");
    const count = 60_000;
    const body = "x".repeat(300);
    await put(Array.from({ length: count }, (_, index) => ({ id: `${index}${body}`, key: String(index) })));
    const start = performance.now();
    await map(source, { batchSize: 500 });
    await until(
      () => Object.keys(bench.kernel.pending()),
      (left) => left.length === 0,
      30_000,
    );
    const perSecond = Math.round((count / (performance.now() - start)) * 1000);
    process.stdout.write(`event source mapping: ${perSecond} records/s\n`);
    expect(perSecond).toBeGreaterThan(10_000);
  }, 60_000);
});

describe("a DynamoDB stream", () => {
  const put = async (id: string, n: number) =>
    await bench.kernel.call("dynamodb", "PutItem", {
      TableName: "items",
      Item: { id: { S: id }, n: { N: String(n) } },
    });

  test("changes arrive in order per item, from the checkpoint on, filtered, and poison goes aside", async () => {
    const table = await bench.create("aws:dynamodb/table:Table", "items", {
      name: "items",
      hashKey: "id",
      attributes: [{ name: "id", type: "S" }],
      billingMode: "PAY_PER_REQUEST",
      streamEnabled: true,
      streamViewType: "NEW_AND_OLD_IMAGES",
    });
    const dlq = await bench.create("aws:sqs/queue:Queue", "dlq", { name: "dlq" });
    await bench.fn(
      "consumer",
      probe.replace("r.body", 'r.eventName + r.dynamodb.Keys.id.S + (r.dynamodb.NewImage?.n.N ?? "")'),
    );
    decide = (ids) => (ids.includes("INSERTbad0") ? "throw" : null);
    await bench.create("aws:lambda/eventSourceMapping:EventSourceMapping", "m", {
      eventSourceArn: table.outputs.streamArn,
      functionName: "consumer",
      startingPosition: "TRIM_HORIZON",
      bisectBatchOnFunctionError: true,
      maximumRetryAttempts: 0,
      destinationConfig: { onFailure: { destinationArn: dlq.outputs.arn } },
      filterCriteria: { filters: [{ pattern: JSON.stringify({ eventName: ["INSERT", "MODIFY"] }) }] },
    });
    for (let n = 0; n < 5; n += 1) for (const id of ["a", "b", "c"]) await put(id, n);
    await put("bad", 0);
    await put("bad", 0); // no change, no record
    await bench.kernel.call("dynamodb", "DeleteItem", { TableName: "items", Key: { id: { S: "a" } } });
    await bench.kernel.quiesce({ timeoutMs: 10_000 });
    const delivered = batches.filter((batch) => !batch.includes("INSERTbad0")).flat();
    expect(delivered).toHaveLength(15);
    for (const id of ["a", "b", "c"]) {
      const own = delivered.filter((each) => /^(INSERT|MODIFY)(.)/.exec(each)?.[2] === id);
      expect(own).toEqual([`INSERT${id}0`, ...[1, 2, 3, 4].map((n) => `MODIFY${id}${n}`)]);
    }
    const [message] = await receive(dlq);
    expect(JSON.parse(message ?? "")).toMatchObject({
      DDBStreamBatchInfo: { batchSize: 1, streamArn: table.outputs.streamArn },
    });
    await bench.restart();
    registerProbe();
    await put("late", 1);
    await bench.kernel.quiesce({ timeoutMs: 10_000 });
    expect(batches).toEqual([["INSERTlate1"]]);
  });
});

describe("filters", () => {
  const kinesis = (data: string) => ({ kinesis: { partitionKey: "p1", data: Buffer.from(data).toString("base64") } });
  const item = (name: string, image: object) => ({ eventName: name, dynamodb: { NewImage: image } });
  test.each<["kinesis" | "dynamodb" | "sqs", object, Record<string, unknown>, boolean]>([
    ["kinesis", { data: { a: ["x"] } }, kinesis('{"a":"x"}'), true],
    ["kinesis", { data: { a: ["x"] } }, kinesis('{"a":"y"}'), false],
    ["kinesis", { data: { a: ["x"] } }, kinesis("text"), false],
    ["kinesis", { data: ["text"] }, kinesis("text"), true],
    ["kinesis", { partitionKey: ["p1"] }, kinesis("text"), true],
    ["kinesis", { partitionKey: ["p2"] }, kinesis("text"), false],
    ["kinesis", { data: { a: [{ prefix: "ab" }] } }, kinesis('{"a":"abc"}'), true],
    ["kinesis", { data: { a: [{ suffix: "bc" }] } }, kinesis('{"a":"abc"}'), true],
    ["kinesis", { data: { a: [{ "equals-ignore-case": "ABC" }] } }, kinesis('{"a":"abc"}'), true],
    ["kinesis", { data: { a: [{ exists: false }] } }, kinesis('{"b":1}'), true],
    ["kinesis", { data: { a: [{ exists: true }] } }, kinesis('{"b":1}'), false],
    ["kinesis", { data: { n: [{ numeric: [">", 0, "<=", 5] }] } }, kinesis('{"n":5}'), true],
    ["kinesis", { data: { n: [{ numeric: [">", 0, "<=", 5] }] } }, kinesis('{"n":6}'), false],
    ["kinesis", { data: { a: [{ "anything-but": ["x", "y"] }] } }, kinesis('{"a":"z"}'), true],
    ["kinesis", { data: { a: [{ "anything-but": ["x", "y"] }] } }, kinesis('{"a":"y"}'), false],
    ["kinesis", { data: { $or: [{ a: ["x"] }, { b: [2] }] } }, kinesis('{"b":2}'), true],
    ["kinesis", { data: { $or: [{ a: ["x"] }, { b: [2] }] } }, kinesis('{"b":3}'), false],
    ["kinesis", { data: { a: [null] } }, kinesis('{"a":null}'), true],
    ["dynamodb", { eventName: ["INSERT"] }, item("INSERT", {}), true],
    ["dynamodb", { eventName: ["INSERT"] }, item("REMOVE", {}), false],
    [
      "dynamodb",
      { dynamodb: { NewImage: { kind: { S: ["event"] } } } },
      item("INSERT", { kind: { S: "event" } }),
      true,
    ],
    ["sqs", { body: { a: [1] } }, { body: '{"a":1}' }, true],
    ["sqs", { body: ["plain"] }, { body: "plain" }, true],
    ["sqs", { body: { a: [1] } }, { body: "plain" }, false],
  ])("%s %j", (kind, pattern, record, expected) => {
    expect(compileFilters(kind, [JSON.stringify(pattern)])?.(record)).toBe(expected);
  });

  test("any of several filters lets a record pass", () => {
    const filter = compileFilters("sqs", ['{"body":["a"]}', '{"body":["b"]}']);
    expect(["a", "b", "c"].map((body) => filter?.({ body }))).toEqual([true, true, false]);
  });
});

describe("a queue", () => {
  const queue = (inputs: Record<string, unknown> = {}, name = "work") =>
    bench.create("aws:sqs/queue:Queue", name, { name, visibilityTimeoutSeconds: 30, ...inputs });
  const send = async (source: Resource, ids: string[], more: object = {}) => {
    for (const id of ids) {
      const fifo = String(source.outputs.arn).endsWith(".fifo") ? { MessageDeduplicationId: id } : {};
      await bench.kernel.call("sqs", "SendMessage", {
        QueueUrl: source.outputs.url,
        MessageBody: id,
        ...fifo,
        ...more,
      });
    }
  };
  const messageId = (body: string) => String(records.find((record) => record.body === body)?.messageId);

  test("messages that failed come again, the others are deleted", async () => {
    const source = await queue();
    await bench.fn("consumer", probe);
    await send(source, ["a", "b", "c"]);
    decide = (ids, call) =>
      call === 1 && ids.includes("b") ? { batchItemFailures: [{ itemIdentifier: messageId("b") }] } : null;
    await map(source);
    await bench.kernel.quiesce({ timeoutMs: 10_000 });
    await until(
      () => batches.length,
      (count) => count === 2,
    );
    expect(batches).toEqual([["a", "b", "c"], ["b"]]);
    expect(records[0]).toMatchObject({
      body: "a",
      eventSource: "aws:sqs",
      eventSourceARN: source.outputs.arn,
      awsRegion: "us-east-1",
      attributes: { ApproximateReceiveCount: "1" },
    });
  });

  test("a message that keeps failing goes to the dead-letter queue by the queue's own policy", async () => {
    const dlq = await queue({}, "dead");
    const source = await queue({
      redrivePolicy: JSON.stringify({ deadLetterTargetArn: dlq.outputs.arn, maxReceiveCount: 2 }),
    });
    await bench.fn("consumer", probe);
    decide = (ids) => (ids.includes("bad") ? "throw" : null);
    await map(source, { batchSize: 1 });
    await send(source, ["bad", "good"]);
    await bench.kernel.quiesce({ timeoutMs: 15_000 });
    await until(
      () => batches.filter((batch) => batch.includes("bad")).length,
      (count) => count === 2,
    );
    expect(batches.flat()).toContain("good");
    const dead: string[] = [];
    await until(
      async () => dead.push(...(await receive(dlq))),
      (count) => count > 0,
    );
    expect(dead).toEqual(["bad"]);
  });

  test("groups of a FIFO queue keep their order", async () => {
    const source = await queue({ name: "work.fifo", fifoQueue: true });
    await bench.fn("consumer", probe);
    for (let n = 0; n < 12; n += 1) await send(source, [`${n % 3}-${n}`], { MessageGroupId: String(n % 3) });
    await map(source, { batchSize: 2 });
    await bench.kernel.quiesce({ timeoutMs: 15_000 });
    for (const group of ["0", "1", "2"]) {
      const seen = batches.flat().filter((id) => id.startsWith(`${group}-`));
      expect(seen).toEqual([0, 1, 2, 3].map((n) => `${group}-${n * 3 + Number(group)}`));
    }
  });

  test("a window gathers more than ten; filters delete; messages sent later are found", async () => {
    const source = await queue();
    await bench.fn("consumer", probe);
    await send(
      source,
      Array.from({ length: 15 }, (_, index) => (index % 5 === 0 ? "no" : `yes-${index}`)),
    );
    await map(source, {
      batchSize: 100,
      maximumBatchingWindowInSeconds: 1,
      filterCriteria: { filters: [{ pattern: JSON.stringify({ body: [{ prefix: "yes" }] }) }] },
    });
    await bench.kernel.quiesce({ timeoutMs: 15_000 });
    expect(batches.map((batch) => batch.length)).toEqual([12]);
    await send(source, ["yes-late"]);
    await bench.kernel.quiesce({ timeoutMs: 15_000 });
    expect(batches[1]).toEqual(["yes-late"]);
  });

  test("a role that may not receive stops it loudly, until it may", async () => {
    const source = await queue();
    await bench.fn("consumer", probe);
    bench.denied.add("sqs:ReceiveMessage");
    await send(source, ["a"]);
    await map(source);
    await until(
      () => bench.warnings,
      (warnings) => warnings.some((each) => each.includes("sqs:ReceiveMessage")),
    );
    expect(bench.warnings).toHaveLength(1);
    bench.denied.clear();
    await bench.kernel.quiesce({ timeoutMs: 15_000 });
    expect(batches).toEqual([["a"]]);
  });

  test("a visibility timeout below the function's timeout is a problem, as on AWS", async () => {
    const source = await queue({ visibilityTimeoutSeconds: 5 });
    await bench.fn("consumer", probe, { timeout: 60 });
    await map(source);
    await until(
      () => bench.warnings,
      (warnings) => warnings.some((each) => each.includes("less than Function timeout: 60")),
    );
  });

  test.each([
    [{ batchSize: 100 }, "Maximum batch window"],
    [{ startingPosition: "LATEST" }, "startingPosition"],
    [{ destinationConfig: { onFailure: { destinationArn: "arn:aws:s3:::b" } } }, "redrive policy"],
  ])("arguments that a queue does not take: %j", async (inputs, text) => {
    await expect(map(await queue(), inputs)).rejects.toThrow(text);
  });
});
