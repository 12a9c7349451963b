import type * as sqs from "@aws-sdk/client-sqs";
import { z } from "zod";
import {
  AwsError,
  type AwsService,
  arn,
  type Call,
  type Kernel,
  parseInput,
  type RequiredPermission,
} from "../../kernel";
import { maxMessageBytes } from "./attributes";
import { batchEntries, eachEntry } from "./batch";
import { Deliveries } from "./deliveries";
import type { Queue } from "./queue";
import { Queues, queueNameOf } from "./queues";
import { LongPolls, toMessage } from "./receiving";
import { prepareMessage, sendPrepared } from "./sending";

type Plain<T> = Omit<T, "$metadata">;

const queueName = z.string().regex(/^[A-Za-z0-9_-]{1,80}$|^[A-Za-z0-9_-]{1,75}\.fifo$/, {
  message: "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
});
const tags = z.record(z.string(), z.string());
const createInput = z.object({ QueueName: queueName, tags: tags.optional() });
const listInput = z.object({
  QueueNamePrefix: z.string().optional(),
  NextToken: z.string().optional(),
  MaxResults: z.number().int().min(1).max(1000).optional(),
});
const moveInput = z.object({ SourceArn: z.string(), DestinationArn: z.string().optional() });

/** Batch operations need the permission of the single one. */
const actionOf: Record<string, string> = {
  SendMessageBatch: "SendMessage",
  DeleteMessageBatch: "DeleteMessage",
  ChangeMessageVisibilityBatch: "ChangeMessageVisibility",
};

/** The SQS API over the local store. */
export class SqsService implements AwsService {
  readonly name = "sqs";
  readonly queues: Queues;
  readonly deliveries: Deliveries;
  readonly polls: LongPolls;

  constructor(private readonly kernel: Kernel) {
    this.queues = new Queues(kernel);
    this.deliveries = new Deliveries(kernel, this.queues);
    this.polls = new LongPolls(kernel, this.deliveries);
  }

