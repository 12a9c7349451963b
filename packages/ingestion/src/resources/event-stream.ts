import type { ComponentResourceOptions, Output, Resource } from "@pulumi/pulumi";
import * as pulumi from "@pulumi/pulumi";
import { type FoundationRef, KafkaTopic, type KafkaTopicRef, kafkaArn, SecureStream } from "@tributary/core";
import { type KafkaStream, kafkaStreamDefaults } from "../kafka-args";
import type { ResolvedIngestion } from "../normalize";

/** Where collected events wait for the processor and the archive. */
export type EventStream =
  | { readonly kind: "kinesis"; readonly stream: SecureStream; readonly arn: Output<string>; readonly nodes: Nodes }
  | {
      readonly kind: "kafka";
      readonly topic: KafkaTopicRef;
      readonly pollers: { readonly least: number; readonly most: number };
      readonly arn: Output<string>;
      readonly nodes: Nodes;
    };
type Nodes = Readonly<Record<string, Resource>>;

/** The event stream: one of Kinesis, or a topic of Kafka where the arguments say so. */
export function makeEventStream(
  name: string,
  foundation: FoundationRef,
  resolved: ResolvedIngestion,
  opts: ComponentResourceOptions,
): EventStream {
  const { kafka, transform, onDelete } = resolved;
  const common = { foundation, dataClass: "personal", onDelete } as const;
  if (kafka !== undefined) return kafkaStream(`${name}-events`, kafka, { ...common, resolved }, opts);
  const stream = new SecureStream(
    `${name}-events`,
    {
      ...common,
      capacity: resolved.capacity,
      retentionHours: resolved.streamRetentionHours,
      ...(transform.stream ? { transform: transform.stream } : {}),
    },
    opts,
  );
  return { kind: "kinesis", stream, arn: stream.arn, nodes: { stream: stream.stream } };
}

function kafkaStream(
  name: string,
  kafka: KafkaStream,
  args: {
    readonly foundation: FoundationRef;
    readonly dataClass: "personal";
    readonly onDelete: ResolvedIngestion["onDelete"];
    readonly resolved: ResolvedIngestion;
  },
  opts: ComponentResourceOptions,
): EventStream {
  const pollers = kafka.pollers ?? kafkaStreamDefaults.pollers;
  const stream = (topic: KafkaTopicRef, nodes: Nodes): EventStream => ({
    kind: "kafka",
    topic,
    pollers,
    arn: pulumi.output(kafkaArn("topic", topic.clusterArn, topic.topic)),
    nodes,
  });
  if ("existing" in kafka) return stream({ label: name, ...kafka.existing }, {});
  const { network } = args.foundation;
  if (network === undefined) throw new Error("a foundation without a network: its check comes first");
  const made = new KafkaTopic(
    name,
    {
      foundation: args.foundation,
      dataClass: args.dataClass,
      onDelete: args.onDelete,
      network,
      cluster: kafka.create,
      partitions: kafka.partitions ?? kafkaStreamDefaults.partitions,
      retentionHours: args.resolved.streamRetentionHours,
    },
    opts,
  );
  return stream(made.ref, { cluster: made.cluster, topic: made.topic });
}
