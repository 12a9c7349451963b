import { statfsSync } from "node:fs";

/** What an error says. The engine's errors may come from outside of this realm, where `instanceof` does not know them. */
export const messageOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "message" in error ? String(error.message) : String(error);

/** Whether a statement failed because the disk, or what the engine may use of it, is full. */
export const isDiskFull = (error: unknown): boolean =>
  /ENOSPC|no space left on device|max_temp_directory_size|disk quota exceeded|MDB_MAP_FULL/i.test(messageOf(error));

/** Says what to do where the disk is full. */
export function diskFull(table: string, folder: string, error: unknown): Error {
  const { bavail, bsize } = statfsSync(folder);
  const free = `${Math.round((bavail * bsize) / 1e6)} MB`;
  return new Error(
    `DiskFull: the disk has no room for ${table} (${free} free at ${folder}): ${messageOf(error).split("\n")[0]}. Nothing was replaced. Make room, twice what the table takes, and start the run again: it goes on with this step.`,
    { cause: error },
  );
}
