import { AwsError, type Kernel, parseArn, type Table } from "../../kernel";
import { allowsRedrive, type QueueAttributes, redriveOf, withAttributes } from "./attributes";
import { Queue, type QueueDefinition, type QueueTables } from "./queue";

/** The queues that exist, on disk and at work. */
export class Queues {
  private readonly definitions: Table<QueueDefinition>;
  private readonly tables: QueueTables;
  private readonly queues = new Map<string, Queue>();

  constructor(private readonly kernel: Kernel) {
    this.definitions = kernel.store.table<QueueDefinition>("sqs.queues");
    this.tables = {
      messages: kernel.store.table("sqs.messages"),
      states: kernel.store.table("sqs.states"),
      order: kernel.store.table("sqs.order"),
      deduplication: kernel.store.table("sqs.deduplication"),
    };
    for (const { value } of this.definitions.entries()) this.open(value);
  }

  list(): Queue[] {
    return [...this.queues.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(name: string): Queue | undefined {
    return this.queues.get(name);
  }

  byArn(arn: string): Queue | undefined {
    const queue = this.queues.get(parseArn(arn)?.resource ?? "");
    return queue?.arn === arn ? queue : undefined;
  }

  /** The queue of a URL; only the path decides, so that a URL stays good when the port changes. */
  byUrl(url: unknown): Queue {
    const queue = this.queues.get(queueNameOf(url) ?? "");
    if (!queue) throw new AwsError("QueueDoesNotExist", "The specified queue does not exist.");
    return queue;
  }

  url(name: string): string {
    return `${this.kernel.awsEndpoint}/${this.kernel.place.accountId}/${name}`;
  }

  async create(name: string, attributes: unknown, tags: Record<string, string>): Promise<Queue> {
    const now = this.kernel.now();
    const definition: QueueDefinition = {
      name,
      attributes: withAttributes(name, {}, attributes),
      tags,
      createdAt: now,
      modifiedAt: now,
    };
    await this.kernel.store.write(() => this.definitions.put(name, definition));
    return this.open(definition);
  }

  async update(queue: Queue, change: { attributes?: unknown; tags?: Readonly<Record<string, string>> }): Promise<void> {
    const { definition } = queue;
    const next: QueueDefinition = {
      ...definition,
      attributes: withAttributes(queue.name, definition.attributes, change.attributes),
      tags: change.tags ?? definition.tags,
      modifiedAt: this.kernel.now(),
    };
    await this.kernel.store.write(() => this.definitions.put(queue.name, next));
    queue.definition = next;
  }

  async remove(queue: Queue): Promise<void> {
    this.queues.delete(queue.name);
    queue.stop();
    await this.kernel.store.write(() => {
      this.definitions.remove(queue.name);
      queue.clear();
    });
  }

  /** As AWS does when a redrive policy is set: the target must exist, be of the same kind and let this queue in. */
  checkRedrive(name: string, sourceArn: string, attributes: QueueAttributes): void {
    const policy = redriveOf(attributes);
    if (!policy) return;
    const refuse = (reason: string) =>
      new AwsError(
        "InvalidParameterValue",
        `Value ${attributes.RedrivePolicy} for parameter RedrivePolicy is invalid. Reason: ${reason}`,
      );
    const target = this.byArn(policy.deadLetterTargetArn);
    if (!target) throw refuse("Dead letter target does not exist.");
    if (target.fifo !== name.endsWith(".fifo"))
      throw refuse("Dead-letter queue must be same type of queue as the source.");
    if (!allowsRedrive(target.definition.attributes, sourceArn)) {
      throw refuse("Dead-letter queue's redrive allow policy does not let this queue use it.");
    }
  }

  stop(): void {
    for (const queue of this.queues.values()) queue.stop();
  }

  private open(definition: QueueDefinition): Queue {
    const queue = new Queue(definition, this.kernel, this.tables);
    this.queues.set(definition.name, queue);
    return queue;
  }
}

/** `http://127.0.0.1:4566/000000000000/orders` → `orders`. */
export function queueNameOf(url: unknown): string | undefined {
  return typeof url === "string" ? /\/\d{12}\/([^/?#]+)\/?$/.exec(url)?.[1] : undefined;
}
