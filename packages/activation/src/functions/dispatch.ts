import { SendMessageBatchCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { type Disposition, handleDynamoDb, mapLimit, ok, sqs } from "@tributary/runtime";
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import type { DeliveryMessage, MembershipChange } from "../domain/messages";

export interface DispatchTarget {
  readonly name: string;
  readonly audiences: readonly string[];
  readonly queueUrl: string;
}

/** SendMessageBatch's limit. */
const maxBatch = 10;

/** The handler over the destinations' queues. A message that SQS did not take fails the batch; sending twice is harmless. */
export function makeDispatch(
  targets: readonly DispatchTarget[],
  client: () => Pick<SQSClient, "send"> = sqs,
): (event: DynamoDBStreamEvent) => Promise<DynamoDBBatchResponse> {
  const handle = async (records: readonly DynamoDBRecord[]): Promise<readonly Disposition[]> => {
    const messages = lastMessages(records);
    await mapLimit(targets, targets.length, async ({ audiences, queueUrl }) => {
      const wanted = messages.filter(({ audience }) => audiences.includes(audience));
      const batches: DeliveryMessage[][] = [];
      for (let at = 0; at < wanted.length; at += maxBatch) batches.push(wanted.slice(at, at + maxBatch));
      await mapLimit(batches, 8, (batch) => send(client(), queueUrl, batch));
    });
    return records.map(() => ok);
  };
  return (event) => handleDynamoDb(event, handle);
}

async function send(
  client: Pick<SQSClient, "send">,
  queueUrl: string,
  batch: readonly DeliveryMessage[],
): Promise<void> {
  const command = new SendMessageBatchCommand({
    QueueUrl: queueUrl,
    Entries: batch.map((message, index) => ({ Id: String(index), MessageBody: JSON.stringify(message) })),
  });
  const { Failed = [] } = await client.send(command);
  if (Failed.length > 0)
    throw new Error(`SQS refused ${Failed.length} of ${batch.length} messages: ${Failed[0]?.Code}`);
}

/** One message per membership that changed: its last change in the batch stands for all. */
function lastMessages(records: readonly DynamoDBRecord[]): DeliveryMessage[] {
  const messages = new Map<string, DeliveryMessage>();
  for (const { dynamodb } of records) {
    const audience = dynamodb?.Keys?.audience?.S;
    const profileId = dynamodb?.Keys?.profileId?.S;
    if (audience === undefined || profileId === undefined) continue;
    const was = dynamodb?.OldImage?.member?.BOOL === true;
    const is = dynamodb?.NewImage?.member?.BOOL === true;
    if (!was && !is) continue;
    const change: MembershipChange = is ? (was ? "updated" : "entered") : "exited";
    messages.set(`${audience}\n${profileId}`, {
      audience,
      profileId,
      change,
      version: dynamodb?.NewImage?.version?.S ?? null,
    });
  }
  return [...messages.values()];
}
