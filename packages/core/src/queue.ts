import * as sqs from "@pulumi/aws/sqs";
import type * as pulumi from "@pulumi/pulumi";
import { alarm } from "./alarm";
import { TributaryComponent } from "./component";
import type { FoundationRef } from "./foundation";
import { tagsFor } from "./foundation";
import type { Grantee } from "./grants";
import { grantQueueSend } from "./grants";
import { denyPlainTransport, policyDocument, type Statement } from "./policy";
import type { QueueRef } from "./refs";
import type { Transform } from "./transform";
import { applyTransform } from "./transform";

/** SQS's longest retention: what lies in a dead-letter queue is someone's data until it is looked at. */
const deadLetterRetentionSeconds = 14 * 24 * 3600;

export interface DeadLetterQueueArgs {
  readonly foundation: FoundationRef;
  /** Whose messages rest here: part of the alarm's text. */
  readonly of: string;
  /** More statements of the queue policy, made from the queue's ARN: for a service that sends with no role of ours. */
  readonly policy?: (arn: pulumi.Output<string>) => readonly Statement[];
}

/** Where messages rest that could not be handled: encrypted, TLS only, 14 days, with an alarm as soon as there is one. */
export class DeadLetterQueue extends TributaryComponent {
  readonly queue: sqs.Queue;
  readonly arn: pulumi.Output<string>;
  readonly url: pulumi.Output<string>;
  readonly ref: QueueRef;

  constructor(name: string, args: DeadLetterQueueArgs, opts?: pulumi.ComponentResourceOptions) {
    super("DeadLetterQueue", name, opts);
    this.queue = new sqs.Queue(
      name,
      {
        kmsMasterKeyId: args.foundation.keyArn,
        messageRetentionSeconds: deadLetterRetentionSeconds,
        tags: tagsFor(args.foundation, this.module, "personal"),
      },
      this.child(),
    );
    this.arn = this.queue.arn;
    this.url = this.queue.url;
    this.ref = { label: name, url: this.url, arn: this.arn, keyArn: args.foundation.keyArn };
    tlsOnly(name, this.queue, this.child(), args.policy?.(this.arn));
    alarm(
      `${name}-not-empty`,
      {
        foundation: args.foundation,
        module: this.module,
        description: `Messages of ${args.of} could not be handled and rest in this queue. Look at one, mend the cause, then redrive.`,
        namespace: "AWS/SQS",
        metric: "ApproximateNumberOfMessagesVisible",
        dimensions: { QueueName: this.queue.name },
        statistic: "Maximum",
        above: 0,
        periodSeconds: 300,
      },
      this.child(),
    );
    this.registerOutputs({ queueArn: this.arn });
  }

  /** Lets the grantee send messages. */
  grantSend(grantee: Grantee): void {
    grantQueueSend(grantee, this.ref);
  }
}

export interface SecureQueueArgs {
  readonly foundation: FoundationRef;
  /** Timeout of the function that reads it; messages stay invisible six times as long, as AWS advises. */
  readonly consumerTimeoutSeconds: number;
  /** Deliveries of one message before it goes to the dead-letter queue. @default 5 */
  readonly maxReceiveCount?: number;
  /** @default 4 days */
  readonly retentionSeconds?: number;
  /** More statements of the queue policy, made from the queue's ARN: a bucket's notifications need one. */
  readonly policy?: (arn: pulumi.Output<string>) => readonly Statement[];
  readonly transform?: Transform<sqs.QueueArgs>;
}

/** An encrypted, TLS-only queue with a dead-letter queue and an alarm when messages grow old. */
export class SecureQueue extends TributaryComponent {
  readonly queue: sqs.Queue;
  readonly deadLetters: DeadLetterQueue;
  readonly arn: pulumi.Output<string>;
  readonly url: pulumi.Output<string>;
  readonly ref: QueueRef;

  constructor(name: string, args: SecureQueueArgs, opts?: pulumi.ComponentResourceOptions) {
    super("SecureQueue", name, opts);
    const visibilityTimeoutSeconds = args.consumerTimeoutSeconds * 6;
    this.deadLetters = new DeadLetterQueue(
      `${name}-dead-letters`,
      { foundation: args.foundation, of: `queue ${name}` },
      this.child(),
    );
    const defaults: sqs.QueueArgs = {
      messageRetentionSeconds: args.retentionSeconds ?? 4 * 24 * 3600,
      receiveWaitTimeSeconds: 20,
      tags: tagsFor(args.foundation, this.module, "personal"),
    };
    this.queue = new sqs.Queue(
      name,
      {
        ...applyTransform(defaults, args.transform),
        visibilityTimeoutSeconds,
        kmsMasterKeyId: args.foundation.keyArn,
        redrivePolicy: redrivePolicy(this.deadLetters.arn, args.maxReceiveCount ?? 5),
      },
      this.child(),
    );
    this.arn = this.queue.arn;
    this.url = this.queue.url;
    this.ref = { label: name, url: this.url, arn: this.arn, keyArn: args.foundation.keyArn, visibilityTimeoutSeconds };
    tlsOnly(name, this.queue, this.child(), args.policy?.(this.arn));
    alarm(
      `${name}-old-messages`,
      {
        foundation: args.foundation,
        module: this.module,
        description: `Messages of queue ${name} wait longer than an hour: its consumer is slow, throttled or failing.`,
        namespace: "AWS/SQS",
        metric: "ApproximateAgeOfOldestMessage",
        dimensions: { QueueName: this.queue.name },
        statistic: "Maximum",
        above: 3600,
        periodSeconds: 300,
      },
      this.child(),
    );
    this.registerOutputs({ queueArn: this.arn, queueUrl: this.url });
  }

  /** Lets the grantee send messages. */
  grantSend(grantee: Grantee): void {
    grantQueueSend(grantee, this.ref);
  }
}

function redrivePolicy(deadLetterTargetArn: pulumi.Output<string>, maxReceiveCount: number): pulumi.Output<string> {
  return deadLetterTargetArn.apply((arn) => JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount }));
}

function tlsOnly(
  name: string,
  queue: sqs.Queue,
  opts: pulumi.CustomResourceOptions,
  more: readonly Statement[] = [],
): void {
  new sqs.QueuePolicy(
    `${name}-policy`,
    { queueUrl: queue.url, policy: policyDocument([denyPlainTransport("sqs", [queue.arn]), ...more]) },
    opts,
  );
}
