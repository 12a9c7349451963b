import type { Kernel, Principal, Table } from "../../kernel";
import { deliver } from "./deliver";

/** A message on its way to a target. Kept in the store from the commit of what caused it until it is delivered. */
export interface Delivery {
  readonly targetArn: string;
  /** Plain data: what a function gets, and as JSON what a queue, topic, stream or state machine gets. */
  readonly payload: unknown;
  readonly principal: Principal;
  readonly options?: DeliveryOptions;
  /** Deliveries tried in all; default 8 (about 25 s of growing pauses). */
  readonly maxAttempts?: number;
  /** A queue that gets the payload when every try has failed. */
  readonly deadLetterArn?: string;
}

export interface DeliveryOptions {
  readonly messageGroupId?: string;
  readonly messageDeduplicationId?: string;
  readonly messageAttributes?: Record<string, unknown>;
  readonly partitionKey?: string;
  readonly subject?: string;
}

interface Row extends Delivery {
  readonly attempts: number;
  readonly lastError?: string;
}

const firstPauseMs = 100;
const longestPauseMs = 10_000;
const concurrency = 16;
const loadedAtOnce = 1_000;
/** Refusals that no waiting will mend; a few tries still cover a policy that is being deployed. */
const refusal = /AccessDenied|AuthorizationError|NotSupportedLocally|KMSAccessDenied|KmsAccessDenied/;
const triesAfterRefusal = 3;

/**
 * A durable outbox: at least once, order kept only as far as nothing is retried. `stage` writes the deliveries in the
 * same transaction as what caused them; `kick` starts them. Survives restarts: what was staged is delivered.
 */
export class Outbox {
  private readonly rows: Table<Row>;
  private readonly dead: Table<Row>;
  private readonly queue: number[] = [];
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly running = new Set<Promise<void>>();
  private nextId: number;
  private loadedUpTo = 0;
  private retrying = 0;
  private moreInStore = false;
  private closed = false;

  constructor(
    private readonly kernel: Kernel,
    private readonly name: string,
  ) {
    this.rows = kernel.store.table(`outbox.${name}`);
    this.dead = kernel.store.table(`outbox.${name}.dead`);
    const [last] = this.rows.entries({ reverse: true, limit: 1 });
    this.nextId = last ? Number(last.key) + 1 : 1;
    this.moreInStore = last !== undefined;
    kernel.track({ name: `${name} deliveries`, pending: () => this.pending() });
    kernel.onClose(() => this.close());
    // Left over from an earlier run: due once the stack's resources are back.
    if (last) this.after(firstPauseMs, () => this.kick());
  }

  /** Only inside `Store.write`; call `kick` once the write is done. */
  stage(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.rows.put(this.nextId++, { ...delivery, attempts: 0 });
  }

  /** Starts what has been staged. */
  kick(): void {
    if (this.closed) return;
    this.load();
    while (this.running.size < concurrency) {
      const id = this.queue.shift();
      if (id === undefined) break;
      const work: Promise<void> = this.attempt(id).finally(() => {
        this.running.delete(work);
        this.kick();
      });
      this.running.add(work);
    }
  }

  pending(): number {
    return this.queue.length + this.running.size + this.retrying + (this.moreInStore ? 1 : 0);
  }

  /** Deliveries given up, newest last. */
  deadLetters(): Delivery[] {
    return [...this.dead.entries()].map(({ value }) => value);
  }

  private load(): void {
    if (this.queue.length >= loadedAtOnce) {
      this.moreInStore = true;
      return;
    }
    const limit = loadedAtOnce - this.queue.length;
    let count = 0;
    for (const { key } of this.rows.entries({ start: this.loadedUpTo + 1, limit })) {
      this.queue.push(Number(key));
      this.loadedUpTo = Number(key);
      count += 1;
    }
    this.moreInStore = count === limit;
  }

  private async attempt(id: number): Promise<void> {
    const row = this.rows.get(id);
    if (!row) return;
    try {
      await deliver(this.kernel, row);
      await this.kernel.store.write(() => this.rows.remove(id));
    } catch (error) {
      if (!this.closed) await this.failed(id, row, error instanceof Error ? error : new Error(String(error)));
    }
  }

  private async failed(id: number, row: Row, error: Error): Promise<void> {
    const attempts = row.attempts + 1;
    const next: Row = { ...row, attempts, lastError: `${error.name}: ${error.message}` };
    const limit = Math.min(
      row.maxAttempts ?? 8,
      refusal.test(error.name) ? triesAfterRefusal : Number.POSITIVE_INFINITY,
    );
    if (attempts >= limit) return this.giveUp(id, next);
    await this.kernel.store.write(() => this.rows.put(id, next));
    this.retrying += 1;
    this.after(Math.min(firstPauseMs * 2 ** (attempts - 1), longestPauseMs), () => {
      this.retrying -= 1;
      this.queue.push(id);
      this.kick();
    });
  }

  private async giveUp(id: number, row: Row): Promise<void> {
    const { deadLetterArn, ...rest } = row;
    this.kernel.log.warn(
      `${this.name}: gave up delivering to ${row.targetArn} after ${row.attempts} tries: ${row.lastError}`,
    );
    await this.kernel.store.write(() => {
      this.rows.remove(id);
      if (deadLetterArn) this.stage([{ ...rest, targetArn: deadLetterArn }]);
      else this.dead.put(id, row);
    });
  }

  private after(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      work();
    }, ms);
    this.timers.add(timer);
  }

  private async close(): Promise<void> {
    this.closed = true;
    for (const timer of this.timers) clearTimeout(timer);
    await Promise.all(this.running);
  }
}
