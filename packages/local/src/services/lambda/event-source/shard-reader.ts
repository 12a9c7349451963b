import type { ShardedLog } from "../../../kernel";
import { Lane, type LaneOptions } from "./lane";
import { compareSequence, hashKey, type StreamItem } from "./stream-item";

/** Records read from a log at a time, so that a long backlog does not block the process. */
const chunk = 1000;
/** JSON read ahead of the handler, in bytes: more than one batch at its limit of 6 MB; small batches have two ready. */
const readAheadBytes = 8 * 2 ** 20;

export interface ShardReaderOptions extends Omit<LaneOptions, "onDone"> {
  /** The stream, or undefined while it is not there. */
  log(): ShardedLog | undefined;
  /** Whether the function's role allows reading just now. */
  mayRead(): boolean;
  /** Start after this sequence number; from the oldest record where undefined. */
  readonly after: string | undefined;
  /** The checkpoint moved. */
  onCheckpoint(after: string): void;
}

/** Reads one shard in order, hands its records to the lanes and moves the checkpoint behind the last one done. */
export class ShardReader {
  private readonly lanes: Lane[];
  private after: string | undefined;
  /** Read and not behind the checkpoint, in order. */
  private outstanding: StreamItem[] = [];
  private head = 0;
  private undone = 0;
  private bytes = 0;
  private timer: NodeJS.Immediate | undefined;
  private stopped = false;

  constructor(private readonly options: ShardReaderOptions) {
    this.after = options.after;
    const count = options.config.parallelizationFactor;
    const laneOptions = { ...options, onDone: (items: readonly StreamItem[]) => this.markDone(items) };
    this.lanes = Array.from({ length: count }, () => new Lane(laneOptions));
  }

  /** Records known to be behind: those read, and one for all that are not read yet. */
  pending(): number {
    return this.undone + (this.hasMore() ? 1 : 0);
  }

  /** Reads on where there is room, and starts batches that are due. */
  pump(flush = false): void {
    if (this.stopped) return;
    const full = !this.read();
    for (const lane of this.lanes) lane.start(flush);
    // More may be there: go on after whatever else waits for this thread.
    if (full && !this.timer) {
      this.timer = setImmediate(() => {
        this.timer = undefined;
        this.pump();
      });
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer) clearImmediate(this.timer);
    await Promise.all(this.lanes.map((lane) => lane.stop()));
  }

  /** Reads one chunk where there is room; false where the chunk was full, so that there may be more. */
  private read(): boolean {
    const { config, shardId } = this.options;
    const log = this.options.log();
    const room = config.batchSize * 2 * this.lanes.length - this.undone;
    if (!log || room <= 0 || this.bytes >= readAheadBytes || !this.hasMore() || !this.options.mayRead()) return true;
    const limit = Math.min(chunk, room);
    const records = log.read(shardId, this.after, limit);
    for (const record of records) {
      const { sequenceNumber, arrivedAt } = record;
      this.after = sequenceNumber;
      const lambdaRecord = log.toLambda(shardId, record);
      const wanted = config.filter?.(lambdaRecord) ?? true;
      const json = wanted ? JSON.stringify(lambdaRecord) : "";
      const bytes = Buffer.byteLength(json);
      const item: StreamItem = { record: { sequenceNumber, arrivedAt }, json, bytes, done: !wanted };
      this.outstanding.push(item);
      if (wanted) {
        this.undone += 1;
        this.bytes += item.bytes;
        this.laneOf(lambdaRecord).add(item);
      }
    }
    // Records that were filtered out may let the checkpoint move at once.
    if (records.length > 0) this.advance();
    return records.length < limit;
  }

  private laneOf(record: Record<string, unknown>): Lane {
    const index = this.lanes.length === 1 ? 0 : hashKey(orderingKey(record)) % this.lanes.length;
    const lane = this.lanes[index];
    if (!lane) throw new Error(`lane ${index} of ${this.lanes.length}`);
    return lane;
  }

  private markDone(items: readonly StreamItem[]): void {
    for (const item of items) {
      item.done = true;
      item.json = "";
      this.undone -= 1;
      this.bytes -= item.bytes;
    }
    this.advance();
    // The lane that called is about to end: give it the next batch then.
    setImmediate(() => this.pump());
  }

  private advance(): void {
    let checkpoint: string | undefined;
    for (let item = this.outstanding[this.head]; item?.done; item = this.outstanding[this.head]) {
      checkpoint = item.record.sequenceNumber;
      this.head += 1;
    }
    if (this.head > 2000 || this.head === this.outstanding.length) {
      this.outstanding = this.outstanding.slice(this.head);
      this.head = 0;
    }
    if (checkpoint !== undefined) this.options.onCheckpoint(checkpoint);
  }

  private hasMore(): boolean {
    const newest = this.options.log()?.newest(this.options.shardId);
    return newest !== undefined && (this.after === undefined || compareSequence(newest, this.after) > 0);
  }
}

/** What keeps records in order among themselves: the partition key of Kinesis, the item's key of DynamoDB. */
function orderingKey(record: Record<string, unknown>): string {
  const kinesis = record.kinesis as { partitionKey?: string } | undefined;
  if (kinesis) return kinesis.partitionKey ?? "";
  return JSON.stringify((record.dynamodb as { Keys?: unknown } | undefined)?.Keys ?? null);
}
