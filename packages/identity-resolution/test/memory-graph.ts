import {
  decodeComponent,
  decodeRecords,
  type EventRecord,
  encodeRecords,
  type Identifier,
  nodeKey,
  type Profile,
  retractionKey,
} from "@tributary/model";
import type { LiveComponent } from "@tributary/runtime";
import type { CommitResult, ComponentChange, Graph, LoggedEvent, Neighbour } from "../src/domain/graph";

/**
 * The graph in memory with DynamoDB's rules: each read and write is a turn of its own, so that workers interleave;
 * a commit happens whole or not at all, under the same conditions.
 */
export class MemoryGraph implements Graph {
  readonly identifiers = new Map<string, string>();
  readonly items = new Map<string, { revision: number; data: Uint8Array } | { redirect: string }>();
  readonly log = new Map<string, Map<string, Uint8Array>>();
  readonly shared = new Map<string, Map<string, Identifier>>();
  readonly profiles = new Map<string, Profile>();
  readonly redirects = new Map<string, string>();
  commits = 0;
  /** Items read. */
  reads = 0;

  constructor(
    /** Called at each call: lets another worker go first. */
    private readonly turn: () => Promise<void> = async () => undefined,
    private readonly maxItems = 100,
  ) {}

  async componentIds(itemKeys: readonly string[]): Promise<Map<string, string>> {
    await this.turn();
    this.reads += itemKeys.length;
    return new Map(
      itemKeys.flatMap((key) => (this.identifiers.has(key) ? [[key, this.identifiers.get(key) ?? ""]] : [])),
    );
  }

  async components(ids: readonly string[]): Promise<Map<string, LiveComponent>> {
    await this.turn();
    const found = new Map<string, LiveComponent>();
    for (const id of ids) {
      let end = id;
      let item = this.items.get(end);
      this.reads++;
      while (item && "redirect" in item) {
        end = item.redirect;
        item = this.items.get(end);
        this.reads++;
      }
      if (item) found.set(id, { id: end, revision: item.revision, component: decodeComponent(item.data) });
    }
    return found;
  }

  async neighbours(itemKey: string): Promise<Identifier[]> {
    await this.turn();
    return [...(this.shared.get(itemKey)?.values() ?? [])];
  }

  async events(itemKey: string): Promise<EventRecord[]> {
    await this.turn();
    return [...(this.log.get(itemKey)?.values() ?? [])].flatMap(decodeRecords);
  }

  async note(events: readonly LoggedEvent[], neighbours: readonly Neighbour[]): Promise<void> {
    await this.turn();
    for (const { key, record } of events) {
      const parts = this.log.get(key) ?? new Map();
      this.log.set(key, parts.set(retractionKey(record), encodeRecords(record.hub, [record])));
    }
    for (const { key, other } of neighbours) {
      const parts = this.shared.get(key) ?? new Map();
      this.shared.set(key, parts.set(nodeKey(other), { type: other.type, value: other.value }));
    }
  }

  async forget(events: readonly LoggedEvent[]): Promise<void> {
    await this.turn();
    for (const { key, record } of events) this.log.get(key)?.delete(retractionKey(record));
  }

  async commit(change: ComponentChange): Promise<CommitResult> {
    await this.turn();
    const size =
      change.puts.length +
      change.checks.length +
      change.merged.length +
      change.newIdentifiers.length +
      change.movedIdentifiers.length +
      change.profiles.length +
      change.redirects.length;
    if (size > this.maxItems && !change.indivisible) return { kind: "too-large", detail: `${size} items` };
    const unchanged = ({ id, expected }: { id: string; expected: number | undefined }): boolean => {
      const item = this.items.get(id);
      if (expected === undefined) return item === undefined;
      return item !== undefined && "revision" in item && item.revision === expected;
    };
    const holds =
      change.puts.every(unchanged) &&
      change.checks.every(unchanged) &&
      change.merged.every(unchanged) &&
      change.newIdentifiers.every(({ key }) => !this.identifiers.has(key));
    if (!holds) return { kind: "conflict" };
    this.commits++;
    for (const { id, expected, data } of change.puts) this.items.set(id, { revision: (expected ?? 0) + 1, data });
    for (const { id, into } of change.merged) this.items.set(id, { redirect: into });
    for (const { key, component } of [...change.newIdentifiers, ...change.movedIdentifiers])
      this.identifiers.set(key, component);
    for (const { key, other } of change.lostNeighbours) this.shared.get(key)?.delete(nodeKey(other));
    for (const profile of change.profiles) {
      this.profiles.set(profile.profileId, profile);
      this.redirects.delete(profile.profileId);
    }
    for (const { profileId, redirectTo } of change.redirects) {
      this.profiles.delete(profileId);
      this.redirects.set(profileId, redirectTo);
    }
    for (const id of change.deletedProfiles) {
      this.profiles.delete(id);
      this.redirects.delete(id);
    }
    return { kind: "done" };
  }

  /** Where a profile id leads. */
  follow(profileId: string): Profile | undefined {
    let id = profileId;
    for (let hops = 0; hops < 1_000 && !this.profiles.has(id); hops++) id = this.redirects.get(id) ?? id;
    return this.profiles.get(id);
  }
}
