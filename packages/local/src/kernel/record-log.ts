import { join } from "node:path";
import { Packr } from "msgpackr";
import { LogShard, type ShardHead } from "./log-shard";
import type { Store } from "./store";
import type { LogRecord } from "./types";

/** What every stored record carries: its arrival time in epoch milliseconds. */
export interface Stamped {
  readonly t: number;
}

/** How a log's sequence numbers look: a fixed prefix and 16 digits, so that they sort as text and as numbers. */
export interface SequenceFormat {
  readonly prefix: string;
}

const digits = 16;
/** Sequence numbers are `epoch milliseconds × 2048 + n`, below 2^53 until the year 2109. */
const perMillisecond = 2048;

/** Values as msgpack, plain maps as the store's tables have them. */
const packr = new Packr({ useRecords: false });

/**
 * A sharded, ordered, durable log: the ground of Kinesis streams and DynamoDB streams.
 *
 * Numbers grow over all shards of the log and follow the clock, so they never repeat, not even after everything was
 * trimmed and the process was started anew: a reader's checkpoint stays valid for ever.
 */
export class RecordLog<V extends Stamped> {
  private readonly logShards: readonly LogShard[];
  private last: number;

  /**
   * @param kind what the log belongs to, a folder's name; with the id it tells logs apart
   */
  constructor(
    store: Store,
    kind: string,
    id: string,
    shardCount: number,
    private readonly format: SequenceFormat,
  ) {
    const heads = store.table<ShardHead>("logs");
    this.logShards = Array.from(
      { length: shardCount },
      (_, shard) => new LogShard(store, heads, [kind, id, shard], join(store.folder, "logs", kind, id, String(shard))),
    );
    this.last = Math.max(0, ...this.logShards.map(({ last }) => last));
  }

  /** Appends inside `Store.write`; the record becomes visible to readers with the commit. */
  append(shard: number, value: V): string {
    this.last = Math.max(this.last + 1, value.t * perMillisecond);
    this.shard(shard).append(this.last, value.t, packr.pack(value));
    return this.text(this.last);
  }

  /** Up to `limit` records after a sequence number (exclusive), from the oldest where undefined. */
  *records(shard: number, after: string | undefined, limit: number): IterableIterator<{ sequence: string; value: V }> {
    if (limit <= 0) return;
    let count = 0;
    for (const { number, payload } of this.shard(shard).frames(after === undefined ? undefined : this.number(after))) {
      yield { sequence: this.text(number), value: packr.unpack(payload) as V };
      count += 1;
      if (count >= limit) return;
    }
  }

  read(shard: number, after: string | undefined, limit: number, size: (value: V) => number): LogRecord<V>[] {
    const result: LogRecord<V>[] = [];
    for (const { sequence, value } of this.records(shard, after, limit)) {
      result.push({ sequenceNumber: sequence, arrivedAt: value.t, size: size(value), data: value });
    }
    return result;
  }

  newest(shard: number): string | undefined {
    const number = this.shard(shard).newest;
    return number === undefined ? undefined : this.text(number);
  }

  /** Where a reader "at timestamp" starts (exclusive): just before the first record that arrived then or later. */
  before(shard: number, timestamp: number): string {
    let position = Math.max(0, Math.ceil(timestamp) * perMillisecond - 1);
    // A burst can run ahead of the clock; step over what still arrived earlier.
    for (const { number, arrivedAt } of this.shard(shard).frames(position)) {
      if (arrivedAt >= timestamp) break;
      position = number;
    }
    return this.text(position);
  }

  /** The sequence number just before another one (exclusive start of a reader that wants it). */
  preceding(sequence: string): string {
    return this.text(Math.max(0, this.number(sequence) - 1));
  }

  /** Removes up to `limit` records of a shard that arrived before `horizon`, inside `Store.write`; returns how many. */
  trim(shard: number, horizon: number, limit: number): number {
    return this.shard(shard).trim(horizon, limit);
  }

  /** Arrival time of the oldest record, or undefined where the shard is empty. */
  oldest(shard: number): number | undefined {
    for (const { arrivedAt } of this.shard(shard).frames(undefined)) return arrivedAt;
    return undefined;
  }

  /** Removes everything, inside `Store.write`. */
  clear(): void {
    for (const shard of this.logShards) shard.clear();
  }

  /** Whether a text is a sequence number of this log's form. */
  isSequence(text: string): boolean {
    return text.length === this.format.prefix.length + digits && text.startsWith(this.format.prefix);
  }

  /** The lowest and the highest possible number, for shard descriptions. */
  bounds(): { lowest: string; highest: string } {
    return { lowest: this.text(0), highest: this.text(Number.MAX_SAFE_INTEGER) };
  }

  private shard(index: number): LogShard {
    const shard = this.logShards[index];
    if (!shard) throw new Error(`shard ${index} of ${this.logShards.length}`);
    return shard;
  }

  private text(number: number): string {
    return this.format.prefix + String(number).padStart(digits, "0");
  }

  private number(sequence: string): number {
    return Number(sequence.slice(this.format.prefix.length));
  }
}
