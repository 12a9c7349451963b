import {
  addRecord,
  canonicalJson,
  type EventRecord,
  type Evidence,
  type EvidenceEdge,
  emptyEvidence,
  type GraphNode,
  type Identifier,
  IdentityGraph,
  type IdentityRules,
  mergeEdges,
  nodeKey,
  otherEnd,
  type Profile,
  retractionKey,
} from "@tributary/model";
import type { LiveComponent } from "@tributary/runtime";
import { type EvidenceItem, identifiersOfItem } from "./items";

/** What the table knew of the batch's identifiers when it was read. */
export interface Snapshot {
  /** Component id by node key, as its item says: it may have been merged since. */
  readonly pointers: ReadonlyMap<string, string>;
  /** Node keys that were looked up as they were last written. */
  readonly asked: ReadonlySet<string>;
  /** Live component by component id, redirects followed. */
  readonly components: ReadonlyMap<string, LiveComponent>;
  /** The log of an identifier, by node key: of those whose events are retracted. */
  readonly logs: ReadonlyMap<string, readonly EventRecord[]>;
  /** By node key of a shared identifier: its links with other shared ones. Its others are those of `components`. */
  readonly links: ReadonlyMap<string, readonly EvidenceEdge[]>;
}

/** Components that changed together, with what they are now. */
export interface Draft {
  /** Components of the table that went into it. */
  readonly bases: readonly LiveComponent[];
  readonly nodes: readonly GraphNode[];
  /** Which items of the batch told something to it. */
  readonly items: ReadonlySet<number>;
}

/** The part of the graph that a batch touches, in memory. It is loaded, the items are applied, and drafts come out. */
export class World extends IdentityGraph {
  /** Links that are new at identifiers that were shared already. */
  readonly newNeighbours: { readonly shared: GraphNode; readonly other: GraphNode; readonly item: number }[] = [];
  readonly lostNeighbours: { readonly shared: GraphNode; readonly other: GraphNode }[] = [];
  /** True where an identifier is in two components: they were read before and after it went from one to the other. */
  torn = false;
  private readonly bases = new Map<GraphNode, LiveComponent>();
  private readonly changed = new Set<GraphNode>();
  /** By node key: the items that name it. One of them may hide behind another that says more. */
  private readonly namedBy = new Map<string, number[]>();
  private readonly together = new Map<GraphNode, GraphNode>();
  private current = -1;

  constructor(
    readonly snapshot: Snapshot,
    rules: IdentityRules,
  ) {
    super(rules);
    const loaded = new Map([...snapshot.components.values()].map((live) => [live.id, live]));
    for (const live of loaded.values()) this.loadNodes(live);
    for (const live of loaded.values()) this.loadLinks(live.component.evidence.edges.values());
    for (const [key, edges] of snapshot.links) {
      this.loadLinks(edges);
      const node = this.nodes.get(key);
      if (node) node.remote = false;
    }
    for (const live of loaded.values()) this.tidy(live);
  }

  /** Applies an item of the batch. */
  add(index: number, item: EvidenceItem): void {
    this.current = index;
    for (const identifier of identifiersOfItem(item)) {
      const key = nodeKey(identifier);
      const items = this.namedBy.get(key);
      if (items) items.push(index);
      else this.namedBy.set(key, [index]);
    }
    if (item.kind === "event") this.apply(item.record);
    else if (item.kind === "edge") this.applyEdge(item.edge);
    else if (item.kind === "remove") this.removeEdge(item.edge);
    else if (item.kind === "relink") this.relink(item.a, item.b);
    else this.takeBack(item.hub, item.keys);
  }

  /** What changed, in parts that can be written each by itself. */
  drafts(): Draft[] {
    const groups = new Map<GraphNode, { nodes: GraphNode[]; items: Set<number> }>();
    for (const node of this.changed) groups.set(this.root(node), { nodes: [], items: new Set() });
    for (const node of this.nodes.values()) {
      const group = node.loaded ? groups.get(this.root(node)) : undefined;
      if (!group) continue;
      group.nodes.push(node);
      for (const item of this.namedBy.get(node.key) ?? []) group.items.add(item);
    }
    return [...groups.values()].map(({ nodes, items }) => ({
      nodes,
      items,
      bases: [...new Set(nodes.flatMap((node) => this.bases.get(node) ?? []))],
    }));
  }

  baseOf(node: GraphNode): LiveComponent | undefined {
    return this.bases.get(node);
  }

  /** The component that an identifier's item points to; undefined where it has none. */
  pointerOf(node: GraphNode): string | undefined {
    return this.snapshot.pointers.get(node.key);
  }

