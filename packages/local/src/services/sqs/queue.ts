import type { Kernel, Table } from "../../kernel";
import { arn } from "../../kernel";
import { type QueueAttributes, type RedrivePolicy, redriveOf } from "./attributes";
import type { StoredMessage } from "./message";

/** What changes about a message: when it is visible (again), how often it was received, first when. */
export interface MessageState {
  readonly v: number;
  readonly c: number;
  readonly f?: number;
  /** Message group of a FIFO queue. */
  readonly g?: string;
}

export interface QueueDefinition {
  readonly name: string;
  readonly attributes: QueueAttributes;
  readonly tags: Readonly<Record<string, string>>;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly modifiedAt: number;
}

export interface Deduplication {
  readonly expires: number;
  readonly id: string;
  readonly seq: number;
}

/** The tables of every queue. Keys: `[queue, seq]`, `order` (standard queues only) `[queue, visibleAt, seq]`. */
export interface QueueTables {
  readonly messages: Table<StoredMessage>;
  readonly states: Table<MessageState>;
  readonly order: Table<number>;
  readonly deduplication: Table<Deduplication>;
}

/** A message handed out by `receive`. */
export interface Received {
  readonly seq: number;
  readonly state: MessageState;
  readonly message: StoredMessage;
}

const neverLess = 2048;

/**
 * One queue's messages in the store. Every method that says so runs inside `Store.write`, so that a message is always
 * in exactly one place: waiting, in flight, in the dead-letter queue or deleted.
 */
export class Queue {
  readonly arn: string;
  /** Messages in the queue, in whatever state. */
  depth: number;
  private last: number;
  private timer: NodeJS.Timeout | undefined;
  private timerAt = Number.POSITIVE_INFINITY;
  private redrivePolicy: RedrivePolicy | undefined;

  constructor(
    private current: QueueDefinition,
    private readonly kernel: Kernel,
    private readonly tables: QueueTables,
  ) {
    this.arn = arn(kernel.place, "sqs", current.name);
    this.redrivePolicy = redriveOf(current.attributes);
    this.depth = tables.states.count({ start: [this.name], end: [this.name, "\uffff"] });
    this.last = 0;
    const newest = { start: [this.name, "\uffff"], end: [this.name], reverse: true, limit: 1 };
    for (const { key } of tables.states.entries(newest)) this.last = (key as [string, number])[1];
    this.arm();
  }

  get name(): string {
    return this.current.name;
  }

  get definition(): QueueDefinition {
    return this.current;
  }

  set definition(definition: QueueDefinition) {
    this.current = definition;
    this.redrivePolicy = redriveOf(definition.attributes);
  }

  get fifo(): boolean {
    return this.current.attributes.FifoQueue === "true";
  }

  get redrive(): RedrivePolicy | undefined {
    return this.redrivePolicy;
  }

  /** A number setting, such as `VisibilityTimeout`, in seconds (or bytes). */
  setting(name: string): number {
    return Number(this.current.attributes[name] ?? 0);
  }

  /** Appends a message inside `Store.write`; returns its number. */
  append(message: StoredMessage, visibleAt: number): number {
    this.last = Math.max(this.last + 1, this.kernel.now() * neverLess);
    const seq = this.last;
    this.tables.messages.put([this.name, seq], message);
    const group = message.group === undefined ? {} : { g: message.group };
    this.setState(seq, undefined, { v: visibleAt, c: 0, ...group });
    return seq;
  }

  state(seq: number): MessageState | undefined {
    return this.tables.states.get([this.name, seq]);
  }

  message(seq: number): StoredMessage | undefined {
    return this.tables.messages.get([this.name, seq]);
  }

  /** Replaces a message's state inside `Store.write`. */
  setState(seq: number, before: MessageState | undefined, after: MessageState): void {
    if (!this.fifo) {
      if (before) this.tables.order.remove([this.name, before.v, seq]);
      this.tables.order.put([this.name, after.v, seq], 0);
    }
    this.tables.states.put([this.name, seq], after);
  }

