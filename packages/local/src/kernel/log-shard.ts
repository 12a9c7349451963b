import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Participant, Store, Table } from "./store";

/** A place in a shard: a segment, by the number of its first record, and a byte in it. */
interface Place {
  readonly segment: number;
  readonly offset: number;
}

/** What is durable about a shard besides its records: all that lies behind `end` was never committed. */
export interface ShardHead {
  /** The oldest record that is kept. */
  readonly first: Place;
  /** Behind the newest record. */
  readonly end: Place;
  /** Number of the newest record there ever was. */
  readonly last: number;
}

/** A record as it lies in a segment. */
export interface Frame {
  readonly number: number;
  /** Arrival, in epoch milliseconds. */
  readonly arrivedAt: number;
  readonly payload: Buffer;
  /** Behind the record. */
  readonly next: Place;
}

/** Bytes before a payload: its length, the record's number, its arrival. */
const headerBytes = 4 + 8 + 8;
/** A segment that is longer is followed by another. */
const segmentBytes = 16 * 2 ** 20;
const readBytes = 256 * 2 ** 10;
/** Segments of a shard that are kept open. */
const maxOpen = 3;
/** Readers whose places are known without a search. */
const maxPlaces = 64;

/**
 * One shard of a log: append-only segment files. Records are appended by sequential writes and read in chunks, which a
 * B-tree does at several times the cost and memory. The store's commit decides what counts: the head lies there, and is
 * written with whatever else the same `Store.write` changes. After a kill, what was appended but not committed is cut off.
 */
export class LogShard implements Participant {
  /** As far as the writes under way got; the committed one is in the store. */
  private head: ShardHead | undefined;
  /** Headers and payloads since the last commit. */
  private appended: Buffer[] = [];
  /** Segments that go with the next commit. */
  private dropped: number[] = [];
  /** As it was before the write that runs. */
  private before: { head: ShardHead | undefined; appended: number; dropped: number[] } = {
    head: undefined,
    appended: 0,
    dropped: [],
  };
  /** First numbers of the segments there are, ascending. */
  private segments: number[] = [];
  private readonly open = new Map<number, number>();
  private readonly places = new Map<number, Place>();

  constructor(
    private readonly store: Store,
    private readonly heads: Table<ShardHead>,
    private readonly key: (string | number)[],
    private readonly folder: string,
  ) {
    this.head = heads.get(key);
    this.segments = this.recover();
    store.onClose(() => this.closeFiles());
  }

  /** Number of the newest record there ever was, with those of writes under way. */
  get last(): number {
    return this.head?.last ?? 0;
  }

  /** Number of the newest committed record that is kept. */
  get newest(): number | undefined {
    const head = this.committed();
    return head && !samePlace(head.first, head.end) ? head.last : undefined;
  }

  /** Inside `Store.write`. Numbers grow. */
  append(number: number, arrivedAt: number, payload: Buffer): void {
    this.join();
    const header = Buffer.allocUnsafe(headerBytes);
    header.writeUInt32LE(payload.length, 0);
    header.writeDoubleLE(number, 4);
    header.writeDoubleLE(arrivedAt, 12);
    const place = this.placeToAppend(number);
    this.appended.push(header, payload);
    this.head = {
      first: this.head?.first ?? place,
      end: { segment: place.segment, offset: place.offset + headerBytes + payload.length },
      last: number,
    };
  }

  /** Committed records behind a number, from the oldest where undefined. */
  *frames(after: number | undefined): IterableIterator<Frame> {
    const head = this.committed();
    if (!head) return;
    let place = this.placeBehind(after, head);
    let newest: Frame | undefined;
    try {
      for (;;) {
        const chunk = this.readFrom(place, head);
        if (chunk.length === 0) {
          const next = this.segments.find((segment) => segment > place.segment);
          if (place.segment === head.end.segment || next === undefined) return;
          place = { segment: next, offset: 0 };
          continue;
        }
        let at = 0;
        for (let frame = frameAt(chunk, at, place); frame; frame = frameAt(chunk, at, place)) {
          at = frame.next.offset - place.offset;
          if (after !== undefined && frame.number <= after) continue;
          newest = frame;
          yield frame;
        }
        place = { segment: place.segment, offset: place.offset + at };
      }
    } finally {
      if (newest) this.remember(newest);
    }
  }

  /** Drops up to `limit` records that arrived before `horizon`, inside `Store.write`; returns how many. */
  trim(horizon: number, limit: number): number {
    const head = this.committed();
    if (!head) return 0;
    let count = 0;
    let first = head.first;
    for (const { arrivedAt, next } of this.frames(undefined)) {
      if (arrivedAt >= horizon || count === limit) break;
      count += 1;
      first = next;
    }
    if (count === 0 || !this.head) return 0;
    this.join();
    this.head = { ...this.head, first };
    this.dropped = this.segments.filter((segment) => segment < first.segment);
    return count;
  }

  /** Drops everything, inside `Store.write`. */
  clear(): void {
    this.join();
    this.appended = [];
    this.head = undefined;
    this.dropped = this.segments;
  }

