import type * as iam from "@pulumi/aws/iam";
import * as lambda from "@pulumi/aws/lambda";
import * as pulumi from "@pulumi/pulumi";
import { alarm } from "./alarm";
import { validate } from "./faults";
import type { FoundationRef } from "./foundation";
import { tagsFor } from "./foundation";
import type { Grantee } from "./grants";
import { grantStatements } from "./grants";
import { kafkaArn } from "./kafka";
import type { Statement } from "./policy";
import type { BucketRef, EventStreamRef, KafkaTopicRef, QueueRef, TableRef } from "./refs";

/** How a function reads a Kinesis or DynamoDB stream. */
export interface ConsumeStreamArgs {
  /** Records in one invocation, at most. */
  readonly batchSize: number;
  /** Seconds to wait for a full batch. @default 1 */
  readonly windowSeconds?: number;
  /** Batches of one shard at a time (1 to 10); the order per partition key is kept. @default 1 */
  readonly parallelization?: number;
  /** Where records go that failed to the end. A bucket keeps them whole; a queue gets only where they were. */
  readonly onFailure: QueueRef | BucketRef;
  /** @default "TRIM_HORIZON": a new reader misses nothing */
  readonly startingPosition?: "TRIM_HORIZON" | "LATEST";
  /** Event patterns; a record that matches none is skipped. */
  readonly filter?: readonly object[];
  /** Finite, as a record that always fails would block its shard for ever. @default 50 */
  readonly maximumRetries?: number;
  /** Below the stream's retention, so that a record reaches `onFailure` before it expires. @default 79,200 (22 hours) */
  readonly maximumRecordAgeSeconds?: number;
}

/** How a function reads a topic of Kafka. */
export type ConsumeKafkaArgs = Omit<ConsumeStreamArgs, "parallelization" | "filter" | "onFailure"> & {
  /** A bucket: it keeps given-up records whole. */
  readonly onFailure: BucketRef;
  /** Event pollers, billed by the hour each: at least, and at most as traffic grows. @default { least: 1, most: 4 } */
  readonly pollers?: { readonly least: number; readonly most: number };
};

/** How a function reads a queue. */
export interface ConsumeQueueArgs {
  readonly batchSize: number;
  /** @default 0 */
  readonly windowSeconds?: number;
  /** Invocations at a time (2 to 1,000), to protect what the function calls; left out: no cap. */
  readonly maximumConcurrency?: number;
  readonly filter?: readonly object[];
}

/** What the mappings need of the function. */
export type Consumer = Grantee & {
  readonly module: string;
  readonly foundation: FoundationRef;
  readonly timeoutSeconds: number;
  readonly arn: pulumi.Output<string>;
  readonly name: pulumi.Output<string>;
};

const reportItemFailures = ["ReportBatchItemFailures"];

export function consumeKinesis(
  consumer: Consumer,
  name: string,
  stream: EventStreamRef,
  args: ConsumeStreamArgs,
): lambda.EventSourceMapping {
  return consumeOrdered(consumer, name, stream.arn, args, [
    {
      actions: [
        "kinesis:DescribeStream",
        "kinesis:DescribeStreamSummary",
        "kinesis:GetRecords",
        "kinesis:GetShardIterator",
        "kinesis:ListShards",
      ],
      resources: [stream.arn],
    },
    { actions: ["kms:Decrypt"], resources: [stream.keyArn] },
  ]);
}

export function consumeTable(
  consumer: Consumer,
  name: string,
  table: TableRef,
  args: ConsumeStreamArgs,
): lambda.EventSourceMapping {
  const { streamArn } = table;
  if (streamArn === undefined) {
    throw new Error(
      `Function "${consumer.grantName}" cannot consume "${name}": the table's ref has no streamArn. Make the table with a stream, or add its ARN to the ref.`,
    );
  }
  return consumeOrdered(consumer, name, streamArn, args, [
    {
      actions: ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
      resources: [streamArn],
    },
    // Asked for on the table's streams, not on one: a mapping is refused without it.
    { actions: ["dynamodb:ListStreams"], resources: [pulumi.interpolate`${table.arn}/stream/*`] },
    { actions: ["kms:Decrypt"], resources: [table.keyArn] },
  ]);
}

