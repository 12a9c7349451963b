import { AwsError, arn, type Kernel, RecordLog, type Table as StoreTable } from "../../kernel";
import { type ChangeRecord, ChangeStream } from "./change-stream";
import { checkItemKeys, type IndexDefinition, type ItemKey, indexKey, type TableDefinition } from "./schema";
import { equalItems, type Item, itemSize, refuse } from "./values";

export interface StoredItem {
  /** Size in bytes by DynamoDB's rules. */
  readonly z: number;
  readonly i: Item;
}

/** The tables of the store behind every DynamoDB table. */
export interface ItemTables {
  /** `[table, partition hash, sort key]` */
  readonly items: StoreTable<StoredItem>;
  /** `[index, partition hash, sort key, own key]` → place of the item. */
  readonly entries: StoreTable<ItemKey>;
  /** Per table id: no item expires before this time in epoch seconds. */
  readonly expiry: StoreTable<number>;
}

export function itemTables(kernel: Kernel): ItemTables {
  return {
    items: kernel.store.table<StoredItem>("dynamodb.items"),
    entries: kernel.store.table<ItemKey>("dynamodb.entries"),
    expiry: kernel.store.table<number>("dynamodb.expiry"),
  };
}

/** Who deletes an item, where its stream record must say so. */
export type Cause = "user" | "ttl";

const maxItemBytes = 400 * 1024;

/**
 * One table at work: its items, its indexes and its stream, which change together in one write of the store.
 */
export class Table {
  readonly arn: string;
  stream: ChangeStream | undefined;
  private earliestExpiry: number | undefined;
  private notedInSweep: number | undefined;

  constructor(
    private current: TableDefinition,
    private readonly kernel: Kernel,
    readonly tables: ItemTables,
  ) {
    this.arn = tableArn(kernel, current.name);
    this.openStream();
    this.earliestExpiry = tables.expiry.get(current.id);
  }

  get definition(): TableDefinition {
    return this.current;
  }

  set definition(definition: TableDefinition) {
    this.current = definition;
    this.openStream();
  }

  get name(): string {
    return this.current.name;
  }

  index(name: string): IndexDefinition {
    const index = this.current.indexes.find((each) => each.name === name);
    if (!index) throw refuse(`The table does not have the specified index: ${name}`);
    return index;
  }

  read(place: ItemKey): StoredItem | undefined {
    return this.tables.items.get([this.current.id, ...place]);
  }

  /** Whether a write must know the item that it replaces. */
  get needsOld(): boolean {
    return this.current.indexes.length > 0 || this.current.stream !== undefined;
  }

  /** Checks an item's keys and its size. */
  checkItem(item: Item, problem = "Item size has exceeded the maximum allowed size"): number {
    checkItemKeys(this.current, item);
    const size = itemSize(item);
    if (size > maxItemBytes) throw refuse(problem);
    return size;
  }

  /**
   * Puts (or, without `next`, deletes) an item with its index entries and its stream record, inside `Store.write`.
   * `old` must be given wherever `needsOld` says so; `size` is what `checkItem` gave.
   */
  write(place: ItemKey, old: Item | undefined, next: Item | undefined, size: number, cause: Cause = "user"): void {
    const { items } = this.tables;
    if (next) items.put([this.current.id, ...place], { z: size, i: next });
    else items.remove([this.current.id, ...place]);
    for (const index of this.current.indexes) this.reindex(index, place, old, next);
    if (next && this.current.ttl !== undefined) this.noteExpiry(next);
    if (this.stream && !(old && next ? equalItems(old, next) : old === next)) {
      this.stream.append(place[0], old, next, cause);
    }
  }

  /** After a commit: wakes the stream's readers. */
  notify(): void {
    if (this.stream) this.kernel.wake(this.stream.arn);
  }

  /** Earliest time at which an item may expire, in epoch seconds; undefined where none can. */
  get nextExpiry(): number | undefined {
    return this.current.ttl === undefined ? undefined : this.earliestExpiry;
  }

  /** From now to `endSweep`, what is written only notes its expiry; on disk the table stays due, should this process end. */
  beginSweep(): void {
    this.notedInSweep = Number.POSITIVE_INFINITY;
  }

