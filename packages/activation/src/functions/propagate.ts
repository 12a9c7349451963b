import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { AudienceDefinition, ProfileItem } from "@tributary/model";
import {
  type Disposition,
  handleDynamoDb,
  logger,
  mapLimit,
  metrics,
  ok,
  poison,
  profileItemOf,
} from "@tributary/runtime";
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import { membershipWrites, type ProfileChange } from "../domain/membership";
import type { Memberships } from "../store/memberships";

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

function changeOf({ dynamodb }: DynamoDBRecord): ProfileChange {
  const profileId = dynamodb?.Keys?.profileId?.S;
  if (profileId === undefined) throw new Error("the record has no key profileId");
  return { profileId, before: imageOf(dynamodb?.OldImage), after: imageOf(dynamodb?.NewImage) };
}

function imageOf(image: object | undefined): ProfileItem | undefined {
  if (image === undefined || Object.keys(image).length === 0) return undefined;
  const item = profileItemOf(image as Record<string, AttributeValue>);
  if (item.kind !== "profile" && item.kind !== "redirect")
    throw new Error("the item is neither a profile nor a redirect");
  return item;
}
