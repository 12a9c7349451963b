import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Kernel } from "../../kernel";
import { moveIntoPlace, removeFile } from "../s3/files";
import { pathOfKey } from "../s3/keys";
import { notificationsFor } from "../s3/notifications";
import { objectStore } from "../s3/storage";
import type { ObjectRow } from "../s3/types";

export interface NewObject {
  readonly key: string;
  /** A finished file on the data folder's file system; it is moved away. */
  readonly file: string;
  /** Quoted. @default one of the swap's own */
  readonly etag?: string;
}

/** Files that belong to no object unless the swap they are part of was committed. */
interface Swap {
  readonly bucket: string;
  readonly paths: readonly string[];
}

const swapsOf = (kernel: Kernel) => kernel.store.table<Swap>("glue.swaps");

/**
 * Replaces objects of a bucket by others in one step: readers, and whoever starts after a crash, see the old objects or
 * the new ones, never both, never half. New keys must not exist yet.
 */
export async function replaceObjects(
  kernel: Kernel,
  bucket: string,
  id: string,
  add: readonly NewObject[],
  remove: readonly string[],
): Promise<void> {
  const store = objectStore(kernel);
  const folder = store.folderOf(bucket);
  const rows: { key: string; row: ObjectRow }[] = [];
  for (const { key, file, etag: given } of add) {
    const { size } = await stat(file);
    const etag = given ?? `"${createHash("md5").update(`${id}\n${key}\n${size}`).digest("hex")}-1"`;
    rows.push({ key, row: { size, etag, lastModified: kernel.now(), path: pathOfKey(key) } });
  }
  const swaps = swapsOf(kernel);
  // Until the commit below, the new files are what a crash leaves to clear away; after it, the old ones are.
  await kernel.store.write(() => swaps.put(id, { bucket, paths: rows.map(({ row }) => row.path) }));
  const move = async ({ file }: NewObject, index: number) => {
    const target = join(folder, rows[index]?.row.path ?? "");
    if (!(await moveIntoPlace(file, target))) throw new Error(`${target} cannot be written: a folder has its name`);
  };
  // Each to its end, so that none moves any more where another's failure is told.
  for (const moved of await Promise.allSettled(add.map(move))) if (moved.status === "rejected") throw moved.reason;
  const change = (event: "ObjectCreated:Put" | "ObjectRemoved:Delete") => (entry: { key: string; row: ObjectRow }) =>
    notificationsFor(kernel, store.configuration(bucket), { bucket, event, ...entry });
  const deliveries = rows.flatMap(change("ObjectCreated:Put"));
  const old = remove.flatMap((key) => {
    const row = store.objects.get([bucket, key]);
    return row ? [{ key, row }] : [];
  });
  deliveries.push(...old.flatMap(change("ObjectRemoved:Delete")));
  await kernel.store.write(() => {
    for (const { key } of old) store.objects.remove([bucket, key]);
    for (const { key, row } of rows) store.objects.put([bucket, key], row);
    swaps.put(id, { bucket, paths: old.map(({ row }) => row.path) });
    store.outbox.stage(deliveries);
  });
  if (deliveries.length > 0) store.outbox.kick();
  await clear(kernel, id);
}

async function clear(kernel: Kernel, id: string): Promise<void> {
  const swaps = swapsOf(kernel);
  const swap = swaps.get(id);
  if (!swap) return;
  for (const path of swap.paths) await removeFile(objectStore(kernel).folderOf(swap.bucket), path);
  await kernel.store.write(() => swaps.remove(id));
}

/** Clears away the files of swaps that a crash interrupted, whichever side of their commit it was. */
export async function finishSwaps(kernel: Kernel): Promise<void> {
  for (const { key } of [...swapsOf(kernel).entries()]) await clear(kernel, String(key));
}
