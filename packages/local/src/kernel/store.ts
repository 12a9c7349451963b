import { mkdirSync } from "node:fs";
import { type Database, open, type RootDatabase } from "lmdb";
import { LocalRuntimeError } from "./errors";

export type Key = string | number | (string | number)[];

export interface Range {
  /** First key, inclusive unless `exclusiveStart`. */
  start?: Key;
  /** Last key, exclusive. */
  end?: Key;
  limit?: number;
  reverse?: boolean;
  exclusiveStart?: boolean;
}

/** An ordered map on disk. Reads see what is committed (and, inside `Store.write`, what was written there). */
export class Table<V> {
  constructor(private readonly database: Database<V, Key>) {}

  get(key: Key): V | undefined {
    return this.database.get(key);
  }

  /** Only inside `Store.write`. */
  put(key: Key, value: V): void {
    void this.database.put(key, value);
  }

  /** Only inside `Store.write`. */
  remove(key: Key): void {
    void this.database.remove(key);
  }

  /** Entries in key order. Numbers sort before strings; arrays sort element by element. Collect before writing. */
  *entries(range: Range = {}): IterableIterator<{ key: Key; value: V }> {
    const { start, end, limit, reverse, exclusiveStart } = range;
    const options = { start, end, limit, reverse, exclusiveStart } as Parameters<Database<V, Key>["getRange"]>[0];
    for (const { key, value } of this.database.getRange(options)) yield { key, value };
  }

  count(range: Range = {}): number {
    return this.database.getKeysCount({ start: range.start, end: range.end } as Parameters<
      Database<V, Key>["getKeysCount"]
    >[0]);
  }

  /** Removes everything in the range; only inside `Store.write`. */
  clear(range: Range = {}): void {
    for (const key of [...this.database.getKeys({ start: range.start, end: range.end } as never)]) this.remove(key);
  }
}

interface Write {
  readonly change: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

const mostWritesAtOnce = 256;

/** Something beside the tables that writes change with them. All of it is called inside of `Store.write`'s transaction. */
export interface Participant {
  /** The change of one write threw: forget what it did. */
  abort(): void;
  /** The last call before the commit, for all of its writes: what this throws undoes them. */
  flush(): void;
}

/**
 * The one durable store behind every emulated service: an LMDB environment in the data folder.
 *
 * All writes go through `write`: its function runs alone, in order of arrival, sees all earlier writes, and is atomic
 * across tables; the promise resolves once the commit is in the file. Writes of one turn of the event loop share one
 * commit. A process killed at any point loses nothing that was acknowledged and nothing is ever half-written. There is
 * no fsync, which would halve the throughput: after a power cut the folder may have to be deleted and made anew.
 *
 * Bulk that is only ever appended lies beside it, in files whose ends are kept here (`LogShard`).
 */
export class Store {
  private readonly tables = new Map<string, Table<unknown>>();
  /** Of the write that runs. */
  private readonly participants = new Set<Participant>();
  /** Of the commit that runs. */
  private readonly changed = new Set<Participant>();
  private readonly closers: (() => void)[] = [];
  private readonly queue: Write[] = [];
  private failure: Error | undefined;
  private commits = 0;
  private constructor(
    /** Where the store's files are. */
    readonly folder: string,
    private readonly root: RootDatabase,
    private readonly fullAfter: number,
  ) {}

  /** @param options `fullAfter`: commits behind which the disk counts as full, for tests */
  static open(folder: string, options: { readonly fullAfter?: number | undefined } = {}): Store {
    mkdirSync(folder, { recursive: true });
    const root = open({
      path: folder,
      maxDbs: 128,
      mapSize: 64 * 2 ** 30,
      noSubdir: false,
      cache: false,
      noSync: true,
    });
    return new Store(folder, root, options.fullAfter ?? Number.POSITIVE_INFINITY);
  }

  /** A named table; the same name gives the same table. Use array keys to share one table between many owners. */
  table<V>(name: string, options: { binary?: boolean } = {}): Table<V> {
    let table = this.tables.get(name);
    if (!table) {
      // Plain maps: values of many shapes decode about twice as fast as with msgpackr's records.
      const encoding = options.binary
        ? ({ encoding: "binary" } as const)
        : ({ encoding: "msgpack", useRecords: false } as const);
      table = new Table<unknown>(this.root.openDB({ name, ...encoding }));
      this.tables.set(name, table);
    }
    return table as Table<V>;
  }

  /**
   * Runs `change` (synchronous, no awaiting) as one atomic, durable write and resolves with what it returns. What it
   * throws rejects the promise and undoes its own writes only.
   */
  async write<T>(change: () => T): Promise<T> {
    if (this.failure) throw this.failure;
    return await new Promise<T>((resolve, reject) => {
      if (this.queue.push({ change, resolve: resolve as (value: unknown) => void, reject }) === 1)
        setImmediate(() => this.commit());
    });
  }

  /** One commit for the writes that wait, or for as many as keep other work waiting for a few milliseconds only. */
  private commit(): void {
    const writes = this.queue.splice(0, mostWritesAtOnce);
    if (writes.length === 0) return;
    if (this.queue.length > 0) setImmediate(() => this.commit());
    const settled: (() => void)[] = [];
    try {
      this.root.transactionSync(() => {
        for (const write of writes) settled.push(this.run(write));
        for (const participant of this.changed) participant.flush();
        this.commits += 1;
        if (this.commits > this.fullAfter) throw new Error("ENOSPC: no space left on device (on purpose)");
      });
      this.changed.clear();
    } catch (error) {
      // Participants went on from a change that is not there: only a new start puts them right.
      const failure = commitFailure(error, this.folder);
      this.failure = failure;
      for (const { reject } of [...writes, ...this.queue.splice(0)]) reject(failure);
      return;
    }
    for (const settle of settled) settle();
  }

  /** Runs one write in a transaction of its own within the commit's; gives what settles its promise. */
  private run({ change, resolve, reject }: Write): () => void {
    try {
      const result = this.root.transactionSync(change);
      for (const participant of this.participants) this.changed.add(participant);
      return () => resolve(result);
    } catch (error) {
      for (const participant of this.participants) participant.abort();
      return () => reject(error);
    } finally {
      this.participants.clear();
    }
  }

  /** Makes something part of the write that runs; false where it is already. Only inside `Store.write`. */
  join(participant: Participant): boolean {
    if (this.participants.has(participant)) return false;
    this.participants.add(participant);
    return true;
  }

  /** Runs when the store closes. */
  onClose(close: () => void): void {
    this.closers.push(close);
  }

  async close(): Promise<void> {
    while (this.queue.length > 0) this.commit();
    // LMDB ends the process when a closed environment is written to.
    this.failure ??= new LocalRuntimeError(`the store in ${this.folder} is closed`, "Nothing can be written any more.");
    await this.root.close();
    for (const close of this.closers) close();
  }
}

function commitFailure(cause: unknown, folder: string): Error {
  return new LocalRuntimeError(
    `the store in ${folder} could not commit: ${cause instanceof Error ? cause.message : cause}`,
    "Nothing acknowledged is lost. Mend the cause (a full disk?) and start again.",
  );
}
