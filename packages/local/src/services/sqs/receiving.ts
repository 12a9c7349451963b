import type { Message, MessageAttributeValue, ReceiveMessageCommandInput } from "@aws-sdk/client-sqs";
import type { Kernel } from "../../kernel";
import type { Deliveries } from "./deliveries";
import { invalid, md5OfAttributes, type StoredAttribute } from "./message";
import type { Queue, Received } from "./queue";
import { encodeReceipt } from "./receipt";
import { sequenceNumber } from "./sending";

/** Long polls under way, so that closing the runtime ends them. */
export class LongPolls {
  private readonly waiting = new Set<() => void>();
  private closed = false;

  constructor(
    private readonly kernel: Kernel,
    private readonly deliveries: Deliveries,
  ) {}

  /** `ReceiveMessage`: answers at once where something is visible, else after at most the wait time. */
  async receive(queue: Queue, input: ReceiveMessageCommandInput): Promise<Received[]> {
    const max = bounded("MaxNumberOfMessages", input.MaxNumberOfMessages ?? 1, 1, 10);
    const wait = bounded(
      "WaitTimeSeconds",
      input.WaitTimeSeconds ?? queue.setting("ReceiveMessageWaitTimeSeconds"),
      0,
      20,
    );
    const hidden = input.VisibilityTimeout;
    if (hidden !== undefined) bounded("VisibilityTimeout", hidden, 0, 43_200);
    const deadline = performance.now() + wait * 1000;
    for (;;) {
      const received = await this.deliveries.receive(queue, max, hidden);
      const left = deadline - performance.now();
      if (received.length > 0 || left <= 0 || this.closed) return received;
      await this.woken(queue, left);
    }
  }

  close(): void {
    this.closed = true;
    for (const end of [...this.waiting]) end();
  }

  private woken(queue: Queue, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        stop();
        this.waiting.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      const stop = this.kernel.onWake(queue.arn, end);
      this.waiting.add(end);
      // What became visible between the last look and now.
      if (queue.hasReady()) end();
    });
  }
}

function bounded(name: string, value: unknown, low: number, high: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= low && value <= high) return value;
  throw invalid(
    `Value ${String(value)} for parameter ${name} is invalid. Reason: Must be between ${low} and ${high}, if provided.`,
  );
}

/** System attributes of a delivery, all of them. */
export function systemAttributes({ message, state, seq }: Received): Record<string, string> {
  return {
    SenderId: message.sender,
    SentTimestamp: String(message.sentAt),
    ApproximateReceiveCount: String(state.c),
    ApproximateFirstReceiveTimestamp: String(state.f ?? message.sentAt),
    ...(message.group === undefined ? {} : { MessageGroupId: message.group }),
    ...(message.deduplication === undefined
      ? {}
      : { MessageDeduplicationId: message.deduplication, SequenceNumber: sequenceNumber(seq) }),
    ...(message.traceHeader === undefined ? {} : { AWSTraceHeader: message.traceHeader }),
    ...(message.deadLetterSource === undefined ? {} : { DeadLetterQueueSourceArn: message.deadLetterSource }),
  };
}

/** A delivery in `ReceiveMessage`'s shape, with those attributes that the request asks for. */
export function toMessage(queue: Queue, received: Received, input: ReceiveMessageCommandInput): Message {
  const { message, state, seq } = received;
  const system = pick(systemAttributes(received), [
    ...(input.MessageSystemAttributeNames ?? []),
    ...(input.AttributeNames ?? []),
  ]);
  const attributes = pick(message.attributes ?? {}, input.MessageAttributeNames ?? []);
  const md5 = md5OfAttributes(attributes);
  return {
    MessageId: message.id,
    ReceiptHandle: encodeReceipt({ queue: queue.name, seq, count: state.c }),
    MD5OfBody: message.md5,
    Body: message.body,
    ...(system ? { Attributes: system } : {}),
    ...(attributes && md5 ? { MessageAttributes: mapAttributes(attributes), MD5OfMessageAttributes: md5 } : {}),
  };
}

function mapAttributes(attributes: Record<string, StoredAttribute>): Record<string, MessageAttributeValue> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, { t, s, b }]) => [
      name,
      { DataType: t, ...(b ? { BinaryValue: b } : { StringValue: s }) },
    ]),
  );
}

/** The members named by `names`: `All` and `.*` mean every one, `foo.*` those that start with `foo.`. */
function pick<T>(all: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> | undefined {
  if (names.length === 0) return undefined;
  const wanted = (key: string) =>
    names.some((name) =>
      name === "All" || name === ".*" ? true : name.endsWith(".*") ? key.startsWith(name.slice(0, -1)) : key === name,
    );
  const entries = Object.entries(all).filter(([key]) => wanted(key));
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}
