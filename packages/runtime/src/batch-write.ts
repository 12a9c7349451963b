import { BatchWriteItemCommand, type DynamoDBClient, type WriteRequest } from "@aws-sdk/client-dynamodb";
import { mapLimit } from "./concurrency";

/** BatchWriteItem's limit. */
const maxBatchItems = 25;

/** Puts and deletes of one table, as many as there are; what DynamoDB leaves over is tried again. */
export async function batchWrite(client: DynamoDBClient, table: string, all: readonly WriteRequest[]): Promise<void> {
  const chunks: WriteRequest[][] = [];
  for (let at = 0; at < all.length; at += maxBatchItems) chunks.push(all.slice(at, at + maxBatchItems));
  await mapLimit(chunks, 8, async (chunk) => {
    let requests = chunk;
    for (let attempt = 0; requests.length > 0; attempt++) {
      if (attempt > 8) {
        const message = `DynamoDB left ${requests.length} items of ${table} unwritten after ${attempt} tries`;
        throw Object.assign(new Error(message), { name: "ThrottlingException" });
      }
      if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * 2 ** attempt));
      const { UnprocessedItems } = await client.send(
        new BatchWriteItemCommand({ RequestItems: { [table]: requests } }),
      );
      requests = UnprocessedItems?.[table] ?? [];
    }
  });
}
