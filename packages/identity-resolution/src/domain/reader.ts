import {
  addRecord,
  type EventRecord,
  type EvidenceEdge,
  emptyEvidence,
  type Identifier,
  type IdentityRules,
  identifierItemKey,
  identifierOfKey,
  nodeKey,
  retractionKey,
} from "@tributary/model";
import type { LiveComponent } from "@tributary/runtime";
import type { Graph, Neighbour } from "./graph";
import { type EvidenceItem, identifiersOfItem } from "./items";
import { type Snapshot, World } from "./world";

/** Reads of more and more of the graph, before a batch is tried again from the start. */
const maxRounds = 60;

/** Reads the part of the graph that items stand on. */
export class Reader {
  private readonly itemKeys = new Map<string, string>();

  constructor(
    private readonly items: readonly EvidenceItem[],
    private readonly graph: Graph,
    private readonly rules: IdentityRules,
  ) {}

  /** Hashing is a good part of a batch's work, and events name the same people again and again. */
  readonly itemKeyOf = (identifier: Identifier): string => this.itemKey(nodeKey(identifier), identifier);

  /**
   * The items applied to as much of the graph as they take. Mostly that is the components of the identifiers that they
   * name; where a union is refused or something is taken back, it may be their neighbours too, found one round at a time.
   * Undefined where others change it faster than it can be read.
   */
  async read(indexes: readonly number[], consistent: boolean): Promise<World | undefined> {
    const wanted = new Map<string, Identifier>();
    const logs = new Map<string, readonly EventRecord[]>();
    const links = new Map<string, readonly EvidenceEdge[]>();
    for (const index of indexes) {
      const item = this.items[index];
      if (!item) continue;
      for (const identifier of identifiersOfItem(item)) wanted.set(nodeKey(identifier), identifier);
      if (item.kind === "retract") logs.set(nodeKey(item.hub), []);
    }
    const snapshot = {
      pointers: new Map<string, string>(),
      asked: new Set<string>(),
      components: new Map<string, LiveComponent>(),
      logs,
      links,
    };
    let more: ReadonlyMap<string, Identifier> = wanted;
    for (let round = 0; round < maxRounds; round++) {
      await this.extend(snapshot, more, consistent || round > 0);
      // After the components: what these know is in the log then.
      for (const key of logs.keys()) logs.set(key, await this.graph.events(this.itemKey(key)));
      const world = new World(snapshot, this.rules);
      if (world.torn) {
        snapshot.components.clear();
        more = wanted;
        continue;
      }
      for (const index of indexes) {
        const item = this.items[index];
        if (item) world.add(index, item);
        if (world.missingLinks.size > 0) break;
      }
      if (world.missing.size === 0 && world.missingLinks.size === 0) return world;
      const next = new Map<string, Identifier>();
      let progress = world.missingLinks.size > 0;
      for (const key of world.missing) {
        next.set(key, identifierOfKey(key));
        progress ||= !snapshot.asked.has(key);
        if (logs.size === 0 || logs.has(key)) continue;
        logs.set(key, []);
        progress = true;
      }
      // It went elsewhere while this was read.
      if (!progress) return undefined;
      for (const key of world.missingLinks)
        for (const other of await this.linksOf(key, snapshot)) next.set(nodeKey(other), other);
      for (const [key, identifier] of next) wanted.set(key, identifier);
      more = next;
    }
    return undefined;
  }

  /** What is new at identifiers that were shared already, or have become so. */
  neighbours(world: World): Neighbour[] {
    return world.newNeighbours.map(({ shared, other }) => ({
      key: this.itemKeyOf(shared),
      other: { type: other.type, value: other.value },
    }));
  }

