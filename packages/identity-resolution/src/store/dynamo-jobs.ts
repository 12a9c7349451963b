import { type DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import {
  type EvidenceEdge,
  edgeKey,
  graphKeyAttribute,
  graphPartAttribute,
  jobItemKey,
  shortHash,
} from "@tributary/model";
import { batchWrite, dynamodb, graphItemKey, type Item } from "@tributary/runtime";

/** Sort keys of a job's links begin with it. */
const matchParts = "M#";
/** Links read at a time. */
const pageSize = 500;

/** Which links matching jobs gave, beside the graph. */
export class DynamoJobs {
  constructor(
    private readonly table: string,
    private readonly client: () => DynamoDBClient = dynamodb,
  ) {}

  async newestRun(job: string): Promise<number | undefined> {
    const Key = graphItemKey(jobItemKey(job));
    const { Item } = await this.client().send(new GetItemCommand({ TableName: this.table, Key, ConsistentRead: true }));
    return Item?.run?.N === undefined ? undefined : Number(Item.run.N);
  }

  async setNewestRun(job: string, run: number): Promise<void> {
    const Item = { ...graphItemKey(jobItemKey(job)), run: { N: String(run) } };
    await this.client().send(new PutItemCommand({ TableName: this.table, Item }));
  }

  async note(job: string, run: number, edges: readonly EvidenceEdge[]): Promise<void> {
    const items = new Map<string, Item>();
    for (const edge of edges) {
      const Item = { ...keyOf(job, edge), run: { N: String(run) }, edge: { S: JSON.stringify(edge) } };
      items.set(edgeKey(edge), Item);
    }
    const requests = [...items.values()].map((Item) => ({ PutRequest: { Item } }));
    await batchWrite(this.client(), this.table, requests);
  }

  async *older(job: string, run: number): AsyncGenerator<readonly EvidenceEdge[]> {
    let from: Item | undefined;
    do {
      const output = await this.client().send(
        new QueryCommand({
          TableName: this.table,
          KeyConditionExpression: "#key = :key AND begins_with(#part, :part)",
          FilterExpression: "#run < :run",
          ExpressionAttributeNames: { "#key": graphKeyAttribute, "#part": graphPartAttribute, "#run": "run" },
          ExpressionAttributeValues: {
            ":key": { S: jobItemKey(job) },
            ":part": { S: matchParts },
            ":run": { N: String(run) },
          },
          Limit: pageSize,
          ConsistentRead: true,
          ...(from === undefined ? {} : { ExclusiveStartKey: from }),
        }),
      );
      const edges = (output.Items ?? []).map(({ edge }) => JSON.parse(edge?.S ?? "null") as EvidenceEdge);
      if (edges.length > 0) yield edges;
      from = output.LastEvaluatedKey;
    } while (from !== undefined);
  }

  async forget(job: string, edges: readonly EvidenceEdge[]): Promise<void> {
    const requests = edges.map((edge) => ({ DeleteRequest: { Key: keyOf(job, edge) } }));
    await batchWrite(this.client(), this.table, requests);
  }
}

function keyOf(job: string, edge: EvidenceEdge): Item {
  return graphItemKey(jobItemKey(job), `${matchParts}${shortHash(edgeKey(edge))}`);
}
