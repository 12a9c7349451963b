import { ChangeMessageVisibilityCommand, SendMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { type Disposition, handleSqs, logger, metrics, ok, retry, sqs } from "@tributary/runtime";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import {
  backoffSeconds,
  type DeliveryOutcome,
  type DeliveryPorts,
  type Destination,
  deliverBatch,
} from "../domain/deliver-batch";
import { type DeliveryMessage, deliveryMessage } from "../domain/messages";

/** SQS's longest visibility timeout, less a margin for the time since the message was received. */
const maxVisibilitySeconds = 12 * 3600 - 300;

export interface DeliverOptions extends Pick<DeliveryPorts, "ledger" | "post"> {
  readonly destination: Destination;
  readonly queueUrl: string;
  readonly deadLetterUrl: string;
  readonly client?: () => Pick<SQSClient, "send">;
  readonly now?: () => string;
}

/** The handler of one destination's queue. */
export function makeDeliver(options: DeliverOptions): (event: SQSEvent) => Promise<SQSBatchResponse> {
  const { destination, queueUrl, deadLetterUrl, client = sqs } = options;
  const now = options.now ?? (() => new Date().toISOString());
  const log = logger("deliver");
  const counters = metrics("deliver");
  const dimensions = { destination: destination.name };

  /** What can never be delivered rests in the dead-letter queue at once, with the reason, instead of being tried again. */
  const bury = async (record: SQSRecord, reason: string): Promise<Disposition> => {
    await client().send(
      new SendMessageCommand({
        QueueUrl: deadLetterUrl,
        MessageBody: record.body,
        MessageAttributes: { reason: { DataType: "String", StringValue: reason.slice(0, 1_000) } },
      }),
    );
    counters.count("DeliveriesFailed", 1, dimensions);
    // Its reason may quote a profile, where the user's map threw: it is with the dead letter.
    log.error("delivery is dead, see its dead letter", { messageId: record.messageId });
    return ok;
  };

  const later = async (record: SQSRecord, reason: string, afterSeconds: number | undefined): Promise<Disposition> => {
    const wait = afterSeconds ?? backoffSeconds(Number(record.attributes.ApproximateReceiveCount));
    await client().send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: queueUrl,
        ReceiptHandle: record.receiptHandle,
        VisibilityTimeout: Math.min(Math.ceil(wait), maxVisibilitySeconds),
      }),
    );
    counters.count("RecordsRetried", 1, dimensions);
    return retry(reason);
  };

  const settle = (record: SQSRecord, outcome: DeliveryOutcome): Promise<Disposition> | Disposition => {
    switch (outcome.kind) {
      case "dead":
        return bury(record, outcome.reason);
      case "retry":
        return later(record, outcome.reason, outcome.afterSeconds);
      case "skipped":
        counters.count("DeliveriesSkipped", 1, dimensions);
        return ok;
      case "withheld":
        counters.count("ConsentWithheld", 1, dimensions);
        return ok;
      case "delivered":
        counters.count("DeliveriesSucceeded", 1, dimensions);
        if (outcome.withheld) counters.count("ConsentWithheld", 1, dimensions);
        return ok;
    }
  };

  const handle = async (records: readonly SQSRecord[]): Promise<readonly Disposition[]> => {
    const parsed = records.map(parse);
    const messages = parsed.filter((message) => message !== undefined);
    const outcomes = await deliverBatch(messages, destination, { ledger: options.ledger, post: options.post, now });
    const remaining = outcomes[Symbol.iterator]();
    return Promise.all(
      records.map((record, index) => {
        if (!parsed[index]) return bury(record, "the message is no delivery message of this version");
        const outcome = remaining.next().value;
        return outcome ? settle(record, outcome) : retry("no outcome");
      }),
    );
  };

  return async (event) => {
    try {
      return await handleSqs(event, handle, {
        onFailure: (messageId, disposition) => log.warn("delivery later", { messageId, reason: disposition.reason }),
      });
    } finally {
      counters.flush();
    }
  };
}

function parse(record: SQSRecord): DeliveryMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(record.body);
  } catch {
    return undefined;
  }
  const result = deliveryMessage.safeParse(value);
  return result.success ? result.data : undefined;
}
