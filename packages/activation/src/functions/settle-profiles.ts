import { type Disposition, handleDynamoDb, logger, mapLimit, metrics, ok, poison, retry } from "@tributary/runtime";
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import { causeOf } from "../domain/membership";
import type { Reason, Step } from "../domain/standing/standing";
import { countSteps } from "./count-steps";
import { changeOf } from "./profile-changes";

/** Brings a profile's standing up to date. */
export type Settle = (profileId: string, cause: Reason) => Promise<readonly Step[]>;

/** Profiles under way at a time. */
const settleConcurrency = 32;

/** The handler of the profiles' stream where traits are computed: a profile that changed is settled once in a batch. */
export function makeSettleProfiles(settle: Settle): (event: DynamoDBStreamEvent) => Promise<DynamoDBBatchResponse> {
  const log = logger("propagate");
  const counters = metrics("propagate");

  const handle = async (records: readonly DynamoDBRecord[]): Promise<readonly Disposition[]> => {
    const causes = new Map<string, Reason>();
    const profileIds: (string | undefined)[] = [];
    const dispositions = records.map((record): Disposition => {
      try {
        const change = changeOf(record);
        const { profileId } = change;
        causes.set(profileId, stronger(causes.get(profileId), causeOf(change)));
        profileIds.push(profileId);
        return ok;
      } catch (error) {
        profileIds.push(undefined);
        return poison("invalid-profile", (error as Error).message);
      }
    });
    const failed = await settleAll([...causes], settle, (steps) => countSteps(counters, steps));
    return dispositions.map((disposition, place) => {
      const reason = failed.get(profileIds[place] ?? "");
      return disposition.kind === "ok" && reason !== undefined ? retry(reason) : disposition;
    });
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

/** Settles profiles; gives what went wrong by profile id. One that fails does not hold up the others. */
export async function settleAll(
  profiles: readonly (readonly [profileId: string, cause: Reason])[],
  settle: Settle,
  onSteps: (steps: readonly Step[]) => void,
): Promise<Map<string, string>> {
  const failed = new Map<string, string>();
  await mapLimit(profiles, settleConcurrency, async ([profileId, cause]) => {
    try {
      onSteps(await settle(profileId, cause));
    } catch (error) {
      // Each failure becomes a retry of the records that asked for it.
      failed.set(profileId, `${(error as Error).name}: ${(error as Error).message}`);
    }
  });
  return failed;
}

/** Of several changes of one profile: its end if that came last, else the one that says more. */
function stronger(before: Reason | undefined, after: Reason): Reason {
  return after === "profile" && before === "identity" ? before : after;
}