  readonly operations = {
    SendMessage: async (
      input: sqs.SendMessageCommandInput,
      call: Call,
    ): Promise<Plain<sqs.SendMessageCommandOutput>> => {
      const queue = this.queues.byUrl(input.QueueUrl);
      const [sent] = await sendPrepared(this.kernel, queue, [
        prepareMessage(this.kernel, queue, input, call.principal),
      ]);
      return sent ?? {};
    },

    SendMessageBatch: async (
      input: sqs.SendMessageBatchCommandInput,
      call: Call,
    ): Promise<Plain<sqs.SendMessageBatchCommandOutput>> => {
      const queue = this.queues.byUrl(input.QueueUrl);
      const entries = batchEntries<sqs.SendMessageBatchRequestEntry>(input.Entries);
      const { done, failed } = await eachEntry(entries, (entry) =>
        prepareMessage(this.kernel, queue, entry, call.principal),
      );
      if (done.reduce((sum, { result }) => sum + result.bytes, 0) > maxMessageBytes) {
        throw new AwsError("BatchRequestTooLong", `Batch requests cannot be longer than ${maxMessageBytes} bytes.`);
      }
      const sent = await sendPrepared(
        this.kernel,
        queue,
        done.map(({ result }) => result),
      );
      return {
        Successful: done.map(({ entry }, index) => ({
          Id: entry.Id,
          MessageId: sent[index]?.MessageId,
          MD5OfMessageBody: sent[index]?.MD5OfMessageBody,
          ...sent[index],
        })),
        Failed: failed,
      };
    },

    ReceiveMessage: async (input: sqs.ReceiveMessageCommandInput): Promise<Plain<sqs.ReceiveMessageCommandOutput>> => {
      const queue = this.queues.byUrl(input.QueueUrl);
      const received = await this.polls.receive(queue, input);
      return received.length > 0 ? { Messages: received.map((each) => toMessage(queue, each, input)) } : {};
    },

    DeleteMessage: async (input: sqs.DeleteMessageCommandInput) => {
      await this.deliveries.delete(this.queues.byUrl(input.QueueUrl), input.ReceiptHandle);
      return {};
    },

    DeleteMessageBatch: async (
      input: sqs.DeleteMessageBatchCommandInput,
    ): Promise<Plain<sqs.DeleteMessageBatchCommandOutput>> => {
      const queue = this.queues.byUrl(input.QueueUrl);
      const entries = batchEntries<sqs.DeleteMessageBatchRequestEntry>(input.Entries);
      const { done, failed } = await eachEntry(entries, (entry) => this.deliveries.delete(queue, entry.ReceiptHandle));
      return { Successful: done.map(({ entry }) => ({ Id: entry.Id })), Failed: failed };
    },

    ChangeMessageVisibility: async (input: sqs.ChangeMessageVisibilityCommandInput) => {
      const queue = this.queues.byUrl(input.QueueUrl);
      await this.deliveries.changeVisibility(queue, input.ReceiptHandle, input.VisibilityTimeout);
      return {};
    },

    ChangeMessageVisibilityBatch: async (
      input: sqs.ChangeMessageVisibilityBatchCommandInput,
    ): Promise<Plain<sqs.ChangeMessageVisibilityBatchCommandOutput>> => {
      const queue = this.queues.byUrl(input.QueueUrl);
      const entries = batchEntries<sqs.ChangeMessageVisibilityBatchRequestEntry>(input.Entries);
      const { done, failed } = await eachEntry(entries, (entry) =>
        this.deliveries.changeVisibility(queue, entry.ReceiptHandle, entry.VisibilityTimeout ?? 0),
      );
      return { Successful: done.map(({ entry }) => ({ Id: entry.Id })), Failed: failed };
    },

    CreateQueue: async (input: sqs.CreateQueueCommandInput): Promise<Plain<sqs.CreateQueueCommandOutput>> => {
      const { QueueName, tags = {} } = parseInput(createInput, input, "InvalidParameterValue");
      const existing = this.queues.find(QueueName);
      if (existing) {
        const same = Object.entries(input.Attributes ?? {}).every(
          ([key, value]) => existing.definition.attributes[key] === value,
        );
        if (!same) {
          throw new AwsError(
            "QueueNameExists",
            "A queue already exists with the same name and a different value for attribute.",
          );
        }
      } else {
        this.queues.checkRedrive(QueueName, this.arnOf(QueueName), input.Attributes ?? {});
        await this.queues.create(QueueName, input.Attributes, tags);
      }
      return { QueueUrl: this.queues.url(QueueName) };
    },

    DeleteQueue: async (input: sqs.DeleteQueueCommandInput) => {
      await this.queues.remove(this.queues.byUrl(input.QueueUrl));
      return {};
    },

    PurgeQueue: async (input: sqs.PurgeQueueCommandInput) => {
      const queue = this.queues.byUrl(input.QueueUrl);
      await this.kernel.store.write(() => queue.clear());
      queue.depth = 0;
      return {};
    },

    GetQueueUrl: (input: sqs.GetQueueUrlCommandInput): Plain<sqs.GetQueueUrlCommandOutput> => {
      const queue = this.queues.find(input.QueueName ?? "");
      if (!queue) throw new AwsError("QueueDoesNotExist", "The specified queue does not exist.");
      return { QueueUrl: this.queues.url(queue.name) };
    },

    ListQueues: (input: sqs.ListQueuesCommandInput): Plain<sqs.ListQueuesCommandOutput> => {
      const { QueueNamePrefix = "", NextToken = "", MaxResults = 1000 } = parseInput(listInput, input);
      const all = this.queues.list().filter(({ name }) => name.startsWith(QueueNamePrefix) && name > NextToken);
      const page = all.slice(0, MaxResults);
      return {
        QueueUrls: page.map(({ name }) => this.queues.url(name)),
        ...(all.length > page.length ? { NextToken: page.at(-1)?.name } : {}),
      };
    },

    GetQueueAttributes: (input: sqs.GetQueueAttributesCommandInput): Plain<sqs.GetQueueAttributesCommandOutput> => {
      const all = this.attributesOf(this.queues.byUrl(input.QueueUrl));
      const names = input.AttributeNames ?? [];
      if (names.includes("All")) return { Attributes: all };
      return { Attributes: Object.fromEntries(Object.entries(all).filter(([key]) => names.includes(key as never))) };
    },

    SetQueueAttributes: async (input: sqs.SetQueueAttributesCommandInput) => {
      const queue = this.queues.byUrl(input.QueueUrl);
      if (input.Attributes?.RedrivePolicy) this.queues.checkRedrive(queue.name, queue.arn, input.Attributes);
      await this.queues.update(queue, { attributes: input.Attributes });
      return {};
    },

    StartMessageMoveTask: async (
      input: sqs.StartMessageMoveTaskCommandInput,
    ): Promise<Plain<sqs.StartMessageMoveTaskCommandOutput>> => {
      const { SourceArn, DestinationArn } = parseInput(moveInput, input);
      const source = this.requireArn(SourceArn);
      const isDeadLetterQueue = this.queues.list().some(({ redrive }) => redrive?.deadLetterTargetArn === SourceArn);
      if (!isDeadLetterQueue) {
        throw new AwsError("UnsupportedOperation", "Source queue must be configured as a Dead Letter Queue.");
      }
      const moved = await this.deliveries.moveAll(source, DestinationArn ? this.requireArn(DestinationArn) : undefined);
      return { TaskHandle: Buffer.from(JSON.stringify({ SourceArn, moved })).toString("base64") };
    },

    TagQueue: async (input: sqs.TagQueueCommandInput) => {
      const queue = this.queues.byUrl(input.QueueUrl);
      await this.queues.update(queue, { tags: { ...queue.definition.tags, ...parseInput(tags, input.Tags) } });
      return {};
    },

    UntagQueue: async (input: sqs.UntagQueueCommandInput) => {
      const queue = this.queues.byUrl(input.QueueUrl);
      const gone = new Set(parseInput(z.array(z.string()), input.TagKeys));
      const left = Object.entries(queue.definition.tags).filter(([key]) => !gone.has(key));
      await this.queues.update(queue, { tags: Object.fromEntries(left) });
      return {};
    },

    ListQueueTags: (input: sqs.ListQueueTagsCommandInput): Plain<sqs.ListQueueTagsCommandOutput> => ({
      Tags: { ...this.queues.byUrl(input.QueueUrl).definition.tags },
    }),
  };

