import { type DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import type { Claims } from "../../domain/archive";
import { isConditionFailure } from "./event-store";

/** The table of what is archived: an id belongs to the position in the stream that put it first. */
export function claimTable(client: DynamoDBClient, table: string, retentionDays: number): Claims {
  return {
    async claim(id, position) {
      const expiresAt = Math.floor(Date.now() / 1000) + retentionDays * 86_400;
      try {
        await client.send(
          new PutItemCommand({
            TableName: table,
            Item: { id: { S: id }, position: { S: position }, expiresAt: { N: String(expiresAt) } },
            ConditionExpression: "attribute_not_exists(id)",
            ReturnValuesOnConditionCheckFailure: "ALL_OLD",
          }),
        );
        return "ours";
      } catch (error) {
        if (isConditionFailure(error)) return error.Item?.position?.S === position ? "ours" : "taken";
        if (isPassing(error)) return "busy";
        throw error;
      }
    },
  };
}

/** Throttled, or away for now. A role that lacks a statement or a table that is not there does not pass. */
function isPassing(error: unknown): boolean {
  const { name = "", $fault } = error as { readonly name?: string; readonly $fault?: string };
  return $fault === "server" || /Throttl|ThroughputExceeded|RequestLimitExceeded|Timeout/.test(name);
}