  flush(): void {
    if (this.appended.length > 0 && this.head) {
      const bytes = Buffer.concat(this.appended);
      const { segment, offset } = this.head.end;
      const start = offset - bytes.length;
      if (start === 0) this.segments.push(segment);
      const file = this.file(segment);
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, start + at);
      this.appended = [];
    }
    if (this.head) this.heads.put(this.key, this.head);
    else this.heads.remove(this.key);
    for (const segment of this.dropped) this.delete(segment);
    this.dropped = [];
  }

  abort(): void {
    this.head = this.before.head;
    this.appended = this.appended.slice(0, this.before.appended);
    this.dropped = this.before.dropped;
  }

  /** A commit's records lie in one piece: only its first one can open a segment. */
  private placeToAppend(number: number): Place {
    const end = this.head?.end;
    const full = !end || (this.appended.length === 0 && end.offset >= segmentBytes);
    return full ? { segment: number, offset: 0 } : end;
  }

  private join(): void {
    if (!this.store.join(this)) return;
    this.before = { head: this.head, appended: this.appended.length, dropped: this.dropped };
  }

  private committed(): ShardHead | undefined {
    return this.heads.get(this.key);
  }

  /** Cuts off what a killed process did not commit, and deletes segments that nothing refers to. */
  private recover(): number[] {
    if (!existsSync(this.folder)) return [];
    const found = readdirSync(this.folder)
      .map((name) => Number.parseInt(name, 10))
      .sort((a, b) => a - b);
    const { head } = this;
    const kept = found.filter((one) => head && one >= head.first.segment && one <= head.end.segment);
    for (const segment of found) if (!kept.includes(segment)) this.delete(segment);
    if (head && kept.includes(head.end.segment)) ftruncateSync(this.file(head.end.segment), head.end.offset);
    return kept;
  }

  /** Where the first record behind a number is. */
  private placeBehind(after: number | undefined, head: ShardHead): Place {
    if (after === undefined) return head.first;
    const known = this.places.get(after);
    if (known && !isBefore(known, head.first)) return known;
    const segment = this.segments.findLast((one) => one <= after);
    if (segment === undefined || segment <= head.first.segment) return head.first;
    return { segment, offset: 0 };
  }

  /** Keeps where a reader stopped: its next read goes on there. */
  private remember({ number, next }: Frame): void {
    this.places.delete(number);
    this.places.set(number, next);
    for (const oldest of this.places.keys()) {
      if (this.places.size <= maxPlaces) break;
      this.places.delete(oldest);
    }
  }

  /** The bytes from a place on: a chunk, or one record where that is longer. Empty at the end of a segment. */
  private readFrom({ segment, offset }: Place, head: ShardHead): Buffer {
    const limit = segment === head.end.segment ? head.end.offset : Number.POSITIVE_INFINITY;
    const chunk = this.readChunk(segment, offset, Math.min(readBytes, limit - offset));
    if (chunk.length === 0) return chunk;
    const needed = headerBytes + chunk.readUInt32LE(0);
    return needed > chunk.length ? this.readChunk(segment, offset, needed) : chunk;
  }

  private readChunk(segment: number, offset: number, length: number): Buffer {
    if (length <= 0) return Buffer.alloc(0);
    const buffer = Buffer.allocUnsafeSlow(length);
    const read = readSync(this.file(segment), buffer, 0, length, offset);
    return buffer.subarray(0, read);
  }

  private file(segment: number): number {
    let file = this.open.get(segment);
    if (file === undefined) {
      mkdirSync(this.folder, { recursive: true });
      // Opened for reading and writing, made where it is not there, never cut.
      const path = this.path(segment);
      file = openSync(path, existsSync(path) ? "r+" : "w+");
    } else this.open.delete(segment);
    this.open.set(segment, file);
    for (const [other, handle] of this.open) {
      if (this.open.size <= maxOpen) break;
      closeSync(handle);
      this.open.delete(other);
    }
    return file;
  }

  private delete(segment: number): void {
    const file = this.open.get(segment);
    if (file !== undefined) closeSync(file);
    this.open.delete(segment);
    if (existsSync(this.path(segment))) unlinkSync(this.path(segment));
    this.segments = this.segments.filter((one) => one !== segment);
    if (this.segments.length === 0) rmSync(this.folder, { recursive: true, force: true });
  }

  private path(segment: number): string {
    return join(this.folder, `${String(segment).padStart(16, "0")}.log`);
  }

  private closeFiles(): void {
    for (const file of this.open.values()) closeSync(file);
    this.open.clear();
  }
}

function frameAt(chunk: Buffer, at: number, { segment, offset }: Place): Frame | undefined {
  const start = at + headerBytes;
  if (start > chunk.length) return undefined;
  const end = start + chunk.readUInt32LE(at);
  if (end > chunk.length) return undefined;
  return {
    number: chunk.readDoubleLE(at + 4),
    arrivedAt: chunk.readDoubleLE(at + 12),
    payload: chunk.subarray(start, end),
    next: { segment, offset: offset + end },
  };
}

function samePlace(a: Place, b: Place): boolean {
  return a.segment === b.segment && a.offset === b.offset;
}

function isBefore(a: Place, b: Place): boolean {
  return a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset);
}
