import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConditionalCheckFailedException, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import type { DynamoDBStreamEvent, KinesisStreamEvent, SQSEvent } from "aws-lambda";
import { z } from "zod";
import {
  DeploymentError,
  type Disposition,
  dynamodb,
  handleDynamoDb,
  handleKinesis,
  handleSqs,
  kinesis,
  loadCallback,
  loadConfig,
  mapLimit,
  metrics,
  ok,
  parseEnv,
  perRecord,
  poison,
  redact,
  retry,
  s3,
  secretsManager,
  setAwsDoor,
} from "../src";

beforeAll(() => {
  process.env.AWS_REGION = "us-east-1";
});
afterEach(() => setAwsDoor(undefined));

describe("the in-process door", () => {
  test("takes every client's call by service, operation and input", async () => {
    const calls: unknown[] = [];
    setAwsDoor({
      async call(service, operation, input) {
        calls.push([service, operation, input]);
        return { FailedRecordCount: 0 };
      },
    });
    const records = { StreamName: "s", Records: [{ Data: Buffer.from("x"), PartitionKey: "k" }] };
    expect(await kinesis().send(new PutRecordsCommand(records))).toMatchObject({
      FailedRecordCount: 0,
      $metadata: { httpStatusCode: 200 },
    });
    await secretsManager().send(new GetSecretValueCommand({ SecretId: "id" }));
    expect(calls).toEqual([
      ["kinesis", "PutRecords", records],
      ["secrets-manager", "GetSecretValue", { SecretId: "id" }],
    ]);
  });

  test("rebuilds errors as the SDK throws them", async () => {
    setAwsDoor({
      async call() {
        throw {
          name: "ConditionalCheckFailedException",
          message: "The conditional request failed",
          status: 400,
          details: { Item: { id: { S: "a" } } },
        };
      },
    });
    const failed = await dynamodb()
      .send(new PutItemCommand({ TableName: "t", Item: {} }))
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(Error);
    expect(failed instanceof ConditionalCheckFailedException).toBe(true);
    expect(failed).toMatchObject({
      name: "ConditionalCheckFailedException",
      $fault: "client",
      $metadata: { httpStatusCode: 400 },
      Item: { id: { S: "a" } },
    });
  });

  test("gives an object's body the SDK's methods", async () => {
    setAwsDoor({ call: async () => ({ Body: new TextEncoder().encode("grüß"), ETag: "e" }) });
    const { Body } = await s3().send(new GetObjectCommand({ Bucket: "b", Key: "k" }));
    expect(await Body?.transformToString()).toBe("grüß");
    expect(Buffer.from((await Body?.transformToByteArray()) ?? []).toString()).toBe("grüß");
  });
});

const kinesisEvent = (...ids: string[]): KinesisStreamEvent =>
  ({
    Records: ids.map((sequenceNumber) => ({
      eventID: `shardId-000000000001:${sequenceNumber}`,
      kinesis: {
        sequenceNumber,
        partitionKey: "p",
        data: Buffer.from(`data ${sequenceNumber}`).toString("base64"),
        approximateArrivalTimestamp: 1.5,
      },
    })),
  }) as unknown as KinesisStreamEvent;

