import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as iam from "@pulumi/aws/iam";
import * as kinesis from "@pulumi/aws/kinesis";
import type * as inputs from "@pulumi/aws/types/input";
import * as pulumi from "@pulumi/pulumi";
import {
  alarm,
  type FoundationRef,
  kafkaArn,
  type Place,
  policyDocument,
  type Statement,
  serviceRole,
  tagsFor,
} from "@tributary/core";
import type { RawZoneRef } from "../args";
import { ingestionDefaults } from "../defaults";
import { type Archiver, alarmFailures } from "./archiver";
import type { EventStream } from "./event-stream";

interface ArchiveArgs {
  readonly foundation: FoundationRef;
  readonly rawZone: RawZoneRef;
  readonly stream: EventStream;
  /** Left out: each delivery has a row. */
  readonly archiver: Archiver | undefined;
  readonly buffer: { readonly megabytes: number; readonly seconds: number };
  readonly place: Place;
  readonly module: string;
}

/** Folder of the raw zone that the archive writes to. */
const folder = "events/";
const errorFolder = "errors/events/";

/** The function as Firehose names it when it calls it. */
const calledArn = ({ archiver }: Archiver) => pulumi.interpolate`${archiver.arn}:$LATEST`;

/**
 * The archive: a delivery stream that writes everything on the event stream to the raw zone, each event once, as Parquet by
 * the columns of its Glue table, in folders by the day of arrival.
 */
export function makeArchive(
  name: string,
  args: ArchiveArgs,
  opts: pulumi.CustomResourceOptions,
): { readonly archive: kinesis.FirehoseDeliveryStream; readonly archiveRole: iam.Role } {
  const { foundation, rawZone, stream, buffer, place } = args;
  const tags = tagsFor(foundation, args.module, "personal");
  const logGroup = new cloudwatch.LogGroup(
    `${name}-archive`,
    {
      namePrefix: "/aws/kinesisfirehose/",
      kmsKeyId: foundation.keyArn,
      retentionInDays: foundation.logRetentionDays,
      tags: tagsFor(foundation, args.module),
    },
    opts,
  );
  const logStream = new cloudwatch.LogStream(
    `${name}-archive`,
    { logGroupName: logGroup.name, name: "delivery" },
    opts,
  );
  const archiveRole = serviceRole(
    `${name}-archive`,
    { service: "firehose.amazonaws.com", foundation, place, tags },
    opts,
  );
  const policy = new iam.RolePolicy(
    `${name}-archive`,
    { role: archiveRole.name, policy: policyDocument(statements(args, logGroup, logStream)) },
    opts,
  );
  const archive = new kinesis.FirehoseDeliveryStream(
    `${name}-archive`,
    {
      destination: "extended_s3",
      ...sourceOf(stream, archiveRole),
      // No `serverSideEncryption`: a delivery stream that reads a Kinesis stream has that one's.
      extendedS3Configuration: {
        roleArn: archiveRole.arn,
        bucketArn: rawZone.bucket.arn,
        prefix: `${folder}dt=!{timestamp:yyyy-MM-dd}/`,
        errorOutputPrefix: `${errorFolder}!{firehose:error-output-type}/dt=!{timestamp:yyyy-MM-dd}/`,
        bufferingSize: buffer.megabytes,
        bufferingInterval: buffer.seconds,
        compressionFormat: "UNCOMPRESSED",
        kmsKeyArn: rawZone.bucket.keyArn,
        cloudwatchLoggingOptions: { enabled: true, logGroupName: logGroup.name, logStreamName: logStream.name },
        ...processing(args.archiver),
        dataFormatConversionConfiguration: {
          enabled: true,
          inputFormatConfiguration: { deserializer: { openXJsonSerDe: {} } },
          outputFormatConfiguration: { serializer: { parquetSerDe: { compression: "SNAPPY" } } },
          schemaConfiguration: {
            databaseName: rawZone.database,
            tableName: rawZone.eventsTable,
            roleArn: archiveRole.arn,
            region: place.region,
            versionId: "LATEST",
          },
        },
      },
      tags,
    },
    pulumi.mergeOptions(opts, { dependsOn: [policy, ...(stream.kind === "kafka" ? (stream.topic.ready ?? []) : [])] }),
  );
  alarm(
    `${name}-archive-late`,
    {
      foundation,
      module: args.module,
      description: `The oldest event that is not yet in the raw zone is more than ${lateAfter(buffer.seconds) / 60} minutes old: see the log group of the archive and ${errorFolder} in the bucket.`,
      namespace: "AWS/Firehose",
      metric: "DeliveryToS3.DataFreshness",
      dimensions: { DeliveryStreamName: archive.name },
      statistic: "Maximum",
      above: lateAfter(buffer.seconds),
      periods: 3,
    },
    opts,
  );
  if (args.archiver)
    alarmFailures(name, { foundation, module: args.module, deliveryStream: archive.name, errorFolder }, opts);
  return { archive, archiveRole };
}