  /** After a sweep, inside `Store.write`: `earliest` is the next expiry that it saw; undefined where it failed. */
  endSweep(earliest: number | undefined): void {
    const noted = this.notedInSweep ?? Number.POSITIVE_INFINITY;
    this.notedInSweep = undefined;
    if (earliest !== undefined) this.setNextExpiry(Math.min(earliest, noted));
  }

  /** Inside `Store.write`; infinity: nothing expires. */
  setNextExpiry(time: number): void {
    this.earliestExpiry = time === Number.POSITIVE_INFINITY ? undefined : time;
    if (this.earliestExpiry === undefined) this.tables.expiry.remove(this.current.id);
    else this.tables.expiry.put(this.current.id, time);
  }

  /** When an item expires, in epoch seconds, or undefined. */
  expiryOf(item: Item): number | undefined {
    const value = this.current.ttl === undefined ? undefined : item[this.current.ttl]?.N;
    return value === undefined ? undefined : Number(value);
  }

  /** Items and their bytes; looks at no more than 1000 items for the bytes, as a description is not a measurement. */
  statistics(): { count: number; bytes: number } {
    const range = { start: [this.current.id], end: [this.current.id + 1] };
    const count = this.tables.items.count(range);
    let seen = 0;
    let bytes = 0;
    for (const { value } of this.tables.items.entries({ ...range, limit: 1000 })) {
      seen += 1;
      bytes += value.z;
    }
    return { count, bytes: seen === 0 ? 0 : Math.round((bytes / seen) * count) };
  }

  /** Enters every item into a new index, inside `Store.write`. */
  buildIndex(index: IndexDefinition): void {
    const range = { start: [this.current.id], end: [this.current.id + 1] };
    for (const { key, value } of [...this.tables.items.entries(range)]) {
      this.reindex(index, (key as [number, ...ItemKey]).slice(1) as ItemKey, undefined, value.i);
    }
  }

  clearIndex(index: IndexDefinition): void {
    this.tables.entries.clear({ start: [index.id], end: [index.id + 1] });
  }

  /** Removes every item, index entry and stream record, inside `Store.write`. */
  clear(): void {
    this.tables.items.clear({ start: [this.current.id], end: [this.current.id + 1] });
    for (const index of this.current.indexes) this.clearIndex(index);
    this.tables.expiry.remove(this.current.id);
    this.stream?.log.clear();
  }

  private reindex(index: IndexDefinition, place: ItemKey, old: Item | undefined, next: Item | undefined): void {
    const before = old && indexKey(index, old, place);
    const after = next && indexKey(index, next, place);
    if (before && after && before[0] === after[0] && before[1] === after[1]) return;
    if (before) this.tables.entries.remove([index.id, ...before]);
    if (after) this.tables.entries.put([index.id, ...after], place);
  }

  private noteExpiry(item: Item): void {
    const time = this.expiryOf(item);
    if (time === undefined || Number.isNaN(time)) return;
    if (this.notedInSweep !== undefined) this.notedInSweep = Math.min(this.notedInSweep, time);
    else if (this.earliestExpiry === undefined || time < this.earliestExpiry) this.setNextExpiry(time);
  }

  private openStream(): void {
    const { stream } = this.current;
    if (this.stream && this.stream.definition.label === stream?.label) return;
    if (this.stream) this.kernel.logs.delete(this.stream.arn);
    this.stream = undefined;
    if (!stream) return;
    const log = new RecordLog<ChangeRecord>(this.kernel.store, "dynamodb", String(stream.id), ChangeStream.shardCount, {
      prefix: ChangeStream.sequencePrefix,
    });
    this.stream = new ChangeStream(this.current, stream, this.kernel, log);
    this.kernel.logs.set(this.stream.arn, this.stream);
  }
}

export function tableArn(kernel: Kernel, name: string): string {
  return arn(kernel.place, "dynamodb", `table/${name}`);
}

export function tableNotFound(): AwsError {
  return new AwsError("ResourceNotFoundException", "Requested resource not found");
}
