import { existsSync, readFileSync } from "node:fs";
import { Kafka, type KafkaConfig, logLevel, Partitioners } from "kafkajs";
import type { Kernel } from "../../src/kernel";
import * as lambda from "../../src/services/lambda";
import * as msk from "../../src/services/msk";
import * as s3 from "../../src/services/s3";
import { Bench, until } from "./compute-kit";

/** MSK: kafkajs, a client that others wrote, produces to the local broker; a function reads by an event source mapping. */

const bench = new Bench([s3.install, lambda.install, msk.install]);
let clusterArn: string;
let brokers: string;
const seen: unknown[] = [];

beforeAll(async () => {
  const cluster = await bench.create("aws:msk/serverlessCluster:ServerlessCluster", "stream", {
    clusterName: "stream",
    vpcConfigs: [{ subnetIds: ["a", "b"] }],
  });
  clusterArn = cluster.id;
  brokers = String(cluster.outputs.bootstrapBrokersSaslIam);
  const configs = JSON.stringify({ "max.message.bytes": "100000" });
  const topic = { clusterArn, name: "events", partitionCount: 2, replicationFactor: 3, configs };
  await bench.create("aws:msk/topic:Topic", "events", topic);
});

afterAll(() => bench.close());

/** MSK's token: a presigned URL in base64, here of an access key that the runtime issued. */
function token(accessKeyId: string): string {
  const url = `https://kafka.us-east-1.amazonaws.com/?Action=kafka-cluster%3AConnect&X-Amz-Credential=${accessKeyId}%2F20261123`;
  return Buffer.from(url).toString("base64url");
}

function client(kernel: Kernel, accessKeyId?: string): Kafka {
  const role = { kind: "role", roleArn: "arn:aws:iam::000000000000:role/producer", session: "s" } as const;
  const key = accessKeyId ?? kernel.credentials.issue(role).accessKeyId;
  const sasl: KafkaConfig["sasl"] = {
    mechanism: "oauthbearer",
    oauthBearerProvider: async () => ({ value: token(key) }),
  };
  return new Kafka({ clientId: "test", brokers: [brokers], sasl, logLevel: logLevel.NOTHING, retry: { retries: 0 } });
}

async function produce(messages: { key: string; value: string; headers?: Record<string, string> }[], key?: string) {
  const producer = client(bench.kernel, key).producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  try {
    return await producer.send({ topic: "events", acks: -1, messages });
  } finally {
    await producer.disconnect();
  }
}

const base64 = (text: string) => Buffer.from(text).toString("base64");
const topicOf = () => bench.kernel.logs.get(msk.topicArn(clusterArn, "events"));
function stored(): number {
  const log = topicOf();
  return (log?.shards() ?? []).reduce((sum, shard) => sum + (log?.read(shard, undefined, 1000).length ?? 0), 0);
}

test("kafkajs logs in and produces; what was acknowledged is there after a restart, on the same port", async () => {
  const [result] = await produce([
    { key: "ann", value: "one", headers: { h: "x" } },
    { key: "ann", value: "zwei ✓" },
    { key: "bob", value: "three" },
  ]);
  expect(result).toMatchObject({ topicName: "events", errorCode: 0 });
  expect(stored()).toBe(3);
  await bench.restart();
  expect(stored()).toBe(3);
  await produce([{ key: "ann", value: "four" }]);
  expect(stored()).toBe(4);
});

test("strangers, those without permission and messages that are too large are refused", async () => {
  await expect(produce([{ key: "k", value: "v" }], "NOBODY")).rejects.toThrow(/not of a principal of this account/);
  bench.denied.add("kafka-cluster:Connect");
  await expect(produce([{ key: "k", value: "v" }])).rejects.toThrow(/not authorized to perform: kafka-cluster:Connect/);
  bench.denied.clear();
  bench.denied.add("kafka-cluster:WriteData");
  await expect(produce([{ key: "k", value: "v" }])).rejects.toThrow(/not authorized/i);
  bench.denied.clear();
  await expect(produce([{ key: "k", value: "x".repeat(100_001) }])).rejects.toThrow(/larger than the max message size/);
  expect(stored()).toBe(4);
});

test("a function gets Kafka's event, by partition and in order; what it names as failed comes again", async () => {
  const code = `
    import { appendFileSync } from "node:fs";
    let failed = false;
    export const handler = async (event) => {
      appendFileSync(process.env.SEEN, JSON.stringify(event) + "\\n");
      const all = Object.entries(event.records).flatMap(([partition, records]) => records.map((r) => ({ ...r, partition })));
      const four = all.find((r) => Buffer.from(r.value, "base64").toString() === "four");
      if (four && !failed) {
        failed = true;
        return { batchItemFailures: [{ itemIdentifier: { partition: four.partition, offset: four.offset } }] };
      }
    };`;
  const file = `${bench.folder}/seen.jsonl`;
  await bench.fn("reader", code, { environment: { variables: { SEEN: file } } });
  await bench.create("aws:lambda/eventSourceMapping:EventSourceMapping", "reader", {
    functionName: "reader",
    eventSourceArn: clusterArn,
    topics: ["events"],
    startingPosition: "TRIM_HORIZON",
    amazonManagedKafkaEventSourceConfig: { consumerGroupId: "reader-events" },
    provisionedPollerConfig: { minimumPollers: 1, maximumPollers: 1 },
    functionResponseTypes: ["ReportBatchItemFailures"],
    bisectBatchOnFunctionError: true,
    maximumRetryAttempts: 3,
  });
  const values = () => {
    if (!existsSync(file)) return [];
    seen.splice(
      0,
      seen.length,
      ...readFileSync(file, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    );
    return (seen as { records: Record<string, { value: string }[]> }[]).flatMap(({ records }) =>
      Object.values(records)
        .flat()
        .map(({ value }) => Buffer.from(value, "base64").toString()),
    );
  };
  const all = await until(values, (found) => found.filter((value) => value === "four").length >= 2);
  expect(all.filter((value) => value !== "three")).toEqual(["one", "zwei ✓", "four", "four"]);
  expect(seen[0]).toMatchObject({
    eventSource: "aws:kafka",
    eventSourceArn: clusterArn,
    bootstrapServers: expect.any(String),
  });
  const entries = (seen as { records: Record<string, Record<string, unknown>[]> }[]).flatMap(({ records }) =>
    Object.entries(records),
  );
  const [partition, [first] = []] = entries.find(([, [record]]) => record?.value === base64("one")) ?? [];
  expect(first).toEqual({
    topic: "events",
    partition: Number(partition?.slice(-1)),
    offset: expect.any(Number),
    timestamp: expect.any(Number),
    timestampType: "CREATE_TIME",
    key: base64("ann"),
    value: base64("one"),
    headers: [{ h: [120] }],
  });
});

test("a mapping that AWS would refuse is refused", async () => {
  const mapping = {
    functionName: "reader",
    eventSourceArn: clusterArn,
    topics: ["events"],
    startingPosition: "LATEST",
  };
  const make = (over: object) =>
    bench.create("aws:lambda/eventSourceMapping:EventSourceMapping", "wrong", { ...mapping, ...over });
  await expect(make({ bisectBatchOnFunctionError: true })).rejects.toThrow(/need provisionedPollerConfig/);
  await expect(make({ topics: [] })).rejects.toThrow(/one topic/);
  await expect(make({ parallelizationFactor: 2 })).rejects.toThrow(/use partitions/);
});
