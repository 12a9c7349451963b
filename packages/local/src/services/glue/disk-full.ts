import { statfsSync } from "node:fs";

/** Whether a statement failed because the disk, or what the engine may use of it, is full. */
export const isDiskFull = (error: unknown): boolean =>
  error instanceof Error &&
  (("code" in error && error.code === "ENOSPC") ||
    /no space left on device|max_temp_directory_size|disk quota exceeded|MDB_MAP_FULL/i.test(error.message));

/** Says what to do where the disk is full. */
export function diskFull(table: string, folder: string, error: unknown): Error {
  const { bavail, bsize } = statfsSync(folder);
  const free = `${Math.round((bavail * bsize) / 1e6)} MB`;
  const message = error instanceof Error ? error.message.split("\n")[0] : String(error);
  return new Error(
    `DiskFull: the disk has no room for ${table} (${free} free at ${folder}): ${message}. Nothing was replaced. Make room, twice what the table takes, and start the run again: it goes on with this step.`,
    { cause: error },
  );
}
