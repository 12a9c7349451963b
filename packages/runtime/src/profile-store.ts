import {
  type AttributeValue,
  BatchGetItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import {
  absorbEvidence,
  componentItemKey,
  decodeComponent,
  type Evidence,
  emptyEvidence,
  graphKeyAttribute,
  graphPartAttribute,
  type Identifier,
  identifierItemKey,
  identifierOfKey,
  mainPart,
  nodeKey,
  type Profile,
  type ProfileItem,
  type StoredComponent,
} from "@tributary/model";
import { dynamodb } from "./clients/dynamodb";

export type Item = Record<string, AttributeValue>;

/** A component of the identity graph as it lies in the graph table. */
export interface LiveComponent {
  readonly id: string;
  /** Optimistic lock: the number of the item's last write. */
  readonly revision: number;
  readonly component: StoredComponent;
}

/** Names of the tables of a profile store. */
export interface ProfileTables {
  readonly graph: string;
  readonly profiles: string;
}

/** Merges of merges that a reader follows; far beyond what lazy path compression leaves. */
const maxRedirects = 64;
/** BatchGetItem's limit. */
const batchGetLimit = 100;

/** Reads an item of the profiles table as it was written. */
export function profileItemOf(item: Item): ProfileItem {
  return unmarshall(item, { wrapNumbers: Number }) as ProfileItem;
}

/** The key of an item of the graph table. */
export function graphItemKey(key: string, part: string = mainPart): Item {
  return { [graphKeyAttribute]: { S: key }, [graphPartAttribute]: { S: part } };
}

/** Whether links lead from one identifier to another. */
function connected(evidence: Evidence, from: string, to: string): boolean {
  const neighbours = new Map<string, string[]>();
  for (const { a, b } of evidence.edges.values()) {
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const list = neighbours.get(one);
      if (list) list.push(other);
      else neighbours.set(one, [other]);
    }
  }
  const met = new Set([from]);
  for (const key of met) {
    if (!evidence.nodes.has(key)) continue;
    for (const other of neighbours.get(key) ?? []) met.add(other);
  }
  return met.has(to);
}

/** The read side of identity: identifier → component → profile id → profile, redirects followed on each step. */
export class ProfileStore {
  constructor(
    private readonly tables: ProfileTables,
    private readonly client: () => DynamoDBClient = dynamodb,
  ) {}

  /** A profile by its id, or the one that it was merged into. */
  async byId(profileId: string): Promise<Profile | undefined> {
    let id = profileId;
    for (let hops = 0; hops < maxRedirects; hops++) {
      const { Item } = await this.client().send(
        new GetItemCommand({ TableName: this.tables.profiles, Key: { profileId: { S: id } }, ConsistentRead: true }),
      );
      if (!Item) return undefined;
      const found = profileItemOf(Item);
      if (found.kind === "profile") {
        const { kind: _kind, ...profile } = found;
        return profile;
      }
      id = found.redirectTo;
    }
    throw new Error(`profile ${profileId} is at the end of more than ${maxRedirects} redirects`);
  }

  /** Profiles (not redirects) by id; those that are not there are left out. */
  async byIds(profileIds: readonly string[]): Promise<Map<string, Profile>> {
    const keys = [...new Set(profileIds)].map((id) => ({ profileId: { S: id } }));
    const found = new Map<string, Profile>();
    for (const item of await this.batchGet(this.tables.profiles, keys, true)) {
      const stored = profileItemOf(item);
      if (stored.kind !== "profile") continue;
      const { kind: _kind, ...profile } = stored;
      found.set(profile.profileId, profile);
    }
    return found;
  }

  /** The profile that an identifier belongs to. The value must be normalised: see `parseIdentifier`. */
  async byIdentifier(identifier: Identifier): Promise<Profile | undefined> {
    const profile = (await this.component(identifier))?.component.profile;
    return profile && (await this.byId(profile.id));
  }

  /** The component of evidence that an identifier is in. */
  async component(identifier: Identifier): Promise<LiveComponent | undefined> {
    const found = await this.componentsOf([identifier]);
    return found.get(nodeKey(identifier));
  }

  /** The component of each identifier, by node key. */
  async componentsOf(identifiers: readonly Identifier[]): Promise<Map<string, LiveComponent>> {
    const itemKeys = identifiers.map(identifierItemKey);
    const ids = await this.componentIds(itemKeys, true);
    const components = await this.components([...new Set(ids.values())], true);
    const found = new Map<string, LiveComponent>();
    for (const [place, identifier] of identifiers.entries()) {
      const live = components.get(ids.get(itemKeys[place] ?? "") ?? "");
      if (live?.component.evidence.nodes.has(nodeKey(identifier))) found.set(nodeKey(identifier), live);
    }
    return found;
  }

