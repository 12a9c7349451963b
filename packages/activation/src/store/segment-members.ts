import { type DynamoDBClient, QueryCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { dynamodb, type Item } from "@tributary/runtime";
import { type IdRange, inRange } from "../domain/segment-import";
import type { SegmentPorts } from "../functions/segment-importer";

/** Who is in the audiences that are segments by SQL, and which import of them began last. */
export class SegmentMembers implements Pick<SegmentPorts, "begin" | "members"> {
  constructor(
    private readonly tables: { readonly memberships: string; readonly traitFacts: string },
    private readonly client: () => DynamoDBClient = dynamodb,
  ) {}

  async begin(segment: string, run: string): Promise<boolean> {
    try {
      await this.client().send(
        new UpdateItemCommand({
          TableName: this.tables.traitFacts,
          Key: { identifier: { S: `SEGMENT#${segment}` }, fact: { S: "import" } },
          UpdateExpression: "SET #run = :run",
          ConditionExpression: "attribute_not_exists(#run) OR #run <= :run",
          ExpressionAttributeNames: { "#run": "run" },
          ExpressionAttributeValues: { ":run": { S: run } },
        }),
      );
      return true;
    } catch (error) {
      if ((error as Error).name === "ConditionalCheckFailedException") return false;
      throw error;
    }
  }

  /** The items of former members are read as well, and left out. */
  async *members(segment: string, range: IdRange): AsyncGenerator<readonly string[]> {
    let after: Item | undefined;
    do {
      const { Items = [], LastEvaluatedKey } = await this.client().send(
        new QueryCommand({
          TableName: this.tables.memberships,
          KeyConditionExpression: "#audience = :audience AND #id BETWEEN :from AND :to",
          FilterExpression: "#member = :true",
          ProjectionExpression: "#id",
          ExpressionAttributeNames: { "#audience": "audience", "#id": "profileId", "#member": "member" },
          ExpressionAttributeValues: {
            ":audience": { S: segment },
            ":from": { S: range.from },
            ":to": { S: range.to },
            ":true": { BOOL: true },
          },
          ConsistentRead: true,
          ...(after === undefined ? {} : { ExclusiveStartKey: after }),
        }),
      );
      yield Items.map(({ profileId }) => profileId?.S ?? "").filter((id) => inRange(id, range));
      after = LastEvaluatedKey;
    } while (after !== undefined);
  }
}