  /** Takes a message out for good, inside `Store.write`. */
  remove(seq: number, state: MessageState): void {
    if (!this.fifo) this.tables.order.remove([this.name, state.v, seq]);
    this.tables.states.remove([this.name, seq]);
    this.tables.messages.remove([this.name, seq]);
  }

  /** Numbers of messages that may be received now, in the order in which they should be. */
  *ready(now: number): IterableIterator<number> {
    if (!this.fifo) {
      for (const { key } of this.tables.order.entries({ start: [this.name], end: [this.name, now + 1] })) {
        yield (key as [string, number, number])[2];
      }
      return;
    }
    const blocked = new Set<string>();
    for (const { key, value } of this.tables.states.entries({ start: [this.name], end: [this.name, "\uffff"] })) {
      const group = value.g ?? "";
      if (value.v > now) blocked.add(group);
      else if (!blocked.has(group)) yield (key as [string, number])[1];
    }
  }

  hasReady(): boolean {
    if (this.depth === 0) return false;
    for (const _ of this.ready(this.kernel.now())) return true;
    return false;
  }

  /** Numbers and states of every message, oldest first. */
  *all(): IterableIterator<{ seq: number; state: MessageState }> {
    for (const { key, value } of this.tables.states.entries({ start: [this.name], end: [this.name, "\uffff"] })) {
      yield { seq: (key as [string, number])[1], state: value };
    }
  }

  /** Removes every message, inside `Store.write`. */
  clear(): void {
    for (const table of [this.tables.messages, this.tables.states, this.tables.order, this.tables.deduplication]) {
      table.clear({ start: [this.name], end: [this.name, "\uffff\uffff"] });
    }
  }

  findDuplicate(key: string, now: number): Deduplication | undefined {
    const found = this.tables.deduplication.get([this.name, key]);
    return found && found.expires > now ? found : undefined;
  }

  /** Inside `Store.write`. */
  rememberDuplicate(key: string, entry: Deduplication): void {
    this.tables.deduplication.put([this.name, key], entry);
  }

  /** Forgets deduplication entries past their time, inside `Store.write`. */
  forgetDuplicates(now: number): void {
    const range = { start: [this.name], end: [this.name, "\uffff\uffff"] };
    const expired = [...this.tables.deduplication.entries(range)].filter(({ value }) => value.expires <= now);
    for (const { key } of expired) this.tables.deduplication.remove(key);
  }

  /** After a commit: wakes readers now where `ready`, and again when the next hidden message becomes visible. */
  notify(ready: boolean, visibleAt?: number): void {
    if (visibleAt !== undefined) this.armAt(visibleAt);
    if (ready) this.kernel.wake(this.arn);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.timerAt = Number.POSITIVE_INFINITY;
  }

  /** When the next hidden message becomes visible, or infinity. */
  private nextVisible(now: number): number {
    if (!this.fifo) {
      const range = { start: [this.name, now + 1], end: [this.name, "\uffff"], limit: 1 };
      for (const { key } of this.tables.order.entries(range)) return (key as [string, number, number])[1];
      return Number.POSITIVE_INFINITY;
    }
    let next = Number.POSITIVE_INFINITY;
    for (const { state } of this.all()) if (state.v > now) next = Math.min(next, state.v);
    return next;
  }

  private arm(): void {
    if (this.depth > 0) this.armAt(this.nextVisible(this.kernel.now()));
  }

  private armAt(time: number): void {
    if (time >= this.timerAt || time === Number.POSITIVE_INFINITY) return;
    clearTimeout(this.timer);
    this.timerAt = time;
    this.timer = setTimeout(
      () => {
        this.stop();
        // A timer may be early by a millisecond: readers woken then would find nothing, and nobody would wake them again.
        if (this.kernel.now() < time) return this.armAt(time);
        this.kernel.wake(this.arn);
        this.arm();
      },
      Math.min(Math.max(1, time - this.kernel.now()), 2 ** 31 - 1),
    );
    this.timer.unref();
  }
}
