import {
  BatchGetItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from "@aws-sdk/client-dynamodb";
import { shortHash } from "@tributary/model";
import { dynamodb, type Item } from "@tributary/runtime";
import * as z from "zod/mini";
import type { AudienceState, Standing, Step } from "../domain/standing/standing";
import { dueIndex } from "../env";

/** Parts of the index of what is due: each takes a thousand writes a second. */
export const dueShards = Array.from({ length: 16 }, (_, shard) => shard.toString(16));

const content = z.object({
  values: z.record(z.string(), z.json()),
  audiences: z.record(z.string(), z.object({ member: z.boolean(), sequence: z.number() })),
  said: z._default(z.record(z.string(), z.object({ member: z.boolean(), run: z.string() })), {}),
});

export interface StandingTables {
  readonly standings: string;
  readonly memberships: string;
}

/** Profiles whose next change is due, and where the next page begins. */
export interface DuePage {
  readonly profileIds: readonly string[];
  readonly next: Item | undefined;
}

/** The standings table, and the memberships that change with it. */
export class Standings {
  constructor(
    private readonly tables: StandingTables,
    private readonly client: () => DynamoDBClient = dynamodb,
  ) {}

  async load(profileId: string): Promise<Standing | undefined> {
    const { Item } = await this.client().send(
      new GetItemCommand({
        TableName: this.tables.standings,
        Key: { profileId: { S: profileId } },
        ConsistentRead: true,
      }),
    );
    return Item && standingOf(Item);
  }

  async memberships(profileId: string, audiences: readonly string[]): Promise<Record<string, AudienceState>> {
    const found: Record<string, AudienceState> = {};
    let wanted: Item[] = audiences.map((audience) => membershipKey(audience, profileId));
    for (let attempt = 0; wanted.length > 0; attempt++) {
      if (attempt > 8) throw new Error(`DynamoDB left ${wanted.length} memberships unread after ${attempt} tries`);
      if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * 25 * 2 ** attempt));
      const { memberships } = this.tables;
      const { Responses, UnprocessedKeys } = await this.client().send(
        new BatchGetItemCommand({ RequestItems: { [memberships]: { Keys: wanted, ConsistentRead: true } } }),
      );
      for (const item of Responses?.[memberships] ?? []) {
        const sequence = Number(item.sequence?.N ?? 1);
        found[item.audience?.S ?? ""] = { member: item.member?.BOOL === true, sequence };
      }
      wanted = (UnprocessedKeys?.[memberships]?.Keys ?? []) as Item[];
    }
    return found;
  }

  async commit({ standing, transitions, refreshed }: Step): Promise<boolean> {
    const { profileId, revision, version } = standing;
    const put = {
      TableName: this.tables.standings,
      Item: itemOf(standing),
      ...(revision === 1
        ? { ConditionExpression: "attribute_not_exists(profileId)" }
        : {
            ConditionExpression: "#revision = :before",
            ExpressionAttributeNames: { "#revision": "revision" },
            ExpressionAttributeValues: { ":before": { N: String(revision - 1) } },
          }),
    };
    const updates = [
      ...transitions.map(({ audience, member, sequence, at, reason }) =>
        this.update(audience, profileId, {
          member: { BOOL: member },
          sequence: { N: String(sequence) },
          at: { S: new Date(at).toISOString() },
          reason: { S: reason },
          version: versionValue(version),
        }),
      ),
      ...refreshed.map((audience) => this.update(audience, profileId, { version: versionValue(version) })),
    ];
    try {
      if (updates.length === 0) await this.client().send(new PutItemCommand(put));
      else await this.client().send(new TransactWriteItemsCommand({ TransactItems: [{ Put: put }, ...updates] }));
      return true;
    } catch (error) {
      if (isConflict(error)) return false;
      throw error;
    }
  }

  /** Profiles whose time came, soonest first. The index may lag: who is missed is found at the next look. */
  async due(shard: string, now: number, from: Item | undefined): Promise<DuePage> {
    const { Items = [], LastEvaluatedKey } = await this.client().send(
      new QueryCommand({
        TableName: this.tables.standings,
        IndexName: dueIndex,
        KeyConditionExpression: "#shard = :shard AND #next <= :now",
        ExpressionAttributeNames: { "#shard": "dueShard", "#next": "nextChange" },
        ExpressionAttributeValues: { ":shard": { S: shard }, ":now": { N: String(now) } },
        Limit: 200,
        ...(from === undefined ? {} : { ExclusiveStartKey: from }),
      }),
    );
    return { profileIds: Items.flatMap(({ profileId }) => profileId?.S ?? []), next: LastEvaluatedKey };
  }

  private update(audience: string, profileId: string, values: Item): TransactWriteItem {
    const names = Object.keys(values);
    return {
      Update: {
        TableName: this.tables.memberships,
        Key: membershipKey(audience, profileId),
        UpdateExpression: `SET ${names.map((name) => `#${name} = :${name}`).join(", ")}`,
        ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
        ExpressionAttributeValues: Object.fromEntries(names.map((name) => [`:${name}`, values[name]])) as Item,
      },
    };
  }
}

function membershipKey(audience: string, profileId: string): Item {
  return { audience: { S: audience }, profileId: { S: profileId } };
}

function versionValue(version: string | null): Item[string] {
  return version === null ? { NULL: true } : { S: version };
}

function itemOf({ profileId, revision, asOf, nextChange, basis, version, values, audiences, said }: Standing): Item {
  return {
    profileId: { S: profileId },
    revision: { N: String(revision) },
    asOf: { N: String(asOf) },
    basis: { S: basis },
    version: versionValue(version),
    data: { S: JSON.stringify({ values, audiences, ...(Object.keys(said).length === 0 ? {} : { said }) }) },
    // Only what waits for an instant is in the index.
    ...(nextChange === undefined
      ? {}
      : { nextChange: { N: String(nextChange) }, dueShard: { S: shortHash(profileId, 1) } }),
  };
}

function standingOf(item: Item): Standing {
  const { values, audiences, said } = content.parse(JSON.parse(item.data?.S ?? ""));
  return {
    profileId: item.profileId?.S ?? "",
    revision: Number(item.revision?.N),
    asOf: Number(item.asOf?.N),
    nextChange: item.nextChange?.N === undefined ? undefined : Number(item.nextChange.N),
    basis: item.basis?.S ?? "",
    version: item.version?.S ?? null,
    values,
    audiences,
    said,
  };
}

/** Whether somebody else wrote meanwhile, or is writing. What else cancels a transaction (throttling, a fault of ours) does not. */
function isConflict(error: unknown): boolean {
  const { name, CancellationReasons } = error as { name?: string; CancellationReasons?: { Code?: string }[] };
  if (name === "ConditionalCheckFailedException" || name === "TransactionConflictException") return true;
  if (name !== "TransactionCanceledException") return false;
  const codes = (CancellationReasons ?? [])
    .map(({ Code }) => Code)
    .filter((code) => code !== undefined && code !== "None");
  return codes.every((code) => code === "ConditionalCheckFailed" || code === "TransactionConflict");
}
