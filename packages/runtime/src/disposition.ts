import type {
  DynamoDBBatchResponse,
  DynamoDBRecord,
  DynamoDBStreamEvent,
  KinesisStreamBatchResponse,
  KinesisStreamEvent,
  SQSBatchResponse,
  SQSEvent,
  SQSRecord,
} from "aws-lambda";

/**
 * What became of one record. `ok`: applied, ignored as a duplicate or safe in quarantine. `retry`: not now (throttled,
 * a store was away). `poison`: never (what a handler cannot quarantine by itself); the event source mapping isolates it
 * by bisecting and hands it to its failure destination.
 */
export type Disposition =
  | { readonly kind: "ok" }
  | { readonly kind: "retry"; readonly reason: string }
  | { readonly kind: "poison"; readonly reason: string; readonly detail: string };

export const ok: Disposition = Object.freeze({ kind: "ok" });
export const retry = (reason: string): Disposition => ({ kind: "retry", reason });
export const poison = (reason: string, detail: string): Disposition => ({ kind: "poison", reason, detail });

/** A record of a Kinesis batch. */
export interface KinesisRecord {
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  readonly data: Buffer;
  /** Epoch milliseconds. */
  readonly arrivedAt: number;
}

export interface BatchOptions {
  /** Told of every record that was not `ok`, before the response is made: for logs and metrics, never of payloads. */
  readonly onFailure?: (id: string, disposition: Exclude<Disposition, { kind: "ok" }>) => void;
}

function failures(ids: readonly string[], dispositions: readonly Disposition[], options: BatchOptions): string[] {
  if (ids.length !== dispositions.length) {
    throw new Error(`a batch of ${ids.length} records got ${dispositions.length} dispositions`);
  }
  const failed: string[] = [];
  dispositions.forEach((disposition, index) => {
    const id = ids[index];
    if (disposition.kind === "ok" || id === undefined) return;
    options.onFailure?.(id, disposition);
    failed.push(id);
  });
  return failed;
}

/** An ordered source checkpoints at the lowest failed sequence number: the first failure is all that it needs. */
function ordered(failed: readonly string[]): { batchItemFailures: { itemIdentifier: string }[] } {
  return { batchItemFailures: failed.slice(0, 1).map((itemIdentifier) => ({ itemIdentifier })) };
}

/** Runs a handler over a Kinesis batch. The handler answers one disposition per record, in order; a throw fails the batch. */
export async function handleKinesis(
  event: KinesisStreamEvent,
  handle: (records: readonly KinesisRecord[]) => Promise<readonly Disposition[]>,
  options: BatchOptions = {},
): Promise<KinesisStreamBatchResponse> {
  const records = event.Records.map((record): KinesisRecord => {
    const { sequenceNumber, partitionKey, data, approximateArrivalTimestamp } = record.kinesis;
    return {
      shardId: record.eventID.split(":")[0] ?? "",
      sequenceNumber,
      partitionKey,
      data: Buffer.from(data, "base64"),
      arrivedAt: Math.round(approximateArrivalTimestamp * 1000),
    };
  });
  const dispositions = await handle(records);
  return ordered(
    failures(
      records.map((record) => record.sequenceNumber),
      dispositions,
      options,
    ),
  );
}

/** Runs a handler over a batch of a DynamoDB stream; as `handleKinesis`. */
export async function handleDynamoDb(
  event: DynamoDBStreamEvent,
  handle: (records: readonly DynamoDBRecord[]) => Promise<readonly Disposition[]>,
  options: BatchOptions = {},
): Promise<DynamoDBBatchResponse> {
  const dispositions = await handle(event.Records);
  const ids = event.Records.map((record) => record.dynamodb?.SequenceNumber ?? "");
  return ordered(failures(ids, dispositions, options));
}

/** Runs a handler over an SQS batch: every failed message comes back on its own, poison goes the way of its redrive policy. */
export async function handleSqs(
  event: SQSEvent,
  handle: (records: readonly SQSRecord[]) => Promise<readonly Disposition[]>,
  options: BatchOptions = {},
): Promise<SQSBatchResponse> {
  const dispositions = await handle(event.Records);
  const failed = failures(
    event.Records.map((record) => record.messageId),
    dispositions,
    options,
  );
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
}

/**
 * Makes a batch handler of one for a single record. `ordered` works one after the other and leaves everything after the
 * first failure for the next attempt; `concurrent` (queues) works on all at once, and a throw is a `retry` of that record.
 */
export function perRecord<R>(
  handle: (record: R) => Promise<Disposition>,
  mode: "ordered" | "concurrent",
): (records: readonly R[]) => Promise<Disposition[]> {
  const safely = async (record: R): Promise<Disposition> => {
    try {
      return await handle(record);
    } catch (error) {
      return retry(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    }
  };
  if (mode === "concurrent") return (records) => Promise.all(records.map(safely));
  return async (records) => {
    const dispositions: Disposition[] = [];
    let failed = false;
    for (const record of records) {
      const disposition: Disposition = failed
        ? retry("an earlier record of the shard comes first")
        : await safely(record);
      failed ||= disposition.kind !== "ok";
      dispositions.push(disposition);
    }
    return dispositions;
  };
}
