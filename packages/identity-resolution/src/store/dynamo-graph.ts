import { type DynamoDBClient, type TransactWriteItem, TransactWriteItemsCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import {
  componentItemKey,
  type EventRecord,
  eventParts,
  graphKeyAttribute,
  type Identifier,
  identifierOfKey,
  neighbourPart,
  neighbourParts,
  nodeKey,
  type ProfileItem,
  retractionKey,
} from "@tributary/model";
import { batchWrite, dynamodb, graphItemKey, type Item, ProfileStore, type ProfileTables } from "@tributary/runtime";
import type {
  CommitResult,
  ComponentChange,
  ComponentPut,
  Graph,
  LoggedEvent,
  Neighbour,
  Pointer,
} from "../domain/graph";
import { eventItems, eventsOf, withoutEvents } from "./event-items";

/** TransactWriteItems' limit. */
const maxTransactionItems = 100;
/** Below DynamoDB's 400 KB per item, with room for the other attributes. */
const maxComponentBytes = 390_000;

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
    protected readonly names: ProfileTables,
    protected readonly dynamo: () => DynamoDBClient = dynamodb,
  ) {
    super(names, dynamo);
  }

  /**
   * Writes a change in one transaction. Where it has more items than a transaction holds, components that nothing leads to
   * yet are written ahead of it; where it is a single item's, profiles too: they are derived, so writing them again after
   * a conflict is right.
   */
  async commit(change: ComponentChange): Promise<CommitResult> {
    for (const { data } of change.puts) {
      if (data.byteLength <= maxComponentBytes) continue;
      const detail = `a component would be ${data.byteLength} bytes, at most ${maxComponentBytes} fit`;
      return { kind: "too-large", detail };
    }
    const profileItems = this.profileItems(change);
    const whole = this.graphItems(change);
    const detached = whole.length > maxTransactionItems ? change.puts.filter((put) => put.detached) : [];
    const graphItems = whole.filter((_item, place) => detached.length === 0 || !change.puts[place]?.detached);
    const room = maxTransactionItems - graphItems.length;
    if (room < 0 || (profileItems.length > room && !change.indivisible)) {
      const items = graphItems.length + profileItems.length;
      return { kind: "too-large", detail: `${items} items, a transaction holds ${maxTransactionItems}` };
    }
    try {
      await batchWrite(
        this.dynamo(),
        this.names.graph,
        detached.map((put) => ({ PutRequest: { Item: componentItem(put) } })),
      );
      await this.writeAhead(profileItems.slice(room));
      const items = [...graphItems, ...profileItems.slice(0, room)];
      await this.dynamo().send(new TransactWriteItemsCommand({ TransactItems: items }));
      return { kind: "done" };
    } catch (error) {
      return commitFailure(error);
    }
  }

  async neighbours(itemKey: string): Promise<Identifier[]> {
    const items = await this.parts(itemKey, neighbourParts);
    return items.flatMap(({ other }) => (other?.S === undefined ? [] : [identifierOfKey(other.S)]));
  }

  async events(itemKey: string): Promise<EventRecord[]> {
    return eventsOf(await this.parts(itemKey, eventParts));
  }

  async note(events: readonly LoggedEvent[], neighbours: readonly Neighbour[]): Promise<void> {
    const links = new Map<string, Item>();
    for (const { key, other } of neighbours) {
      const part = neighbourPart(other);
      links.set(`${key} ${part}`, { ...graphItemKey(key, part), other: { S: nodeKey(other) } });
    }
    await this.putAll([...eventItems(events), ...links.values()]);
  }

  async forget(events: readonly LoggedEvent[]): Promise<void> {
    const gone = new Map<string, Set<string>>();
    for (const { key, record } of events) gone.set(key, (gone.get(key) ?? new Set()).add(retractionKey(record)));
    for (const [key, keys] of gone) {
      const { puts, parts } = withoutEvents(key, await this.parts(key, eventParts), keys);
      // First what stays: an end in between leaves events twice, which readers count once.
      await this.putAll(puts);
      const deletes = parts.map((part) => ({ DeleteRequest: { Key: graphItemKey(key, part) } }));
      await batchWrite(this.dynamo(), this.names.graph, deletes);
    }
  }

  private async putAll(items: readonly Item[]): Promise<void> {
    const puts = items.map((Item) => ({ PutRequest: { Item } }));
    await batchWrite(this.dynamo(), this.names.graph, puts);
  }

  private graphItems(change: ComponentChange): TransactWriteItem[] {
    const { graph } = this.names;
    const unchanged = (revision: number) => ({
      ConditionExpression: "#revision = :read",
      ExpressionAttributeNames: { "#revision": "revision" },
      ExpressionAttributeValues: { ":read": { N: String(revision) } },
    });
    const pointer = ({ key, component }: Pointer): Item => ({ ...graphItemKey(key), component: { S: component } });
    return [
      ...change.puts.map((put) => ({
        Put: {
          TableName: graph,
          Item: componentItem(put),
          ...(put.expected === undefined ? notThere : unchanged(put.expected)),
        },
      })),
      ...change.checks.map(({ id, expected }) => ({
        ConditionCheck: { TableName: graph, Key: graphItemKey(componentItemKey(id)), ...unchanged(expected) },
      })),
      ...change.merged.map(({ id, expected, into }) => ({
        Put: {
          TableName: graph,
          Item: { ...graphItemKey(componentItemKey(id)), redirect: { S: into } },
          ...unchanged(expected),
        },
      })),
      ...change.newIdentifiers.map((to) => ({ Put: { TableName: graph, Item: pointer(to), ...notThere } })),
      // Safe without a condition: whoever moves an identifier changes the component that it was in.
      ...change.movedIdentifiers.map((to) => ({ Put: { TableName: graph, Item: pointer(to) } })),
      ...change.lostNeighbours.map(({ key, other }) => ({
        Delete: { TableName: graph, Key: graphItemKey(key, neighbourPart(other)) },
      })),
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
    await batchWrite(
      this.dynamo(),
      this.names.profiles,
      items.map(({ Put, Delete }) => ({
        ...(Put ? { PutRequest: { Item: Put.Item } } : {}),
        ...(Delete ? { DeleteRequest: { Key: Delete.Key } } : {}),
      })),
    );
  }
}

function componentItem({ id, expected, data }: ComponentPut): Item {
  const revision = { N: String((expected ?? 0) + 1) };
  return { ...graphItemKey(componentItemKey(id)), revision, data: { B: data } };
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
