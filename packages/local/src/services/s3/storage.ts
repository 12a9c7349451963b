import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Kernel, Table } from "../../kernel";
import { type Delivery, Outbox, perKernel } from "../support";
import { bucketConfiguration } from "./configuration";
import { noSuchBucket, noSuchKey, preconditionFailed } from "./errors";
import { adopt, moveIntoPlace, removeFile, type WrittenFile, writeTemporary } from "./files";
import { escapedPath, pathOfKey } from "./keys";
import { notificationsFor } from "./notifications";
import type { BucketRow, ObjectBody, ObjectEvent, ObjectHeaders, ObjectRow, WriteConditions } from "./types";

/** What is about to happen to a file, so that a crash in the middle can be carried through or undone. */
interface Intent {
  readonly bucket: string;
  readonly key: string;
  /** The new object and where its bytes are now; absent for a removal. */
  readonly put?: { readonly temporary: string; readonly row: ObjectRow; readonly deliveries: Delivery[] };
  readonly removePath?: string;
}

/**
 * Buckets and objects. An object's bytes are a plain file under `<data>/s3/<bucket>/<key>`, what is known about it a row
 * in the store. Each change is announced in the store, made by a rename, then confirmed together with its
 * notifications; at the start, announced changes are finished or dropped.
 */
export class ObjectStore {
  readonly buckets: Table<BucketRow>;
  readonly objects: Table<ObjectRow>;
  readonly outbox: Outbox;
  readonly configuration: ReturnType<typeof bucketConfiguration>;
  private readonly intents: Table<Intent>;
  private readonly root: string;
  readonly temporary: string;
  private readonly locks = new Map<string, Promise<unknown>>();
  private nextIntent = 1;
  private readonly recovered: Promise<void>;

  constructor(readonly kernel: Kernel) {
    this.buckets = kernel.store.table("s3.buckets");
    this.objects = kernel.store.table("s3.objects");
    this.intents = kernel.store.table("s3.intents");
    this.root = kernel.folder("s3");
    this.temporary = kernel.folder("s3-incoming");
    this.outbox = new Outbox(kernel, "s3");
    this.configuration = bucketConfiguration(kernel);
    this.recovered = this.recover();
    // Reported by whoever uses the store next; here only so that it is never an unhandled rejection.
    this.recovered.catch((error: Error) => kernel.log.warn(`s3: recovery failed: ${error.message}`));
  }

  folderOf(bucket: string): string {
    return join(this.root, bucket);
  }

  requireBucket(bucket: string): BucketRow {
    const row = this.buckets.get(bucket);
    if (!row) throw noSuchBucket(bucket);
    return row;
  }

  async createBucket(name: string): Promise<void> {
    if (this.buckets.get(name)) return;
    await this.kernel.store.write(() => this.buckets.put(name, { name, createdAt: this.kernel.now() }));
    this.kernel.folder("s3", name);
  }

  async deleteBucket(name: string): Promise<void> {
    await this.kernel.store.write(() => this.buckets.remove(name));
    await rm(this.folderOf(name), { recursive: true, force: true });
  }

  isEmpty(bucket: string): boolean {
    return this.objects.entries({ start: [bucket], end: [bucket, "\u{10ffff}"], limit: 1 }).next().done === true;
  }

  find(bucket: string, key: string): ObjectRow | undefined {
    this.requireBucket(bucket);
    return this.objects.get([bucket, key]);
  }

  require(bucket: string, key: string): ObjectRow {
    const row = this.find(bucket, key);
    if (!row) throw noSuchKey(key);
    return row;
  }

  /** Absolute path of an object's bytes; for an object that is not there, of where they would be. */
  pathOf(bucket: string, key: string): string {
    return join(this.folderOf(bucket), this.objects.get([bucket, key])?.path ?? pathOfKey(key));
  }

  /** Takes a body in; durable, but not yet an object. Pass the result to `commit`. */
  async receive(body: ObjectBody): Promise<WrittenFile> {
    await this.recovered;
    return await writeTemporary(this.temporary, body);
  }

  async put(
    bucket: string,
    key: string,
    body: ObjectBody,
    headers: ObjectHeaders = {},
    event: ObjectEvent = "ObjectCreated:Put",
    conditions: WriteConditions = {},
  ): Promise<ObjectRow> {
    this.requireBucket(bucket);
    const file = await this.receive(body);
    return await this.commit(bucket, key, file, headers, event, conditions);
  }

  /** Makes a received file the object. On failure the file is removed. */
  async commit(
    bucket: string,
    key: string,
    file: WrittenFile & { readonly etag?: string },
    headers: ObjectHeaders,
    event: ObjectEvent,
    conditions: WriteConditions = {},
  ): Promise<ObjectRow> {
    const row: ObjectRow = {
      ...headers,
      size: file.size,
      etag: file.etag ?? `"${file.md5.toString("hex")}"`,
      lastModified: this.kernel.now(),
      path: pathOfKey(key),
      ...(file.crc32 && { crc32: file.crc32 }),
    };
    try {
      return await this.place(bucket, key, file.path, row, event, conditions);
    } catch (error) {
      await rm(file.path, { force: true });
      throw error;
    }
  }

