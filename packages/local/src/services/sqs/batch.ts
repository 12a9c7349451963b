import { AwsError } from "../../kernel";

interface Failed {
  Id: string;
  SenderFault: boolean;
  Code: string;
  Message: string;
}

/** The entries of a batch request: one to ten, with distinct ids. */
export function batchEntries<E extends { Id?: string | undefined }>(entries: unknown): (E & { Id: string })[] {
  if (!Array.isArray(entries) || entries.length === 0) {
    throw new AwsError("EmptyBatchRequest", "There should be at least one entry in the request.");
  }
  if (entries.length > 10) {
    throw new AwsError(
      "TooManyEntriesInBatchRequest",
      `Maximum number of entries per request are 10. You have sent ${entries.length}.`,
    );
  }
  for (const entry of entries as { Id?: unknown }[]) {
    if (typeof entry.Id !== "string" || !/^[A-Za-z0-9_-]{1,80}$/.test(entry.Id)) {
      throw new AwsError(
        "InvalidBatchEntryId",
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
      );
    }
  }
  const repeated = (entries as { Id: string }[]).find(
    ({ Id }, at) => entries.findIndex((other) => other.Id === Id) < at,
  );
  if (repeated) throw new AwsError("BatchEntryIdsNotDistinct", `Id ${repeated.Id} repeated.`);
  return entries as (E & { Id: string })[];
}

/** Runs each entry; what AWS would blame on an entry fails that entry, everything else fails the request. */
export async function eachEntry<E extends { Id: string }, R>(
  entries: readonly E[],
  run: (entry: E) => Promise<R> | R,
): Promise<{ done: { entry: E; result: R }[]; failed: Failed[] }> {
  const done: { entry: E; result: R }[] = [];
  const failed: Failed[] = [];
  for (const entry of entries) {
    try {
      done.push({ entry, result: await run(entry) });
    } catch (error) {
      if (!(error instanceof AwsError) || error.status >= 500) throw error;
      failed.push({ Id: entry.Id, SenderFault: true, Code: error.name, Message: error.message });
    }
  }
  return { done, failed };
}
