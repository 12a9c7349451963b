import {
  type AttributeValue,
  BatchGetItemCommand,
  type DynamoDBClient,
  GetItemCommand,
} from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import {
  componentItemKey,
  decodeComponent,
  graphKeyAttribute,
  type Identifier,
  identifierItemKey,
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
    const live = await this.component(identifier);
    const profileId = live?.component.written.assignment.get(nodeKey(identifier));
    return profileId === undefined ? undefined : await this.byId(profileId);
  }

  /** The component of evidence that an identifier is in. */
  async component(identifier: Identifier): Promise<LiveComponent | undefined> {
    const key = identifierItemKey(identifier);
    const componentId = (await this.componentIds([key], true)).get(key);
    return componentId === undefined ? undefined : (await this.components([componentId], true)).get(componentId);
  }

  /** Component id by identifier item key, as written when the identifier was first seen: it may have been merged since. */
  async componentIds(itemKeys: readonly string[], consistent: boolean): Promise<Map<string, string>> {
    const keys = itemKeys.map((key) => ({ [graphKeyAttribute]: { S: key } }));
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
      const keys = wanted.map((id) => ({ [graphKeyAttribute]: { S: componentItemKey(id) } }));
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
