import type { Outcome } from "../environment";
import { batchEvent, itemIdentifier } from "./batch-event";
import { batchOutcome } from "./batch-outcome";
import type { Discarded } from "./failure-destination";
import type { MappingConfig } from "./mapping-config";
import type { Pause } from "./pause";
import type { StreamItem } from "./stream-item";

/** Lambda's limit of a synchronous event, less the frame around the records. */
const maximumBytes = 6_291_456 - 64;
/** Delay before a retry, doubled each time up to the longest. AWS waits longer; a developer watches. */
const retryDelays = { first: 50, longest: 5_000 };
/**
 * Least time between the starts of two batches that are not full, in milliseconds: a lone record goes at once, a steady
 * trickle goes in groups. AWS's poller asks a shard for records once a second.
 */
const paceMs = 100;

export interface LaneOptions {
  readonly config: MappingConfig;
  readonly shardId: string;
  readonly pause: Pause;
  now(): number;
  /** Throws where the function can not be invoked at all. */
  invoke(event: string): Promise<Outcome>;
  discard(discarded: Discarded): Promise<void>;
  /** Items are done: delivered or given up. */
  onDone(items: readonly StreamItem[]): void;
  onProblem(problem: string | undefined): void;
}

interface Work {
  readonly items: readonly StreamItem[];
  /** Invocations that failed for exactly these items. */
  readonly failures: number;
}

/**
 * One line of batches of a shard, one after the other: a shard has one lane, or `parallelizationFactor` of them, each
 * with its own partition keys. Retries, bisects and gives up as AWS documents it.
 */
export class Lane {
  private queue: StreamItem[] = [];
  private bytes = 0;
  private firstAt = 0;
  private startedAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private current: Promise<void> | undefined;
  private stopped = false;

  constructor(private readonly options: LaneOptions) {}

  /** Items that wait here for a batch. */
  get waiting(): number {
    return this.queue.length;
  }

  add(item: StreamItem): void {
    if (this.queue.length === 0) this.firstAt = Date.now();
    this.queue.push(item);
    this.bytes += item.bytes;
  }

  /** Starts a batch where one is due: it is full, or its window and its pace have passed, or `now` asks for it. */
  start(now = false): void {
    if (this.current || this.queue.length === 0 || this.stopped) return;
    const { batchSize, windowMs } = this.options.config;
    const full = this.queue.length >= batchSize || this.bytes >= maximumBytes;
    const waitMs = Math.max(this.firstAt + windowMs, this.startedAt + paceMs) - Date.now();
    if (!full && !now && waitMs > 0) {
      this.timer ??= setTimeout(() => {
        this.timer = undefined;
        this.start();
      }, waitMs);
      return;
    }
    clearTimeout(this.timer);
    this.timer = undefined;
    this.startedAt = Date.now();
    this.current = this.process(this.takeBatch()).finally(() => {
      this.current = undefined;
    });
  }

  /** Ends after the invocation that runs; what is not done is read again at the next start. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.current;
  }

  private takeBatch(): StreamItem[] {
    let bytes = 0;
    let count = 0;
    for (const item of this.queue) {
      if (count === this.options.config.batchSize || (count > 0 && bytes + item.bytes > maximumBytes)) break;
      bytes += item.bytes + 1;
      count += 1;
    }
    const batch = this.queue.slice(0, count);
    this.queue = this.queue.slice(count);
    for (const item of batch) this.bytes -= item.bytes;
    this.firstAt = Date.now();
    return batch;
  }

  private async process(batch: StreamItem[]): Promise<void> {
    const stack: Work[] = [{ items: batch, failures: 0 }];
    for (let work = stack.pop(); work && !this.stopped; work = stack.pop()) {
      const fresh = await this.withoutExpired(work);
      if (fresh.items.length > 0) stack.push(...(await this.attempt(fresh)));
    }
  }

  /** Runs a batch once; what is left to do comes back, the part to do first last. */
  private async attempt(work: Work): Promise<Work[]> {
    const { config, invoke, onDone, onProblem, pause } = this.options;
    const { items } = work;
    let outcome: Outcome;
    try {
      outcome = await invoke(batchEvent(config, this.options.shardId, items));
    } catch (error) {
      // The function could not be asked: that uses up no retry.
      onProblem(error instanceof Error ? error.message : String(error));
      await pause(retryDelays.longest / 5);
      return [work];
    }
    if (this.stopped && outcome.error) return [work];
    const result = batchOutcome(
      outcome,
      config.reportsItemFailures,
      (id) => items.some((item) => item.record.sequenceNumber === id),
      itemIdentifier(config, this.options.shardId),
    );
    if (result.kind === "success") {
      onProblem(undefined);
      onDone(items);
      return [];
    }
    const failedAt =
      result.kind === "failure" ? 0 : items.findIndex((item) => result.failed.includes(item.record.sequenceNumber));
    if (failedAt > 0) onDone(items.slice(0, failedAt));
    onProblem(result.kind === "failure" ? result.reason : `${result.failed.length} records failed`);
    const rest = items.slice(failedAt);
    // Split at the returned number: only the rest is tried again, and no retry is used up.
    if (failedAt > 0 && config.bisect) return [{ items: rest, failures: 0 }];
    return await this.afterFailure(rest, failedAt > 0 ? 0 : work.failures);
  }

  /**
   * The items from the lowest failed one on. With bisect they are halved, which uses up no retry; else they are tried
   * again as they are. Progress in between starts the count of retries anew.
   */
  private async afterFailure(rest: readonly StreamItem[], failuresBefore: number): Promise<Work[]> {
    const { config, pause } = this.options;
    const failures = failuresBefore + 1;
    if (config.bisect && rest.length > 1) {
      const middle = Math.ceil(rest.length / 2);
      return [
        { items: rest.slice(middle), failures: 0 },
        { items: rest.slice(0, middle), failures: 0 },
      ];
    }
    if (config.maximumRetries !== undefined && failures > config.maximumRetries) {
      await this.giveUp({
        shardId: this.options.shardId,
        items: rest,
        condition: "RetryAttemptsExhausted",
        invocations: failures,
      });
      return [];
    }
    await pause(Math.min(retryDelays.longest, retryDelays.first * 2 ** Math.min(failures - 1, 10)));
    return [{ items: rest, failures }];
  }

  private async withoutExpired(work: Work): Promise<Work> {
    const { maximumAgeMs } = this.options.config;
    if (maximumAgeMs === undefined) return work;
    const horizon = this.options.now() - maximumAgeMs;
    const firstFresh = work.items.findIndex((item) => item.record.arrivedAt >= horizon);
    const expired = firstFresh < 0 ? work.items : work.items.slice(0, firstFresh);
    if (expired.length === 0) return work;
    const { shardId } = this.options;
    await this.giveUp({ shardId, items: expired, condition: "RecordAgeExceeded", invocations: work.failures });
    return { items: work.items.slice(expired.length), failures: work.failures };
  }

  /** The checkpoint passes given-up records only once the failure destination has them. */
  private async giveUp(discarded: Discarded): Promise<void> {
    const { discard, onDone, onProblem, pause } = this.options;
    for (let tries = 0; ; tries += 1) {
      if (this.stopped) return;
      try {
        await discard(discarded);
        break;
      } catch (error) {
        onProblem(`the failure destination refuses: ${error instanceof Error ? error.message : error}`);
        await pause(Math.min(retryDelays.longest, retryDelays.first * 2 ** Math.min(tries, 10)));
      }
    }
    onDone(discarded.items);
  }
}
