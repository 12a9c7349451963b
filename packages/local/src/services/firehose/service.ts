import { z } from "zod";
import { AwsError, arn, type Kernel, type RequiredPermission } from "../../kernel";
import { type Operation, operation, perKernel } from "../support";
import type { DeliveryStream } from "./delivery-stream";
import type { DirectSource } from "./source";

/** Delivery streams that work now, by name. */
export const deliveryStreamsOf = perKernel(() => new Map<string, DeliveryStream>());

const record = z.object({ Data: z.instanceof(Uint8Array) });
const maxRecordBytes = 1000 * 1024;
const maxBatchBytes = 4 * 2 ** 20;

/** The Firehose API. */
export function firehoseOperations(kernel: Kernel): Record<string, Operation> {
  const streams = deliveryStreamsOf(kernel);
  const needs = (action: string, name: string): RequiredPermission[] => [
    { action: `firehose:${action}`, resource: arn(kernel.place, "firehose", `deliverystream/${name}`) },
  ];
  const require = (name: string): DeliveryStream => {
    const stream = streams.get(name);
    if (stream) return stream;
    const message = `Firehose ${name} under account ${kernel.place.accountId} not found.`;
    throw new AwsError("ResourceNotFoundException", message);
  };
  const directOf = (name: string): DirectSource => {
    const { direct } = require(name);
    if (direct) return direct;
    throw new AwsError(
      "InvalidArgumentException",
      "This operation is not permitted on KinesisStreamAsSource delivery stream type.",
    );
  };
  const append = async (name: string, records: readonly Uint8Array[]): Promise<string[]> => {
    const direct = directOf(name);
    if (records.some((data) => data.byteLength > maxRecordBytes)) {
      throw new AwsError("InvalidArgumentException", `A record is larger than ${maxRecordBytes} bytes.`);
    }
    await direct.append(records);
    return records.map(() => crypto.randomUUID());
  };
  return {
    PutRecord: operation(
      z.object({ DeliveryStreamName: z.string(), Record: record }),
      ({ DeliveryStreamName }) => needs("PutRecord", DeliveryStreamName),
      async ({ DeliveryStreamName, Record }) => {
        const [RecordId] = await append(DeliveryStreamName, [Record.Data]);
        return { RecordId, Encrypted: false };
      },
    ),
    PutRecordBatch: operation(
      z.object({ DeliveryStreamName: z.string(), Records: z.array(record).min(1).max(500) }),
      ({ DeliveryStreamName }) => needs("PutRecordBatch", DeliveryStreamName),
      async ({ DeliveryStreamName, Records }) => {
        if (Records.reduce((sum, { Data }) => sum + Data.byteLength, 0) > maxBatchBytes) {
          throw new AwsError(
            "InvalidArgumentException",
            `The records are larger than ${maxBatchBytes} bytes together.`,
          );
        }
        const ids = await append(
          DeliveryStreamName,
          Records.map(({ Data }) => Data),
        );
        return { FailedPutCount: 0, Encrypted: false, RequestResponses: ids.map((RecordId) => ({ RecordId })) };
      },
    ),
    DescribeDeliveryStream: operation(
      z.object({
        DeliveryStreamName: z.string(),
        Limit: z.number().optional(),
        ExclusiveStartDestinationId: z.string().optional(),
      }),
      ({ DeliveryStreamName }) => needs("DescribeDeliveryStream", DeliveryStreamName),
      ({ DeliveryStreamName }) => {
        const { name, arn: streamArn, config } = require(DeliveryStreamName);
        return {
          DeliveryStreamDescription: {
            DeliveryStreamName: name,
            DeliveryStreamARN: streamArn,
            DeliveryStreamStatus: "ACTIVE",
            DeliveryStreamType: config.source ? "KinesisStreamAsSource" : "DirectPut",
            VersionId: "1",
            HasMoreDestinations: false,
            Destinations: [
              {
                DestinationId: "destinationId-000000000001",
                ExtendedS3DestinationDescription: {
                  RoleARN: config.roleArn,
                  BucketARN: `arn:aws:s3:::${config.bucket}`,
                  Prefix: config.prefix,
                  ErrorOutputPrefix: config.errorPrefix,
                  BufferingHints: {
                    SizeInMBs: config.bufferBytes / 2 ** 20,
                    IntervalInSeconds: config.bufferMs / 1000,
                  },
                  CompressionFormat: config.gzip ? "GZIP" : "UNCOMPRESSED",
                },
              },
            ],
          },
        };
      },
    ),
    ListDeliveryStreams: operation(
      z.object({
        Limit: z.number().int().min(1).max(10_000).default(10),
        DeliveryStreamType: z.enum(["DirectPut", "KinesisStreamAsSource"]).optional(),
        ExclusiveStartDeliveryStreamName: z.string().default(""),
      }),
      () => [{ action: "firehose:ListDeliveryStreams", resource: "*" }],
      ({ Limit, DeliveryStreamType, ExclusiveStartDeliveryStreamName }) => {
        const all = [...streams.values()]
          .filter(({ config }) => {
            const type = config.source ? "KinesisStreamAsSource" : "DirectPut";
            return DeliveryStreamType === undefined || DeliveryStreamType === type;
          })
          .map(({ name }) => name)
          .filter((name) => name > ExclusiveStartDeliveryStreamName)
          .sort();
        return { DeliveryStreamNames: all.slice(0, Limit), HasMoreDeliveryStreams: all.length > Limit };
      },
    ),
  };
}