  /**
   * The evidence around two identifiers, as far as it takes to say what ties them or keeps them apart: their components,
   * and those on the way from the one to the other.
   *
   * @param most components that are read before the search for a way is given up
   */
  async evidenceBetween(a: Identifier, b: Identifier, most = 100): Promise<Evidence> {
    const evidence = emptyEvidence();
    const read = new Set<string>();
    let wanted: Identifier[] = [a, b];
    while (wanted.length > 0 && read.size < most) {
      for (const live of new Set((await this.componentsOf(wanted)).values())) {
        read.add(live.id);
        absorbEvidence(evidence, live.component.evidence);
      }
      if (connected(evidence, nodeKey(a), nodeKey(b))) break;
      const beyond = new Set([...evidence.edges.values()].flatMap((edge) => [edge.a, edge.b]));
      for (const { type, value } of wanted) beyond.delete(nodeKey({ type, value }));
      wanted = [...beyond]
        .filter((key) => !evidence.nodes.has(key))
        .slice(0, batchGetLimit)
        .map(identifierOfKey);
    }
    return evidence;
  }

  /** Component id by identifier item key, as written when the identifier was first seen: it may have been merged since. */
  async componentIds(itemKeys: readonly string[], consistent: boolean): Promise<Map<string, string>> {
    const keys = itemKeys.map((key) => graphItemKey(key));
    const found = new Map<string, string>();
    for (const item of await this.batchGet(this.tables.graph, keys, consistent)) {
      const key = item[graphKeyAttribute]?.S;
      const componentId = item.component?.S;
      if (key !== undefined && componentId !== undefined) found.set(key, componentId);
    }
    return found;
  }

  /** The live component behind each component id: itself, or what it was merged into. */
  async components(ids: readonly string[], consistent: boolean): Promise<Map<string, LiveComponent>> {
    const live = new Map<string, LiveComponent>();
    const redirects = new Map<string, string>();
    let wanted = [...new Set(ids)];
    for (let hops = 0; wanted.length > 0; hops++) {
      if (hops > maxRedirects) throw new Error(`a component is at the end of more than ${maxRedirects} redirects`);
      const keys = wanted.map((id) => graphItemKey(componentItemKey(id)));
      const next = new Set<string>();
      for (const item of await this.batchGet(this.tables.graph, keys, consistent)) {
        const id = item[graphKeyAttribute]?.S?.slice(componentItemKey("").length) ?? "";
        const redirect = item.redirect?.S;
        if (redirect !== undefined) {
          redirects.set(id, redirect);
          if (!live.has(redirect) && !redirects.has(redirect)) next.add(redirect);
        } else if (item.data?.B) {
          live.set(id, { id, revision: Number(item.revision?.N), component: decodeComponent(item.data.B) });
        }
      }
      wanted = [...next];
    }
    const result = new Map<string, LiveComponent>();
    for (const id of ids) {
      let end = id;
      for (let to = redirects.get(end); to !== undefined; to = redirects.get(end)) end = to;
      const component = live.get(end);
      if (component) result.set(id, component);
    }
    return result;
  }

  /** The items below a key of the graph table whose sort key begins with a text. */
  async parts(key: string, beginning: string): Promise<Item[]> {
    const items: Item[] = [];
    let from: Item | undefined;
    do {
      const output = await this.client().send(
        new QueryCommand({
          TableName: this.tables.graph,
          KeyConditionExpression: "#key = :key AND begins_with(#part, :part)",
          ExpressionAttributeNames: { "#key": graphKeyAttribute, "#part": graphPartAttribute },
          ExpressionAttributeValues: { ":key": { S: key }, ":part": { S: beginning } },
          ConsistentRead: true,
          ...(from === undefined ? {} : { ExclusiveStartKey: from }),
        }),
      );
      items.push(...(output.Items ?? []));
      from = output.LastEvaluatedKey;
    } while (from !== undefined);
    return items;
  }

  private async batchGet(table: string, keys: readonly Item[], consistent: boolean): Promise<Item[]> {
    const chunks: Item[][] = [];
    for (let at = 0; at < keys.length; at += batchGetLimit) chunks.push(keys.slice(at, at + batchGetLimit));
    const results = await Promise.all(chunks.map((chunk) => this.batchGetChunk(table, chunk, consistent)));
    return results.flat();
  }

  private async batchGetChunk(table: string, keys: Item[], consistent: boolean): Promise<Item[]> {
    const items: Item[] = [];
    let wanted: Item[] = keys;
    for (let attempt = 0; wanted.length > 0; attempt++) {
      if (attempt > 0)
        await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(25 * 2 ** attempt, 1_000)));
      const output = await this.client().send(
        new BatchGetItemCommand({ RequestItems: { [table]: { Keys: wanted, ConsistentRead: consistent } } }),
      );
      items.push(...(output.Responses?.[table] ?? []));
      wanted = (output.UnprocessedKeys?.[table]?.Keys ?? []) as Item[];
      if (attempt >= 8 && wanted.length > 0) {
        throw new Error(
          `DynamoDB left ${wanted.length} of ${keys.length} items of ${table} unread after ${attempt + 1} tries`,
        );
      }
    }
    return items;
  }
}
