import { randomUUID } from "node:crypto";
import type { Kernel, Table } from "../../kernel";
import { sendTo } from "./destinations";
import type { Outcome } from "./environment";
import { defaultEventInvoke } from "./function-config";
import type { Host } from "./host";

/** Before each retry. AWS waits one minute, then two; a developer does not. */
const retryDelaysMs = [1000, 2000];
/** Before another try where the failure destination itself did not take the event, and at most. */
const destinationDelayMs = 1000;
const longestDestinationDelayMs = 30_000;
/** Events of one function that run at a time. */
const concurrency = 10;

interface QueuedEvent {
  readonly requestId: string;
  /** The event as JSON. */
  readonly event: string;
  readonly at: number;
  /** Tries that failed so far. */
  readonly failures: number;
}

interface FunctionQueue {
  next: number;
  size: number;
  running: number;
  readonly due: { readonly sequence: number; readonly event: QueuedEvent }[];
  readonly timers: Set<NodeJS.Timeout>;
}

const rangeOf = (functionName: string) => ({
  start: [functionName, 0],
  end: [functionName, Number.MAX_SAFE_INTEGER],
});

/**
 * The queue before asynchronous invocations. An event is durable before the caller hears of it, and leaves the queue
 * when the handler took it or, retries used up, when its dead-letter target and failure destination have it.
 */
export class AsyncInvocations {
  private readonly table: Table<QueuedEvent>;
  private readonly queues = new Map<string, FunctionQueue>();
  private readonly inFlight = new Set<Promise<void>>();
  private closed = false;

  constructor(
    private readonly kernel: Kernel,
    private readonly host: Host,
  ) {
    this.table = kernel.store.table<QueuedEvent>("lambda.async");
    kernel.track({
      name: "lambda asynchronous events",
      pending: () => [...this.queues.values()].reduce((sum, queue) => sum + queue.size, 0),
    });
  }

  async add(functionName: string, event: string): Promise<void> {
    const queue = this.queue(functionName);
    const sequence = queue.next++;
    const queued = { requestId: randomUUID(), event, at: this.kernel.now(), failures: 0 };
    queue.size += 1;
    try {
      await this.kernel.store.write(() => this.table.put([functionName, sequence], queued));
    } catch (error) {
      queue.size -= 1;
      throw error;
    }
    queue.due.push({ sequence, event: queued });
    this.dispatch(functionName, queue);
  }

  /** Takes up what an earlier run of this process left. */
  resume(functionName: string): void {
    this.dispatch(functionName, this.queue(functionName));
  }

  /** Drops the events of a function that is deleted. */
  async forget(functionName: string): Promise<void> {
    for (const timer of this.queues.get(functionName)?.timers ?? []) clearTimeout(timer);
    this.queues.delete(functionName);
    await this.kernel.store.write(() => this.table.clear(rangeOf(functionName)));
  }

  /** Ends the dispatching; what was not done stays in the store. */
  async close(): Promise<void> {
    this.closed = true;
    for (const queue of this.queues.values()) for (const timer of queue.timers) clearTimeout(timer);
    await Promise.all(this.inFlight);
  }

  private queue(functionName: string): FunctionQueue {
    let queue = this.queues.get(functionName);
    if (!queue) {
      queue = { next: 0, size: 0, running: 0, due: [], timers: new Set() };
      for (const { key, value } of this.table.entries(rangeOf(functionName))) {
        const sequence = Number((key as [string, number])[1]);
        queue.due.push({ sequence, event: value });
        queue.next = sequence + 1;
        queue.size += 1;
      }
      this.queues.set(functionName, queue);
    }
    return queue;
  }

  private dispatch(functionName: string, queue: FunctionQueue): void {
    while (!this.closed && queue.running < concurrency) {
      const next = queue.due.shift();
      if (!next) return;
      queue.running += 1;
      const work = this.attempt(functionName, queue, next.sequence, next.event)
        .catch((error) => this.later(functionName, queue, next.sequence, next.event, destinationDelayMs, String(error)))
        .finally(() => {
          this.inFlight.delete(work);
          queue.running -= 1;
          this.dispatch(functionName, queue);
        });
      this.inFlight.add(work);
    }
  }

