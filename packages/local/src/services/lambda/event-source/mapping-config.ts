import { z } from "zod";
import { AwsError, NotSupportedLocally, parseArn } from "../../../kernel";
import { topicArn } from "../../msk";
import { functionNameOf } from "../function-config";
import { compileFilters, type RecordFilter } from "./filters";

const inputs = z.object({
  eventSourceArn: z.string().optional(),
  functionName: z.string(),
  enabled: z.boolean().default(true),
  batchSize: z.number().int().min(1).max(10_000).optional(),
  maximumBatchingWindowInSeconds: z.number().min(0).max(300).optional(),
  parallelizationFactor: z.number().int().min(1).max(10).optional(),
  startingPosition: z.enum(["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"]).optional(),
  startingPositionTimestamp: z.string().optional(),
  bisectBatchOnFunctionError: z.boolean().default(false),
  maximumRetryAttempts: z.number().int().min(-1).max(10_000).default(-1),
  maximumRecordAgeInSeconds: z.number().int().min(-1).max(604_800).default(-1),
  tumblingWindowInSeconds: z.number().optional(),
  functionResponseTypes: z.array(z.literal("ReportBatchItemFailures")).default([]),
  filterCriteria: z.object({ filters: z.array(z.object({ pattern: z.string().optional() })).default([]) }).optional(),
  destinationConfig: z.object({ onFailure: z.object({ destinationArn: z.string() }).optional() }).optional(),
  topics: z.array(z.string()).optional(),
  amazonManagedKafkaEventSourceConfig: z.object({ consumerGroupId: z.string().optional() }).optional(),
  provisionedPollerConfig: z
    .object({ minimumPollers: z.number().optional(), maximumPollers: z.number().optional() })
    .optional(),
  scalingConfig: z.object({ maximumConcurrency: z.number().int().min(2).max(1000).optional() }).optional(),
});

/** An event source mapping, read and checked once. Times are in milliseconds; -1 of AWS's arguments is undefined. */
export interface MappingConfig {
  readonly uuid: string;
  readonly kind: "kinesis" | "dynamodb" | "sqs" | "kafka";
  /** What is read: of Kafka the topic, not its cluster. */
  readonly sourceArn: string;
  readonly functionName: string;
  readonly enabled: boolean;
  readonly batchSize: number;
  readonly windowMs: number;
  readonly parallelizationFactor: number;
  readonly startingPosition: "TRIM_HORIZON" | "LATEST" | "AT_TIMESTAMP";
  readonly startingTimestamp: number | undefined;
  readonly bisect: boolean;
  readonly maximumRetries: number | undefined;
  readonly maximumAgeMs: number | undefined;
  readonly reportsItemFailures: boolean;
  readonly filter: RecordFilter | undefined;
  readonly onFailureArn: string | undefined;
  readonly maximumConcurrency: number | undefined;
  /** Of a Kafka source. */
  readonly kafka: { readonly clusterArn: string; readonly group: string } | undefined;
}

function invalid(message: string): AwsError {
  return new AwsError("InvalidParameterValueException", message);
}

/**
 * Reads a mapping's arguments with AWS's ranges and defaults.
 * @throws AwsError `InvalidParameterValueException` for values that AWS refuses; NotSupportedLocally for other sources
 */
