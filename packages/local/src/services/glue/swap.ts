import { join } from "node:path";
import type { Kernel } from "../../kernel";
import { filesOf, type LakeFile, parseLocation } from "../duckdb";
import { type CatalogTable, relationOf } from "./catalog";
import { byPartition, changes, fingerprints, type PartitionName } from "./fingerprints";
import { type NewObject, replaceObjects } from "./replace-objects";
import type { StagedRows } from "./stage";

/** A table's files when a step began. */
export type Before = ReadonlyMap<PartitionName, readonly LakeFile[]>;

export function filesBefore(kernel: Kernel, target: CatalogTable): Before {
  return byPartition(
    filesOf(kernel, relationOf(target)),
    target.partitionKeys.map(({ name }) => name),
  );
}

/**
 * Makes staged files a table's, in one step, in place of the partitions that are replaced. Files are called by their
 * content: one that is there already stays, so that an equal run changes nothing. Returns how many partitions changed.
 */
export async function swap(
  kernel: Kernel,
  id: string,
  target: CatalogTable,
  staged: StagedRows,
  before: Before,
  replaced: (partition: PartitionName) => boolean,
): Promise<number> {
  const { bucket, prefix } = parseLocation(target.location);
  const wanted = new Map<string, NewObject>();
  const contents = await staged.contents;
  for (const [name, content] of contents) {
    const file = join(staged.folder, name);
    const part = name.replace(/\.parquet$/, `-${content.slice(0, 20)}.zstd.parquet`);
    wanted.set(`${prefix}${part}`, { key: `${prefix}${part}`, file, etag: `"${content.slice(0, 32)}-1"` });
  }
  const moved = changes(fingerprints(before), fingerprints(filesBefore(kernel, target)));
  if (moved.length > 0) {
    throw new Error(
      `the files of ${target.database}.${target.name} changed while they were made again (${moved.slice(0, 3).join(", ") || "all"}): another run replaced them, and they stay as it left them. Start this one again.`,
    );
  }
  const old = [...before].flatMap(([partition, files]) =>
    replaced(partition) ? files.map(({ name }) => ({ partition, key: `${prefix}${name}` })) : [],
  );
  const gone = old.filter(({ key }) => !wanted.has(key));
  for (const { key } of old) wanted.delete(key);
  if (wanted.size === 0 && gone.length === 0) return 0;
  const remove = gone.map(({ key }) => key);
  await replaceObjects(kernel, bucket, id, [...wanted.values()], remove);
  const folder = (key: string) => key.slice(prefix.length, Math.max(prefix.length, key.lastIndexOf("/")));
  return new Set([...wanted.keys(), ...remove].map(folder)).size;
}