  /** Makes a finished local file an object by renaming it. Its ETag is opaque, like that of a multipart upload. */
  async adoptFile(bucket: string, key: string, path: string, headers: ObjectHeaders = {}): Promise<ObjectRow> {
    this.requireBucket(bucket);
    await this.recovered;
    const temporary = await adopt(this.temporary, path);
    const { size, mtimeMs } = await stat(temporary);
    const etag = `"${createHash("md5").update(`${key}\n${size}\n${mtimeMs}`).digest("hex")}-1"`;
    return await this.place(
      bucket,
      key,
      temporary,
      { ...headers, size, etag, lastModified: this.kernel.now(), path: pathOfKey(key) },
      "ObjectCreated:Put",
      {},
    );
  }

  private place(
    bucket: string,
    key: string,
    temporary: string,
    wanted: ObjectRow,
    event: ObjectEvent,
    conditions: WriteConditions,
  ): Promise<ObjectRow> {
    return this.locked(bucket, key, async () => {
      const before = this.find(bucket, key);
      checkWrite(before, key, conditions);
      const id = this.nextIntent++;
      const folder = this.folderOf(bucket);
      let row = before && before.path !== wanted.path ? { ...wanted, path: before.path } : wanted;
      const deliveries = notificationsFor(this.kernel, this.configuration(bucket), { bucket, key, event, row });
      try {
        for (;;) {
          const put = { temporary, row, deliveries };
          await this.kernel.store.write(() => this.intents.put(id, { bucket, key, put }));
          if (await moveIntoPlace(temporary, join(folder, row.path))) break;
          if (row.path === escapedPath(key)) throw new Error(`${join(folder, row.path)} is a folder`);
          row = { ...row, path: escapedPath(key) };
        }
      } catch (error) {
        await this.kernel.store.write(() => this.intents.remove(id));
        throw error;
      }
      await this.confirmPut(id, bucket, key, row, deliveries);
      return row;
    });
  }

  private async confirmPut(
    id: number,
    bucket: string,
    key: string,
    row: ObjectRow,
    deliveries: readonly Delivery[],
  ): Promise<void> {
    await this.kernel.store.write(() => {
      this.objects.put([bucket, key], row);
      this.intents.remove(id);
      this.outbox.stage(deliveries);
    });
    if (deliveries.length > 0) this.outbox.kick();
    this.kernel.wake(`arn:aws:s3:::${bucket}`);
  }

  /** Removes an object; one that is not there is no error, as on AWS. */
  delete(bucket: string, key: string, conditions: WriteConditions = {}): Promise<void> {
    return this.locked(bucket, key, async () => {
      await this.recovered;
      const row = this.find(bucket, key);
      checkWrite(row, key, conditions);
      if (!row) return;
      const id = this.nextIntent++;
      const event = "ObjectRemoved:Delete";
      const deliveries = notificationsFor(this.kernel, this.configuration(bucket), { bucket, key, event, row });
      await this.kernel.store.write(() => {
        this.objects.remove([bucket, key]);
        this.intents.put(id, { bucket, key, removePath: row.path });
        this.outbox.stage(deliveries);
      });
      if (deliveries.length > 0) this.outbox.kick();
      await removeFile(this.folderOf(bucket), row.path);
      await this.kernel.store.write(() => this.intents.remove(id));
    });
  }

  /** Changes to one key happen one after the other. */
  private async locked<T>(bucket: string, key: string, work: () => Promise<T>): Promise<T> {
    const name = `${bucket}/${key}`;
    const turn = (this.locks.get(name) ?? Promise.resolve()).then(work);
    const settled = turn.then(
      () => undefined,
      () => undefined,
    );
    this.locks.set(name, settled);
    try {
      return await turn;
    } finally {
      if (this.locks.get(name) === settled) this.locks.delete(name);
    }
  }

  /** Finishes or drops what a crash interrupted, and clears away bodies that never became objects. */
  private async recover(): Promise<void> {
    for (const { key: id, value: intent } of [...this.intents.entries()]) {
      this.nextIntent = Math.max(this.nextIntent, Number(id) + 1);
      const { bucket, key, put, removePath } = intent;
      if (put && !existsSync(put.temporary) && existsSync(join(this.folderOf(bucket), put.row.path))) {
        await this.confirmPut(Number(id), bucket, key, put.row, put.deliveries);
        continue;
      }
      if (removePath && !this.objects.get([bucket, key])) await removeFile(this.folderOf(bucket), removePath);
      await this.kernel.store.write(() => this.intents.remove(id));
    }
    for (const name of readdirSync(this.temporary)) rmSync(join(this.temporary, name), { force: true });
  }
}

function checkWrite(row: ObjectRow | undefined, key: string, conditions: WriteConditions): void {
  if (conditions.ifNoneMatch !== undefined && row) throw preconditionFailed("If-None-Match");
  if (conditions.ifMatch === undefined) return;
  if (!row) throw noSuchKey(key);
  if (unquoted(conditions.ifMatch) !== unquoted(row.etag)) throw preconditionFailed("If-Match");
}

function unquoted(etag: string): string {
  return etag.replaceAll('"', "");
}

export const objectStore = perKernel((kernel) => new ObjectStore(kernel));
