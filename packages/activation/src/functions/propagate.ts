import type { AudienceDefinition } from "@tributary/model";
import { type Disposition, handleDynamoDb, logger, mapLimit, metrics, ok, poison } from "@tributary/runtime";
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import { membershipWrites, type ProfileChange } from "../domain/membership";
import type { Memberships } from "../store/memberships";
import { changeOf } from "./profile-changes";

/** Writes under way at a time. */
const concurrency = 32;

/** The handler over the memberships table. A failed write fails the batch; writing again writes the same. */
export function makePropagate(
  audiences: Readonly<Record<string, AudienceDefinition>>,
  memberships: Pick<Memberships, "write">,
): (event: DynamoDBStreamEvent) => Promise<DynamoDBBatchResponse> {
  const log = logger("propagate");
  const counters = metrics("propagate");

  const handle = async (records: readonly DynamoDBRecord[]): Promise<readonly Disposition[]> => {
    const changes: ProfileChange[] = [];
    const dispositions = records.map((record): Disposition => {
      try {
        changes.push(changeOf(record));
        return ok;
      } catch (error) {
        return poison("invalid-profile", (error as Error).message);
      }
    });
    await mapLimit(membershipWrites(changes, audiences), concurrency, async (write) => {
      const effect = await memberships.write(write);
      if (effect === "entered") counters.count("AudienceEntered", 1, { audience: write.audience });
      if (effect === "exited") counters.count("AudienceExited", 1, { audience: write.audience });
    });
    return dispositions;
  };

  return async (event) => {
    try {
      return await handleDynamoDb(event, handle, {
        onFailure: (id, disposition) =>
          log.warn("record not applied", { sequenceNumber: id, reason: disposition.reason }),
      });
    } finally {
      counters.flush();
    }
  };
}
