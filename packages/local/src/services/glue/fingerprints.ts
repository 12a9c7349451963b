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

const byName = (a: LakeFile, b: LakeFile): number => (a.name < b.name ? -1 : 1);

function fingerprint(files: readonly LakeFile[]): string {
  const hash = createHash("sha256");
  let bytes = 0;
  for (const { name, size, etag } of [...files].sort(byName)) {
    hash.update(`${name}\n${size}\n${etag}\n`);
    bytes += size;
  }
  return `${files.length}:${bytes}:${hash.digest("hex").slice(0, 32)}`;
}

/**
 * Partitions whose files of last time are all there still, the first by name, so that what else is there came since. A file
 * that came since and goes before them by name makes it a no: that costs a whole run, where a false yes costs right rows.
 */
export function grown(before: Fingerprints, now: ReadonlyMap<PartitionName, readonly LakeFile[]>): PartitionName[] {
  return [...now].flatMap(([name, files]) => {
    const told = before[name];
    if (told === undefined) return [];
    const first = [...files].sort(byName).slice(0, Number.parseInt(told, 10));
    return fingerprint(first) === told ? [name] : [];
  });
}

/** Partitions that are not in both alike. */
export function changes(before: Fingerprints, now: Fingerprints): PartitionName[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((name) => before[name] !== now[name]);
}
