import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kernel, type Realiser, type Resource } from "../../src/kernel";
import { install, type KinesisService } from "../../src/services/kinesis";

interface GotRecords {
  Records: { SequenceNumber: string; Data: Uint8Array; PartitionKey: string; ApproximateArrivalTimestamp: Date }[];
  NextShardIterator: string;
  MillisBehindLatest: number;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

describe("kinesis", () => {
  let dataDir: string;
  let now: number;
  let kernel: Kernel;
  let realiser: Realiser;

  const open = () => {
    kernel = new Kernel({ dataDir, now: () => now });
    const [stream] = install(kernel);
    if (!stream) throw new Error("no realiser");
    realiser = stream;
  };
  const service = () => kernel.service("kinesis") as unknown as KinesisService;

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "tributary-kinesis-"));
    now = Date.UTC(2026, 0, 1);
    open();
  });
  afterEach(async () => {
    await kernel.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const realise = async (inputs: Record<string, unknown>, previous?: Resource): Promise<Resource> => {
    const registered = { urn: "urn:events", type: realiser.type, name: "events", inputs };
    const { id, outputs } = await realiser.compute(registered, kernel, previous);
    const resource = { ...registered, id, outputs: { ...inputs, ...outputs } };
    await realiser.attach?.(resource, kernel);
    return resource;
  };
  const put = (data: string, key: string, extra: object = {}) =>
    kernel.call<{ ShardId: string; SequenceNumber: string }>("kinesis", "PutRecord", {
      StreamName: "events",
      Data: bytes(data),
      PartitionKey: key,
      ...extra,
    });
  const iterator = async (input: object): Promise<string> => {
    const request = { StreamName: "events", ShardId: "shardId-000000000000", ...input };
    return (await kernel.call<{ ShardIterator: string }>("kinesis", "GetShardIterator", request)).ShardIterator;
  };
  const get = (ShardIterator: string, extra: object = {}) =>
    kernel.call<GotRecords>("kinesis", "GetRecords", { ShardIterator, ...extra });
  const read = async (input: object) => (await get(await iterator(input))).Records.map(({ Data }) => text(Data));

  it("maps partition keys to shards as AWS does: MD5 over equal ranges, an explicit hash key first", async () => {
    await realise({ name: "events", streamModeDetails: { streamMode: "ON_DEMAND" } });
    const shards = (
      await kernel.call<{ Shards: { HashKeyRange: Record<string, string> }[] }>("kinesis", "ListShards", {
        StreamName: "events",
      })
    ).Shards;
    expect(shards.map(({ HashKeyRange }) => HashKeyRange.StartingHashKey)).toEqual([
      "0",
      "85070591730234615865843651857942052864",
      "170141183460469231731687303715884105728",
      "255211775190703847597530955573826158592",
    ]);
    expect(shards[3]?.HashKeyRange.EndingHashKey).toBe("340282366920938463463374607431768211455");
    // md5("a") = 0cc1…, md5("b") = 92eb…, md5("c") = 4a8a…, md5("e") = e167…
    const ids = [];
    for (const key of ["a", "c", "b", "e"]) ids.push((await put("x", key)).ShardId.slice(-1));
    expect(ids).toEqual(["0", "1", "2", "3"]);
    const explicit = async (ExplicitHashKey: string) => (await put("x", "a", { ExplicitHashKey })).ShardId.slice(-1);
    expect(await explicit("85070591730234615865843651857942052863")).toBe("0");
    expect(await explicit("85070591730234615865843651857942052864")).toBe("1");
    expect(await explicit("340282366920938463463374607431768211455")).toBe("3");
    await expect(explicit("340282366920938463463374607431768211456")).rejects.toMatchObject({
      name: "InvalidArgumentException",
    });
  });

  it("keeps order within a shard and gives growing sequence numbers of 56 digits", async () => {
    await realise({ name: "events", shardCount: 2 });
    const answer = await kernel.call<{ FailedRecordCount: number; Records: { SequenceNumber: string }[] }>(
      "kinesis",
      "PutRecords",
      {
        StreamName: "events",
        Records: Array.from({ length: 500 }, (_, index) => ({ Data: bytes(String(index)), PartitionKey: `k${index}` })),
      },
    );
    expect(answer.FailedRecordCount).toBe(0);
    const numbers = answer.Records.map(({ SequenceNumber }) => SequenceNumber);
    expect(numbers.every((number) => /^\d{56}$/.test(number))).toBe(true);
    expect([...numbers].sort()).toEqual(numbers);
    const seen = [
      await read({ ShardIteratorType: "TRIM_HORIZON" }),
      await read({ ShardIteratorType: "TRIM_HORIZON", ShardId: "shardId-000000000001" }),
    ];
    for (const shard of seen) expect(shard).toEqual([...shard].sort((a, b) => Number(a) - Number(b)));
    expect(seen.flat().length).toBe(500);
    expect(seen.every((shard) => shard.length > 100)).toBe(true);
  });

  it("starts readers where each iterator type says", async () => {
    await realise({ name: "events" });
    expect(await read({ ShardIteratorType: "LATEST" })).toEqual([]);
    const latestOfEmpty = await iterator({ ShardIteratorType: "LATEST" });
    const sequences: string[] = [];
    for (const data of ["one", "two", "three"]) {
      sequences.push((await put(data, "k")).SequenceNumber);
      now += 1000;
    }
    const [, two = ""] = sequences;
    expect((await get(latestOfEmpty)).Records).toHaveLength(3);
    expect(await read({ ShardIteratorType: "TRIM_HORIZON" })).toEqual(["one", "two", "three"]);
    expect(await read({ ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: two })).toEqual([
      "two",
      "three",
    ]);
    expect(await read({ ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber: two })).toEqual(["three"]);
    const at = (offset: number) => ({ ShardIteratorType: "AT_TIMESTAMP", Timestamp: new Date(now - offset) });
    expect(await read(at(2000))).toEqual(["two", "three"]);
    expect(await read(at(2500))).toEqual(["two", "three"]);
    expect(await read(at(0))).toEqual([]);
    const latest = await iterator({ ShardIteratorType: "LATEST" });
    expect((await get(latest)).Records).toEqual([]);
    await put("four", "k");
    const page = await get(latest);
    expect(page.Records.map(({ Data }) => text(Data))).toEqual(["four"]);
    expect((await get(page.NextShardIterator)).Records).toEqual([]);
  });

  it("says how far behind a reader is and pages by limit and by 10 MB", async () => {
    await realise({ name: "events" });
    await put("one", "k");
    now += 5000;
    await put("two", "k");
    const first = await get(await iterator({ ShardIteratorType: "TRIM_HORIZON" }), { Limit: 1 });
    expect(first.Records.map(({ Data }) => text(Data))).toEqual(["one"]);
    expect(first.MillisBehindLatest).toBe(0);
    now += 7000;
    expect((await get(await iterator({ ShardIteratorType: "TRIM_HORIZON" }), { Limit: 1 })).MillisBehindLatest).toBe(
      7000,
    );
    expect((await get(first.NextShardIterator)).MillisBehindLatest).toBe(0);
    const large = "x".repeat(1_000_000);
    for (let index = 0; index < 11; index += 1) await put(large, "k");
    const page = await get(first.NextShardIterator);
    expect(page.Records.length).toBe(11);
    expect((await get(page.NextShardIterator)).Records.length).toBe(1);
  });

  it("refuses iterators older than five minutes and texts that are none", async () => {
    await realise({ name: "events" });
    const old = await iterator({ ShardIteratorType: "TRIM_HORIZON" });
    now += 300_001;
    await expect(get(old)).rejects.toMatchObject({ name: "ExpiredIteratorException" });
    await expect(get("nonsense")).rejects.toMatchObject({ name: "InvalidArgumentException" });
  });

  it.each([
    [
      "an unknown stream",
      "PutRecord",
      { StreamName: "nope", Data: bytes("x"), PartitionKey: "k" },
      "ResourceNotFoundException",
    ],
    ["no partition key", "PutRecord", { StreamName: "events", Data: bytes("x") }, "ValidationException"],
    [
      "an empty partition key",
      "PutRecord",
      { StreamName: "events", Data: bytes("x"), PartitionKey: "" },
      "ValidationException",
    ],
    ["no data", "PutRecord", { StreamName: "events", PartitionKey: "k" }, "ValidationException"],
    [
      "more than 1 MiB with the key",
      "PutRecord",
      { StreamName: "events", Data: new Uint8Array(2 ** 20), PartitionKey: "k" },
      "ValidationException",
    ],
    [
      "501 records",
      "PutRecords",
      { StreamName: "events", Records: Array.from({ length: 501 }, () => ({ Data: bytes("x"), PartitionKey: "k" })) },
      "ValidationException",
    ],
    [
      "more than 10 MiB",
      "PutRecords",
      {
        StreamName: "events",
        Records: Array.from({ length: 11 }, () => ({ Data: new Uint8Array(1_000_000), PartitionKey: "k" })),
      },
      "InvalidArgumentException",
    ],
    ["no records", "PutRecords", { StreamName: "events", Records: [] }, "ValidationException"],
    [
      "an unknown shard",
      "GetShardIterator",
      { StreamName: "events", ShardId: "shardId-000000000009", ShardIteratorType: "LATEST" },
      "ResourceNotFoundException",
    ],
    ["a stream that exists", "CreateStream", { StreamName: "events", ShardCount: 1 }, "ResourceInUseException"],
    ["an invalid name", "CreateStream", { StreamName: "a b", ShardCount: 1 }, "ValidationException"],
    [
      "a shorter retention",
      "IncreaseStreamRetentionPeriod",
      { StreamName: "events", RetentionPeriodHours: 24 },
      "InvalidArgumentException",
    ],
  ])("refuses %s", async (_, operation, input, name) => {
    await realise({ name: "events", retentionPeriod: 48 });
    // One record of each refused batch would be accepted on its own: nothing of it may be stored.
    await expect(kernel.call("kinesis", operation, input)).rejects.toMatchObject({ name });
    expect(await read({ ShardIteratorType: "TRIM_HORIZON" })).toEqual([]);
  });

  it("finds everything again after a restart, and never repeats a sequence number", async () => {
    const resource = await realise({ name: "events", shardCount: 1 });
    const before = await put("one", "k");
    await kernel.close();
    open();
    expect(await read({ ShardIteratorType: "TRIM_HORIZON" })).toEqual(["one"]);
    await realiser.attach?.(resource, kernel);
    const after = await put("two", "k");
    expect(after.SequenceNumber > before.SequenceNumber).toBe(true);
    expect(await read({ ShardIteratorType: "TRIM_HORIZON" })).toEqual(["one", "two"]);
  });

  it("drops records by age only", async () => {
    await realise({ name: "events", retentionPeriod: 24 });
    for (let index = 0; index < 2500; index += 1) void put(`old ${index}`, "k");
    await put("old", "k");
    now += 12 * 3_600_000;
    const last = await put("young", "k");
    now += 12 * 3_600_000 + 1;
    await service().streams.trim();
    expect(await read({ ShardIteratorType: "TRIM_HORIZON" })).toEqual(["young"]);
    expect((await put("new", "k")).SequenceNumber > last.SequenceNumber).toBe(true);
  });

  it("offers its shards to event source mappings in Lambda's shape and wakes readers after the commit", async () => {
    const { outputs } = await realise({ name: "events" });
    const arn = String(outputs.arn);
    const log = kernel.logs.get(arn);
    let seenAtWake: number | undefined;
    const stop = kernel.onWake(arn, () => {
      seenAtWake = log?.read("shardId-000000000000", undefined, 10).length;
    });
    await put("hello", "user-1");
    stop();
    expect(seenAtWake).toBe(1);
    const [record] = log?.read("shardId-000000000000", undefined, 10) ?? [];
    if (!log || !record) throw new Error("no record");
    expect(log.toLambda("shardId-000000000000", record)).toEqual({
      kinesis: {
        kinesisSchemaVersion: "1.0",
        partitionKey: "user-1",
        sequenceNumber: record.sequenceNumber,
        data: "aGVsbG8=",
        approximateArrivalTimestamp: now / 1000,
      },
      eventSource: "aws:kinesis",
      eventVersion: "1.0",
      eventID: `shardId-000000000000:${record.sequenceNumber}`,
      eventName: "aws:kinesis:record",
      invokeIdentityArn: expect.stringMatching(/^arn:aws:iam::/),
      awsRegion: "us-east-1",
      eventSourceARN: arn,
    });
    expect(log.read("shardId-000000000000", record.sequenceNumber, 10)).toEqual([]);
    expect(log.newest("shardId-000000000000")).toBe(record.sequenceNumber);
    const start = log.before("shardId-000000000000", now);
    expect(log.read("shardId-000000000000", start, 10)).toHaveLength(1);
  });

  it("describes, tags and lists streams, and deletes one with its records", async () => {
    const resource = await realise({ name: "events", encryptionType: "KMS", kmsKeyId: "arn:key", tags: { a: "1" } });
    expect(resource.id).toBe("arn:aws:kinesis:us-east-1:000000000000:stream/events");
    const summary = await kernel.call("kinesis", "DescribeStreamSummary", { StreamARN: resource.id });
    expect(summary.StreamDescriptionSummary).toMatchObject({
      StreamName: "events",
      StreamStatus: "ACTIVE",
      OpenShardCount: 1,
      EncryptionType: "KMS",
      KeyId: "arn:key",
      RetentionPeriodHours: 24,
    });
    await kernel.call("kinesis", "AddTagsToStream", { StreamName: "events", Tags: { b: "2" } });
    await kernel.call("kinesis", "RemoveTagsFromStream", { StreamName: "events", TagKeys: ["a"] });
    expect((await kernel.call("kinesis", "ListTagsForStream", { StreamName: "events" })).Tags).toEqual([
      { Key: "b", Value: "2" },
    ]);
    await kernel.call("kinesis", "CreateStream", { StreamName: "b", ShardCount: 3 });
    const page = await kernel.call("kinesis", "ListStreams", { Limit: 1 });
    expect(page).toMatchObject({ StreamNames: ["b"], HasMoreStreams: true });
    expect(await kernel.call("kinesis", "ListStreams", { NextToken: page.NextToken })).toMatchObject({
      StreamNames: ["events"],
      HasMoreStreams: false,
    });
    const shards = await kernel.call<{ Shards: unknown[]; NextToken: string }>("kinesis", "ListShards", {
      StreamName: "b",
      MaxResults: 2,
    });
    expect(shards.Shards).toHaveLength(2);
    expect(
      (await kernel.call<{ Shards: unknown[] }>("kinesis", "ListShards", { NextToken: shards.NextToken })).Shards,
    ).toHaveLength(1);
    await put("x", "k");
    await realiser.destroy?.(resource, kernel);
    expect(kernel.logs.has(resource.id)).toBe(false);
    await expect(put("x", "k")).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    await realise({ name: "events" });
    expect(await read({ ShardIteratorType: "TRIM_HORIZON" })).toEqual([]);
  });

  it("keeps its records and its shards through an update", async () => {
    const resource = await realise({ shardCount: 1 });
    const name = String(resource.outputs.name);
    expect(name).toMatch(/^events-[0-9a-f]{7}$/);
    await kernel.call("kinesis", "PutRecord", { StreamName: name, Data: bytes("x"), PartitionKey: "k" });
    const updated = await realise({ shardCount: 2, retentionPeriod: 72 }, resource);
    expect(updated.outputs.name).toBe(name);
    const summary = await kernel.call("kinesis", "DescribeStreamSummary", { StreamName: name });
    expect(summary.StreamDescriptionSummary).toMatchObject({ OpenShardCount: 1, RetentionPeriodHours: 72 });
    expect(kernel.logs.get(resource.id)?.read("shardId-000000000000", undefined, 10)).toHaveLength(1);
  });

  it("names the permission that each call needs", async () => {
    await realise({ name: "events" });
    const arn = "arn:aws:kinesis:us-east-1:000000000000:stream/events";
    const of = (operation: string, input: object) => service().permissions(operation, input as never);
    expect(of("PutRecords", { StreamName: "events" })).toEqual([{ action: "kinesis:PutRecords", resource: arn }]);
    expect(of("PutRecord", { StreamARN: arn })).toEqual([{ action: "kinesis:PutRecord", resource: arn }]);
    const ShardIterator = await iterator({ ShardIteratorType: "LATEST" });
    expect(of("GetRecords", { ShardIterator })).toEqual([{ action: "kinesis:GetRecords", resource: arn }]);
    expect(of("ListStreams", {})).toEqual([{ action: "kinesis:ListStreams", resource: "*" }]);
  });
});
