import { gunzipSync } from "node:zlib";
import { AwsError, type InvokeResult, type Kernel, type RequiredPermission } from "../../src/kernel";
import * as athena from "../../src/services/athena";
import * as firehose from "../../src/services/firehose";
import { evaluatePrefix } from "../../src/services/firehose/prefix";
import * as glue from "../../src/services/glue";
import * as kinesis from "../../src/services/kinesis";
import * as s3 from "../../src/services/s3";
import { TestLake } from "./lake-support";

const roleArn = "arn:aws:iam::000000000000:role/firehose";
const parquet = {
  inputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
  serDeInfo: { serializationLibrary: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe" },
};

interface TransformEvent {
  readonly records: { readonly recordId: string; readonly data: string; readonly kinesisRecordMetadata?: object }[];
}

const policy = { refuse: undefined as string | undefined };
const transformer = { run: async (_event: TransformEvent): Promise<InvokeResult> => ({ payload: {} }) };
const install = (kernel: Kernel) => {
  kernel.authorizer = {
    check(_principal, needed: RequiredPermission) {
      if (needed.action === policy.refuse)
        throw new AwsError("AccessDeniedException", `no ${needed.action} on ${needed.resource}`);
    },
  };
  kernel.lambda = {
    invoke: (_arn, payload) => transformer.run(payload as TransformEvent),
    invokeAsync: async () => {},
    roleOf: () => roleArn,
  };
  return [s3, kinesis, glue, athena, firehose].flatMap((service) => service.install(kernel));
};

let lake: TestLake;
let now: number;

const conversion = {
  inputFormatConfiguration: { deserializer: { openXJsonSerDe: {} } },
  outputFormatConfiguration: { serializer: { parquetSerDe: { compression: "SNAPPY" } } },
  schemaConfiguration: { databaseName: "raw", tableName: "events", roleArn },
};
const deliver = (name: string, destination: Record<string, unknown>, streamArn?: unknown) =>
  lake.add("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream", name, {
    name,
    destination: "extended_s3",
    ...(streamArn !== undefined && { kinesisSourceConfiguration: { kinesisStreamArn: streamArn, roleArn } }),
    extendedS3Configuration: {
      bucketArn: "arn:aws:s3:::raw",
      roleArn,
      bufferingSize: 64,
      bufferingInterval: 900,
      prefix: "events/dt=!{timestamp:yyyy-MM-dd}/",
      errorOutputPrefix: "errors/!{firehose:error-output-type}/",
      ...destination,
    },
  });
const send = (records: unknown[]) =>
  lake.kernel.call("kinesis", "PutRecords", {
    StreamName: "events",
    Records: records.map((record, index) => ({
      PartitionKey: `k${index}`,
      Data: Buffer.from(typeof record === "string" ? record : JSON.stringify(record)),
    })),
  });
const put = (name: string, ...texts: string[]) =>
  lake.kernel.call("firehose", "PutRecordBatch", {
    DeliveryStreamName: name,
    Records: texts.map((text) => ({ Data: Buffer.from(text) })),
  });
const rows = async (sql: string) => (await athena.queryRows(lake.kernel, sql)).rows;
const errorsIn = async (prefix: string): Promise<Record<string, unknown>[]> => {
  const [key = "", ...others] = await lake.keys("raw", prefix);
  expect(others).toEqual([]);
  const lines = (await lake.getText("raw", key)).trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
};
const original = (error: Record<string, unknown> | undefined) =>
  Buffer.from(String(error?.rawData), "base64").toString();

beforeEach(async () => {
  policy.refuse = undefined;
  now = Date.parse("2024-01-05T10:00:00Z");
  lake = TestLake.open(install, { now: () => now });
  lake.role("firehose", "firehose.amazonaws.com");
  await lake.add("aws:s3/bucket:Bucket", "raw", { bucket: "raw" });
  await lake.add("aws:glue/catalogDatabase:CatalogDatabase", "raw", { name: "raw" });
});
afterEach(() => lake.close());

describe("a Kinesis stream to Parquet", () => {
  let streamArn: unknown;
  beforeEach(async () => {
    await lake.add("aws:glue/catalogTable:CatalogTable", "events", {
      name: "events",
      databaseName: "raw",
      partitionKeys: [{ name: "dt", type: "string" }],
      storageDescriptor: {
        ...parquet,
        location: "s3://raw/events/",
        columns: [
          { name: "id", type: "bigint" },
          { name: "message", type: "string" },
          { name: "price", type: "decimal(18,4)" },
          { name: "at", type: "timestamp" },
          { name: "ok", type: "boolean" },
          { name: "tags", type: "array<string>" },
        ],
      },
    });
    streamArn = (await lake.add("aws:kinesis/stream:Stream", "events", { name: "events", shardCount: 2 })).outputs.arn;
  });

  it("converts by the table's schema, as OpenX's SerDe does", async () => {
    await deliver("lake", { dataFormatConversionConfiguration: conversion }, streamArn);
    await send([
      { id: 1, message: "plain", price: 1.1, at: "2024-01-05T10:00:00.5+02:00", ok: true, tags: ["a", "b"] },
      { ID: "2", Message: { nested: [1] }, unknown: "ignored", at: 1704448800000 },
      '{\n  "id": 9007199254740993,\n  "message": "über\\nzwei Zeilen",\n "price": "0.0001"\n}',
      { message: null },
    ]);
    await lake.kernel.quiesce();
    expect(await rows('SELECT id, message, price, "at", ok, tags, dt FROM raw.events ORDER BY id NULLS LAST')).toEqual([
      [1, "plain", 1.1, "2024-01-05 08:00:00.500", true, ["a", "b"], "2024-01-05"],
      [2, '{"nested":[1]}', null, "2024-01-05 10:00:00.000", null, null, "2024-01-05"],
      ["9007199254740993", "über\nzwei Zeilen", 0.0001, null, null, null, "2024-01-05"],
      [null, null, null, null, null, null, "2024-01-05"],
    ]);
    expect(await lake.keys("raw")).toEqual([
      expect.stringMatching(/^events\/dt=2024-01-05\/lake-1-2024-01-05-10-00-00-[0-9a-f]{32}\.parquet$/),
    ]);
  });

  it("keeps what does not convert, with its reason and its bytes", async () => {
    await deliver("lake", { dataFormatConversionConfiguration: conversion }, streamArn);
    const bad = [
      "not json",
      "[1]",
      '{"id":"many"}',
      '{"ok":"perhaps"}',
      '{"at":"yesterday"}',
      '{"tags":"a"}',
      '{"id":1.5}',
    ];
    await send([{ id: 1 }, ...bad]);
    await lake.kernel.quiesce();
    expect(await rows("SELECT count(*) FROM raw.events")).toEqual([[1]]);
    const errors = await errorsIn("errors/format-conversion-failed/");
    expect(errors.map(original).sort()).toEqual([...bad].sort());
    expect(errors.find((error) => original(error) === "not json")).toMatchObject({
      lastErrorCode: "DataFormatConversion.MalformedData",
      arrivalTimestamp: now,
      sequenceNumber: expect.stringMatching(/^\d+$/),
      dataCatalogTable: { databaseName: "raw", tableName: "events" },
    });
    expect(errors.find((error) => original(error) === '{"id":"many"}')).toMatchObject({
      lastErrorCode: "DataFormatConversion.InvalidTypeConversion",
      lastErrorMessage: 'id: "many" is not a whole number of 64 bits',
    });
  });

  it("begins with what arrives after it was made", async () => {
    await send([{ id: 1 }]);
    await deliver("lake", { dataFormatConversionConfiguration: conversion }, streamArn);
    await send([{ id: 2 }]);
    await lake.kernel.quiesce();
    expect(await rows("SELECT id FROM raw.events")).toEqual([[2]]);
  });

  it("delivers what a stop left in its buffer, once", async () => {
    await deliver("lake", { dataFormatConversionConfiguration: conversion }, streamArn);
    await send([{ id: 1 }, { id: 2 }]);
    await lake.kernel.quiesce();
    await send([{ id: 3 }, { id: 4 }]);
    now += 86_400_000;
    await lake.reopen();
    await lake.kernel.quiesce();
    expect(await rows("SELECT id, dt FROM raw.events ORDER BY id")).toEqual(
      [1, 2, 3, 4].map((id) => [id, "2024-01-05"]),
    );
  });

  it("overwrites instead of doubling when it was stopped between object and checkpoint", async () => {
    await deliver("lake", { dataFormatConversionConfiguration: conversion }, streamArn);
    const checkpoints = lake.kernel.store.table<unknown>("firehose.checkpoints");
    await send([{ id: 1 }, { id: 2 }, { id: 3 }]);
    const before = [...checkpoints.entries()];
    await lake.kernel.quiesce();
    const [key = ""] = await lake.keys("raw");
    // As a kill leaves it: the object is there, the checkpoints are not moved.
    await lake.kernel.store.write(() => {
      for (const { key: place, value } of before) checkpoints.put(place, value);
      lake.kernel.store.table("firehose.batches").put(key.length > 0 ? String(lakeArn()) : "", { at: now });
    });
    await lake.reopen();
    await send([{ id: 4 }]);
    await lake.kernel.quiesce();
    expect(await rows("SELECT id FROM raw.events ORDER BY id")).toEqual([[1], [2], [3], [4]]);
    expect(await lake.keys("raw")).toEqual([key]);
  });

  it("holds the records while its role may not write, and delivers once it may", async () => {
    await deliver("lake", { dataFormatConversionConfiguration: conversion }, streamArn);
    policy.refuse = "s3:PutObject";
    await send([{ id: 1 }]);
    await firehose.deliveryStreamsOf(lake.kernel).get("lake")?.deliverNow();
    expect(await lake.keys("raw")).toEqual([]);
    expect(lake.kernel.pending()).toEqual({ "firehose lake": 1 });
    policy.refuse = undefined;
    await lake.kernel.quiesce();
    expect(await rows("SELECT id FROM raw.events")).toEqual([[1]]);
  });

  it("writes one file for each buffer that is full", async () => {
    await deliver("lake", { dataFormatConversionConfiguration: conversion, bufferingSize: 1 }, streamArn);
    const message = "x".repeat(5000);
    for (let batch = 0; batch < 5; batch++)
      await send(Array.from({ length: 100 }, (_, index) => ({ id: batch * 100 + index, message })));
    await lake.kernel.quiesce();
    expect(await rows("SELECT count(*), count(DISTINCT id) FROM raw.events")).toEqual([[500, 500]]);
    const files = await lake.keys("raw");
    expect(files.length).toBeGreaterThan(1);
    expect(files.length).toBeLessThan(6);
  });

  const lakeArn = () => firehose.deliveryStreamsOf(lake.kernel).get("lake")?.arn;
});

describe("Direct PUT", () => {
  it("keeps acknowledged records through a restart and writes them as they are", async () => {
    await deliver("logs", { compressionFormat: "GZIP", prefix: "logs/" });
    await put("logs", "one\n", "two\n");
    await lake.reopen();
    await put("logs", "three\n");
    await lake.kernel.quiesce();
    const keys = await lake.keys("raw");
    expect(keys).toEqual([expect.stringMatching(/^logs\/2024\/01\/05\/10\/logs-1-.*\.gz$/)]);
    const { Body } = await lake.kernel.call<{ Body: Uint8Array }>("s3", "GetObject", { Bucket: "raw", Key: keys[0] });
    expect(gunzipSync(Body).toString()).toBe("one\ntwo\nthree\n");
    expect(lake.kernel.pending()).toEqual({});
  });

  it("partitions by the record's own values, and keeps what has none", async () => {
    await deliver("logs", {
      prefix: "t=!{partitionKeyFromQuery:tenant}/",
      dynamicPartitioningConfiguration: { enabled: true },
      processingConfiguration: {
        enabled: true,
        processors: [
          {
            type: "MetadataExtraction",
            parameters: [{ parameterName: "MetadataExtractionQuery", parameterValue: "{tenant: .who.tenant}" }],
          },
          { type: "AppendDelimiterToRecord" },
        ],
      },
    });
    await put(
      "logs",
      '{"who":{"tenant":"a"},"n":1}',
      '{"who":{"tenant":"b"},"n":2}',
      '{"who":{"tenant":"a"},"n":3}',
      '{"n":4}',
    );
    await lake.kernel.quiesce();
    const [inA = "", inB = ""] = await lake.keys("raw", "t=");
    expect([inA.slice(0, 4), inB.slice(0, 4)]).toEqual(["t=a/", "t=b/"]);
    expect(await lake.getText("raw", inA)).toBe('{"who":{"tenant":"a"},"n":1}\n{"who":{"tenant":"a"},"n":3}\n');
    expect((await errorsIn("errors/processing-failed/")).map(original)).toEqual(['{"n":4}']);
  });

  it("sends records through the transformation function", async () => {
    transformer.run = async ({ records }) => ({
      payload: {
        records: records.map(({ recordId, data }) => {
          const text = Buffer.from(data, "base64").toString();
          if (text === "drop") return { recordId, result: "Dropped" };
          if (text === "fail") return { recordId, result: "ProcessingFailed", data };
          return { recordId, result: "Ok", data: Buffer.from(`${text.toUpperCase()};`).toString("base64") };
        }),
      },
    });
    const parameters = [
      { parameterName: "LambdaArn", parameterValue: "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST" },
    ];
    await deliver("logs", {
      prefix: "logs/",
      processingConfiguration: { enabled: true, processors: [{ type: "Lambda", parameters }] },
    });
    await put("logs", "a", "drop", "fail", "b");
    await lake.kernel.quiesce();
    const [key = ""] = await lake.keys("raw", "logs/");
    expect(await lake.getText("raw", key)).toBe("A;B;");
    expect(await errorsIn("errors/processing-failed/")).toEqual([
      expect.objectContaining({
        errorCode: "Lambda.ProcessingFailedStatus",
        rawData: Buffer.from("fail").toString("base64"),
      }),
    ]);
  });

  it("keeps every record of a batch that the function fails on", async () => {
    transformer.run = async () => ({ payload: { errorMessage: "boom" }, functionError: "Unhandled" });
    const parameters = [
      { parameterName: "LambdaArn", parameterValue: "arn:aws:lambda:us-east-1:000000000000:function:f" },
      { parameterName: "NumberOfRetries", parameterValue: "1" },
    ];
    await deliver("logs", { processingConfiguration: { enabled: true, processors: [{ type: "Lambda", parameters }] } });
    await put("logs", "a", "b");
    await lake.kernel.quiesce();
    const errors = await errorsIn("errors/processing-failed/");
    expect(errors.map(original)).toEqual(["a", "b"]);
    expect(errors[0]).toMatchObject({
      errorCode: "Lambda.FunctionError",
      errorMessage: expect.stringContaining("boom"),
      attemptsMade: 2,
    });
  });

  it("hands a Kinesis record over with its place, again the same, and keeps what got no single answer", async () => {
    const streamArn = (await lake.add("aws:kinesis/stream:Stream", "events", { name: "events", shardCount: 1 })).outputs
      .arn;
    const events: TransformEvent[] = [];
    transformer.run = async (event) => {
      events.push(event);
      if (events.length === 1) return { payload: { errorMessage: "boom" }, functionError: "Unhandled" };
      const [a, b, c, d] = event.records as [never, never, never, never] & TransformEvent["records"];
      const ok = ({ recordId, data }: TransformEvent["records"][number]) => ({ recordId, result: "Ok", data });
      return {
        payload: { records: [ok(a), ok(b), ok(b), { ...ok(c), data: undefined }, { ...ok(d), recordId: "x" }] },
      };
    };
    const parameters = [
      { parameterName: "LambdaArn", parameterValue: "arn:aws:lambda:us-east-1:000000000000:function:f" },
    ];
    const processingConfiguration = { enabled: true, processors: [{ type: "Lambda", parameters }] };
    await deliver("logs", { prefix: "logs/", processingConfiguration }, streamArn);
    await send(["a", "b", "c", "d"]);
    await lake.kernel.quiesce();
    expect(events).toHaveLength(2);
    expect(events[1]).toEqual(events[0]);
    expect(events[0]).toMatchObject({ sourceKinesisStreamArn: streamArn });
    expect(events[0]?.records.map(({ kinesisRecordMetadata }) => kinesisRecordMetadata)).toEqual(
      [0, 1, 2, 3].map((index) => ({
        shardId: "shardId-000000000000",
        partitionKey: `k${index}`,
        sequenceNumber: expect.stringMatching(/^\d+$/),
        subsequenceNumber: "",
        approximateArrivalTimestamp: now,
      })),
    );
    const [key = ""] = await lake.keys("raw", "logs/");
    expect(await lake.getText("raw", key)).toBe("a");
    const errors = await errorsIn("errors/processing-failed/");
    expect(errors.map((error) => [original(error), error.errorCode, error.attemptsMade])).toEqual([
      ["b", "Lambda.DuplicatedRecordId", 2],
      ["c", "Lambda.MalformedResponse", 2],
      ["d", "Lambda.MissingRecordId", 2],
    ]);
    expect(lake.kernel.metrics.sum("ExecuteProcessing.Success")).toBe(1);
    expect(lake.kernel.metrics.sum("SucceedProcessing.Records")).toBe(1);
  });

  it.each([
    ["another destination", { destination: "redshift" }, "Firehose destination redshift"],
    [
      "ORC",
      {
        extendedS3Configuration: {
          bucketArn: "b",
          roleArn,
          dataFormatConversionConfiguration: {
            ...conversion,
            outputFormatConfiguration: { serializer: { orcSerDe: {} } },
          },
        },
      },
      "conversion to ORC",
    ],
    [
      "a JQ program",
      {
        extendedS3Configuration: {
          bucketArn: "b",
          roleArn,
          processingConfiguration: {
            enabled: true,
            processors: [
              {
                type: "MetadataExtraction",
                parameters: [{ parameterName: "MetadataExtractionQuery", parameterValue: "{a: .b | tostring}" }],
              },
            ],
          },
        },
      },
      "MetadataExtractionQuery",
    ],
  ])("refuses %s when the stream is made", async (_, inputs, what) => {
    const made = lake.add("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream", "x", {
      destination: "extended_s3",
      ...inputs,
    });
    await expect(made).rejects.toMatchObject({ name: "NotSupportedLocally", message: expect.stringContaining(what) });
  });
});

describe("prefixes", () => {
  const at = Date.parse("2024-03-05T07:08:09.010Z");
  it.each([
    ["plain/", {}, "plain/2024/03/05/07/"],
    ["", {}, "2024/03/05/07/"],
    ["a/!{timestamp:yyyy/MM/dd/HH}/", {}, "a/2024/03/05/07/"],
    ["dt=!{timestamp:yyyy-MM-dd'T'HH:mm:ss.SSS}/", {}, "dt=2024-03-05T07:08:09.010/"],
    ["!{timestamp:yyyy-MM-dd HH}/", { timeZone: "Asia/Tokyo" }, "2024-03-05 16/"],
    ["!{partitionKeyFromLambda:k}/", { partitionKeys: { k: "v" } }, "v/"],
    ["e/", { errorType: "processing-failed" }, "e/processing-failed/2024/03/05/07/"],
    [
      "!{firehose:error-output-type}/!{timestamp:yyyy}/",
      { errorType: "format-conversion-failed" },
      "format-conversion-failed/2024/",
    ],
  ])("%s", (prefix, context, expected) => {
    expect(evaluatePrefix(prefix, { at, timeZone: "UTC", seed: "s", ...context })).toBe(expected);
  });

  it("draws the same random string for the same batch", () => {
    const drawn = evaluatePrefix("!{firehose:random-string}/", { at, timeZone: "UTC", seed: "s" });
    expect(drawn).toMatch(/^\w{11}\/$/);
    expect(evaluatePrefix("!{firehose:random-string}/", { at, timeZone: "UTC", seed: "s" })).toBe(drawn);
  });

  it("refuses a letter that it does not know", () => {
    expect(() => evaluatePrefix("!{timestamp:yyyy-ww}/", { at, timeZone: "UTC", seed: "s" })).toThrow(
      /ww is not one of/,
    );
  });
});
