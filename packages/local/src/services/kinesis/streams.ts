import { hash } from "node:crypto";
import {
  AwsError,
  arn,
  type Kernel,
  type LogRecord,
  RecordLog,
  type ShardedLog,
  type Stamped,
  type Table,
} from "../../kernel";

/** A record as stored: partition key, data, arrival time. */
export interface StoredRecord extends Stamped {
  readonly k: string;
  readonly d: Uint8Array;
}

/** What is durable about a stream besides its records. */
export interface StreamDefinition {
  readonly name: string;
  readonly shardCount: number;
  readonly mode: "ON_DEMAND" | "PROVISIONED";
  readonly retentionHours: number;
  readonly keyId?: string;
  readonly maxRecordKib: number;
  readonly tags: Readonly<Record<string, string>>;
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

/** Shards that an on-demand stream starts with on AWS. */
export const onDemandShards = 4;

const sequencePrefix = "4959033827149025660855969253836157109592";

/** One stream: its shards' hash ranges, its records and how Lambda sees them. */
export class Stream implements ShardedLog<StoredRecord> {
  readonly kind = "kinesis";
  readonly arn: string;
  readonly log: RecordLog<StoredRecord>;
  private readonly ids: readonly string[];
  /** First hash key of each shard, as 32 hexadecimal digits. */
  private readonly starts: readonly string[];

  constructor(
    public definition: StreamDefinition,
    private readonly kernel: Kernel,
  ) {
    this.arn = streamArn(kernel, definition.name);
    this.log = new RecordLog(kernel.store, "kinesis", definition.name, definition.shardCount, {
      prefix: sequencePrefix,
    });
    this.ids = Array.from({ length: definition.shardCount }, (_, index) => shardId(index));
    this.starts = hashStarts(definition.shardCount).map((start) => start.toString(16).padStart(32, "0"));
  }

  shards(): readonly string[] {
    return this.ids;
  }

  read(shard: string, after: string | undefined, limit: number) {
    return this.log.read(this.shardIndex(shard), after, limit, sizeForLambda);
  }

  newest(shard: string): string | undefined {
    return this.log.newest(this.shardIndex(shard));
  }

  before(shard: string, timestamp: number): string {
    return this.log.before(this.shardIndex(shard), timestamp);
  }

  toLambda(shard: string, record: LogRecord<StoredRecord>) {
    const { d, k } = record.data;
    return {
      kinesis: {
        kinesisSchemaVersion: "1.0",
        partitionKey: k,
        sequenceNumber: record.sequenceNumber,
        data: Buffer.from(d.buffer, d.byteOffset, d.byteLength).toString("base64"),
        approximateArrivalTimestamp: record.arrivedAt / 1000,
      },
      eventSource: "aws:kinesis",
      eventVersion: "1.0",
      eventID: `${shard}:${record.sequenceNumber}`,
      eventName: "aws:kinesis:record",
      invokeIdentityArn: "arn:aws:iam::000000000000:role/event-source-mapping",
      awsRegion: this.kernel.place.region,
      eventSourceARN: this.arn,
    };
  }

  /** The shard of a partition key (by MD5, as on AWS) or of an explicit hash key. */
  shardOf(partitionKey: string, explicitHashKey: string | undefined): number {
    const key =
      explicitHashKey === undefined
        ? hash("md5", partitionKey)
        : BigInt(explicitHashKey).toString(16).padStart(32, "0");
    let shard = this.starts.length - 1;
    while (shard > 0 && key < (this.starts[shard] ?? "")) shard -= 1;
    return shard;
  }

