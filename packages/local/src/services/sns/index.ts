import { randomUUID } from "node:crypto";
import { z } from "zod";
import { AwsError, type Kernel, type Realiser } from "../../kernel";
import { defineService, operation } from "../support";
import { attributesOf, withAttributes } from "./attributes";
import { attributeSchema, publish } from "./publish";
import { snsRealisers } from "./realisers";
import { type RecordedMail, type SubscriptionRow, topicsOf } from "./topics";

export type { RecordedMail } from "./topics";

const attributes = z.record(z.string(), z.string());
const topicArn = { TopicArn: z.string().startsWith("arn:aws:sns:") };
const page = { NextToken: z.string().optional() };
const message = {
  Message: z.string(),
  Subject: z.string().max(100).optional(),
  MessageStructure: z.string().optional(),
  MessageAttributes: attributeSchema.optional(),
  MessageGroupId: z.string().optional(),
  MessageDeduplicationId: z.string().optional(),
};
const entry = z.strictObject({ ...message, Id: z.string().min(1) });
const subscribe = z.strictObject({
  ...topicArn,
  Protocol: z.string(),
  Endpoint: z.string(),
  Attributes: attributes.optional(),
  ReturnSubscriptionArn: z.boolean().optional(),
});

/** Mail and text messages that topics would have sent, oldest first. */
export function recordedMail(kernel: Kernel): RecordedMail[] {
  return [...topicsOf(kernel).mail.entries()].map(({ value }) => value).sort((left, right) => left.at - right.at);
}

