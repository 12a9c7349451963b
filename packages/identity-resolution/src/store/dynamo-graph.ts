import {
  BatchWriteItemCommand,
  type DynamoDBClient,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { componentItemKey, graphKeyAttribute, type ProfileItem } from "@tributary/model";
import { dynamodb, type Item, ProfileStore, type ProfileTables } from "@tributary/runtime";
import type { CommitResult, ComponentChange, Graph } from "../domain/graph";

/** TransactWriteItems' limit. */
const maxTransactionItems = 100;
/** Below DynamoDB's 400 KB per item, with room for the other attributes. */
const maxComponentBytes = 390_000;
/** BatchWriteItem's limit. */
const maxBatchItems = 25;

/** Reasons of a cancelled transaction that another try may not meet again. */
const passing = new Set([
  "ConditionalCheckFailed",
  "TransactionConflict",
  "ThrottlingError",
  "ProvisionedThroughputExceeded",
]);
/** Errors of the call itself that another try may not meet again. */
const passingErrors = new Set([
  "ProvisionedThroughputExceededException",
  "ThrottlingException",
  "RequestLimitExceeded",
  "TransactionInProgressException",
  "TransactionConflictException",
  "InternalServerError",
]);

const notThere = {
  ConditionExpression: "attribute_not_exists(#key)",
  ExpressionAttributeNames: { "#key": graphKeyAttribute },
};

/** The identity graph in DynamoDB: facts/identity.md 2.2. */
export class DynamoGraph extends ProfileStore implements Graph {
  constructor(
    private readonly names: ProfileTables,
    private readonly dynamo: () => DynamoDBClient = dynamodb,
  ) {
    super(names, dynamo);
  }

  /**
   * Writes a change in one transaction. Where a single event's change has more items than a transaction holds, profiles
   * are written ahead of it: they are derived, so writing them again after a conflict is right.
   */
  async commit(change: ComponentChange): Promise<CommitResult> {
    if (change.data.byteLength > maxComponentBytes) {
      return {
        kind: "too-large",
        detail: `the component would be ${change.data.byteLength} bytes, at most ${maxComponentBytes} fit`,
      };
    }
    const graphItems = this.graphItems(change);
    const profileItems = this.profileItems(change);
    const room = maxTransactionItems - graphItems.length;
    if (room < 0 || (profileItems.length > room && !change.indivisible)) {
      const items = graphItems.length + profileItems.length;
      return { kind: "too-large", detail: `${items} items, a transaction holds ${maxTransactionItems}` };
    }
    try {
      await this.writeAhead(profileItems.slice(room));
      const items = [...graphItems, ...profileItems.slice(0, room)];
      await this.dynamo().send(new TransactWriteItemsCommand({ TransactItems: items }));
      return { kind: "done" };
    } catch (error) {
      return commitFailure(error);
    }
  }

  private graphItems(change: ComponentChange): TransactWriteItem[] {
    const { graph } = this.names;
    const unchanged = (revision: number) => ({
      ConditionExpression: "#revision = :read",
      ExpressionAttributeNames: { "#revision": "revision" },
      ExpressionAttributeValues: { ":read": { N: String(revision) } },
    });
    const component: Item = {
      [graphKeyAttribute]: { S: componentItemKey(change.id) },
      revision: { N: String((change.expected ?? 0) + 1) },
      data: { B: change.data },
    };
    const pointer = (itemKey: string): Item => ({
      [graphKeyAttribute]: { S: itemKey },
      component: { S: change.id },
    });
    return [
      {
        Put: {
          TableName: graph,
          Item: component,
          ...(change.expected === undefined ? notThere : unchanged(change.expected)),
        },
      },
      ...change.merged.map(({ id, expected }) => ({
        Put: {
          TableName: graph,
          Item: { [graphKeyAttribute]: { S: componentItemKey(id) }, redirect: { S: change.id } },
          ...unchanged(expected),
        },
      })),
      ...change.newIdentifiers.map((key) => ({ Put: { TableName: graph, Item: pointer(key), ...notThere } })),
      // Safe without a condition: the component that it points to only ever becomes a redirect.
      ...change.staleIdentifiers.map((key) => ({ Put: { TableName: graph, Item: pointer(key) } })),
    ];
  }

  private profileItems(change: ComponentChange): TransactWriteItem[] {
    const { profiles } = this.names;
    const put = (item: ProfileItem): TransactWriteItem => ({
      Put: { TableName: profiles, Item: marshall(item, { allowImpreciseNumbers: true, removeUndefinedValues: true }) },
    });
    return [
      ...change.profiles.map((profile) => put({ kind: "profile", ...profile })),
      ...change.redirects.map((redirect) => put({ kind: "redirect", ...redirect })),
      ...change.deletedProfiles.map((profileId) => ({
        Delete: { TableName: profiles, Key: { profileId: { S: profileId } } },
      })),
    ];
  }

  private async writeAhead(items: readonly TransactWriteItem[]): Promise<void> {
    for (let at = 0; at < items.length; at += maxBatchItems) {
      let requests = items.slice(at, at + maxBatchItems).map(({ Put, Delete }) => ({
        ...(Put ? { PutRequest: { Item: Put.Item } } : {}),
        ...(Delete ? { DeleteRequest: { Key: Delete.Key } } : {}),
      }));
      for (let attempt = 0; requests.length > 0; attempt++) {
        if (attempt > 8) throw Object.assign(new Error("writes left over"), { name: "ThrottlingException" });
        if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * 2 ** attempt));
        const command = new BatchWriteItemCommand({ RequestItems: { [this.names.profiles]: requests } });
        const { UnprocessedItems } = await this.dynamo().send(command);
        requests = (UnprocessedItems?.[this.names.profiles] ?? []) as typeof requests;
      }
    }
  }
}

interface ServiceFault {
  readonly name?: string;
  readonly message?: string;
  readonly CancellationReasons?: readonly { readonly Code?: string; readonly Message?: string }[];
}

/** What a failed write means; what is no answer of DynamoDB's (a bug, a lost connection, a denied call) is thrown on. */
function commitFailure(error: unknown): CommitResult {
  const fault = error as ServiceFault;
  const name = fault.name ?? "";
  if (name === "TransactionCanceledException") {
    const reasons = (fault.CancellationReasons ?? []).filter(({ Code }) => Code !== undefined && Code !== "None");
    const lasting = reasons.find(({ Code }) => !passing.has(Code ?? ""));
    if (!lasting) return { kind: "conflict" };
    return { kind: "refused", detail: `${lasting.Code}: ${lasting.Message ?? ""}` };
  }
  if (passingErrors.has(name)) return { kind: "conflict" };
  if (name === "ValidationException") return { kind: "refused", detail: fault.message ?? name };
  throw error;
}
