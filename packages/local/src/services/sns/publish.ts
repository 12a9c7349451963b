import { createHash, randomUUID } from "node:crypto";
import { z } from "zod";
import { AwsError } from "../../kernel";
import type { Delivery } from "../support";
import type { RecordedMail, SubscriptionRow, TopicRow, Topics } from "./topics";

export const attributeSchema = z.record(
  z.string(),
  z.strictObject({
    DataType: z.string(),
    StringValue: z.string().optional(),
    BinaryValue: z.instanceof(Uint8Array).optional(),
  }),
);

export interface Message {
  readonly Message: string;
  readonly Subject?: string | undefined;
  readonly MessageStructure?: string | undefined;
  readonly MessageAttributes?: z.output<typeof attributeSchema> | undefined;
  readonly MessageGroupId?: string | undefined;
  readonly MessageDeduplicationId?: string | undefined;
}

const largestMessage = 256 * 1024;

/** Accepts messages: durably queued for each subscription that wants them. Gives their ids. */
export async function publish(topics: Topics, topic: TopicRow, messages: readonly Message[]): Promise<string[]> {
  const subscriptions = topics.of(topic.arn);
  const ids: string[] = [];
  const deliveries: Delivery[] = [];
  const mail: RecordedMail[] = [];
  for (const message of messages) {
    checkMessage(topic, message);
    const id = randomUUID();
    ids.push(id);
    const attributes = filterable(message.MessageAttributes ?? {});
    for (const subscription of subscriptions) {
      const text = textFor(message, subscription.protocol);
      if (!topics.wants(subscription, attributes, text)) continue;
      if (subscription.protocol === "sqs" || subscription.protocol === "lambda") {
        deliveries.push(deliveryOf(topics, topic, subscription, message, text, id));
      } else {
        const at = topics.kernel.now();
        mail.push({
          topicArn: topic.arn,
          to: subscription.endpoint,
          subject: message.Subject ?? "",
          message: text,
          at,
        });
      }
    }
  }
  await topics.kernel.store.write(() => {
    topics.outbox.stage(deliveries);
    for (const [index, entry] of mail.entries()) {
      topics.mail.put([entry.topicArn, entry.at, `${ids[0]}-${index}`], entry);
    }
  });
  if (deliveries.length > 0) topics.outbox.kick();
  for (const { to, topicArn, subject } of mail) {
    topics.kernel.log.info(`sns: ${topicArn} would send ${JSON.stringify(subject)} to ${to}`);
  }
  return ids;
}

function checkMessage(topic: TopicRow, message: Message): void {
  const invalid = (why: string) => new AwsError("InvalidParameterException", `Invalid parameter: ${why}`);
  if (message.Message === "") throw invalid("Empty message");
  if (Buffer.byteLength(message.Message) > largestMessage) throw invalid("Message too long");
  if (!topic.fifo) return;
  if (!message.MessageGroupId) throw invalid("The MessageGroupId parameter is required for FIFO topics");
  if (!message.MessageDeduplicationId && !topic.contentBasedDeduplication) {
    throw invalid(
      "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    );
  }
}

/** The text for a protocol: with `MessageStructure: json`, the member of that name, else `default`. */
function textFor(message: Message, protocol: string): string {
  if (message.MessageStructure !== "json") return message.Message;
  const structured = z.record(z.string(), z.string()).safeParse(safeJson(message.Message));
  const text = structured.success ? (structured.data[protocol] ?? structured.data.default) : undefined;
  if (text !== undefined) return text;
  throw new AwsError(
    "InvalidParameterException",
    "Invalid parameter: Message Structure - No default entry in JSON message body",
  );
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Attributes as filter policies see them: numbers as numbers, `String.Array` as its elements. */
function filterable(attributes: z.output<typeof attributeSchema>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, { DataType, StringValue }]) => {
      if (DataType.startsWith("Number")) return [name, Number(StringValue)];
      if (DataType === "String.Array") return [name, safeJson(StringValue ?? "")];
      return [name, StringValue];
    }),
  );
}

function deliveryOf(
  topics: Topics,
  topic: TopicRow,
  subscription: SubscriptionRow,
  message: Message,
  text: string,
  id: string,
): Delivery {
  const principal = { kind: "service", service: "sns.amazonaws.com", sourceArn: topic.arn } as const;
  const deduplication =
    message.MessageDeduplicationId ??
    (topic.fifo ? createHash("sha256").update(message.Message).digest("hex") : undefined);
  const common = {
    targetArn: subscription.endpoint,
    principal,
    ...(subscription.deadLetterArn && { deadLetterArn: subscription.deadLetterArn }),
  };
  const queue = {
    ...(message.MessageGroupId && { messageGroupId: message.MessageGroupId }),
    ...(deduplication && { messageDeduplicationId: deduplication }),
  };
  if (subscription.protocol === "sqs" && subscription.raw) {
    const attributes = message.MessageAttributes;
    return { ...common, payload: text, options: { ...queue, ...(attributes && { messageAttributes: attributes }) } };
  }
  const notification = {
    Type: "Notification",
    MessageId: id,
    TopicArn: topic.arn,
    ...(message.Subject !== undefined && { Subject: message.Subject }),
    Message: text,
    Timestamp: new Date(topics.kernel.now()).toISOString(),
    SignatureVersion: "1",
    // Nothing signs here; the members are there because readers expect them.
    Signature: "",
    SigningCertURL: "",
    UnsubscribeURL: "",
  };
  const attributes = Object.fromEntries(
    Object.entries(message.MessageAttributes ?? {}).map(([name, { DataType, StringValue, BinaryValue }]) => [
      name,
      { Type: DataType, Value: BinaryValue ? Buffer.from(BinaryValue).toString("base64") : StringValue },
    ]),
  );
  if (subscription.protocol === "sqs") {
    const some = Object.keys(attributes).length > 0 && { MessageAttributes: attributes };
    return { ...common, payload: { ...notification, ...some }, options: queue };
  }
  const { SigningCertURL: SigningCertUrl, UnsubscribeURL: UnsubscribeUrl, ...sns } = notification;
  const Sns = {
    ...sns,
    Subject: message.Subject ?? null,
    SigningCertUrl,
    UnsubscribeUrl,
    MessageAttributes: attributes,
  };
  const record = { EventSource: "aws:sns", EventVersion: "1.0", EventSubscriptionArn: subscription.arn, Sns };
  return { ...common, payload: { Records: [record] } };
}
