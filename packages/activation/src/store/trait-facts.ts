import { type DynamoDBClient, QueryCommand } from "@aws-sdk/client-dynamodb";
import {
  factEndsAt,
  type Identifier,
  identifierItemKey,
  type Json,
  type Profile,
  retractionKey,
  type TraitDefinitions,
  type TraitFact,
} from "@tributary/model";
import { batchWrite, dynamodb, type Item, mapLimit, type ProfileStore } from "@tributary/runtime";
import * as z from "zod/mini";

/** How long a fact stays after it said its last, seconds: for windows that are noticed late. */
const graceSeconds = 7 * 86_400;
/** Queries under way at a time, of one profile. */
const concurrency = 16;

const stored = z.object({ s: z.string(), m: z.string(), v: z.record(z.string(), z.unknown()) });

/** A fact and the identifier that it hangs on: the strongest of its event. */
export interface HungFact {
  readonly hub: Identifier;
  readonly fact: TraitFact;
}

/**
 * What events said to the computed traits: one item for each event that is about one, below its strongest identifier,
 * sorted by time. Identifiers are hashed, as keys appear in logs and metrics.
 */
export class TraitFacts {
  constructor(
    private readonly table: string,
    private readonly profiles: Pick<ProfileStore, "componentsOf">,
    private readonly client: () => DynamoDBClient = dynamodb,
  ) {}

  /** Writing a fact again writes the same. */
  async put(facts: readonly HungFact[], traits: TraitDefinitions): Promise<void> {
    const items = new Map(
      facts.map(({ hub, fact }) => {
        const item = itemOf(hub, fact, traits);
        return [`${item.identifier?.S}\n${item.fact?.S}`, item] as const;
      }),
    );
    const puts = [...items.values()].map((Item) => ({ PutRequest: { Item } }));
    await batchWrite(this.client(), this.table, puts);
  }

  /** The facts of a profile's identifiers, without those that a steward took back. */
  async of(profile: Profile, since: number | undefined): Promise<TraitFact[]> {
    const [first] = profile.identifiers;
    if (!first) return [];
    const [live] = (await this.profiles.componentsOf([first])).values();
    const nodes: readonly (Identifier & { readonly retracted?: readonly string[] })[] = live
      ? [...live.component.evidence.nodes.values()]
      : profile.identifiers;
    const facts = await mapLimit(nodes, concurrency, async (node) => {
      const retracted = new Set(node.retracted);
      const all = await this.below(node, since);
      return retracted.size === 0 ? all : all.filter((fact) => !retracted.has(retractionKey(fact)));
    });
    return facts.flat();
  }

  private async below(identifier: Identifier, since: number | undefined): Promise<TraitFact[]> {
    const facts: TraitFact[] = [];
    let from: Item | undefined;
    do {
      const output = await this.client().send(
        new QueryCommand({
          TableName: this.table,
          KeyConditionExpression:
            since === undefined ? "#identifier = :identifier" : "#identifier = :identifier AND #fact >= :since",
          ExpressionAttributeNames: {
            "#identifier": "identifier",
            ...(since === undefined ? {} : { "#fact": "fact" }),
          },
          ExpressionAttributeValues: {
            ":identifier": { S: identifierItemKey(identifier) },
            ...(since === undefined ? {} : { ":since": { S: timeKey(since) } }),
          },
          ConsistentRead: true,
          ...(from === undefined ? {} : { ExclusiveStartKey: from }),
        }),
      );
      for (const item of output.Items ?? []) facts.push(factOf(item));
      from = output.LastEvaluatedKey;
    } while (from !== undefined);
    return facts;
  }
}

function itemOf(hub: Identifier, fact: TraitFact, traits: TraitDefinitions): Item {
  const end = factEndsAt(fact, traits);
  return {
    identifier: { S: identifierItemKey(hub) },
    fact: { S: `${timeKey(fact.at)}#${retractionKey(fact)}` },
    data: { S: JSON.stringify({ s: fact.sourceId, m: fact.messageId, v: fact.values }) },
    ...(end === undefined ? {} : { expiresAt: { N: String(Math.ceil(end / 1_000) + graceSeconds) } }),
  };
}

function factOf(item: Item): TraitFact {
  const { s, m, v } = stored.parse(JSON.parse(item.data?.S ?? ""));
  const at = timeOf(item.fact?.S?.split("#", 1)[0] ?? "");
  return { at, sourceId: s, messageId: m, values: v as Readonly<Record<string, Json>> };
}

/** A time as text that sorts by it. Years beyond 9999 and before 0 come first of all, where no window reaches. */
function timeKey(at: number): string {
  return new Date(at).toISOString();
}

function timeOf(key: string): number {
  const at = Date.parse(key);
  if (Number.isNaN(at)) throw new Error("an item of the trait facts table has a sort key that is no time");
  return at;
}
