import { randomUUID } from "node:crypto";
import { type Kernel, type Principal, parseArn } from "../../../kernel";
import { sendTo } from "../destinations";
import { batchEvent, batchInfo } from "./batch-event";
import type { MappingConfig } from "./mapping-config";
import type { StreamItem } from "./stream-item";

export type DiscardReason = "RetryAttemptsExhausted" | "RecordAgeExceeded";

/** Records that a stream's mapping gives up on. */
export interface Discarded {
  readonly shardId: string;
  readonly items: readonly StreamItem[];
  readonly condition: DiscardReason;
  readonly invocations: number;
}

/**
 * Hands given-up records to the mapping's failure destination: queues and topics get where they lie in the stream, a
 * bucket gets the records themselves.
 * Source: "Retain discarded batch records" for Kinesis and DynamoDB in the Lambda developer guide.
 */
export async function deliverDiscarded(
  kernel: Kernel,
  config: MappingConfig,
  functionArn: string,
  principal: Principal,
  discarded: Discarded,
): Promise<void> {
  if (!config.onFailureArn) return;
  const { items, shardId } = discarded;
  const first = items[0]?.record;
  const last = items[items.length - 1]?.record;
  if (!first || !last) return;
  const now = new Date(kernel.now()).toISOString();
  const info = {
    shardId,
    startSequenceNumber: first.sequenceNumber,
    endSequenceNumber: last.sequenceNumber,
    approximateArrivalOfFirstRecord: new Date(first.arrivedAt).toISOString(),
    approximateArrivalOfLastRecord: new Date(last.arrivedAt).toISOString(),
    batchSize: items.length,
    streamArn: config.sourceArn,
  };
  const document = {
    requestContext: {
      requestId: randomUUID(),
      functionArn,
      condition: discarded.condition,
      approximateInvokeCount: discarded.invocations,
    },
    responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
    version: "1.0",
    timestamp: now,
    ...batchInfo(config, info),
  };
  const target = parseArn(config.onFailureArn);
  if (target?.service !== "s3") {
    await sendTo(kernel, config.onFailureArn, JSON.stringify(document), principal);
    return;
  }
  const payload = batchEvent(config, shardId, items);
  const day = now.slice(0, 10);
  const stamp = `${now.slice(0, 19).replace(/:/g, ".")}-${randomUUID()}`;
  const input = {
    Bucket: target.resource,
    Key: `aws/lambda/${config.uuid}/${shardId}/${day.replace(/-/g, "/")}/${stamp}`,
    Body: new TextEncoder().encode(JSON.stringify({ ...document, payload })),
  };
  await kernel.call("s3", "PutObject", input, principal);
}