  private async attempt(
    functionName: string,
    queue: FunctionQueue,
    sequence: number,
    event: QueuedEvent,
  ): Promise<void> {
    const target = this.host.get(functionName);
    const outcome = await this.host.run(target, event.event);
    if (this.closed && outcome.error) return; // stopped while it ran: it is still in the store
    const config = this.host.eventInvokeConfigs.get(functionName);
    const failures = event.failures + 1;
    if (outcome.error) {
      const retries = config?.maximumRetryAttempts ?? defaultEventInvoke.maximumRetryAttempts;
      const expired =
        this.kernel.now() - event.at > (config?.maximumEventAgeMs ?? defaultEventInvoke.maximumEventAgeMs);
      if (failures <= retries && !expired) {
        const failed = { ...event, failures };
        await this.kernel.store.write(() => this.table.put([functionName, sequence], failed));
        this.later(functionName, queue, sequence, failed, retryDelaysMs[failures - 1] ?? 2000);
        return;
      }
      await this.deliverFailure(functionName, event, outcome, failures);
    } else if (config?.onSuccess) {
      await this.deliver(functionName, config.onSuccess, event, outcome, failures, "Success");
    }
    await this.kernel.store.write(() => this.table.remove([functionName, sequence]));
    queue.size -= 1;
  }

  private later(
    functionName: string,
    queue: FunctionQueue,
    sequence: number,
    event: QueuedEvent,
    delayMs: number,
    problem?: string,
  ): void {
    if (this.closed) return;
    if (problem)
      this.kernel.log.warn(`lambda ${functionName}: asynchronous event ${event.requestId} waits: ${problem}`);
    const timer = setTimeout(
      () => {
        queue.timers.delete(timer);
        queue.due.push({ sequence, event });
        this.dispatch(functionName, queue);
      },
      Math.min(delayMs, longestDestinationDelayMs),
    );
    queue.timers.add(timer);
  }

  private async deliverFailure(
    functionName: string,
    event: QueuedEvent,
    outcome: Outcome,
    tries: number,
  ): Promise<void> {
    const { config } = this.host.get(functionName);
    const onFailure = this.host.eventInvokeConfigs.get(functionName)?.onFailure;
    if (config.deadLetterArn) {
      await sendTo(this.kernel, config.deadLetterArn, event.event, this.host.principalOf(config), {
        RequestID: event.requestId,
        ErrorCode: "200",
        ErrorMessage: outcome.error?.errorMessage.slice(0, 1024) || "Unhandled",
      });
    }
    if (onFailure) await this.deliver(functionName, onFailure, event, outcome, tries, "RetriesExhausted");
    if (!config.deadLetterArn && !onFailure) {
      this.kernel.log.warn(
        `lambda ${functionName}: an asynchronous event failed ${tries} times and is dropped, as on AWS (no dead-letter target): ${outcome.error?.errorMessage}`,
      );
    }
  }

  /** The invocation record, as "Capturing records of Lambda asynchronous invocations" in the developer guide gives it. */
  private async deliver(
    functionName: string,
    destination: string,
    event: QueuedEvent,
    outcome: Outcome,
    tries: number,
    condition: string,
  ): Promise<void> {
    const { config } = this.host.get(functionName);
    const record = {
      version: "1.0",
      timestamp: new Date(this.kernel.now()).toISOString(),
      requestContext: {
        requestId: event.requestId,
        functionArn: `${config.arn}:$LATEST`,
        condition,
        approximateInvokeCount: tries,
      },
      requestPayload: JSON.parse(event.event) as unknown,
      responseContext: {
        statusCode: 200,
        executedVersion: "$LATEST",
        ...(outcome.error ? { functionError: "Unhandled" } : {}),
      },
      responsePayload: outcome.error ?? (JSON.parse(outcome.json) as unknown),
    };
    await sendTo(this.kernel, destination, JSON.stringify(record), this.host.principalOf(config));
  }
}
