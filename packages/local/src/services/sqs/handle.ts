import type { Kernel } from "../../kernel";
import { md5OfAttributes } from "./message";
import type { Queue, Received } from "./queue";
import { decodeReceipt, encodeReceipt } from "./receipt";
import { systemAttributes } from "./receiving";
import { SqsService } from "./service";

/** A record of an SQS event as a Lambda function gets it. */
export interface SqsEventRecord {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly messageAttributes: Readonly<Record<string, unknown>>;
  readonly md5OfBody: string;
  readonly md5OfMessageAttributes?: string;
  readonly eventSource: "aws:sqs";
  readonly eventSourceARN: string;
  readonly awsRegion: string;
}

/**
 * A queue as an event source mapping reads it: without the ten-message limit of the API and without a permission
 * check, which is the mapping's to do. `kernel.onWake(arn)` tells when there may be something to receive, also when a
 * hidden or delayed message becomes visible.
 */
export interface QueueHandle {
  readonly arn: string;
  readonly fifo: boolean;
  /** The queue's own visibility timeout. */
  readonly visibilityTimeoutSeconds: number;
  /** Up to `max` visible messages, hidden for `visibilitySeconds` (default: the queue's); at once, without waiting. */
  receive(max: number, visibilitySeconds?: number): Promise<SqsEventRecord[]>;
  /** Deletes delivered messages; those that were delivered again since stay. */
  delete(receiptHandles: readonly string[]): Promise<void>;
  /** Hides delivered messages for `seconds` from now on; 0 gives them back at once. Ignores those not in flight. */
  changeVisibility(receiptHandles: readonly string[], seconds: number): Promise<void>;
  /** Messages in the queue: visible, in flight and delayed. */
  depth(): number;
  /** Whether a message can be received now: none that is delayed, in flight or waiting for its next try. */
  hasReady(): boolean;
}

/** The queue of an ARN, or undefined where there is none. */
export function queueByArn(kernel: Kernel, arn: string): QueueHandle | undefined {
  const service = kernel.service("sqs");
  if (!(service instanceof SqsService)) return undefined;
  const queue = service.queues.byArn(arn);
  if (!queue) return undefined;
  return {
    arn: queue.arn,
    fifo: queue.fifo,
    get visibilityTimeoutSeconds() {
      return queue.setting("VisibilityTimeout");
    },
    receive: async (max, visibilitySeconds) => {
      const received = await service.deliveries.receive(queue, max, visibilitySeconds);
      return received.map((each) => toEventRecord(kernel, queue, each));
    },
    delete: async (receiptHandles) => {
      await Promise.all(receiptHandles.map((handle) => service.deliveries.delete(queue, handle)));
    },
    changeVisibility: async (receiptHandles, seconds) => {
      const now = kernel.now();
      const inFlight = receiptHandles.filter((handle) => {
        const receipt = decodeReceipt(queue.name, handle);
        const state = queue.state(receipt.seq);
        return state && state.c === receipt.count && state.v > now;
      });
      await Promise.all(inFlight.map((handle) => service.deliveries.changeVisibility(queue, handle, seconds)));
    },
    depth: () => queue.depth,
    hasReady: () => queue.hasReady(),
  };
}

/** Messages in a queue, in whatever state; 0 where there is no such queue. */
export function queueDepth(kernel: Kernel, arn: string): number {
  return queueByArn(kernel, arn)?.depth() ?? 0;
}

function toEventRecord(kernel: Kernel, queue: Queue, received: Received): SqsEventRecord {
  const { message, state, seq } = received;
  const md5 = md5OfAttributes(message.attributes);
  const attributes = Object.entries(message.attributes ?? {}).map(([name, { t, s, b }]) => [
    name,
    {
      ...(b ? { binaryValue: Buffer.from(b).toString("base64") } : { stringValue: s }),
      stringListValues: [],
      binaryListValues: [],
      dataType: t,
    },
  ]);
  return {
    messageId: message.id,
    receiptHandle: encodeReceipt({ queue: queue.name, seq, count: state.c }),
    body: message.body,
    attributes: systemAttributes(received),
    messageAttributes: Object.fromEntries(attributes),
    md5OfBody: message.md5,
    ...(md5 ? { md5OfMessageAttributes: md5 } : {}),
    eventSource: "aws:sqs",
    eventSourceARN: queue.arn,
    awsRegion: kernel.place.region,
  };
}
