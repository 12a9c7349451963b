/** What a shard takes in a second. Source: "Quotas and limits" of Kinesis Data Streams. */
const perSecond = { records: 1000, bytes: 2 ** 20 };

/** Counts what each shard takes in a second of the clock. */
export class ShardLimits {
  private readonly shards = new Map<string, { second: number; records: number; bytes: number }>();

  /** Whether the shard takes the record; a record that is refused counts for nothing. */
  takes(shard: string, bytes: number, now: number): boolean {
    const second = Math.floor(now / 1000);
    const known = this.shards.get(shard);
    const used = known?.second === second ? known : { second, records: 0, bytes: 0 };
    if (used.records >= perSecond.records || used.bytes + bytes > perSecond.bytes) return false;
    this.shards.set(shard, { second, records: used.records + 1, bytes: used.bytes + bytes });
    return true;
  }
}