  shardIndex(id: string): number {
    const index = Number(/^shardId-(\d{12})$/.exec(id)?.[1] ?? Number.NaN);
    if (Number.isNaN(index) || index >= this.ids.length) {
      throw new AwsError(
        "ResourceNotFoundException",
        `Could not find shard ${id} in stream ${this.definition.name} under account ${this.kernel.place.accountId}.`,
      );
    }
    return index;
  }
}

export function streamArn(kernel: Kernel, name: string): string {
  return arn(kernel.place, "kinesis", `stream/${name}`);
}

export function shardId(index: number): string {
  return `shardId-${String(index).padStart(12, "0")}`;
}

/** The first hash keys of `count` equal shards over the range 0 … 2^128 − 1. */
export function hashStarts(count: number): bigint[] {
  return Array.from({ length: count }, (_, index) => (BigInt(index) * 2n ** 128n) / BigInt(count));
}

/** What a record weighs in Lambda's payload: its data as base64, its key and the envelope. */
function sizeForLambda(record: StoredRecord): number {
  return Math.ceil(record.d.byteLength / 3) * 4 + record.k.length + 400;
}

/** The streams that exist, on disk and at work. */
export class Streams {
  private readonly definitions: Table<StreamDefinition>;
  private readonly streams = new Map<string, Stream>();

  constructor(private readonly kernel: Kernel) {
    this.definitions = kernel.store.table<StreamDefinition>("kinesis.streams");
    for (const { value } of this.definitions.entries()) this.open(value);
  }

  list(): Stream[] {
    return [...this.streams.values()].sort((a, b) => (a.definition.name < b.definition.name ? -1 : 1));
  }

  find(name: string): Stream | undefined {
    return this.streams.get(name);
  }

  /** The stream that a request names, by ARN or by name. */
  require(input: { StreamName?: string; StreamARN?: string }): Stream {
    const name = nameOf(input);
    const stream = name === undefined ? undefined : this.streams.get(name);
    if (stream && (input.StreamARN === undefined || stream.arn === input.StreamARN)) return stream;
    if (name === undefined)
      throw new AwsError("InvalidArgumentException", "Either StreamName or StreamARN must be given.");
    throw new AwsError(
      "ResourceNotFoundException",
      `Stream ${name} under account ${this.kernel.place.accountId} not found.`,
    );
  }

  async create(definition: StreamDefinition): Promise<Stream> {
    await this.kernel.store.write(() => this.definitions.put(definition.name, definition));
    return this.open(definition);
  }

  /** Changes what can change without touching records; the shards stay as they are. */
  async update(stream: Stream, change: Partial<StreamDefinition>) {
    const { name, shardCount, createdAt } = stream.definition;
    const definition = { ...stream.definition, ...change, name, shardCount, createdAt };
    await this.kernel.store.write(() => this.definitions.put(definition.name, definition));
    stream.definition = definition;
  }

  async remove(stream: Stream): Promise<void> {
    this.streams.delete(stream.definition.name);
    this.kernel.logs.delete(stream.arn);
    await this.kernel.store.write(() => {
      this.definitions.remove(stream.definition.name);
      stream.log.clear();
    });
  }

  /** Drops what is older than each stream's retention, a bounded number of records per write. */
  async trim(): Promise<void> {
    for (const stream of this.list()) {
      const horizon = this.kernel.now() - stream.definition.retentionHours * 3_600_000;
      for (let shard = 0; shard < stream.definition.shardCount; shard += 1) {
        const oldest = stream.log.oldest(shard);
        if (oldest === undefined || oldest >= horizon) continue;
        let removed = 0;
        do removed = await this.kernel.store.write(() => stream.log.trim(shard, horizon, 2000));
        while (removed === 2000);
      }
    }
  }

  private open(definition: StreamDefinition): Stream {
    const stream = new Stream(definition, this.kernel);
    this.streams.set(definition.name, stream);
    this.kernel.logs.set(stream.arn, stream);
    return stream;
  }
}

/** The stream name in a request, from the ARN where only that is given. */
export function nameOf(input: { StreamName?: string; StreamARN?: string }): string | undefined {
  return input.StreamName ?? input.StreamARN?.replace(/^.*:stream\//, "");
}
