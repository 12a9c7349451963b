import { mapLimit } from "@tributary/runtime";
import * as z from "zod/mini";
import { filesPerRun, filesPerTransfer, quietSeconds } from "../sftp-listing-env";

/** A listing as Transfer Family writes it; times and sizes are there where the server tells them. */
const listing = z.object({
  files: z._default(
    z.array(
      z.object({
        filePath: z.string(),
        modifiedTimestamp: z.optional(z.string()),
        size: z.optional(z.union([z.number(), z.string()])),
      }),
    ),
    [],
  ),
  truncated: z.optional(z.union([z.boolean(), z.string()])),
});

/** A remote file as it stood: another version of it is another file. */
export interface RemoteFile {
  readonly path: string;
  readonly version: string;
}

/** What was fetched, by path. */
export interface Ledger {
  version(path: string): Promise<string | undefined>;
  record(file: RemoteFile): Promise<void>;
}

export interface Chosen {
  /** Files of one transfer each. */
  readonly groups: readonly (readonly RemoteFile[])[];
  /** Whether the directory has more files than a listing can hold. */
  readonly truncated: boolean;
}

/** Names under which files are still being written. */
const unfinished = /(^|\/)\.[^/]*$|\.(tmp|part|partial|filepart|crdownload)$/i;

/**
 * The files of a listing that were not fetched as they stand now, in the order of their names; without those that are
 * being written, by their names or by their times. `now` in epoch milliseconds.
 */
export async function chooseFiles(text: string, directory: string, ledger: Ledger, now: number): Promise<Chosen> {
  const { files, truncated } = z.parse(listing, JSON.parse(text));
  const found = files
    // A server that tells no time gives no such sign.
    .filter(({ modifiedTimestamp }) => !(Date.parse(modifiedTimestamp ?? "") > now - quietSeconds * 1000))
    .map(({ filePath, modifiedTimestamp = "", size = "" }) => ({
      path: filePath.startsWith("/") ? filePath : `${directory.replace(/\/$/, "")}/${filePath}`,
      version: `${modifiedTimestamp}/${size}`,
    }))
    .filter(({ path }) => !unfinished.test(path))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const versions = await mapLimit(found, 64, ({ path }) => ledger.version(path));
  const fresh = found.filter(({ version }, index) => versions[index] !== version).slice(0, filesPerRun);
  const groups: RemoteFile[][] = [];
  for (let at = 0; at < fresh.length; at += filesPerTransfer) groups.push(fresh.slice(at, at + filesPerTransfer));
  return { groups, truncated: String(truncated) === "true" };
}

/** Of one file of a transfer, as ListFileTransferResults tells. */
export interface TransferResult {
  readonly FilePath: string;
  readonly StatusCode: "QUEUED" | "IN_PROGRESS" | "COMPLETED" | "FAILED";
}

const base = (path: string) => path.slice(path.lastIndexOf("/") + 1);

/**
 * Notes the files of a transfer that are here, and counts the rest. One that failed is not noted: the next run tries it
 * again, and Transfer Family's event has told why.
 */
export async function recordResults(
  files: readonly RemoteFile[],
  results: readonly TransferResult[],
  ledger: Ledger,
): Promise<{ readonly moving: number; readonly failed: number }> {
  // By the last part: all are of one directory, and a server may tell a path otherwise than it was asked for.
  const status = new Map(results.map(({ FilePath, StatusCode }) => [base(FilePath), StatusCode]));
  let moving = 0;
  let failed = 0;
  for (const file of files) {
    const code = status.get(base(file.path));
    if (code === "COMPLETED") await ledger.record(file);
    else if (code === "FAILED") failed += 1;
    else moving += 1;
  }
  return { moving, failed };
}
