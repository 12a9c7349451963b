import { hash, randomUUID } from "node:crypto";
import type { SendMessageCommandInput, SendMessageCommandOutput } from "@aws-sdk/client-sqs";
import { AwsError, type Kernel, type Principal } from "../../kernel";
import { checkBody, invalid, md5, md5OfAttributes, messageBytes, readAttributes, type StoredMessage } from "./message";
import type { Queue } from "./queue";

/** A message checked and ready to be stored. */
interface Prepared {
  readonly message: StoredMessage;
  readonly delaySeconds: number;
  readonly bytes: number;
  /** Key under which a FIFO queue recognises it for five minutes. */
  readonly duplicateKey?: string;
}

const deduplicationMs = 300_000;
const identifier = /^[\x21-\x7e]{1,128}$/;

export type SendInput = Omit<SendMessageCommandInput, "QueueUrl">;
export type SendOutput = Omit<SendMessageCommandOutput, "$metadata">;

/** Checks one message against its queue's rules. */
export function prepareMessage(kernel: Kernel, queue: Queue, input: SendInput, principal: Principal): Prepared {
  const body = checkBody(input.MessageBody);
  const attributes = readAttributes(input.MessageAttributes);
  const bytes = messageBytes(body, attributes);
  const limit = queue.setting("MaximumMessageSize");
  if (bytes > limit) {
    throw invalid(`One or more parameters are invalid. Reason: Message must be shorter than ${limit} bytes.`);
  }
  const trace = input.MessageSystemAttributes?.AWSTraceHeader?.StringValue;
  const fifo = queue.fifo ? fifoFields(queue, input, body) : plainFields(input);
  return {
    bytes,
    delaySeconds: delayOf(queue, input.DelaySeconds),
    ...(queue.fifo ? { duplicateKey: duplicateKey(queue, fifo) } : {}),
    message: {
      id: randomUUID(),
      body,
      md5: md5(body),
      sentAt: kernel.now(),
      sender: senderOf(kernel, principal),
      ...(attributes ? { attributes } : {}),
      ...(trace ? { traceHeader: trace } : {}),
      ...fifo,
    },
  };
}

/** Stores messages in one write; a duplicate of a FIFO queue gets the first one's ids and is not stored again. */
export async function sendPrepared(kernel: Kernel, queue: Queue, prepared: readonly Prepared[]): Promise<SendOutput[]> {
  const now = kernel.now();
  let stored = 0;
  let soonest = Number.POSITIVE_INFINITY;
  const results = await kernel.store.write(() => {
    stored = 0;
    return prepared.map(({ message, delaySeconds, duplicateKey: key }) => {
      const earlier = key === undefined ? undefined : queue.findDuplicate(key, now);
      if (earlier) return { id: earlier.id, seq: earlier.seq };
      const visibleAt = now + delaySeconds * 1000;
      soonest = Math.min(soonest, visibleAt);
      const seq = queue.append(message, visibleAt);
      if (key !== undefined) queue.rememberDuplicate(key, { expires: now + deduplicationMs, id: message.id, seq });
      stored += 1;
      return { id: message.id, seq };
    });
  });
  queue.depth += stored;
  if (stored > 0) queue.notify(soonest <= now, soonest > now ? soonest : undefined);
  return prepared.map(({ message }, index) => {
    const attributes = md5OfAttributes(message.attributes);
    return {
      MessageId: results[index]?.id,
      MD5OfMessageBody: message.md5,
      ...(attributes ? { MD5OfMessageAttributes: attributes } : {}),
      ...(queue.fifo ? { SequenceNumber: sequenceNumber(results[index]?.seq ?? 0) } : {}),
    };
  });
}

/** Twenty digits, as SQS gives them. */
export function sequenceNumber(seq: number): string {
  return `18${String(seq).padStart(18, "0")}`;
}

function fifoFields(queue: Queue, input: SendInput, body: string): { group: string; deduplication: string } {
  const group = input.MessageGroupId;
  if (group === undefined) {
    throw new AwsError("MissingParameter", "The request must contain the parameter MessageGroupId.");
  }
  if (!identifier.test(group)) throw invalid(`Value ${group} for parameter MessageGroupId is invalid.`);
  const contentBased = queue.definition.attributes.ContentBasedDeduplication === "true";
  const deduplication = input.MessageDeduplicationId ?? (contentBased ? hash("sha256", body) : undefined);
  if (deduplication === undefined) {
    throw invalid(
      "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    );
  }
  if (!identifier.test(deduplication)) {
    throw invalid(`Value ${deduplication} for parameter MessageDeduplicationId is invalid.`);
  }
  return { group, deduplication };
}

/** A standard queue takes a group since fair queues came (July 2025), but no deduplication id. */
function plainFields(input: SendInput): { group?: string } {
  if (input.MessageDeduplicationId !== undefined) {
    throw invalid(
      `Value ${input.MessageDeduplicationId} for parameter MessageDeduplicationId is invalid. Reason: The request includes a parameter that is not valid for this queue type.`,
    );
  }
  return input.MessageGroupId === undefined ? {} : { group: input.MessageGroupId };
}

function duplicateKey(queue: Queue, { group = "", deduplication = "" }: { group?: string; deduplication?: string }) {
  const perGroup = queue.definition.attributes.DeduplicationScope === "messageGroup";
  return perGroup ? hash("sha256", `${group} ${deduplication}`) : deduplication;
}

function delayOf(queue: Queue, requested: number | undefined): number {
  if (requested === undefined) return queue.setting("DelaySeconds");
  if (!Number.isInteger(requested) || requested < 0 || requested > 900) {
    throw invalid(
      `Value ${requested} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.`,
    );
  }
  if (queue.fifo && requested !== queue.setting("DelaySeconds")) {
    throw invalid(
      `Value ${requested} for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.`,
    );
  }
  return requested;
}

/** The `SenderId` system attribute: the account for the root user, the role session otherwise. */
function senderOf(kernel: Kernel, principal: Principal): string {
  if (principal.kind === "role") return `AROALOCAL:${principal.session}`;
  return principal.kind === "service" ? principal.service : kernel.place.accountId;
}
