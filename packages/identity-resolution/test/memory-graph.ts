import { decodeComponent, type Profile } from "@tributary/model";
import type { LiveComponent } from "@tributary/runtime";
import type { CommitResult, ComponentChange, Graph } from "../src/domain/graph";

/**
 * The graph in memory with DynamoDB's rules: each read and write is a turn of its own, so that workers interleave;
 * a commit happens whole or not at all, under the same conditions.
 */
export class MemoryGraph implements Graph {
  readonly identifiers = new Map<string, string>();
  readonly items = new Map<string, { revision: number; data: Uint8Array } | { redirect: string }>();
  readonly profiles = new Map<string, Profile>();
  readonly redirects = new Map<string, string>();
  commits = 0;

  constructor(
    /** Called at each call: lets another worker go first. */
    private readonly turn: () => Promise<void> = async () => undefined,
    private readonly maxItems = 100,
  ) {}

  async componentIds(itemKeys: readonly string[]): Promise<Map<string, string>> {
    await this.turn();
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
      while (item && "redirect" in item) {
        end = item.redirect;
        item = this.items.get(end);
      }
      if (item) found.set(id, { id: end, revision: item.revision, component: decodeComponent(item.data) });
    }
    return found;
  }

  async commit(change: ComponentChange): Promise<CommitResult> {
    await this.turn();
    const size =
      1 + change.merged.length + change.newIdentifiers.length + change.profiles.length + change.redirects.length;
    if (size > this.maxItems && !change.indivisible) return { kind: "too-large", detail: `${size} items` };
    const unchanged = (id: string, expected: number | undefined): boolean => {
      const item = this.items.get(id);
      if (expected === undefined) return item === undefined;
      return item !== undefined && "revision" in item && item.revision === expected;
    };
    const holds =
      unchanged(change.id, change.expected) &&
      change.merged.every(({ id, expected }) => unchanged(id, expected)) &&
      change.newIdentifiers.every((key) => !this.identifiers.has(key));
    if (!holds) return { kind: "conflict" };
    this.commits++;
    this.items.set(change.id, { revision: (change.expected ?? 0) + 1, data: change.data });
    for (const { id } of change.merged) this.items.set(id, { redirect: change.id });
    for (const key of [...change.newIdentifiers, ...change.staleIdentifiers]) this.identifiers.set(key, change.id);
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
