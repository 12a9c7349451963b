import { type Kernel, type LogRecord, RecordLog, type ShardedLog, type Stamped, type Table } from "../../kernel";

/** A message as stored: key, value, headers; `t` is its arrival, `c` the producer's time. Epoch milliseconds. */
export interface StoredMessage extends Stamped {
  readonly c: number;
  readonly k: Uint8Array | null;
  readonly v: Uint8Array | null;
  readonly h: readonly (readonly [string, Uint8Array])[];
}

export interface TopicDefinition {
  readonly arn: string;
  readonly clusterArn: string;
  readonly name: string;
  readonly partitions: number;
  readonly retentionMs: number;
  readonly maxMessageBytes: number;
}

/** `…:cluster/<name>/<uuid>` → `…:topic/<name>/<uuid>/<topic>`, as IAM policies name it. */
export function topicArn(clusterArn: string, topic: string): string {
  return `${clusterArn.replace(":cluster/", ":topic/")}/${topic}`;
}

/** `…:cluster/<name>/<uuid>` → `…:group/<name>/<uuid>/<group>`. */
export function groupArn(clusterArn: string, group: string): string {
  return `${clusterArn.replace(":cluster/", ":group/")}/${group}`;
}

/**
 * One topic: its partitions on disk, and how Lambda sees their messages. Offsets grow and never repeat, but are not dense
 * (as in a topic that is compacted or written by transactions): they are the log's sequence numbers.
 */
export class Topic implements ShardedLog<StoredMessage> {
  readonly kind = "kafka";
  readonly arn: string;
  readonly log: RecordLog<StoredMessage>;
  private readonly ids: readonly string[];

  constructor(
    readonly definition: TopicDefinition,
    kernel: Kernel,
  ) {
    this.arn = definition.arn;
    this.ids = Array.from({ length: definition.partitions }, (_, index) => `${definition.name}-${index}`);
    const id = definition.arn.replace(/^.*:topic\//, "").replaceAll("/", ".");
    this.log = new RecordLog(kernel.store, "kafka", id, definition.partitions, { prefix: "" });
  }

  shards(): readonly string[] {
    return this.ids;
  }

  read(shard: string, after: string | undefined, limit: number) {
    return this.log.read(this.partitionOf(shard), after, limit, (message) => {
      return Math.ceil((message.v?.byteLength ?? 0) / 3) * 4 + (message.k?.byteLength ?? 0) * 2 + 200;
    });
  }

  newest(shard: string): string | undefined {
    return this.log.newest(this.partitionOf(shard));
  }

  before(shard: string, timestamp: number): string {
    return this.log.before(this.partitionOf(shard), timestamp);
  }

  /** Source: "Using Lambda with Amazon MSK", example event. */
  toLambda(shard: string, record: LogRecord<StoredMessage>) {
    const { c, k, v, h } = record.data;
    return {
      topic: this.definition.name,
      partition: this.partitionOf(shard),
      offset: Number(record.sequenceNumber),
      timestamp: c,
      timestampType: "CREATE_TIME",
      ...(k && { key: base64(k) }),
      ...(v && { value: base64(v) }),
      headers: h.map(([name, value]) => ({ [name]: [...value] })),
    };
  }

  partitionOf(shard: string): number {
    return Number(shard.slice(shard.lastIndexOf("-") + 1));
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** The topics that exist, on disk and at work. */
export class Topics {
  private readonly definitions: Table<TopicDefinition>;
  private readonly open = new Map<string, Topic>();

  constructor(private readonly kernel: Kernel) {
    this.definitions = kernel.store.table<TopicDefinition>("msk.topics");
    for (const { value } of this.definitions.entries()) this.use(value);
  }

  of(clusterArn: string): Topic[] {
    return [...this.open.values()].filter(({ definition }) => definition.clusterArn === clusterArn);
  }

  find(clusterArn: string, name: string): Topic | undefined {
    return this.open.get(topicArn(clusterArn, name));
  }

  async declare(definition: TopicDefinition): Promise<void> {
    await this.kernel.store.write(() => this.definitions.put(definition.arn, definition));
    this.use(definition);
  }

  async remove(arn: string): Promise<void> {
    const topic = this.open.get(arn);
    this.open.delete(arn);
    this.kernel.logs.delete(arn);
    await this.kernel.store.write(() => {
      this.definitions.remove(arn);
      topic?.log.clear();
    });
  }

  /** Drops what is older than each topic's retention, a bounded number of messages per write. */
  async trim(): Promise<void> {
    for (const { definition, log } of this.open.values()) {
      const horizon = this.kernel.now() - definition.retentionMs;
      for (let partition = 0; partition < definition.partitions; partition += 1) {
        const oldest = log.oldest(partition);
        if (oldest === undefined || oldest >= horizon) continue;
        let removed = 0;
        do removed = await this.kernel.store.write(() => log.trim(partition, horizon, 2000));
        while (removed === 2000);
      }
    }
  }

  private use(definition: TopicDefinition): void {
    const topic = new Topic(definition, this.kernel);
    this.open.set(definition.arn, topic);
    this.kernel.logs.set(definition.arn, topic);
  }
}
