import type { Table } from "./store";
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

/**
 * A sharded, ordered, durable log in one table under the keys `[id, shard, number]`: the ground of Kinesis streams and
 * DynamoDB streams.
 *
 * Numbers grow over all shards of the log and follow the clock, so they never repeat, not even after everything was
 * trimmed and the process was started anew: a reader's checkpoint stays valid for ever.
 */
export class RecordLog<V extends Stamped> {
  private last = 0;

  constructor(
    private readonly table: Table<V>,
    readonly id: string,
    readonly shardCount: number,
    private readonly format: SequenceFormat,
  ) {
    for (let shard = 0; shard < shardCount; shard += 1) this.last = Math.max(this.last, this.newestNumber(shard) ?? 0);
  }

  /** Appends inside `Store.write`; the record becomes visible to readers with the commit. */
  append(shard: number, value: V): string {
    this.last = Math.max(this.last + 1, value.t * perMillisecond);
    this.table.put([this.id, shard, this.last], value);
    return this.text(this.last);
  }

  /** Up to `limit` records after a sequence number (exclusive), from the oldest where undefined. */
  *records(shard: number, after: string | undefined, limit: number): IterableIterator<{ sequence: string; value: V }> {
    const start = after === undefined ? [this.id, shard] : [this.id, shard, this.number(after)];
    const range = { start, end: [this.id, shard + 1], limit, exclusiveStart: after !== undefined };
    for (const { key, value } of this.table.entries(range)) {
      yield { sequence: this.text((key as [string, number, number])[2]), value };
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
    const number = this.newestNumber(shard);
    return number === undefined ? undefined : this.text(number);
  }

  /** Where a reader "at timestamp" starts (exclusive): just before the first record that arrived then or later. */
  before(shard: number, timestamp: number): string {
    const bound = Math.max(0, Math.ceil(timestamp) * perMillisecond - 1);
    let position = bound;
    // A burst can run ahead of the clock; step over what still arrived earlier.
    for (const { key, value } of this.table.entries({ start: [this.id, shard, bound], end: [this.id, shard + 1] })) {
      if (value.t >= timestamp) break;
      position = (key as [string, number, number])[2];
    }
    return this.text(position);
  }

  /** The sequence number just before another one (exclusive start of a reader that wants it). */
  preceding(sequence: string): string {
    return this.text(Math.max(0, this.number(sequence) - 1));
  }

  /** Removes up to `limit` records of a shard that arrived before `horizon`, inside `Store.write`; returns how many. */
  trim(shard: number, horizon: number, limit: number): number {
    const old: (string | number)[][] = [];
    for (const { key, value } of this.table.entries({ start: [this.id, shard], end: [this.id, shard + 1], limit })) {
      if (value.t >= horizon) break;
      old.push(key as (string | number)[]);
    }
    for (const key of old) this.table.remove(key);
    return old.length;
  }

  /** Arrival time of the oldest record, or undefined where the shard is empty. */
  oldest(shard: number): number | undefined {
    for (const { value } of this.table.entries({ start: [this.id, shard], end: [this.id, shard + 1], limit: 1 })) {
      return value.t;
    }
    return undefined;
  }

  /** Removes everything, inside `Store.write`. */
  clear(): void {
    this.table.clear({ start: [this.id, 0], end: [this.id, this.shardCount] });
  }

  /** Whether a text is a sequence number of this log's form. */
  isSequence(text: string): boolean {
    return text.length === this.format.prefix.length + digits && text.startsWith(this.format.prefix);
  }

  /** The lowest and the highest possible number, for shard descriptions. */
  bounds(): { lowest: string; highest: string } {
    return { lowest: this.text(0), highest: this.text(Number.MAX_SAFE_INTEGER) };
  }

  private newestNumber(shard: number): number | undefined {
    const range = { start: [this.id, shard + 1], end: [this.id, shard], reverse: true, limit: 1 };
    for (const { key } of this.table.entries(range)) return (key as [string, number, number])[2];
    return undefined;
  }

  private text(number: number): string {
    return this.format.prefix + String(number).padStart(digits, "0");
  }

  private number(sequence: string): number {
    return Number(sequence.slice(this.format.prefix.length));
  }
}
