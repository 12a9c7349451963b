import type { Input } from "@pulumi/pulumi";
import {
  type Fault,
  inputListFaults,
  inputTextFaults,
  isRecord,
  type KafkaCluster,
  kafkaDefaults,
  objectFaults,
  quoted,
  unknownFaults,
} from "@tributary/core";

/** A topic of Kafka in place of a Kinesis stream, on Amazon MSK with logins by IAM. Bills by the hour. */
export type KafkaStream =
  | {
      /** A cluster and a topic of ours: `"serverless"`, or brokers of a size. */
      readonly create: KafkaCluster;
      /** Of the topic, 1 to 1,000; can only grow. @default 6 */
      readonly partitions?: number;
      /** Lambda's event pollers, billed by the hour each. @default { least: 1, most: 4 } */
      readonly pollers?: { readonly least: number; readonly most: number };
    }
  | {
      /** A topic that exists. Its cluster's policy must let Firehose connect (docs/sources/msk.md). */
      readonly existing: {
        readonly clusterArn: Input<string>;
        readonly topic: Input<string>;
        /** `host:9098` of some brokers, with commas between. */
        readonly bootstrapBrokers: Input<string>;
        /** Security groups that the brokers let in on port 9098. */
        readonly clientSecurityGroupIds: readonly Input<string>[];
      };
      readonly pollers?: { readonly least: number; readonly most: number };
    };

export const kafkaStreamDefaults = Object.freeze({ partitions: 6, pollers: Object.freeze({ least: 1, most: 4 }) });

/** Every fault of `stream`, and of what does not go with it. */
export function kafkaFaults(args: Readonly<Record<string, unknown>>): Fault[] {
  const { stream, foundation, capacity, sources, processing } = args;
  if (stream === undefined) return [];
  const example = '{ kafka: { create: "serverless" } }';
  return objectFaults("stream", stream, example, (given) => [
    ...unknownFaults("stream.", given, ["kafka"]),
    ...objectFaults("stream.kafka", given.kafka, '{ create: "serverless" }', streamFaults),
    ...(isRecord(foundation) && foundation.network === undefined
      ? [
          {
            path: "stream.kafka",
            reason: "brokers stand in a network, and the foundation has none; give Governance the argument network",
          },
        ]
      : []),
    ...(capacity === undefined
      ? []
      : [{ path: "capacity", reason: "is of Kinesis, and stream.kafka is given; leave one of them out" }]),
    ...(isRecord(processing) && processing.parallelization !== undefined
      ? [{ path: "processing.parallelization", reason: "is of Kinesis; with stream.kafka give partitions and pollers" }]
      : []),
    ...(isRecord(sources) ? Object.entries(sources) : [])
      .filter(([, source]) => isRecord(source) && source.kind !== "http")
      .map(([id, source]) => ({
        path: `sources.${id}`,
        reason: `${String((source as { kind?: unknown }).kind)} sources write to Kinesis, and stream.kafka is given; put them into an Ingestion of their own without it`,
      })),
  ]);
}

function streamFaults(kafka: Record<string, unknown>): Fault[] {
  const path = "stream.kafka";
  const { create, existing, partitions, pollers } = kafka;
  if ((create === undefined) === (existing === undefined)) {
    return [{ path, reason: "must have one of `create` and `existing`" }];
  }
  return [
    ...unknownFaults(
      `${path}.`,
      kafka,
      create === undefined ? ["existing", "pollers"] : ["create", "partitions", "pollers"],
    ),
    ...wholeFaults(`${path}.partitions`, partitions, 1, 1000),
    ...(pollers === undefined ? [] : objectFaults(`${path}.pollers`, pollers, "{ least: 1, most: 4 }", pollersFaults)),
    ...(create === undefined ? existingFaults(`${path}.existing`, existing) : clusterFaults(`${path}.create`, create)),
  ];
}

function pollersFaults(pollers: Record<string, unknown>): Fault[] {
  const { least, most } = pollers;
  const path = "stream.kafka.pollers";
  return [
    ...unknownFaults(`${path}.`, pollers, ["least", "most"]),
    ...wholeFaults(`${path}.least`, least ?? Number.NaN, 1, 200),
    ...wholeFaults(`${path}.most`, most ?? Number.NaN, typeof least === "number" ? least : 1, 2000),
  ];
}

function existingFaults(path: string, existing: unknown): Fault[] {
  const example = "{ clusterArn, topic, bootstrapBrokers, clientSecurityGroupIds }";
  return objectFaults(path, existing, example, (given) => [
    ...unknownFaults(`${path}.`, given, ["clusterArn", "topic", "bootstrapBrokers", "clientSecurityGroupIds"]),
    ...inputTextFaults(`${path}.clusterArn`, given.clusterArn, "the ARN of an MSK cluster"),
    ...inputTextFaults(`${path}.topic`, given.topic, "the name of its topic"),
    ...inputTextFaults(`${path}.bootstrapBrokers`, given.bootstrapBrokers, "the cluster's bootstrapBrokersSaslIam"),
    ...(given.clientSecurityGroupIds === undefined
      ? [{ path: `${path}.clientSecurityGroupIds`, reason: "is missing; give the groups that the brokers let in" }]
      : inputListFaults(`${path}.clientSecurityGroupIds`, given.clientSecurityGroupIds, "security groups' ids")),
  ]);
}

function clusterFaults(path: string, cluster: unknown): Fault[] {
  if (cluster === "serverless") return [];
  if (!isRecord(cluster)) {
    return [{ path, reason: `${quoted(cluster)} must be "serverless" or { brokers: 2, instanceType, volumeGib }` }];
  }
  const { instanceType, kafkaVersion } = cluster;
  return [
    ...unknownFaults(`${path}.`, cluster, Object.keys(kafkaDefaults)),
    ...wholeFaults(`${path}.brokers`, cluster.brokers, 2, 30),
    ...wholeFaults(`${path}.volumeGib`, cluster.volumeGib, 1, 16_384),
    ...(instanceType === undefined || (typeof instanceType === "string" && /^kafka\.(?!t3)\w+\.\w+$/.test(instanceType))
      ? []
      : [
          {
            path: `${path}.instanceType`,
            reason: `${quoted(instanceType)} must be a size such as "kafka.m7g.large"; not of t3, which Firehose cannot connect to`,
          },
        ]),
    ...(kafkaVersion === undefined || (typeof kafkaVersion === "string" && kafkaVersion !== "")
      ? []
      : [{ path: `${path}.kafkaVersion`, reason: `${quoted(kafkaVersion)} must be a version such as "3.9.x"` }]),
  ];
}

function wholeFaults(path: string, value: unknown, least: number, most: number): Fault[] {
  if (value === undefined) return [];
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return [];
  return [{ path, reason: `${quoted(value)} must be a whole number from ${least} to ${most}` }];
}