  /** Identifiers that were shared when they were read and are not now, with what they were linked with then. */
  *unshared(): IterableIterator<{ shared: Identifier; others: ReadonlySet<string> }> {
    for (const key of this.snapshot.links.keys()) {
      const base = this.nodes.get(key);
      if (!base || base.shared) continue;
      const { type, value } = base;
      const lost = this.lostNeighbours.filter(({ shared }) => shared === base).map(({ other }) => other.key);
      yield {
        shared: { type, value },
        others: new Set([...base.incident.values()].map((link) => otherEnd(link, base).key).concat(lost)),
      };
    }
  }

  profileOfNode(node: GraphNode): Profile | undefined {
    return node.active ? this.profileOfCell(node.cell) : undefined;
  }

  isChanged(node: GraphNode): boolean {
    return this.changed.has(node);
  }

  protected override touched(node: GraphNode): void {
    this.changed.add(node);
  }

  protected override entangled(a: GraphNode, b: GraphNode): void {
    const [x, y] = [this.root(a), this.root(b)];
    if (x !== y) this.together.set(x, y);
  }

  protected override indexed(shared: GraphNode, other: GraphNode, present: boolean): void {
    if (present) this.newNeighbours.push({ shared, other, item: this.current });
    else this.lostNeighbours.push({ shared, other });
  }

  protected override added(node: GraphNode): void {
    // Read by nobody yet, though its item may be there: it was left out of the read by a stale pointer.
    if (this.current >= 0 && this.snapshot.pointers.has(node.key)) this.missing.add(node.key);
    else if (this.current >= 0) this.touched(node);
  }

  private root(node: GraphNode): GraphNode {
    let end = node;
    for (let next = this.together.get(end); next; next = this.together.get(end)) end = next;
    if (end !== node) this.together.set(node, end);
    return end;
  }

  private loadNodes(live: LiveComponent): void {
    let first: GraphNode | undefined;
    for (const [key, evidence] of live.component.evidence.nodes) {
      if (this.nodes.has(key)) this.torn = true;
      const node = this.addNode(key, evidence);
      node.own = evidence.own;
      node.traits = evidence.traits;
      node.consent = evidence.consent;
      node.retracted = evidence.retracted ?? [];
      node.shared = evidence.shared === true;
      node.remote = node.shared;
      this.bases.set(node, live);
      if (first) this.partition.join(first, node);
      first ??= node;
      this.entangled(first, node);
    }
  }

  private loadLinks(edges: Iterable<EvidenceEdge>): void {
    for (const edge of edges) this.restore(edge);
  }

  /** Rules may have changed since it was written: what takes part no longer is alone. */
  private tidy(live: LiveComponent): void {
    for (const key of live.component.evidence.nodes.keys()) {
      const node = this.nodes.get(key);
      if (node && !node.active) this.partition.deactivate(node);
    }
  }

  /** Takes events back: what their hub says is made anew from the log without them. */
  private takeBack(hub: Identifier, keys: readonly string[]): void {
    const key = nodeKey(hub);
    const log = this.snapshot.logs.get(key);
    const node = this.node(hub);
    if (!log || this.missing.size > 0) {
      this.missing.add(key);
      return;
    }
    const before = new Set(node.retracted);
    const after = new Set([...before, ...keys]);
    const [was, is] = [this.fold(log, before), this.fold(log, after)];
    const lost: EvidenceEdge[] = [];
    const kept: EvidenceEdge[] = [];
    for (const [slot, edge] of was.edges) {
      const other = edge.a === key ? edge.b : edge.a;
      // An alias may be stated by either end; a link of an event is the stronger end's.
      const elsewhere = this.snapshot.logs.get(other);
      const known = this.nodes.get(other)?.loaded === true;
      if ((!known && !this.snapshot.asked.has(other)) || (edge.kind === "alias" && !elsewhere)) this.missing.add(other);
      // In the log, and not yet in the graph: whoever logged it will link it.
      if (!known) continue;
      const rest = elsewhere && this.fold(elsewhere, new Set(this.nodes.get(other)?.retracted)).edges.get(slot);
      const [held, remaining] = [together(edge, rest), together(is.edges.get(slot), rest)];
      if (!remaining) lost.push(edge);
      else if (canonicalJson(remaining) !== canonicalJson(held)) kept.push(remaining);
    }
    if (this.missing.size > 0) return;
    const said = is.nodes.get(key);
    const remaining = { own: said?.own, traits: said?.traits ?? new Map(), consent: said?.consent ?? new Map() };
    this.retract(hub, keys, remaining, lost, kept);
  }

  private fold(log: readonly EventRecord[], without: ReadonlySet<string>): Evidence {
    const evidence = emptyEvidence();
    for (const record of log) if (!without.has(retractionKey(record))) addRecord(evidence, record, this.rules);
    return evidence;
  }
}

function together(a: EvidenceEdge | undefined, b: EvidenceEdge | undefined): EvidenceEdge | undefined {
  return a && b ? mergeEdges(a, b) : (a ?? b);
}
