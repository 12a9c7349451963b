import { runStack } from "@tributary/testing";
import {
  grantKafkaProduce,
  type KafkaCluster,
  KafkaTopic,
  type LambdaFunction,
  SecureBucket,
  TributaryComponent,
} from "../src";
import { foundation, functionOf } from "./support";
import { policies, violations } from "./well-architected";

const network = { vpcId: "vpc-1", subnetIds: ["subnet-1", "subnet-2"], securityGroupIds: ["sg-functions"] };
const networked = { ...foundation, network };

class Whole extends TributaryComponent {
  constructor(name: string, cluster: KafkaCluster) {
    super("Whole", name);
    const child = this.child();
    const common = { foundation: networked, dataClass: "personal" } as const;
    const bucket = new SecureBucket(`${name}-failures`, common, child);
    const topic = new KafkaTopic(name, { ...common, network, cluster, partitions: 6, retentionHours: 72 }, child);
    const sender = functionOf(
      `${name}-sender`,
      { foundation: networked, calls: ["kafka"], securityGroupIds: topic.ref.clientSecurityGroupIds },
      child,
    );
    grantKafkaProduce(sender, topic.ref);
    const reader: LambdaFunction = functionOf(
      `${name}-reader`,
      { foundation: networked, calls: ["dynamodb", "s3"] },
      child,
    );
    reader.consumeKafka("events", topic.ref, { batchSize: 500, onFailure: bucket.ref });
  }
}

const graphOf = async (cluster: KafkaCluster) => {
  const { graph } = await runStack(async () => {
    new Whole("k", cluster);
    return {};
  });
  return graph;
};

test("serverless: IAM logins only, brokers that those who produce and Lambda's pollers reach, on one port", async () => {
  const graph = await graphOf("serverless");
  expect(graph.find("aws:msk/serverlessCluster:ServerlessCluster", "k").inputs).toMatchObject({
    clientAuthentication: { sasl: { iam: { enabled: true } } },
    vpcConfigs: [{ subnetIds: network.subnetIds }],
  });
  const { configs, ...topic } = graph.find("aws:msk/topic:Topic", "k").inputs;
  expect(topic).toMatchObject({ partitionCount: 6, replicationFactor: 3, name: "events" });
  expect(JSON.parse(String(configs))).toEqual({
    "retention.ms": "259200000",
    "max.message.bytes": "1114112",
    "min.insync.replicas": "2",
  });
  const ingress = graph.byType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule");
  expect(ingress.map(({ name, inputs }) => [name, inputs.fromPort, inputs.toPort, inputs.cidrIpv4]).sort()).toEqual([
    ["k-clients", 9098, 9098, undefined],
    ["k-pollers", 9098, 9098, undefined],
  ]);
  const groups = graph.find("aws:lambda/function:Function", "k-sender").inputs.vpcConfig as {
    securityGroupIds: string[];
  };
  expect(groups.securityGroupIds).toEqual([
    "sg-functions",
    graph.find("aws:ec2/securityGroup:SecurityGroup", "k-clients").id,
  ]);
});

test("provisioned: the customer's key, TLS to clients and between brokers, nobody unauthenticated, logs that expire (S22)", async () => {
  const graph = await graphOf({ brokers: 3, volumeGib: 50 });
  expect(graph.find("aws:msk/cluster:Cluster", "k").inputs).toMatchObject({
    numberOfBrokerNodes: 3,
    clientAuthentication: { sasl: { iam: true, scram: false }, unauthenticated: false },
    encryptionInfo: {
      encryptionAtRestKmsKeyArn: foundation.keyArn,
      encryptionInTransit: { clientBroker: "TLS", inCluster: true },
    },
    loggingInfo: { brokerLogs: { cloudwatchLogs: { enabled: true } } },
  });
  expect(graph.find("aws:cloudwatch/metricAlarm:MetricAlarm", "k-disk").inputs).toMatchObject({ threshold: 80 });
});

test("the mapping is provisioned, where retries end and batches are split; permissions name cluster, topic and group", async () => {
  const graph = await graphOf("serverless");
  expect(graph.find("aws:lambda/eventSourceMapping:EventSourceMapping", "k-reader-events").inputs).toMatchObject({
    topics: ["events"],
    provisionedPollerConfig: { minimumPollers: 1, maximumPollers: 4 },
    bisectBatchOnFunctionError: true,
    functionResponseTypes: ["ReportBatchItemFailures"],
    maximumRetryAttempts: 50,
    destinationConfig: { onFailure: { destinationArn: expect.stringContaining(":s3:::") } },
  });
  const allowed = (owner: string) =>
    policies(graph)
      .filter(({ owner: { name } }) => name === owner)
      .flatMap(({ statements }) =>
        statements.flatMap(({ Action, Resource }) => (Action as string[]).map((action) => [action, Resource])),
      )
      .filter(([action]) => String(action).startsWith("kafka"));
  const arn = (kind: string, rest: string) => [expect.stringMatching(new RegExp(`:kafka:.*:${kind}/.*${rest}$`))];
  expect(allowed("k-sender-produce-k")).toEqual([
    ["kafka-cluster:Connect", arn("cluster", "")],
    ["kafka-cluster:DescribeTopic", arn("topic", "/events")],
    ["kafka-cluster:WriteData", arn("topic", "/events")],
  ]);
  expect(allowed("k-reader-consume-events").map(([action]) => action)).toEqual([
    "kafka:DescribeCluster",
    "kafka:DescribeClusterV2",
    "kafka:GetBootstrapBrokers",
    "kafka-cluster:Connect",
    "kafka-cluster:DescribeClusterDynamicConfiguration",
    "kafka-cluster:DescribeTopic",
    "kafka-cluster:ReadData",
    "kafka-cluster:DescribeGroup",
    "kafka-cluster:AlterGroup",
  ]);
});

test.each<KafkaCluster>(["serverless", {}])("the rules of Well-Architected hold: %j", async (cluster) => {
  expect(violations(await graphOf(cluster))).toEqual([]);
});
