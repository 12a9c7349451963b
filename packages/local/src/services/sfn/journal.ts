import type { Json } from "@tributary/model";
import type { Kernel, Table } from "../../kernel";
import { Histories } from "./history";

export type Variables = { readonly [key: string]: Json };

/** Where a strand (the machine itself, a branch, an iteration) stands, so that it can go on after a restart or a redrive. */
export type Mark =
  | { readonly output: Json }
  | {
      readonly state: string;
      readonly input: Json;
      /** When the state was entered, ISO 8601. */
      readonly entered: string;
      /** Variables of the strand itself. */
      readonly variables: Variables;
      /** When a wait ends, epoch milliseconds. */
      readonly until?: number;
      readonly task?: TaskMark;
    };

/** A task in flight: what it called may have happened. */
export interface TaskMark {
  /** The token that it waits for. */
  readonly token?: string;
  /** What the call that `.sync` waits for answered, or the run of a distributed Map. */
  readonly started?: Json;
}

type Operation = () => void;

/** Tables of histories and marks, of all executions. */
export class Journals {
  readonly histories: Histories;
  readonly marks: Table<Mark>;

  constructor(readonly kernel: Kernel) {
    this.histories = new Histories(kernel);
    this.marks = kernel.store.table<Mark>("sfn.strands");
  }

  of(executionArn: string): Journal {
    return new Journal(this, executionArn);
  }
}

const warnAt = 25_000;

/**
 * History and marks of one execution. What is added is written in order, many at a time; `flush` resolves once all of it
 * is in the store. A task is only begun after a flush, so a task that a kill cut short is known to have begun.
 */
export class Journal {
  private lastId: number;
  private queue: Operation[] = [];
  private written: Promise<void> = Promise.resolve();
  private scheduled = false;

  constructor(
    private readonly journals: Journals,
    private readonly executionArn: string,
  ) {
    this.lastId = journals.histories.lastId(executionArn);
  }

  /** Adds an event; its number. */
  add(type: string, previousEventId: number, details?: { readonly [key: string]: Json }, state?: string): number {
    const id = ++this.lastId;
    const { kernel, histories } = this.journals;
    const timestamp = kernel.now();
    const event = { id, previousEventId, type, timestamp, ...(state && { state }), ...(details && { details }) };
    this.enqueue(() => histories.rows.put([this.executionArn, id], event));
    if (id === warnAt) kernel.log.warn(`sfn: ${this.executionArn} has ${warnAt} events, where AWS ends an execution`);
    return id;
  }

  mark(path: string, mark: Mark): void {
    this.enqueue(() => this.journals.marks.put([this.executionArn, path], mark));
  }

  /** Every mark that an earlier run of this execution left. */
  marks(): Map<string, Mark> {
    const range = { start: [this.executionArn], end: [this.executionArn, afterAll] };
    return new Map(
      [...this.journals.marks.entries(range)].map(({ key, value }) => [String((key as string[])[1]), value]),
    );
  }

  /** Forgets the marks of the strands below a state. */
  forget(prefix: string): void {
    this.enqueue(() =>
      this.journals.marks.clear({ start: [this.executionArn, prefix], end: [this.executionArn, prefix + afterAll] }),
    );
  }

  /** Resolves when everything added so far is in the store. */
  async flush(): Promise<void> {
    this.write();
    await this.written;
  }

  private enqueue(operation: Operation): void {
    this.queue.push(operation);
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.write());
  }

  private write(): void {
    this.scheduled = false;
    const operations = this.queue;
    if (operations.length === 0) return;
    this.queue = [];
    const { store } = this.journals.kernel;
    const writing = store.write(() => {
      for (const run of operations) run();
    });
    this.written = Promise.all([this.written, writing]).then(() => {});
    // Told to whoever flushes; each execution does at its end.
    this.written.catch(() => {});
  }
}

const afterAll = "\u{10ffff}";
