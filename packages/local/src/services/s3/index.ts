import type { Kernel, Realiser } from "../../kernel";
import { s3Service } from "./operations";
import { s3Realisers } from "./realisers";
import { objectStore } from "./storage";
import type { ObjectHeaders } from "./types";

export type { ObjectHeaders } from "./types";

/** Registers S3; gives its realisers. */
export function install(kernel: Kernel): Realiser[] {
  kernel.register(s3Service(objectStore(kernel)));
  return s3Realisers;
}

/** The folder that holds a bucket's objects as plain files, absolute; `<folder>/<key>` for all but odd keys. */
export function bucketFolder(kernel: Kernel, bucket: string): string {
  return kernel.folder("s3", bucket);
}

/** The file that holds an object, absolute; where it would be for one that does not exist. */
export function dataPath(kernel: Kernel, bucket: string, key: string): string {
  return objectStore(kernel).pathOf(bucket, key);
}

/**
 * Makes a finished local file an object without copying: it is renamed into place, recorded and announced to the
 * bucket's notification targets. The file must be complete; it is gone from `path` afterwards.
 * @throws AwsError `NoSuchBucket`
 */
export async function putLocalFile(
  kernel: Kernel,
  bucket: string,
  key: string,
  path: string,
  headers: ObjectHeaders = {},
): Promise<void> {
  await objectStore(kernel).adoptFile(bucket, key, path, headers);
}

/** Removes an object with its file and announces it. One that is not there is no error. */
export async function deleteObject(kernel: Kernel, bucket: string, key: string): Promise<void> {
  await objectStore(kernel).delete(bucket, key);
}

/** Keys under a prefix in order, with sizes in bytes. */
export function* keysUnder(
  kernel: Kernel,
  bucket: string,
  prefix: string,
): IterableIterator<{ key: string; size: number }> {
  const store = objectStore(kernel);
  store.requireBucket(bucket);
  for (const { key, value } of store.objects.entries({
    start: [bucket, prefix],
    end: [bucket, `${prefix}\u{10ffff}`],
  })) {
    yield { key: String((key as string[])[1]), size: value.size };
  }
}
