import { parseLocation, parseS3Uri } from "../duckdb";
import type { Manifest } from "./manifest";
import type { StepRun } from "./materialise";
import { type UnreadableFile, uriOf } from "./unreadable";

/**
 * Moves files that cannot be read out of their tables, each with the reason beside it, where the run may: they keep their
 * names below the prefix, so they can be put back. Returns what was moved; undefined where some may not be.
 */
export async function setAside(
  { kernel, principal, options, run }: StepRun,
  unreadable: Manifest["unreadable"],
  files: readonly UnreadableFile[],
): Promise<readonly string[] | undefined> {
  if (unreadable === undefined || (options.unreadable ?? unreadable.action) !== "set-aside") return undefined;
  if (!files.every(({ source }) => unreadable.databases.includes(source.table.database))) return undefined;
  const to = parseS3Uri(unreadable.prefix);
  const call = (operation: string, request: object) => kernel.call("s3", operation, request, principal);
  const moved: string[] = [];
  for (const { source, file, reason } of files) {
    const { bucket, prefix } = parseLocation(source.table.location);
    const [key, aside] = [`${prefix}${file.name}`, `${to.key}${prefix}${file.name}`];
    const told = {
      file: uriOf(source, file),
      table: source.name,
      reason,
      run,
      at: new Date(kernel.now()).toISOString(),
    };
    await call("PutObject", {
      Bucket: to.bucket,
      Key: `${aside}.reason.json`,
      Body: new TextEncoder().encode(`${JSON.stringify(told, null, 2)}\n`),
      ContentType: "application/json",
    });
    await call("CopyObject", {
      Bucket: to.bucket,
      Key: aside,
      CopySource: `${bucket}/${key.split("/").map(encodeURIComponent).join("/")}`,
    });
    await call("DeleteObject", { Bucket: bucket, Key: key });
    moved.push(`${told.file}: ${reason}`);
  }
  return moved;
}
