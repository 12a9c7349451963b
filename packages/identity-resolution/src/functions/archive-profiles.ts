import { gzipSync } from "node:zlib";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { archivedProfilesFolder } from "@tributary/model";
import { type Disposition, handleDynamoDb, logger, metrics, ok, poison, profileItemOf } from "@tributary/runtime";
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import { archivedRows, type ProfileStoreChange } from "../domain/archive";

/** Where the rows go: an object of the raw zone. Writing one again replaces it. */
export interface ProfileArchive {
  put(key: string, body: Uint8Array): Promise<void>;
}

/**
 * The handler over the raw zone. A batch is one object of gzipped JSON lines, named after its first record, so that a
 * batch that is delivered again replaces its rows; rows that were written under another name meanwhile repeat a sequence,
 * which readers count once.
 */
export function makeProfileArchiver(
  archive: ProfileArchive,
): (event: DynamoDBStreamEvent) => Promise<DynamoDBBatchResponse> {
  const log = logger("profile-archiver");
  const counters = metrics("profile-archiver");

  const handle = async (records: readonly DynamoDBRecord[]): Promise<readonly Disposition[]> => {
    const changes: ProfileStoreChange[] = [];
    const dispositions = records.map((record): Disposition => {
      try {
        changes.push(changeOf(record));
        return ok;
      } catch (error) {
        return poison("invalid-profile", (error as Error).message);
      }
    });
    const [first] = changes;
    if (first) {
      const rows = archivedRows(changes);
      const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
      await archive.put(keyOf(first), gzipSync(lines));
      counters.count("ProfileRowsArchived", rows.length);
    }
    return dispositions;
  };

  return async (event) => {
    try {
      return await handleDynamoDb(event, handle, {
        onFailure: (id, disposition) =>
          log.warn("profile not archived", { sequenceNumber: id, reason: disposition.reason }),
      });
    } finally {
      counters.flush();
    }
  };
}

function keyOf({ at, sequence, profileId }: ProfileStoreChange): string {
  const day = new Date(at).toISOString().slice(0, 10);
  return `${archivedProfilesFolder}dt=${day}/${sequence}-${profileId}.json.gz`;
}

function changeOf({ dynamodb }: DynamoDBRecord): ProfileStoreChange {
  const profileId = dynamodb?.Keys?.profileId?.S;
  if (profileId === undefined) throw new Error("the record has no key profileId");
  const sequence = dynamodb?.SequenceNumber;
  if (sequence === undefined || !/^\d{1,40}$/.test(sequence)) throw new Error("the record has no sequence number");
  const image = dynamodb?.NewImage as Record<string, AttributeValue> | undefined;
  const seconds = dynamodb?.ApproximateCreationDateTime;
  if (seconds === undefined) throw new Error("the record has no time");
  return { profileId, sequence, at: seconds * 1_000, after: image && profileItemOf(image) };
}
