import { type AttributeValue, type DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import type { StoredEvent } from "@tributary/model";
import type { EventStore } from "../../domain/process";

/** A conditional put that another item was before; `Item` is that one, where the put asked for it. */
export function isConditionFailure(error: unknown): error is Error & { Item?: Record<string, AttributeValue> } {
  // Not `instanceof`: an error that came through the embedded runtime's door has the name, not the class.
  return error instanceof Error && error.name === "ConditionalCheckFailedException";
}

/** The events table: a put that succeeds for the first event of an id only. */
export function eventStore(client: DynamoDBClient, table: string): EventStore {
  return {
    async putNew(item: StoredEvent) {
      try {
        await client.send(
          new PutItemCommand({
            TableName: table,
            Item: {
              id: { S: item.id },
              fingerprint: { S: item.fingerprint },
              event: { S: item.event },
              expiresAt: { N: String(item.expiresAt) },
            },
            ConditionExpression: "attribute_not_exists(id)",
            ReturnValuesOnConditionCheckFailure: "ALL_OLD",
          }),
        );
        return "stored";
      } catch (error) {
        if (!isConditionFailure(error)) throw error;
        return error.Item?.fingerprint?.S === item.fingerprint ? "duplicate" : "reused";
      }
    },
  };
}