function consumeOrdered(
  consumer: Consumer,
  name: string,
  eventSourceArn: pulumi.Input<string>,
  args: ConsumeStreamArgs,
  read: readonly Statement[],
): lambda.EventSourceMapping {
  const policy = grantStatements(consumer, `consume-${name}`, [...read, ...failureStatements(args.onFailure)]);
  const mapping = new lambda.EventSourceMapping(
    `${consumer.grantName}-${name}`,
    {
      functionName: consumer.arn,
      eventSourceArn,
      startingPosition: args.startingPosition ?? "TRIM_HORIZON",
      batchSize: args.batchSize,
      maximumBatchingWindowInSeconds: args.windowSeconds ?? 1,
      parallelizationFactor: args.parallelization ?? 1,
      bisectBatchOnFunctionError: true,
      functionResponseTypes: reportItemFailures,
      maximumRetryAttempts: args.maximumRetries ?? 50,
      maximumRecordAgeInSeconds: args.maximumRecordAgeSeconds ?? 79_200,
      destinationConfig: { onFailure: { destinationArn: args.onFailure.arn } },
      ...filtered(args.filter, consumer.foundation),
      tags: tagsFor(consumer.foundation, consumer.module),
    },
    afterPolicy(consumer, policy),
  );
  alarm(
    `${consumer.grantName}-${name}-iterator-age`,
    {
      foundation: consumer.foundation,
      module: consumer.module,
      description: `Function ${consumer.grantName} is more than ten minutes behind ${name}.`,
      namespace: "AWS/Lambda",
      metric: "IteratorAge",
      dimensions: { FunctionName: consumer.name },
      statistic: "Maximum",
      above: 10 * 60 * 1000,
      periods: 5,
    },
    { parent: consumer },
  );
  return mapping;
}

/**
 * Reads a topic. In provisioned mode, as only there Kafka's mappings have retries that end, splitting and partial responses.
 * Source: "Configuring error handling controls for Kafka event sources" in the Lambda developer guide.
 */
export function consumeKafka(
  consumer: Consumer,
  name: string,
  topic: KafkaTopicRef,
  args: ConsumeKafkaArgs,
): lambda.EventSourceMapping {
  // A name of its own, so that permissions can name it before the mapping has an id.
  const group = pulumi.interpolate`${consumer.name}-${name}`;
  const pollers = args.pollers ?? { least: 1, most: 4 };
  const policy = grantStatements(consumer, `consume-${name}`, [
    {
      actions: [
        "kafka:DescribeCluster",
        "kafka:DescribeClusterV2",
        "kafka:GetBootstrapBrokers",
        "kafka-cluster:Connect",
        "kafka-cluster:DescribeClusterDynamicConfiguration",
      ],
      resources: [topic.clusterArn],
    },
    {
      actions: ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"],
      resources: [kafkaArn("topic", topic.clusterArn, topic.topic)],
    },
    {
      actions: ["kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"],
      resources: [kafkaArn("group", topic.clusterArn, group)],
    },
    {
      sid: "PollersInterfaces",
      actions: [
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeVpcs",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeSubnets",
        "ec2:DescribeSecurityGroups",
      ],
      resources: ["*"],
    },
    ...failureStatements(args.onFailure),
  ]);
  const mapping = new lambda.EventSourceMapping(
    `${consumer.grantName}-${name}`,
    {
      functionName: consumer.arn,
      eventSourceArn: topic.clusterArn,
      topics: [topic.topic],
      amazonManagedKafkaEventSourceConfig: { consumerGroupId: group },
      startingPosition: args.startingPosition ?? "TRIM_HORIZON",
      batchSize: args.batchSize,
      maximumBatchingWindowInSeconds: args.windowSeconds ?? 1,
      provisionedPollerConfig: { minimumPollers: pollers.least, maximumPollers: pollers.most },
      bisectBatchOnFunctionError: true,
      functionResponseTypes: reportItemFailures,
      maximumRetryAttempts: args.maximumRetries ?? 50,
      maximumRecordAgeInSeconds: args.maximumRecordAgeSeconds ?? 79_200,
      destinationConfig: { onFailure: { destinationArn: args.onFailure.arn } },
      tags: tagsFor(consumer.foundation, consumer.module),
    },
    { parent: consumer, dependsOn: [policy, ...(topic.ready ?? [])] },
  );
  alarm(
    `${consumer.grantName}-${name}-offset-lag`,
    {
      foundation: consumer.foundation,
      module: consumer.module,
      description: `Function ${consumer.grantName} is more than 100,000 records behind ${name}: see its errors and duration; more partitions and pollers read more at a time.`,
      namespace: "AWS/Lambda",
      metric: "MaxOffsetLag",
      dimensions: { FunctionName: consumer.name },
      statistic: "Maximum",
      above: 100_000,
      periods: 5,
    },
    { parent: consumer },
  );
  return mapping;
}

