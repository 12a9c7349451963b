import { arn, type Kernel, type LogRecord, type Principal, type ShardedLog } from "../../kernel";
import type { StoredRecord } from "../kinesis";
import type { StoredMessage } from "../msk";

/** A record on its way through a delivery stream. */
export interface SourceRecord {
  readonly shard: string;
  readonly sequence: string;
  /** Epoch milliseconds. */
  readonly arrivedAt: number;
  readonly data: Uint8Array;
  readonly partitionKey?: string;
}

/** Where a delivery stream reads: shards of ordered records, read after a position. */
export interface RecordSource {
  /** Shard ids; empty while the source is not there (yet). */
  shards(): readonly string[];
  read(shard: string, after: string | undefined, limit: number): SourceRecord[];
  newest(shard: string): string | undefined;
  /** Inside a store write: what was delivered up to here is not needed any more. */
  release(shard: string, upTo: string): void;
  /** Topic of `Kernel.onWake`. */
  readonly topic: string;
}

/** A log that has a retention of its own, read under the delivery stream's source role. */
abstract class LogSource<V> implements RecordSource {
  private readonly principal: Principal;
  /** `kinesis:GetRecords`: what reading takes. */
  protected abstract readonly actions: readonly string[];

  constructor(
    private readonly kernel: Kernel,
    readonly topic: string,
    roleArn: string,
    session: string,
  ) {
    this.principal = { kind: "role", roleArn, session };
  }

  /** What of a record is delivered. */
  protected abstract pick(stored: V): Pick<SourceRecord, "data" | "partitionKey">;

  private get log(): ShardedLog<V> | undefined {
    return this.kernel.logs.get(this.topic) as ShardedLog<V> | undefined;
  }

  shards(): readonly string[] {
    return this.log?.shards() ?? [];
  }

  newest(shard: string): string | undefined {
    return this.log?.newest(shard);
  }

  read(shard: string, after: string | undefined, limit: number): SourceRecord[] {
    for (const action of this.actions) {
      this.kernel.authorize(this.principal, { action, resource: this.topic }, action.slice(action.indexOf(":") + 1));
    }
    const records: LogRecord<V>[] = this.log?.read(shard, after, limit) ?? [];
    return records.map(({ sequenceNumber, arrivedAt, data }) => ({
      shard,
      sequence: sequenceNumber,
      arrivedAt,
      ...this.pick(data),
    }));
  }

  release(): void {
    // The log's retention decides how long it keeps its records.
  }
}

/** A Kinesis stream. */
export class KinesisSource extends LogSource<StoredRecord> {
  protected readonly actions = ["kinesis:DescribeStream", "kinesis:GetShardIterator", "kinesis:GetRecords"];

  protected pick({ d, k }: StoredRecord) {
    return { data: d, partitionKey: k };
  }
}

/** A topic of MSK: the messages' values. */
export class KafkaSource extends LogSource<StoredMessage> {
  protected readonly actions = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"];

  protected pick({ v }: StoredMessage) {
    return { data: v ?? new Uint8Array() };
  }
}

interface DirectRow {
  readonly data: Uint8Array;
  readonly arrivedAt: number;
}

/** The durable queue behind Direct PUT: what `PutRecord` acknowledged is here until it is delivered. */
export class DirectSource implements RecordSource {
  private static readonly shard = "direct";
  private readonly rows;
  private next: number;
  readonly topic: string;

  constructor(
    private readonly kernel: Kernel,
    private readonly stream: string,
  ) {
    this.topic = arn(kernel.place, "firehose", `deliverystream/${stream}`);
    this.rows = kernel.store.table<DirectRow>("firehose.direct");
    const [last] = this.rows.entries({
      start: [stream, Number.MAX_SAFE_INTEGER],
      end: [stream],
      reverse: true,
      limit: 1,
    });
    // A queue that was emptied must not reuse numbers below the checkpoint: time is ahead of any count.
    this.next = Math.max(last ? Number((last.key as (string | number)[])[1]) + 1 : 0, Date.now() * 1000);
  }

  /** Resolves once the records are on disk. */
  async append(records: readonly Uint8Array[]): Promise<void> {
    const arrivedAt = this.kernel.now();
    const first = this.next;
    this.next += records.length;
    await this.kernel.store.write(() => {
      for (const [index, data] of records.entries()) this.rows.put([this.stream, first + index], { data, arrivedAt });
    });
    this.kernel.wake(this.topic);
  }

  shards(): readonly string[] {
    return [DirectSource.shard];
  }

  newest(): string | undefined {
    const [last] = this.rows.entries({
      start: [this.stream, Number.MAX_SAFE_INTEGER],
      end: [this.stream],
      reverse: true,
      limit: 1,
    });
    return last && String((last.key as (string | number)[])[1]);
  }

  read(shard: string, after: string | undefined, limit: number): SourceRecord[] {
    const start = [this.stream, after === undefined ? 0 : Number(after) + 1];
    const range = { start, end: [this.stream, Number.MAX_SAFE_INTEGER], limit };
    return [...this.rows.entries(range)].map(({ key, value }) => ({
      shard,
      sequence: String((key as (string | number)[])[1]),
      arrivedAt: value.arrivedAt,
      data: value.data,
    }));
  }

  release(_shard: string, upTo: string): void {
    this.rows.clear({ start: [this.stream, 0], end: [this.stream, Number(upTo) + 1] });
  }
}