describe("dispositions", () => {
  test.each<[string, Disposition[], string[]]>([
    ["all well", [ok, ok, ok], []],
    ["a retry checkpoints there", [ok, retry("throttled"), ok], ["2"]],
    ["the first of several", [poison("p", "d"), ok, retry("r")], ["1"]],
  ])("of an ordered source: %s", async (_, dispositions, failed) => {
    const told: string[] = [];
    const response = await handleKinesis(kinesisEvent("1", "2", "3"), async () => dispositions, {
      onFailure: (id) => told.push(id),
    });
    expect(response.batchItemFailures.map((failure) => failure.itemIdentifier)).toEqual(failed);
    expect(told).toHaveLength(dispositions.filter((disposition) => disposition.kind !== "ok").length);
    const changes = {
      Records: ["1", "2", "3"].map((SequenceNumber) => ({ dynamodb: { SequenceNumber } })),
    } as DynamoDBStreamEvent;
    expect(await handleDynamoDb(changes, async () => dispositions)).toEqual(response);
  });

  test("of a queue: every failed message comes back", async () => {
    const event = { Records: ["a", "b", "c"].map((messageId) => ({ messageId })) } as unknown as SQSEvent;
    const response = await handleSqs(event, async () => [retry("r"), ok, poison("p", "d")]);
    expect(response.batchItemFailures).toEqual([{ itemIdentifier: "a" }, { itemIdentifier: "c" }]);
  });

  test("a record reaches the handler decoded", async () => {
    await handleKinesis(kinesisEvent("7"), async ([record]) => {
      expect(record).toMatchObject({ shardId: "shardId-000000000001", sequenceNumber: "7", arrivedAt: 1500 });
      expect(record?.data.toString()).toBe("data 7");
      return [ok];
    });
  });

  test("a handler that forgets a record fails the batch, and so does one that throws", async () => {
    await expect(handleKinesis(kinesisEvent("1", "2"), async () => [ok])).rejects.toThrow(/2 records got 1/);
    await expect(handleKinesis(kinesisEvent("1"), () => Promise.reject(new Error("boom")))).rejects.toThrow("boom");
  });

  test("per record: ordered stops at the first failure, concurrent does not", async () => {
    const seen: number[] = [];
    const handle = async (record: number): Promise<Disposition> => {
      seen.push(record);
      if (record === 2) throw new TypeError("bad");
      return ok;
    };
    const ordered = await perRecord(handle, "ordered")([1, 2, 3]);
    expect(ordered.map(({ kind }) => kind)).toEqual(["ok", "retry", "retry"]);
    expect(seen).toEqual([1, 2]);
    const concurrent = await perRecord(handle, "concurrent")([1, 2, 3]);
    expect(concurrent).toEqual([ok, retry("TypeError: bad"), ok]);
  });

  test("mapLimit keeps order and its limit, and starts nothing after a failure", async () => {
    let running = 0;
    let most = 0;
    const results = await mapLimit([5, 1, 4, 2, 3], 2, async (item) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return item * 2;
    });
    expect(results).toEqual([10, 2, 8, 4, 6]);
    expect(most).toBe(2);
    const started: number[] = [];
    const failing = mapLimit([1, 2, 3], 1, async (item) => {
      started.push(item);
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(started).toEqual([1]);
  });
});

describe("what a function is deployed with", () => {
  const folder = mkdtempSync(join(tmpdir(), "runtime-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);

  test("every missing variable is named", () => {
    const schema = z.object({ TABLE: z.string(), BUCKET: z.string(), FINE: z.string() });
    expect(() => parseEnv(schema, { FINE: "x" })).toThrow(DeploymentError);
    expect(() => parseEnv(schema, { FINE: "x" })).toThrow(/TABLE: .*; BUCKET: /);
    expect(parseEnv(schema, { FINE: "x", TABLE: "t", BUCKET: "b", OTHER: "" }).TABLE).toBe("t");
  });

  test("config.json: missing, broken, of another shape, right", () => {
    const schema = z.object({ days: z.number() });
    expect(() => loadConfig(schema, folder)).toThrow(/config.json is missing/);
    write("config.json", "{");
    expect(() => loadConfig(schema, folder)).toThrow(/is not JSON/);
    write("config.json", '{"days":"x"}');
    expect(() => loadConfig(schema, folder)).toThrow(/days: /);
    write("config.json", '{"days":3}');
    expect(loadConfig(schema, folder)).toEqual({ days: 3 });
  });

  test.each([
    ["the function itself", "module.exports = (x) => x + 1;"],
    ["as default", "exports.default = (x) => x + 1;"],
    [
      "as handler, in sloppy code",
      "exports.handler = (function () { with ({ one: 1 }) { return (x) => x + one; } })();",
    ],
  ])("a callback: %s", (name, text) => {
    const file = `${name.replaceAll(/\W/g, "")}.cjs`;
    write(file, text);
    expect(loadCallback<(x: number) => number>(file, folder)?.(1)).toBe(2);
  });

  test("no callback is none; a module without a function is refused", () => {
    expect(loadCallback("none.cjs", folder)).toBeUndefined();
    write("empty.cjs", "exports.other = 1;");
    expect(() => loadCallback("empty.cjs", folder)).toThrow(/empty.cjs .* exports no function/);
  });
});

describe("metrics and logs", () => {
  test("counters are summed by dimensions and printed once, as embedded metric format", () => {
    const lines: string[] = [];
    const counters = metrics("processor", { print: (line) => lines.push(line), now: () => 42 });
    counters.count("EventsApplied", 2);
    counters.count("EventsApplied", 3);
    counters.count("DuplicatesIgnored", 0);
    counters.count("EventsQuarantined", 1, { reason: "callback-error", stage: "onEvent" });
    counters.flush();
    counters.flush();
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        _aws: {
          Timestamp: 42,
          CloudWatchMetrics: [
            { Namespace: "Tributary", Dimensions: [["service"]], Metrics: [{ Name: "EventsApplied", Unit: "Count" }] },
          ],
        },
        service: "processor",
        EventsApplied: 5,
      },
      expect.objectContaining({ reason: "callback-error", stage: "onEvent", EventsQuarantined: 1 }),
    ]);
  });

  test.each<[unknown, string]>([
    ["ann@example.com", "string(15)"],
    [{ email: "x" }, "object(1 keys)"],
    [[1, 2], "array(2)"],
    [7, "number"],
    [null, "null"],
  ])("redaction shows no value: %j", (value, shown) => {
    expect(redact(value)).toBe(shown);
  });
});
