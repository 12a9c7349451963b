import { createHash } from "node:crypto";
import { type LakeFile, partitionOf } from "../duckdb";

/** A partition as its folder is called (`dt=2026-11-23`); empty for a table without partitions. */
export type PartitionName = string;

/** What a table's files are, by partition: how many, how many bytes, and a hash of their names, sizes and etags. */
export type Fingerprints = Readonly<Record<PartitionName, string>>;

/** A table's files by partition, in the partitions' order. */
export function byPartition(files: readonly LakeFile[], keys: readonly string[]): Map<PartitionName, LakeFile[]> {
  const partitions = new Map<PartitionName, LakeFile[]>();
  for (const file of files) {
    const name = file.name.split("/").slice(0, keys.length).join("/");
    const among = partitions.get(name);
    if (among === undefined) partitions.set(name, [file]);
    else among.push(file);
  }
  return new Map([...partitions].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** What Hive calls a partition of rows that have no value for its key. */
export const noValue = "__HIVE_DEFAULT_PARTITION__";

/** Values of a partition's keys. */
export const partitionValues = (partition: PartitionName, keys: readonly string[]): readonly string[] =>
  partitionOf({ name: `${partition}/` }, keys) ?? [];

export function fingerprints(partitions: ReadonlyMap<PartitionName, readonly LakeFile[]>): Fingerprints {
  return Object.fromEntries([...partitions].map(([name, files]) => [name, fingerprint(files)]));
}

function fingerprint(files: readonly LakeFile[]): string {
  const hash = createHash("sha256");
  let bytes = 0;
  for (const { name, size, etag } of [...files].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    hash.update(`${name}\n${size}\n${etag}\n`);
    bytes += size;
  }
  return `${files.length}:${bytes}:${hash.digest("hex").slice(0, 32)}`;
}

/** Whether files were taken away or replaced by less: more of them came, else. */
export function shrank(before: string, now: string | undefined): boolean {
  if (now === undefined) return true;
  const [[files = 0, bytes = 0] = [], [nowFiles = 0, nowBytes = 0] = []] = [before, now].map((each) =>
    each.split(":").slice(0, 2).map(Number),
  );
  return nowFiles < files || nowBytes < bytes;
}

/** Partitions that are not in both alike. */
export function changes(before: Fingerprints, now: Fingerprints): PartitionName[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((name) => before[name] !== now[name]);
}
