import { type EventBridgeClient, PutEventsCommand, type PutEventsRequestEntry } from "@aws-sdk/client-eventbridge";
import { shortHash } from "@tributary/model";
import { type Disposition, eventBridge, handleDynamoDb, logger, mapLimit, ok } from "@tributary/runtime";
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import type { AudienceEvent } from "../domain/audience-event";

/** PutEvents's limit. */
const maxEntries = 10;
/** What our events on the bus come from. */
const source = "tributary.activation";

/**
 * The handler of the memberships' stream: puts each entry and exit on the event bus. An event that is put again has the
 * same `messageId`; what the bus did not take fails the batch.
 */
export function makeAnnounce(
  bus: string,
  client: () => Pick<EventBridgeClient, "send"> = eventBridge,
): (event: DynamoDBStreamEvent) => Promise<DynamoDBBatchResponse> {
  const log = logger("announce");
  const handle = async (records: readonly DynamoDBRecord[]): Promise<readonly Disposition[]> => {
    const entries = records.flatMap((record) => entryOf(record, bus) ?? []);
    const batches: PutEventsRequestEntry[][] = [];
    for (let at = 0; at < entries.length; at += maxEntries) batches.push(entries.slice(at, at + maxEntries));
    await mapLimit(batches, 8, (batch) => put(client(), batch));
    return records.map(() => ok);
  };
  return (event) =>
    handleDynamoDb(event, handle, {
      onFailure: (id, { reason }) => log.warn("record not announced", { sequenceNumber: id, reason }),
    });
}

async function put(client: Pick<EventBridgeClient, "send">, batch: PutEventsRequestEntry[]): Promise<void> {
  const { FailedEntryCount = 0, Entries = [] } = await client.send(new PutEventsCommand({ Entries: batch }));
  if (FailedEntryCount === 0) return;
  const code = Entries.find(({ ErrorCode }) => ErrorCode !== undefined)?.ErrorCode;
  throw new Error(`EventBridge refused ${FailedEntryCount} of ${batch.length} events: ${code}`);
}

function entryOf(record: DynamoDBRecord, bus: string): PutEventsRequestEntry | undefined {
  const event = audienceEventOf(record);
  if (!event) return undefined;
  return {
    EventBusName: bus,
    Source: source,
    DetailType: event.event,
    Detail: JSON.stringify(event),
    Time: new Date(event.timestamp),
  };
}

/** The entry or exit that a record of the memberships' stream tells; undefined where it tells none. */
export function audienceEventOf({ dynamodb }: DynamoDBRecord): AudienceEvent | undefined {
  const audience = dynamodb?.Keys?.audience?.S;
  const profileId = dynamodb?.Keys?.profileId?.S;
  const { OldImage: before, NewImage: after } = dynamodb ?? {};
  const member = after?.member?.BOOL === true;
  if (audience === undefined || profileId === undefined || (before?.member?.BOOL === true) === member) return undefined;
  // An item that was taken out (an erasure) is an exit, the next after its last change.
  const sequence = after ? Number(after.sequence?.N ?? 1) : Number(before?.sequence?.N ?? 1) + 1;
  const created = dynamodb?.ApproximateCreationDateTime;
  const timestamp = after?.at?.S ?? new Date(created === undefined ? 0 : created * 1_000).toISOString();
  return {
    type: "track",
    event: member ? "Audience Entered" : "Audience Exited",
    messageId: `audience-${shortHash([audience, profileId, sequence].join("\n"))}`,
    timestamp,
    profileId,
    properties: {
      [audience]: member,
      audience_key: audience,
      reason: after ? (after.reason?.S ?? "profile") : "deletion",
      sequence,
    },
    context: { personas: { computation_class: "audience", computation_key: audience } },
  };
}
