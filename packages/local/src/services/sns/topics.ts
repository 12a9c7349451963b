import { AwsError, arn, type Kernel, NotSupportedLocally, parseArn, type Table } from "../../kernel";
import { compilePattern } from "../eventbridge/pattern";
import { Outbox, perKernel } from "../support";

export interface TopicRow {
  readonly arn: string;
  readonly name: string;
  readonly fifo: boolean;
  readonly contentBasedDeduplication: boolean;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface SubscriptionRow {
  readonly arn: string;
  readonly topicArn: string;
  readonly protocol: "sqs" | "lambda" | "email" | "email-json" | "sms";
  readonly endpoint: string;
  readonly raw: boolean;
  /** JSON text. */
  readonly filterPolicy?: string;
  readonly filterScope: "MessageAttributes" | "MessageBody";
  readonly deadLetterArn?: string;
}

/** A message that would have gone to a person; kept instead of sent. */
export interface RecordedMail {
  readonly topicArn: string;
  readonly to: string;
  readonly subject: string;
  readonly message: string;
  readonly at: number;
}

const delivered = new Set(["sqs", "lambda", "email", "email-json", "sms"]);

export class Topics {
  readonly topics: Table<TopicRow>;
  readonly subscriptions: Table<SubscriptionRow>;
  /** Mail and text messages, by topic and time. */
  readonly mail: Table<RecordedMail>;
  readonly outbox: Outbox;
  private readonly filters = new Map<string, (event: unknown) => boolean>();

  constructor(readonly kernel: Kernel) {
    this.topics = kernel.store.table("sns.topics");
    this.subscriptions = kernel.store.table("sns.subscriptions");
    this.mail = kernel.store.table("sns.mail");
    this.outbox = new Outbox(kernel, "sns");
  }

  arnOf(name: string): string {
    return arn(this.kernel.place, "sns", name);
  }

  require(topicArn: string): TopicRow {
    const row = this.topics.get(topicArn);
    if (!row) throw new AwsError("NotFoundException", "Topic does not exist", { status: 404 });
    return row;
  }

  requireSubscription(subscriptionArn: string): SubscriptionRow {
    const row = this.subscriptions.get(subscriptionArn);
    if (!row) throw new AwsError("NotFoundException", "Subscription does not exist", { status: 404 });
    return row;
  }

  of(topicArn: string): SubscriptionRow[] {
    return [...this.subscriptions.entries({ start: `${topicArn}:`, end: `${topicArn}:\u{10ffff}` })].map(
      ({ value }) => value,
    );
  }

  async saveTopic(row: TopicRow): Promise<void> {
    await this.kernel.store.write(() => this.topics.put(row.arn, row));
  }

  async removeTopic(topicArn: string): Promise<void> {
    const subscriptions = this.of(topicArn);
    await this.kernel.store.write(() => {
      this.topics.remove(topicArn);
      for (const { arn: subscriptionArn } of subscriptions) this.subscriptions.remove(subscriptionArn);
    });
  }

  /** @throws AwsError for a protocol that is not delivered here or a filter that is none */
  async saveSubscription(row: SubscriptionRow): Promise<void> {
    this.require(row.topicArn);
    checkSubscription(row);
    await this.kernel.store.write(() => this.subscriptions.put(row.arn, row));
  }

  /** Whether a subscription wants a message with these attributes or this body. */
  wants(subscription: SubscriptionRow, attributes: Record<string, unknown>, body: string): boolean {
    const { filterPolicy, filterScope } = subscription;
    if (!filterPolicy) return true;
    let matches = this.filters.get(filterPolicy);
    if (!matches) {
      matches = compilePattern(JSON.parse(filterPolicy));
      this.filters.set(filterPolicy, matches);
    }
    if (filterScope === "MessageAttributes") return matches(attributes);
    try {
      return matches(JSON.parse(body));
    } catch {
      // As on AWS: a body that is no JSON fits no filter on bodies.
      return false;
    }
  }
}

function checkSubscription({ protocol, endpoint, filterPolicy }: SubscriptionRow): void {
  if (!delivered.has(protocol)) {
    throw new NotSupportedLocally(`sns subscription with protocol ${String(protocol)}`);
  }
  const wanted = protocol === "sqs" || protocol === "lambda" ? protocol : undefined;
  if (wanted && parseArn(endpoint)?.service !== wanted) {
    throw new AwsError("InvalidParameterException", `Invalid parameter: ${protocol} endpoint ARN: ${endpoint}`);
  }
  if (!filterPolicy) return;
  try {
    compilePattern(JSON.parse(filterPolicy));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AwsError("InvalidParameterException", `Invalid parameter: FilterPolicy: ${why}`);
  }
}

export const topicsOf = perKernel((kernel) => new Topics(kernel));
