import type { MSKEvent } from "aws-lambda";
import type { BatchOptions, Disposition, KinesisRecord } from "./disposition";

/** Where Lambda goes on in a partition. Not in `@types/aws-lambda` yet. */
export interface KafkaBatchResponse {
  readonly batchItemFailures: readonly {
    readonly itemIdentifier: { readonly partition: string; readonly offset: number };
  }[];
}

/**
 * Runs a handler of a Kinesis batch over one of Kafka: a partition stands for a shard, an offset for a sequence number. The
 * first failure of each partition is answered; the mapping must have `ReportBatchItemFailures` (and so be provisioned).
 */
export async function handleKafka(
  event: MSKEvent,
  handle: (records: readonly KinesisRecord[]) => Promise<readonly Disposition[]>,
  options: BatchOptions = {},
): Promise<KafkaBatchResponse> {
  const records = Object.entries(event.records).flatMap(([partition, messages]) =>
    messages.map((message) => ({
      partition,
      offset: message.offset,
      record: {
        shardId: partition,
        sequenceNumber: String(message.offset),
        partitionKey: Buffer.from(message.key ?? "", "base64").toString("utf8"),
        // A message without a value (a tombstone) is one that nobody here wrote.
        data: Buffer.from(message.value ?? "", "base64"),
        arrivedAt: message.timestamp,
      },
    })),
  );
  const dispositions = await handle(records.map(({ record }) => record));
  if (dispositions.length !== records.length) {
    throw new Error(`a batch of ${records.length} records got ${dispositions.length} dispositions`);
  }
  const first = new Map<string, number>();
  dispositions.forEach((disposition, index) => {
    const at = records[index];
    if (disposition.kind === "ok" || at === undefined) return;
    options.onFailure?.(`${at.partition}:${at.offset}`, disposition);
    first.set(at.partition, Math.min(first.get(at.partition) ?? at.offset, at.offset));
  });
  return {
    batchItemFailures: [...first].map(([partition, offset]) => ({ itemIdentifier: { partition, offset } })),
  };
}
