import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { type Graph, runStack } from "@tributary/testing";
import { violations } from "../../core/test/well-architected";
import { files, http, Ingestion, type IngestionArgs, ingestionFaults } from "../src";

const root = join(__dirname, "../../..");
// The component puts the prebuilt bundles into its functions; what is fresh is left as it is.
beforeAll(() => {
  spawnSync(process.execPath, [join(root, "scripts/bundle-handlers.mjs")]);
}, 60_000);

const key = "arn:aws:kms:us-east-1:000000000000:key/k";
const given: IngestionArgs = {
  foundation: {
    keyArn: key,
    alarmTopicArn: "arn:aws:sns:us-east-1:000000000000:alarms",
    environment: "test",
    logRetentionDays: 30,
    tags: { Project: "test", Tenant: "t", CostCenter: "c" },
    accessLogs: { bucketName: "logs" },
    network: {
      vpcId: "vpc-1",
      subnetIds: ["subnet-1", "subnet-2"],
      securityGroupIds: ["sg-1"],
      dynamodbEndpointId: "vpce-1",
    },
  },
  rawZone: { bucket: { name: "raw", arn: "arn:aws:s3:::raw", keyArn: key }, database: "raw", eventsTable: "events" },
  sources: { web: http() },
  stream: { kafka: { create: "serverless" } },
};
const existing = {
  clusterArn: "arn:aws:kafka:us-east-1:000000000000:cluster/shared/uuid-1",
  topic: "customer-events",
  bootstrapBrokers: "b-1.shared:9098,b-2.shared:9098",
  clientSecurityGroupIds: ["sg-shared"],
};

test.each<[string, Record<string, unknown>, string[]]>([
  [
    "no network",
    { foundation: { ...given.foundation, network: undefined } },
    ["stream.kafka: brokers stand in a network"],
  ],
  ["capacity of Kinesis", { capacity: "on-demand" }, ["capacity: is of Kinesis"]],
  ["parallelization of Kinesis", { processing: { parallelization: 2 } }, ["processing.parallelization: is of Kinesis"]],
  [
    "a source that writes to Kinesis",
    { sources: { web: http(), shop: files() } },
    ["sources.shop: files sources write to Kinesis"],
  ],
  ["no kind of stream", { stream: "kafka" }, ['stream: "kafka" must be an object']],
  [
    "a misspelt one",
    { stream: { kafak: {} } },
    ['stream.kafak: is no argument; did you mean "kafka"?', "stream.kafka: is missing"],
  ],
  [
    "both",
    { stream: { kafka: { create: "serverless", existing } } },
    ["stream.kafka: must have one of `create` and `existing`"],
  ],
  [
    "wrong sizes",
    {
      stream: {
        kafka: {
          create: { brokers: 1, instanceType: "kafka.t3.small", volumeGib: "big", kafkaVersion: 3 },
          partitions: 0,
          pollers: { least: 3, most: 2 },
        },
      },
    },
    [
      "stream.kafka.create.brokers: 1 must be a whole number from 2",
      'stream.kafka.create.instanceType: "kafka.t3.small" must be a size',
      "stream.kafka.create.kafkaVersion: 3 must be a version",
      'stream.kafka.create.volumeGib: "big" must be a whole number',
      "stream.kafka.partitions: 0 must be",
      "stream.kafka.pollers.most: 2 must be a whole number from 3",
    ],
  ],
  [
    "half a topic",
    { stream: { kafka: { existing: { clusterArn: "", topic: 3 }, partitions: 2 } } },
    [
      "stream.kafka.existing.bootstrapBrokers: is missing",
      "stream.kafka.existing.clientSecurityGroupIds: is missing",
      'stream.kafka.existing.clusterArn: "" must be the ARN',
      "stream.kafka.existing.topic: 3 must be",
      "stream.kafka.partitions: is no argument",
    ],
  ],
])("faults, with path and remedy: %s", (_, over, expected) => {
  const faults = ingestionFaults({ ...given, ...over } as IngestionArgs).map(
    ({ path, reason }) => `${path}: ${reason}`,
  );
  expect(faults.sort()).toEqual(expected.map((start) => expect.stringContaining(start)));
});

const graphOf = async (args: Partial<IngestionArgs>): Promise<Graph> => {
  const run = await runStack(async () => ({ contract: new Ingestion("cdp", { ...given, ...args }).contract }));
  return run.graph;
};
const statements = (graph: Graph, owner: string) =>
  (
    JSON.parse(String(graph.find("aws:iam/rolePolicy:RolePolicy", owner).inputs.policy)) as {
      Statement: { Sid?: string; Action: string[]; Resource: string[] }[];
    }
  ).Statement;

test("created: no Kinesis anywhere; collector in the network, processor and archive read the topic; the rules hold", async () => {
  const graph = await graphOf({});
  expect(ingestionFaults(given)).toEqual([]);
  expect(graph.byType("aws:kinesis/stream:Stream")).toEqual([]);
  const collector = graph.find("aws:lambda/function:Function", "cdp-collector").inputs as Record<string, unknown>;
  expect(collector.environment).toMatchObject({
    variables: { KAFKA_TOPIC: "events", KAFKA_BROKERS: expect.stringContaining(":9098") },
  });
  expect((collector.vpcConfig as { securityGroupIds: string[] }).securityGroupIds).toHaveLength(2);
  expect(JSON.stringify(statements(graph, "cdp-collector-produce-cdp-events"))).not.toContain("kinesis");
  expect(graph.find("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream", "cdp-archive").inputs).toMatchObject({
    mskSourceConfiguration: { topicName: "events", authenticationConfiguration: { connectivity: "PRIVATE" } },
  });
  expect(violations(graph)).toEqual([]);
  expect(graph.orphans()).toEqual([]);
}, 60_000);

test("adopted: nothing of MSK is made, and grants name the topic that exists", async () => {
  const graph = await graphOf({ stream: { kafka: { existing } } });
  expect(graph.types().filter((type) => type.startsWith("aws:msk/"))).toEqual([]);
  const topic = "arn:aws:kafka:us-east-1:000000000000:topic/shared/uuid-1/customer-events";
  expect(statements(graph, "cdp-collector-produce-cdp-events")).toEqual([
    { Effect: "Allow", Action: ["kafka-cluster:Connect"], Resource: [existing.clusterArn] },
    { Effect: "Allow", Action: ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"], Resource: [topic] },
  ]);
  expect(graph.find("aws:lambda/eventSourceMapping:EventSourceMapping", "cdp-processor-events").inputs).toMatchObject({
    eventSourceArn: existing.clusterArn,
    topics: ["customer-events"],
  });
  expect(violations(graph)).toEqual([]);
}, 60_000);

test.each(["collector-kafka", "webhook"])("bundle %s is at most 120 KiB, zipped", (name) => {
  const code = readFileSync(join(root, "packages/ingestion/dist/handlers", name, "index.mjs"));
  expect(deflateRawSync(code, { level: 9 }).length).toBeLessThanOrEqual(120 * 1024);
});