  /**
   * Items that counted on an identifier's being shared which is so no longer: a retraction came between. The retraction
   * reads the new links after its commit, and these items read the identifier after theirs: one sees the other.
   */
  async overtaken(world: World): Promise<number[]> {
    const used = new Map<string, number[]>();
    for (const { shared, item } of world.newNeighbours) {
      if (!shared.remote) continue;
      const key = this.itemKeyOf(shared);
      const items = used.get(key);
      if (items) items.push(item);
      else used.set(key, [item]);
    }
    if (used.size === 0) return [];
    const ids = await this.graph.componentIds([...used.keys()], true);
    const components = await this.graph.components([...new Set(ids.values())], true);
    return [...used].flatMap(([key, items]) => {
      const nodes = components.get(ids.get(key) ?? "")?.component.evidence.nodes.values() ?? [];
      for (const node of nodes) if (this.itemKeyOf(node) === key && node.shared) return [];
      return items;
    });
  }

  /**
   * What came in while retractions were made: events that were logged after the log was read, and links of an identifier
   * that was taken for shared until a retraction was committed.
   */
  async late(world: World): Promise<EvidenceItem[]> {
    const late: EvidenceItem[] = [];
    for (const [key, log] of world.snapshot.logs) {
      const known = new Set(log.map(retractionKey));
      for (const record of await this.graph.events(this.itemKey(key))) {
        if (!known.has(retractionKey(record))) late.push({ kind: "event", record, receivedAt: "" });
      }
    }
    for (const { shared, others } of world.unshared()) {
      for (const other of await this.graph.neighbours(this.itemKeyOf(shared))) {
        if (!others.has(nodeKey(other))) late.push({ kind: "relink", a: shared, b: other, receivedAt: "" });
      }
    }
    return late;
  }

  private itemKey(key: string, identifier: Identifier = identifierOfKey(key)): string {
    const known = this.itemKeys.get(key);
    if (known !== undefined) return known;
    const itemKey = identifierItemKey(identifier);
    this.itemKeys.set(key, itemKey);
    return itemKey;
  }

  private async extend(
    snapshot: Snapshot & {
      readonly pointers: Map<string, string>;
      readonly asked: Set<string>;
      readonly components: Map<string, LiveComponent>;
    },
    wanted: ReadonlyMap<string, Identifier>,
    consistent: boolean,
  ): Promise<void> {
    const keys = new Map([...wanted].map(([key, identifier]) => [this.itemKey(key, identifier), key]));
    const pointers = await this.graph.componentIds([...keys.keys()], consistent);
    const ids = new Set<string>();
    for (const [itemKey, id] of pointers) {
      snapshot.pointers.set(keys.get(itemKey) ?? "", id);
      ids.add(id);
    }
    if (consistent) for (const key of wanted.keys()) snapshot.asked.add(key);
    // Always as last written: an event that is known already changes nothing, which must not rest on what once was.
    for (const [id, live] of await this.graph.components([...ids], true)) snapshot.components.set(id, live);
  }

  /**
   * What a shared identifier is linked with. Its links are stored with their other ends; those with other shared
   * identifiers are nowhere but in the log, and are made from it.
   */
  private async linksOf(
    key: string,
    snapshot: { readonly links: Map<string, readonly EvidenceEdge[]> },
  ): Promise<readonly Identifier[]> {
    const others = await this.graph.neighbours(this.itemKey(key));
    const all = new Map([...others, identifierOfKey(key)].map((one) => [nodeKey(one), one]));
    const ids = await this.graph.componentIds([...all.values()].map(this.itemKeyOf), true);
    const evidence = emptyEvidence();
    const shared = new Set<string>();
    for (const live of (await this.graph.components([...new Set(ids.values())], true)).values()) {
      for (const [name, node] of live.component.evidence.nodes) {
        if (!node.shared || !all.has(name)) continue;
        shared.add(name);
        const retracted = new Set(node.retracted);
        for (const record of await this.graph.events(this.itemKey(name))) {
          if (!retracted.has(retractionKey(record))) addRecord(evidence, record, this.rules);
        }
      }
    }
    snapshot.links.set(
      key,
      [...evidence.edges.values()].filter(({ a, b }) => (a === key || b === key) && shared.has(a) && shared.has(b)),
    );
    return others;
  }
}