export function parseMapping(uuid: string, resourceInputs: Record<string, unknown>): MappingConfig {
  const parsed = inputs.safeParse(resourceInputs);
  if (!parsed.success) {
    throw invalid(parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; "));
  }
  const value = parsed.data;
  const source = parseArn(value.eventSourceArn ?? "");
  const kind = source?.service;
  if (!value.eventSourceArn || (kind !== "kinesis" && kind !== "dynamodb" && kind !== "sqs" && kind !== "kafka")) {
    throw new NotSupportedLocally(
      `event source mapping of ${value.eventSourceArn ?? "a self-managed source"}`,
      "Kinesis, DynamoDB streams, SQS queues and MSK topics work here.",
    );
  }
  if (value.tumblingWindowInSeconds) throw new NotSupportedLocally("event source mapping with a tumbling window");
  if (kind === "kafka") checkKafka(value);
  const queue = kind === "sqs";
  const windowMs = (value.maximumBatchingWindowInSeconds ?? 0) * 1000;
  const batchSize = value.batchSize ?? (queue ? 10 : 100);
  if (queue) checkQueue(value, value.eventSourceArn, batchSize, windowMs);
  else if (!value.startingPosition) throw invalid("startingPosition is required for a stream");
  if (value.startingPosition === "AT_TIMESTAMP" && !value.startingPositionTimestamp) {
    throw invalid("startingPositionTimestamp is required with AT_TIMESTAMP");
  }
  const unlimited = (limit: number) => (limit < 0 ? undefined : limit);
  const age = unlimited(value.maximumRecordAgeInSeconds);
  return {
    uuid,
    kind,
    sourceArn: kind === "kafka" ? topicArn(value.eventSourceArn, value.topics?.[0] ?? "") : value.eventSourceArn,
    functionName: functionNameOf(value.functionName),
    enabled: value.enabled,
    batchSize,
    windowMs,
    parallelizationFactor: value.parallelizationFactor ?? 1,
    startingPosition: value.startingPosition ?? "TRIM_HORIZON",
    startingTimestamp: value.startingPositionTimestamp ? Date.parse(value.startingPositionTimestamp) : undefined,
    bisect: value.bisectBatchOnFunctionError,
    maximumRetries: unlimited(value.maximumRetryAttempts),
    maximumAgeMs: age === undefined ? undefined : age * 1000,
    reportsItemFailures: value.functionResponseTypes.length > 0,
    filter:
      kind === "kafka"
        ? undefined
        : compileFilters(
            kind,
            (value.filterCriteria?.filters ?? []).flatMap(({ pattern }) => (pattern ? [pattern] : [])),
          ),
    onFailureArn: value.destinationConfig?.onFailure?.destinationArn,
    maximumConcurrency: value.scalingConfig?.maximumConcurrency,
    kafka:
      kind === "kafka"
        ? {
            clusterArn: value.eventSourceArn,
            group: value.amazonManagedKafkaEventSourceConfig?.consumerGroupId ?? uuid,
          }
        : undefined,
  };
}

/** Source: "Configuring error handling controls for Kafka event sources" in the Lambda developer guide. */
function checkKafka(value: z.infer<typeof inputs>): void {
  if (value.topics?.length !== 1) throw invalid("topics must name one topic of the cluster");
  if (value.parallelizationFactor !== undefined)
    throw invalid("parallelizationFactor is not for Kafka: use partitions");
  const controls =
    value.bisectBatchOnFunctionError ||
    value.functionResponseTypes.length > 0 ||
    value.maximumRetryAttempts >= 0 ||
    value.maximumRecordAgeInSeconds >= 0;
  if (controls && value.provisionedPollerConfig === undefined) {
    throw invalid("retry attempts, record age, splitting and partial responses of Kafka need provisionedPollerConfig");
  }
  if ((value.filterCriteria?.filters.length ?? 0) > 0) {
    throw new NotSupportedLocally("event source mapping of Kafka with a filter", "Filter in the function.");
  }
}

function checkQueue(value: z.infer<typeof inputs>, queueArn: string, batchSize: number, windowMs: number): void {
  const fifo = queueArn.endsWith(".fifo");
  if (batchSize > 10 && fifo) throw invalid("Batch size of a FIFO queue must be 10 or less.");
  if (batchSize > 10 && windowMs < 1000) {
    throw invalid("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10");
  }
  if (fifo && windowMs > 0) throw invalid("Batching window is not supported for FIFO queues");
  if (value.startingPosition) throw invalid("startingPosition is not supported for SQS event sources");
  if (value.destinationConfig?.onFailure) {
    throw invalid("An on-failure destination is not supported for SQS event sources: use the queue's redrive policy");
  }
}
