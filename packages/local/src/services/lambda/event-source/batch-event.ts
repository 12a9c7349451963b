import type { MappingConfig } from "./mapping-config";
import type { StreamItem } from "./stream-item";

type Source = Pick<MappingConfig, "kind" | "kafka">;

/**
 * The event of a batch. Of Kafka, records stand by topic and partition; AWS may put several partitions into one batch,
 * here each has batches of its own.
 */
export function batchEvent({ kafka }: Source, shardId: string, items: readonly StreamItem[]): string {
  const records = items.map(({ json }) => json).join(",");
  if (!kafka) return `{"Records":[${records}]}`;
  const frame = { eventSource: "aws:kafka", eventSourceArn: kafka.clusterArn, bootstrapServers: "127.0.0.1" };
  return `${JSON.stringify(frame).slice(0, -1)},"records":{${JSON.stringify(shardId)}:[${records}]}}`;
}

/**
 * Reads the identifiers of a partial response as sequence numbers. Of Kafka they are `{ partition: "topic-0", offset }`.
 * Source: `_collect_kafka_failures` of Powertools for AWS Lambda (Python) 3.37.
 */
export function itemIdentifier({ kafka }: Source, shardId: string): ((identifier: unknown) => unknown) | undefined {
  if (!kafka) return undefined;
  return (identifier) => {
    const { partition, offset } = (identifier ?? {}) as { partition?: unknown; offset?: unknown };
    return partition === shardId && typeof offset === "number" ? String(offset).padStart(16, "0") : undefined;
  };
}

/** How a failure destination is told which records were given up. */
export function batchInfo({ kind, kafka }: Source, info: Record<string, unknown>): Record<string, unknown> {
  if (kafka) return { KafkaBatchInfo: { batchSize: info.batchSize, eventSourceArn: kafka.clusterArn } };
  return { [kind === "kinesis" ? "KinesisBatchInfo" : "DDBStreamBatchInfo"]: info };
}