export function consumeQueue(
  consumer: Consumer,
  name: string,
  queue: QueueRef,
  args: ConsumeQueueArgs,
): lambda.EventSourceMapping {
  const visible = queue.visibilityTimeoutSeconds;
  validate(
    `Function "${consumer.grantName}"`,
    visible === undefined || visible >= 6 * consumer.timeoutSeconds
      ? []
      : [
          {
            path: "timeoutSeconds",
            reason: `${consumer.timeoutSeconds} s, but messages of "${name}" come back after ${visible} s, less than six times that: they would be handled twice. Make the queue with consumerTimeoutSeconds: ${consumer.timeoutSeconds}`,
          },
        ],
  );
  const policy = grantStatements(consumer, `consume-${name}`, [
    {
      actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"],
      resources: [queue.arn],
    },
    { actions: ["kms:Decrypt"], resources: [queue.keyArn] },
  ]);
  return new lambda.EventSourceMapping(
    `${consumer.grantName}-${name}`,
    {
      functionName: consumer.arn,
      eventSourceArn: queue.arn,
      batchSize: args.batchSize,
      maximumBatchingWindowInSeconds: args.windowSeconds ?? 0,
      functionResponseTypes: reportItemFailures,
      ...(args.maximumConcurrency === undefined
        ? {}
        : { scalingConfig: { maximumConcurrency: args.maximumConcurrency } }),
      ...filtered(args.filter, consumer.foundation),
      tags: tagsFor(consumer.foundation, consumer.module),
    },
    afterPolicy(consumer, policy),
  );
}

/** A mapping is refused while the role cannot read its source yet. */
function afterPolicy(consumer: Consumer, policy: iam.RolePolicy): pulumi.CustomResourceOptions {
  return { parent: consumer, dependsOn: [policy] };
}

function filtered(
  patterns: readonly object[] | undefined,
  foundation: FoundationRef,
): Pick<lambda.EventSourceMappingArgs, "filterCriteria" | "kmsKeyArn"> {
  if (patterns === undefined || patterns.length === 0) return {};
  return {
    filterCriteria: { filters: patterns.map((pattern) => ({ pattern: JSON.stringify(pattern) })) },
    kmsKeyArn: foundation.keyArn,
  };
}

function failureStatements(destination: QueueRef | BucketRef): Statement[] {
  const key: Statement = { actions: ["kms:GenerateDataKey", "kms:Decrypt"], resources: [destination.keyArn] };
  if ("url" in destination) return [{ actions: ["sqs:SendMessage"], resources: [destination.arn] }, key];
  return [
    { actions: ["s3:PutObject"], resources: [objectsOf(destination)] },
    // Lambda checks the bucket before it writes.
    { actions: ["s3:ListBucket"], resources: [destination.arn] },
    key,
  ];
}

/** Lambda writes failed batches under `aws/lambda/`. */
function objectsOf(bucket: BucketRef): pulumi.Output<string> {
  return pulumi.interpolate`${bucket.arn}/aws/lambda/*`;
}