/** SNS: topics to queues and functions, with filters; mail is recorded, web hooks are refused. */
export function install(kernel: Kernel): Realiser[] {
  const topics = topicsOf(kernel);
  const onTopic = (action: string) => (input: { TopicArn: string }) => [
    { action: `sns:${action}`, resource: input.TopicArn },
  ];
  const onSubscription = (action: string) => (input: { SubscriptionArn: string }) => [
    { action: `sns:${action}`, resource: input.SubscriptionArn.split(":").slice(0, 6).join(":") },
  ];
  const shown = (row: SubscriptionRow) => ({
    SubscriptionArn: row.arn,
    Owner: kernel.place.accountId,
    Protocol: row.protocol,
    Endpoint: row.endpoint,
    TopicArn: row.topicArn,
  });
  const service = defineService(
    "sns",
    {
      CreateTopic: operation(
        z.strictObject({
          Name: z.string().regex(/^[A-Za-z0-9_-]{1,256}(\.fifo)?$/),
          Attributes: attributes.optional(),
        }),
        ({ Name }) => [{ action: "sns:CreateTopic", resource: topics.arnOf(Name) }],
        async ({ Name, Attributes = {} }) => {
          const arn = topics.arnOf(Name);
          const { FifoTopic, ContentBasedDeduplication, ...rest } = Attributes;
          const row = {
            arn,
            name: Name,
            fifo: FifoTopic === "true",
            contentBasedDeduplication: ContentBasedDeduplication === "true",
            attributes: rest,
          };
          if (!topics.topics.get(arn)) await topics.saveTopic(row);
          return { TopicArn: arn };
        },
      ),
      DeleteTopic: operation(z.strictObject(topicArn), onTopic("DeleteTopic"), async ({ TopicArn }) => {
        await topics.removeTopic(TopicArn);
        return {};
      }),
      ListTopics: operation(
        z.strictObject(page),
        () => [{ action: "sns:ListTopics", resource: "*" }],
        () => ({ Topics: [...topics.topics.entries()].map(({ value }) => ({ TopicArn: value.arn })) }),
      ),
      GetTopicAttributes: operation(z.strictObject(topicArn), onTopic("GetTopicAttributes"), ({ TopicArn }) => {
        const row = topics.require(TopicArn);
        const confirmed = String(topics.of(TopicArn).length);
        const Owner = kernel.place.accountId;
        return { Attributes: { ...row.attributes, TopicArn, Owner, SubscriptionsConfirmed: confirmed } };
      }),
      Publish: operation(
        z.strictObject({ ...message, TopicArn: topicArn.TopicArn.optional(), TargetArn: z.string().optional() }),
        ({ TopicArn, TargetArn }) => [{ action: "sns:Publish", resource: TopicArn ?? TargetArn ?? "*" }],
        async ({ TopicArn, TargetArn, ...content }) => {
          const [MessageId] = await publish(topics, topics.require(TopicArn ?? TargetArn ?? ""), [content]);
          return { MessageId };
        },
      ),
      PublishBatch: operation(
        z.strictObject({ ...topicArn, PublishBatchRequestEntries: z.array(entry).min(1).max(10) }),
        onTopic("Publish"),
        async ({ TopicArn, PublishBatchRequestEntries: entries }) => {
          const topic = topics.require(TopicArn);
          if (new Set(entries.map(({ Id }) => Id)).size < entries.length) {
            throw new AwsError(
              "BatchEntryIdsNotDistinctException",
              "Two or more batch entries in the request have the same Id.",
            );
          }
          const Successful: object[] = [];
          const Failed: object[] = [];
          for (const { Id, ...content } of entries) {
            try {
              const [MessageId] = await publish(topics, topic, [content]);
              Successful.push({ Id, MessageId });
            } catch (error) {
              if (!(error instanceof AwsError)) throw error;
              Failed.push({ Id, Code: error.name, Message: error.message, SenderFault: error.fault === "client" });
            }
          }
          return { Successful, Failed };
        },
      ),
      Subscribe: operation(
        subscribe,
        onTopic("Subscribe"),
        async ({ TopicArn, Protocol, Endpoint, Attributes = {} }) => {
          const same = topics.of(TopicArn).find((row) => row.protocol === Protocol && row.endpoint === Endpoint);
          if (same) return { SubscriptionArn: same.arn };
          const arn = `${TopicArn}:${randomUUID()}`;
          const protocol = Protocol as SubscriptionRow["protocol"];
          const plain = { arn, topicArn: TopicArn, protocol, endpoint: Endpoint, raw: false };
          await topics.saveSubscription(withAttributes({ ...plain, filterScope: "MessageAttributes" }, Attributes));
          return { SubscriptionArn: arn };
        },
      ),
      Unsubscribe: operation(
        z.strictObject({ SubscriptionArn: z.string() }),
        onSubscription("Unsubscribe"),
        async ({ SubscriptionArn }) => {
          await kernel.store.write(() => topics.subscriptions.remove(SubscriptionArn));
          return {};
        },
      ),
      ListSubscriptions: operation(
        z.strictObject(page),
        () => [{ action: "sns:ListSubscriptions", resource: "*" }],
        () => ({ Subscriptions: [...topics.subscriptions.entries()].map(({ value }) => shown(value)) }),
      ),
      ListSubscriptionsByTopic: operation(
        z.strictObject({ ...topicArn, ...page }),
        onTopic("ListSubscriptionsByTopic"),
        ({ TopicArn }) => ({ Subscriptions: topics.of(topics.require(TopicArn).arn).map(shown) }),
      ),
      GetSubscriptionAttributes: operation(
        z.strictObject({ SubscriptionArn: z.string() }),
        onSubscription("GetSubscriptionAttributes"),
        ({ SubscriptionArn }) => ({
          Attributes: attributesOf(topics.requireSubscription(SubscriptionArn), kernel.place.accountId),
        }),
      ),
      SetSubscriptionAttributes: operation(
        z.strictObject({
          SubscriptionArn: z.string(),
          AttributeName: z.string(),
          AttributeValue: z.string().optional(),
        }),
        onSubscription("SetSubscriptionAttributes"),
        async ({ SubscriptionArn, AttributeName, AttributeValue = "" }) => {
          const row = topics.requireSubscription(SubscriptionArn);
          await topics.saveSubscription(withAttributes(row, { [AttributeName]: AttributeValue }));
          return {};
        },
      ),
    },
    { invalidCode: "InvalidParameterException" },
  );
  kernel.register(service);
  return snsRealisers;
}