  permissions(operation: string, input: never): RequiredPermission[] {
    const request = input as { QueueUrl?: string; QueueName?: string; SourceArn?: string };
    const name = queueNameOf(request.QueueUrl) ?? request.QueueName;
    const resource = request.SourceArn ?? (name && operation !== "ListQueues" ? this.arnOf(name) : "*");
    return [{ action: `sqs:${actionOf[operation] ?? operation}`, resource }];
  }

  private arnOf(name: string): string {
    return arn(this.kernel.place, "sqs", name);
  }

  private requireArn(text: string): Queue {
    const queue = this.queues.byArn(text);
    if (!queue) throw new AwsError("ResourceNotFoundException", "The resource that you specified doesn't exist.");
    return queue;
  }

  private attributesOf(queue: Queue): Record<string, string> {
    const now = this.kernel.now();
    let visible = 0;
    let inFlight = 0;
    let delayed = 0;
    for (const { state } of queue.all()) {
      if (state.v <= now) visible += 1;
      else if (state.c > 0) inFlight += 1;
      else delayed += 1;
    }
    return {
      ...queue.definition.attributes,
      QueueArn: queue.arn,
      ApproximateNumberOfMessages: String(visible),
      ApproximateNumberOfMessagesNotVisible: String(inFlight),
      ApproximateNumberOfMessagesDelayed: String(delayed),
      CreatedTimestamp: String(Math.floor(queue.definition.createdAt / 1000)),
      LastModifiedTimestamp: String(Math.floor(queue.definition.modifiedAt / 1000)),
    };
  }
}
