import { join } from "node:path";
import { AwsError, type Kernel } from "../../kernel";
import { objectStore } from "../s3/storage";

export interface S3Location {
  readonly bucket: string;
  /** Without a leading slash; with a trailing one unless empty. */
  readonly prefix: string;
}

/** `s3://bucket/some/prefix` → its parts. */
export function parseS3Uri(uri: string): { bucket: string; key: string } {
  const match = /^s3[an]?:\/\/([^/]+)\/?(.*)$/s.exec(uri);
  if (!match) throw new AwsError("InvalidInputException", `${uri} is not an S3 location (s3://bucket/prefix/)`);
  return { bucket: match[1] ?? "", key: match[2] ?? "" };
}

export function parseLocation(uri: string): S3Location {
  const { bucket, key } = parseS3Uri(uri);
  return { bucket, prefix: key === "" || key.endsWith("/") ? key : `${key}/` };
}

export interface LakeFile {
  /** Absolute path on disk. */
  readonly path: string;
  /** Path inside the location: `dt=2024-01-05/part.parquet`. */
  readonly name: string;
  readonly size: number;
  /** The object's, without quotes: another one for other bytes. */
  readonly etag: string;
}

/**
 * The data files of a location, in key order: the objects that S3 has, so that what a crash or a running job left half
 * done is not seen. Names that begin with `_` or `.` are no data, as in Hive and Athena; empty objects are skipped.
 */
export function listFiles(kernel: Kernel, location: S3Location): LakeFile[] {
  const { bucket, prefix } = location;
  const store = objectStore(kernel);
  const folder = store.folderOf(bucket);
  const files: LakeFile[] = [];
  for (const { key, value } of store.objects.entries({
    start: [bucket, prefix],
    end: [bucket, `${prefix}\u{10ffff}`],
  })) {
    const name = String((key as string[])[1]).slice(prefix.length);
    if (value.size === 0 || name.split("/").some((part) => part.startsWith("_") || part.startsWith("."))) continue;
    files.push({ path: join(folder, value.path), name, size: value.size, etag: value.etag.replaceAll('"', "") });
  }
  return files;
}

/** Values of a file's Hive folders (`dt=x/hour=y/…`) in the keys' order, or undefined where it lies in none such. */
export function partitionOf(file: Pick<LakeFile, "name">, keys: readonly string[]): string[] | undefined {
  const folders = file.name.split("/");
  if (folders.length <= keys.length) return undefined;
  const values: string[] = [];
  for (const [index, key] of keys.entries()) {
    const folder = folders[index] ?? "";
    const equals = folder.indexOf("=");
    if (equals < 0 || folder.slice(0, equals).toLowerCase() !== key.toLowerCase()) return undefined;
    values.push(decodeURIComponent(folder.slice(equals + 1)));
  }
  return values;
}
