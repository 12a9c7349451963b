import { AwsError, type Kernel } from "../../../kernel";
import type { SqsEventRecord } from "../../sqs";
import type { Host } from "../host";
import { batchOutcome } from "./batch-outcome";
import type { MappingConfig } from "./mapping-config";
import type { MappingStatus } from "./mapping-status";
import { Pauses } from "./pause";
import { QueueSource } from "./queue-source";

/** Batches that run at a time where the mapping sets no maximum: AWS starts with five pollers. */
const defaultConcurrency = 5;
/** Between looks at a queue that is missing or that the role may not read, in milliseconds. */
const recheck = { first: 200, longest: 10_000 };
/** A failed message is back after 1, 2, 4… seconds, at most so many, and never later than its queue says. */
const longestBackoffSeconds = 30;

/** A mapping of an SQS queue: receives, invokes, deletes what was done; the queue itself redrives what keeps failing. */
export class QueueMapping {
  private readonly source: QueueSource;
  private readonly pauses = new Pauses();
  private readonly stopListening: () => void;
  private readonly running = new Set<Promise<void>>();
  private polling: Promise<void> | undefined;
  private again = false;
  private flushing = false;
  private endWindow: (() => void) | undefined;
  private checked = false;
  private stopped = false;
  private wait = recheck.first;

  constructor(
    kernel: Kernel,
    private readonly host: Host,
    private readonly config: MappingConfig,
    private readonly status: MappingStatus,
  ) {
    const principal = () => host.principalOf(host.get(config.functionName).config);
    this.source = new QueueSource(kernel, config.sourceArn, principal);
    this.stopListening = kernel.onWake(config.sourceArn, () => {
      this.endWindow?.();
      this.poll();
    });
    this.poll();
  }

  /**
   * Batches under way, and one more where a message can be received now. A message that waits for its next try is no
   * work in progress: a destination that is down for an hour must not keep everybody waiting.
   */
  pending(): number {
    return this.running.size + (this.source.hasReady() ? 1 : 0);
  }

  flush(): void {
    this.flushing = true;
    this.endWindow?.();
    this.poll();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.stopListening();
    this.pauses.end();
    this.endWindow?.();
    await this.polling;
    await Promise.all(this.running);
  }

  private poll(): void {
    if (this.stopped) return;
    if (this.polling) {
      this.again = true;
      return;
    }
    this.again = false;
    this.polling = this.drain()
      .catch((error) => this.blocked(error))
      .finally(() => {
        this.polling = undefined;
        if (this.again) this.poll();
      });
  }

  /** Starts batches until the queue is empty or enough of them run. */
  private async drain(): Promise<void> {
    if (!this.checked) this.check();
    while (!this.stopped && this.running.size < (this.config.maximumConcurrency ?? defaultConcurrency)) {
      const messages = await this.gather();
      if (messages.length === 0) return;
      const batch = this.handle(messages)
        .catch((error) => this.status.problem(error instanceof Error ? error.message : String(error)))
        .finally(() => {
          this.running.delete(batch);
          this.poll();
        });
      this.running.add(batch);
    }
  }

  /** What AWS checks when a mapping is made. */
  private check(): void {
    const seconds = this.source.queue().visibilityTimeoutSeconds;
    const { timeoutMs } = this.host.get(this.config.functionName).config;
    if (seconds * 1000 < timeoutMs) {
      throw new AwsError(
        "InvalidParameterValueException",
        `Queue visibility timeout: ${seconds} seconds is less than Function timeout: ${timeoutMs / 1000} seconds`,
      );
    }
    this.checked = true;
  }

  /** A queue that can not be read is a problem that is told, and looked at again later and later. */
  private async blocked(error: unknown): Promise<void> {
    if (this.wait > recheck.first) this.status.problem(error instanceof Error ? error.message : String(error));
    const wait = this.wait;
    this.wait = Math.min(recheck.longest, wait * 2);
    void this.pauses.pause(wait).then(() => this.poll());
  }

  /** A batch: as much as there is, up to its size; with a window, what comes within it. */
  private async gather(): Promise<SqsEventRecord[]> {
    const { batchSize, windowMs } = this.config;
    const messages: SqsEventRecord[] = [];
    const deadline = Date.now() + windowMs;
    while (messages.length < batchSize && !this.stopped) {
      const more = await this.source.queue().receive(batchSize - messages.length);
      messages.push(...more);
      if (more.length > 0) continue;
      const remaining = deadline - Date.now();
      if (messages.length === 0 || remaining <= 0 || this.flushing) break;
      await this.window(remaining);
    }
    this.flushing = false;
    this.wait = recheck.first;
    return messages;
  }

  /** Ends early when something new is in the queue. */
  private async window(ms: number): Promise<void> {
    await Promise.race([
      this.pauses.pause(ms),
      new Promise<void>((resolve) => {
        this.endWindow = resolve;
      }),
    ]);
    this.endWindow = undefined;
  }

  private async handle(messages: SqsEventRecord[]): Promise<void> {
    const { filter } = this.config;
    const passes = (message: SqsEventRecord) => filter?.({ ...message }) ?? true;
    const batch = messages.filter(passes);
    // As on AWS: what the filter does not want is removed from the queue.
    if (batch.length < messages.length) await this.source.delete(messages.filter((message) => !passes(message)));
    if (batch.length === 0) return;
    const failed = await this.invoke(batch);
    await this.source.delete(batch.filter(({ messageId }) => !failed.has(messageId)));
    if (failed.size > 0) await this.giveBack(batch.filter(({ messageId }) => failed.has(messageId)));
  }

  /** Runs the handler; the identifiers of the messages that failed. */
  private async invoke(batch: readonly SqsEventRecord[]): Promise<Set<string>> {
    const { config, host } = this;
    const ids = new Set(batch.map(({ messageId }) => messageId));
    try {
      const outcome = await host.run(host.get(config.functionName), JSON.stringify({ Records: batch }));
      const result = batchOutcome(outcome, config.reportsItemFailures, (id) => ids.has(id));
      if (result.kind === "success") {
        this.status.ok();
        return new Set();
      }
      this.status.problem(result.kind === "failure" ? result.reason : `${result.failed.length} messages failed`);
      return result.kind === "failure" ? ids : new Set(result.failed);
    } catch (error) {
      this.status.problem(error instanceof Error ? error.message : String(error));
      return ids;
    }
  }

  private async giveBack(messages: readonly SqsEventRecord[]): Promise<void> {
    if (this.stopped) return await this.source.release(messages, () => 0);
    const longest = Math.min(longestBackoffSeconds, this.source.queue().visibilityTimeoutSeconds);
    await this.source.release(messages, ({ attributes }) =>
      Math.min(longest, 2 ** Math.min(10, Number(attributes.ApproximateReceiveCount ?? 1) - 1)),
    );
  }
}
