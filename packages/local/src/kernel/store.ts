import { mkdirSync } from "node:fs";
import { type Database, open, type RootDatabase } from "lmdb";

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

/**
 * The one durable store behind every emulated service: an LMDB environment in the data folder.
 *
 * All writes go through `write`: its function runs alone, in order of arrival, sees all earlier writes, and is atomic
 * across tables; the promise resolves once the commit is on disk. Many writes share one commit (group commit), so
 * throughput comes from concurrency, not from skipping the sync. A process killed at any point loses nothing that was
 * acknowledged and nothing is ever half-written.
 */
export class Store {
  private readonly tables = new Map<string, Table<unknown>>();
  private constructor(private readonly root: RootDatabase) {}

  static open(folder: string): Store {
    mkdirSync(folder, { recursive: true });
    return new Store(open({ path: folder, maxDbs: 128, mapSize: 64 * 2 ** 30, noSubdir: false, cache: false }));
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
    return (await this.root.childTransaction(change)) as T;
  }

  async close(): Promise<void> {
    await this.root.close();
  }
}
