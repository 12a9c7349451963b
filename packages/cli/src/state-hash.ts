import { createHash } from "node:crypto";
import type { RuntimeHandle } from "@tributary/local";
import type { PlatformContract } from "@tributary/model";

export interface StateHash {
  readonly hash: string;
  readonly profiles: number;
  readonly events: number;
}

type AttributeValue = Record<string, unknown>;
type Item = Record<string, AttributeValue>;

async function* scan(runtime: RuntimeHandle, tableName: string, attributes: readonly string[]): AsyncGenerator<Item> {
  const names = Object.fromEntries(attributes.map((attribute, index) => [`#a${index}`, attribute]));
  let start: Item | undefined;
  do {
    const page: { Items?: Item[]; LastEvaluatedKey?: Item } = await runtime.call("dynamodb", "Scan", {
      TableName: tableName,
      ExpressionAttributeNames: names,
      ProjectionExpression: Object.keys(names).join(", "),
      ExclusiveStartKey: start,
    });
    yield* page.Items ?? [];
    start = page.LastEvaluatedKey;
  } while (start);
}

/** JSON with sorted keys, so that equal content gives equal text. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString("base64"));
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, member]) => member !== undefined);
    return `{${entries
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`)
      .join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}

/** An identifier without the times of its sightings: arrival may move those, never who belongs together. */
function withoutTimes(identifiers: AttributeValue | undefined): unknown {
  const list = (identifiers?.L ?? []) as { M?: Record<string, AttributeValue> }[];
  return list.map(({ M }) => canonical({ type: M?.type, value: M?.value })).sort();
}

function consent(value: AttributeValue | undefined): unknown {
  const purposes = (value?.M ?? {}) as Record<string, { M?: Record<string, AttributeValue> }>;
  return Object.fromEntries(Object.entries(purposes).map(([purpose, state]) => [purpose, state.M?.granted]));
}

/**
 * One hash over everything that the same events must lead to, whatever their order, batching and repetition: every
 * distinct event by id and content, every profile (id, identifiers, traits, consent) and every audience membership.
 * Times of arrival are left out.
 */
export async function stateHash(runtime: RuntimeHandle, platform: PlatformContract): Promise<StateHash> {
  const lines: string[] = [];
  let events = 0;
  let profiles = 0;
  for await (const item of scan(runtime, platform.ingestion.eventsTableName, ["id", "fingerprint"])) {
    events += 1;
    lines.push(canonical(["event", item.id, item.fingerprint]));
  }
  const attributes = ["profileId", "kind", "identifiers", "traits", "consent"];
  for await (const item of scan(runtime, platform.identities.profilesTableName, attributes)) {
    if (item.kind?.S !== "profile") continue; // Where a merged profile went is history, not state.
    profiles += 1;
    lines.push(canonical(["profile", item.profileId, withoutTimes(item.identifiers), item.traits, consent(item.consent)]));
  }
  for await (const item of scan(runtime, platform.activation.membershipsTableName, ["audience", "profileId", "member"])) {
    if (item.member?.BOOL !== false) lines.push(canonical(["membership", item.audience, item.profileId]));
  }
  const hash = createHash("sha256");
  for (const line of lines.sort()) hash.update(line).update("\n");
  return { hash: hash.digest("hex"), profiles, events };
}
