import { type DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { graphKeyAttribute, graphPartAttribute, mainPart } from "@tributary/model";
import { dynamodb, type Item } from "@tributary/runtime";
import type { LockAnswer, LockRequest, MatchingLock } from "../domain/matching/lock";

/** Key of the lock's item in the graph table, among `ID#…` and `COMP#…`. */
const lockItem = { [graphKeyAttribute]: { S: "LOCK#entity-resolution" }, [graphPartAttribute]: { S: mainPart } };

const names = { "#owner": "owner", "#until": "until", "#run": "finishedRun" };

/** The lock as an item of the graph table: taken and given back by conditional writes. */
export class DynamoLock implements MatchingLock {
  constructor(
    private readonly table: string,
    private readonly dynamo: () => DynamoDBClient = dynamodb,
  ) {}

  async take({ owner, run, now, until, ended }: LockRequest): Promise<LockAnswer> {
    const free = ["attribute_not_exists(#owner)", "#owner = :me", "#until < :now"];
    if (ended !== undefined) free.push("#owner = :ended");
    try {
      await this.dynamo().send(
        new UpdateItemCommand({
          TableName: this.table,
          Key: lockItem,
          UpdateExpression: "SET #owner = :me, #until = :until",
          ConditionExpression: `(attribute_not_exists(#run) OR #run <> :run) AND (${free.join(" OR ")})`,
          ExpressionAttributeNames: names,
          ExpressionAttributeValues: {
            ":me": { S: owner },
            ":run": { S: run },
            ":now": { N: String(now) },
            ":until": { N: String(until) },
            ...(ended === undefined ? {} : { ":ended": { S: ended } }),
          },
          ReturnValuesOnConditionCheckFailure: "ALL_OLD",
        }),
      );
      return { state: "taken" };
    } catch (error) {
      const { item } = refused(error);
      if (item?.finishedRun?.S === run) return { state: "finished" };
      return { state: "held", holder: item?.owner?.S ?? "" };
    }
  }

  async giveBack({ owner, finishedRun }: Parameters<MatchingLock["giveBack"]>[0]): Promise<void> {
    const { "#run": run, ...others } = names;
    try {
      await this.dynamo().send(
        new UpdateItemCommand({
          TableName: this.table,
          Key: lockItem,
          UpdateExpression: `${finishedRun === undefined ? "" : "SET #run = :run "}REMOVE #owner, #until`,
          ConditionExpression: "#owner = :me",
          ExpressionAttributeNames: finishedRun === undefined ? others : { ...others, "#run": run },
          ExpressionAttributeValues: {
            ":me": { S: owner },
            ...(finishedRun === undefined ? {} : { ":run": { S: finishedRun } }),
          },
        }),
      );
    } catch (error) {
      // It ran out or was taken over: then it is not ours to give back.
      refused(error);
    }
  }
}

/** The item that a condition did not hold for; any other error is thrown on. */
function refused(error: unknown): { readonly item?: Item | undefined } {
  if (!(error instanceof Error) || error.name !== "ConditionalCheckFailedException") throw error;
  return { item: (error as { readonly Item?: Item }).Item };
}