/**
 * The size of the function's batches (1 MB, 60 s) is Firehose's default, and left out: the provider sees a change in each
 * default that is spelt out. It keeps an answer far below Lambda's 6 MB, whatever the size of the records.
 */
function processing(
  archiver: Archiver | undefined,
): Pick<inputs.kinesis.FirehoseDeliveryStreamExtendedS3Configuration, "processingConfiguration"> {
  if (archiver === undefined) return {};
  const parameters = [
    { parameterName: "LambdaArn", parameterValue: calledArn(archiver) },
    { parameterName: "NumberOfRetries", parameterValue: String(ingestionDefaults.archiverRetries) },
  ];
  return { processingConfiguration: { enabled: true, processors: [{ type: "Lambda", parameters }] } };
}

function lateAfter(bufferSeconds: number): number {
  return bufferSeconds + 600;
}

function statements(
  { foundation, rawZone, stream, archiver, place }: ArchiveArgs,
  logGroup: cloudwatch.LogGroup,
  logStream: cloudwatch.LogStream,
) {
  const { bucket, database, eventsTable } = rawZone;
  const glue = (path: pulumi.Input<string>) =>
    pulumi.interpolate`arn:${place.partition}:glue:${place.region}:${place.accountId}:${path}`;
  return [
    ...readStatements(stream, foundation),
    ...(archiver === undefined
      ? []
      : [
          {
            sid: "Deduplicate",
            actions: ["lambda:InvokeFunction", "lambda:GetFunctionConfiguration"],
            resources: [calledArn(archiver)],
          },
        ]),
    {
      sid: "WriteFiles",
      actions: ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
      resources: [pulumi.interpolate`${bucket.arn}/${folder}*`, pulumi.interpolate`${bucket.arn}/${errorFolder}*`],
    },
    {
      sid: "FindBucket",
      actions: ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
      resources: [bucket.arn],
    },
    { sid: "FileKey", actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [bucket.keyArn] },
    {
      sid: "ReadColumns",
      actions: ["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"],
      resources: [
        glue("catalog"),
        glue(pulumi.interpolate`database/${database}`),
        glue(pulumi.interpolate`table/${database}/${eventsTable}`),
      ],
    },
    {
      sid: "Log",
      actions: ["logs:PutLogEvents"],
      resources: [pulumi.interpolate`${logGroup.arn}:log-stream:${logStream.name}`],
    },
  ];
}

function sourceOf(
  stream: EventStream,
  { arn: roleArn }: iam.Role,
): Pick<kinesis.FirehoseDeliveryStreamArgs, "kinesisSourceConfiguration" | "mskSourceConfiguration"> {
  if (stream.kind === "kinesis") return { kinesisSourceConfiguration: { kinesisStreamArn: stream.arn, roleArn } };
  const { clusterArn, topic } = stream.topic;
  const authenticationConfiguration = { connectivity: "PRIVATE", roleArn };
  return { mskSourceConfiguration: { mskClusterArn: clusterArn, topicName: topic, authenticationConfiguration } };
}

/** Source, of Kafka's: "Grant Firehose access to your private Amazon MSK cluster" in Firehose's developer guide. */
function readStatements(stream: EventStream, foundation: FoundationRef): Statement[] {
  if (stream.kind === "kinesis") {
    return [
      {
        sid: "ReadStream",
        actions: ["kinesis:DescribeStream", "kinesis:GetShardIterator", "kinesis:GetRecords", "kinesis:ListShards"],
        resources: [stream.arn],
      },
      { sid: "StreamKey", actions: ["kms:Decrypt"], resources: [foundation.keyArn] },
    ];
  }
  const { clusterArn } = stream.topic;
  return [
    {
      sid: "FindCluster",
      actions: [
        "kafka:GetBootstrapBrokers",
        "kafka:DescribeCluster",
        "kafka:DescribeClusterV2",
        "kafka-cluster:Connect",
      ],
      resources: [clusterArn],
    },
    {
      sid: "ReadTopic",
      actions: [
        "kafka-cluster:DescribeTopic",
        "kafka-cluster:DescribeTopicDynamicConfiguration",
        "kafka-cluster:ReadData",
      ],
      resources: [stream.arn],
    },
    // Firehose names its consumer groups itself.
    { sid: "Group", actions: ["kafka-cluster:DescribeGroup"], resources: [kafkaArn("group", clusterArn, "*")] },
  ];
}
