import type { Profile } from "../profile";
import { type EventRecord, hubSaying, linkBetween, retractionKey } from "./event-evidence";
import { type EvidenceEdge, mergeEdges, mergeFacts, mergeSpans, type Span } from "./evidence";
import { profileOf } from "./golden-record";
import { type Cell, type GraphLink, GraphNode, isEventLink, linkKey, otherEnd } from "./graph-parts";
import {
  blockedReason,
  type CompiledRules,
  compileRules,
  type Identifier,
  identifierOfKey,
  nodeKey,
} from "./identifiers";
import { connects } from "./link-order";
import { type Member, profileIdOf } from "./member";
import { Partition } from "./partition";
import { seenNode } from "./resolve";
import type { IdentityRules } from "./rules";
import { countsAsLink, sharedReason } from "./sharing";

/**
 * The identity graph in memory, kept up to date with each piece of evidence: the same profiles as `resolve` over all
 * evidence at once, at the cost of what changed. See `Partition` for why that is exact.
 *
 * The resolver loads the part of the stored graph that a batch names into one of these. Where an answer needs a part that
 * was not loaded, its keys are in `missing`, and what the graph says is void until it was built again with them.
 */
export class IdentityGraph {
  protected readonly compiled: CompiledRules;
  protected readonly nodes = new Map<string, GraphNode>();
  readonly partition: Partition;
  /** Identifiers whose component must be loaded. */
  readonly missing = new Set<string>();
  /** Shared identifiers whose links must be loaded. */
  readonly missingLinks = new Set<string>();

  constructor(protected readonly rules: IdentityRules) {
    this.compiled = compileRules(rules);
    this.partition = new Partition(this.compiled, this.missing, (a, b) => this.entangled(a, b));
  }

  /** Adds an event. Adding it again changes nothing; neither does one that was retracted. */
  apply(record: EventRecord): void {
    const hub = this.node(record.hub);
    if (hub.retracted.length > 0 && hub.retracted.includes(retractionKey(record))) return;
    const saying = hubSaying(record, this.rules);
    const wasSeen = hub.seen;
    const own = mergeSpans(hub.own, saying.own);
    const traits = mergeFacts(hub.traits, saying.traits);
    const consent = mergeFacts(hub.consent, saying.consent);
    if (own !== hub.own || traits !== hub.traits || consent !== hub.consent) {
      const earlier = hub.own === undefined || (own?.first ?? 0) < hub.own.first;
      if ((earlier && this.isWindowed(hub)) || (traits !== hub.traits && this.compiled.vetoes.length > 0)) {
        this.partition.spoil(hub);
      }
      hub.own = own;
      hub.traits = traits;
      hub.consent = consent;
      this.touched(hub);
    }
    if (!wasSeen) this.activate(hub);
    if (saying.own) {
      for (const other of record.others) this.link(hub, this.node(other), record, "same-event", saying.own);
      for (const other of record.previous) this.link(hub, this.node(other), record, "alias", saying.own);
    }
    this.partition.settle();
  }

  /** Adds a match or a steward's word. */
  applyEdge(edge: EvidenceEdge): void {
    this.putEdge(this.nodeOfKey(edge.a), this.nodeOfKey(edge.b), edge);
    this.partition.settle();
  }

  /** Takes a link away. */
  removeEdge(edge: EvidenceEdge): void {
    this.dropEdge(edge);
    this.partition.settle();
  }

  /**
   * Puts an event's retraction into effect: `remaining` is the evidence of all other events of the hub; `lost` and `kept`
   * are the links that these no longer give, and those that they give otherwise.
   */
  retract(
    hub: Identifier,
    key: readonly string[],
    remaining: Pick<GraphNode, "own" | "traits" | "consent">,
    lost: readonly EvidenceEdge[],
    kept: readonly EvidenceEdge[],
  ): void {
    const node = this.node(hub);
    node.retracted = [...new Set([...node.retracted, ...key])].sort();
    node.own = remaining.own;
    node.traits = remaining.traits;
    node.consent = remaining.consent;
    this.touched(node);
    this.partition.spoil(node);
    for (const edge of kept) this.replaceEdge(edge);
    for (const edge of lost) this.dropEdge(edge);
    if (!node.seen) this.partition.deactivate(node);
    this.partition.settle();
  }

  /** Tries the links between two identifiers again, of which one was taken for shared when they were stored. */
  relink(a: Identifier, b: Identifier): void {
    const [x, y] = [this.node(a), this.node(b)];
    for (const link of x.incident.values()) {
      if (otherEnd(link, x) !== y) continue;
      this.touched(x);
      this.touched(y);
      this.bind(link);
      this.partition.pend(link);
    }
    this.partition.settle();
  }

  /** The profile of an identifier; undefined where it belongs to nobody. */
  profileOf(key: string): Profile | undefined {
    const node = this.nodes.get(key);
    return node?.active ? this.profileOfCell(node.cell) : undefined;
  }

  /** The id of an identifier's profile, without the profile. */
  profileIdOf(key: string): string | undefined {
    const node = this.nodes.get(key);
    if (!node?.active) return undefined;
    let canonical = node;
    let first = node.times().first;
    for (const other of node.cell.nodes) {
      const at = other.times().first;
      if (at < first || (at === first && other.key < canonical.key)) [canonical, first] = [other, at];
    }
    return profileIdOf(canonical.key);
  }

  /** Identifiers that belong to nobody, with the reason. */
  *suppressed(): IterableIterator<{ key: string; reason: string }> {
    for (const node of this.nodes.values()) {
      const reason = this.suppressedReason(node);
      if (reason !== undefined) yield { key: node.key, reason };
    }
  }

  /** The clusters, each as node keys. */
  *clusters(): IterableIterator<readonly string[]> {
    for (const cell of this.cells()) {
      const keys = [...cell.nodes].filter((node) => node.active).map((node) => node.key);
      if (keys.length > 0) yield keys;
    }
  }

  /** Every profile. */
  *profiles(): IterableIterator<Profile> {
    for (const cell of this.cells()) {
      const profile = this.profileOfCell(cell);
      if (profile) yield profile;
    }
  }

  protected profileOfCell(cell: Cell): Profile | undefined {
    const members: Member[] = [];
    for (const node of cell.nodes) {
      if (!node.active) continue;
      const { first, last } = node.times();
      members.push({ key: node.key, node: seenNode(node, first, last), rank: node.rank });
    }
    members.sort((a, b) => (a.key < b.key ? -1 : 1));
    return members.length === 0 ? undefined : profileOf(members, this.rules);
  }

  protected suppressedReason(node: GraphNode): string | undefined {
    const rule = this.compiled.byType.get(node.type);
    if (!node.loaded || (!node.seen && !node.shared)) return undefined;
    if (!rule) return `no rule names the type ${node.type}`;
    if (!node.shared) return blockedReason(rule, node.value);
    return sharedReason(rule, node, this.compiled) ?? "shared: linked with too many";
  }

  protected *cells(): IterableIterator<Cell> {
    const met = new Set<Cell>();
    for (const node of this.nodes.values()) {
      if (met.has(node.cell) || !node.loaded) continue;
      met.add(node.cell);
      yield node.cell;
    }
  }

  /** Told of each identifier of which something changed. */
  protected touched(_node: GraphNode): void {}

  /** Told of two identifiers whose changes must be written together. */
  protected entangled(_a: GraphNode, _b: GraphNode): void {}

  /** Told of each event's link that is new at a shared identifier, and of each that is gone. */
  protected indexed(_shared: GraphNode, _other: GraphNode, _present: boolean): void {}

  protected node(identifier: Identifier, key = nodeKey(identifier)): GraphNode {
    const known = this.nodes.get(key);
    if (!known) return this.addNode(key, identifier);
    if (!known.loaded) this.missing.add(key);
    return known;
  }

  protected nodeOfKey(key: string): GraphNode {
    return this.node(identifierOfKey(key), key);
  }

  protected addNode(key: string, { type, value }: Identifier): GraphNode {
    const rule = this.compiled.byType.get(type);
    const usable = rule !== undefined && blockedReason(rule, value) === undefined;
    const node = new GraphNode(key, type, value, usable ? rule : undefined);
    this.nodes.set(key, node);
    this.added(node);
    return node;
  }

  /** Told of each identifier that is new to the graph. */
  protected added(_node: GraphNode): void {}

  /** Adds a link as it was stored, of which nothing follows. An end that was not loaded is there by name only. */
  protected restore(edge: EvidenceEdge): void {
    const [a, b] = [edge.a, edge.b].map((key) => {
      const known = this.nodes.get(key);
      if (known) return known;
      const node = this.addNode(key, identifierOfKey(key));
      node.loaded = false;
      return node;
    }) as [GraphNode, GraphNode];
    const known = a.incident.get(linkKey(edge, a.key));
    if (known) {
      known.edge = mergeEdges(known.edge, edge);
      return;
    }
    const link = { edge, a, b };
    a.incident.set(linkKey(edge, a.key), link);
    b.incident.set(linkKey(edge, b.key), link);
    this.count(a, b, edge, 1);
    this.count(b, a, edge, 1);
  }

  private isWindowed(node: GraphNode): boolean {
    return this.compiled.windowed.includes(node.rank);
  }

  private link(hub: GraphNode, other: GraphNode, record: EventRecord, kind: "same-event" | "alias", own: Span): void {
    if (hub === other) return;
    // Most events repeat a link, and tell nothing new of it.
    const known = kind === "same-event" ? hub.incident.get(other.key)?.edge : undefined;
    if (known && known.at < own.first && known.last >= own.last) return;
    this.putEdge(hub, other, linkBetween(hub.key, other.key, record, kind, own));
  }

  private putEdge(x: GraphNode, y: GraphNode, edge: EvidenceEdge): void {
    const known = x.incident.get(linkKey(edge, x.key)) ?? y.incident.get(linkKey(edge, y.key));
    if (!known) {
      const [a, b] = edge.a === x.key ? [x, y] : [y, x];
      this.attach({ edge, a, b });
      return;
    }
    const merged = mergeEdges(known.edge, edge);
    if (merged === known.edge) return;
    this.change(known, merged);
  }

  /** Sets a link to what it is now, be that more or less than before. */
  private replaceEdge(edge: EvidenceEdge): void {
    const node = this.nodeOfKey(edge.a);
    const known = node.incident.get(linkKey(edge, node.key));
    if (known) this.change(known, edge);
    else this.putEdge(node, this.nodeOfKey(edge.b), edge);
  }

  private change(link: GraphLink, edge: EvidenceEdge): void {
    const before = link.edge;
    const earlier = edge.at < before.at;
    const weaker = edge.kind !== before.kind || edge.at > before.at || edge.score !== before.score;
    if (weaker) this.partition.spoilBoth(link);
    else if (earlier) this.partition.pend(link);
    link.edge = edge;
    if (edge.kind !== before.kind) {
      for (const [node, other] of [
        [link.a, link.b],
        [link.b, link.a],
      ] as const) {
        this.count(node, other, before, -1);
        this.count(node, other, edge, 1);
      }
    }
    for (const node of [link.a, link.b]) {
      if (edge.kind === "same-event" && before.at !== edge.at && this.isWindowed(node)) this.partition.spoil(node);
      if (!node.shared) this.touched(node);
    }
    this.bind(link);
  }

  private attach(link: GraphLink): void {
    const { a, b, edge } = link;
    a.incident.set(linkKey(edge, a.key), link);
    b.incident.set(linkKey(edge, b.key), link);
    const seen = [a.seen, b.seen] as const;
    this.count(a, b, edge, 1);
    this.count(b, a, edge, 1);
    if (!seen[0]) this.activate(a);
    if (!seen[1]) this.activate(b);
    if (edge.kind === "cannot-link" || edge.kind === "must-link") this.partition.spoilBoth(link);
    else if (connects(edge.kind)) this.partition.pend(link);
    for (const [node, other] of [
      [a, b],
      [b, a],
    ] as const) {
      if (edge.kind === "same-event" && this.isWindowed(node)) this.partition.spoil(node);
      if (node.shared) this.indexed(node, other, true);
      else if (this.isShared(node)) {
        this.share(node);
        this.entangled(a, b);
      }
      if (!node.shared || !isEventLink(edge)) this.touched(node);
    }
    this.bind(link);
  }

  private dropEdge(edge: EvidenceEdge): void {
    const node = this.nodeOfKey(edge.a);
    const link = node.incident.get(linkKey(edge, node.key));
    if (!link) {
      // Two shared identifiers: neither is stored with the link.
      for (const end of [node, this.nodeOfKey(edge.b)]) if (end.remote) this.missingLinks.add(end.key);
      return;
    }
    const { a, b } = link;
    const ends = [a, b] as const;
    const before = ends.map((end) => ({ end, active: end.active, shared: end.shared }));
    a.incident.delete(linkKey(edge, a.key));
    b.incident.delete(linkKey(edge, b.key));
    this.count(a, b, edge, -1);
    this.count(b, a, edge, -1);
    this.partition.spoilBoth(link);
    for (const { end, active, shared } of before) {
      if (shared && isEventLink(edge)) {
        this.indexed(end, otherEnd(link, end), false);
        if (end.remote) this.missingLinks.add(end.key);
        else if (!this.isShared(end)) this.unshare(end);
      } else {
        this.touched(end);
      }
      if (active && !end.active) this.partition.deactivate(end);
    }
    this.bind(link);
  }

  /** What is stored with both ends must be written with both. */
  private bind({ a, b, edge }: GraphLink): void {
    if (isEventLink(edge) && (a.shared || b.shared)) return;
    this.entangled(a, b);
  }

  private count(node: GraphNode, other: GraphNode, edge: EvidenceEdge, by: 1 | -1): void {
    if (edge.kind === "alias" || edge.kind === "must-link") node.declared += by;
    else if (edge.kind === "cannot-link") node.apart += by;
    if (!countsAsLink(edge.kind)) return;
    node.links += by;
    if (edge.kind !== "same-event") return;
    node.sightings += by;
    if (!node.rule || !other.rule || other.rank >= node.rank) return;
    if (node.stronger.length === 0) node.stronger = [];
    node.stronger[other.rank] = (node.stronger[other.rank] ?? 0) + by;
  }

  private isShared(node: GraphNode): boolean {
    return node.rule !== undefined && sharedReason(node.rule, node, this.compiled) !== undefined;
  }

  private share(node: GraphNode): void {
    node.shared = true;
    this.touched(node);
    for (const link of node.incident.values()) {
      if (isEventLink(link.edge)) this.indexed(node, otherEnd(link, node), true);
    }
    this.partition.deactivate(node);
  }

  private unshare(node: GraphNode): void {
    node.shared = false;
    this.touched(node);
    for (const link of node.incident.values()) {
      if (isEventLink(link.edge)) this.indexed(node, otherEnd(link, node), false);
    }
    this.activate(node);
  }

  /**
   * It takes part from now on: what links it is to be tried. Its other ends are bound to it even where they take no part:
   * were such a one to begin to at the same moment, neither would see the other.
   */
  private activate(node: GraphNode): void {
    for (const link of node.incident.values()) {
      this.entangled(node, otherEnd(link, node));
      if (link.edge.kind === "must-link" || link.edge.kind === "cannot-link") this.partition.spoilBoth(link);
      else if (connects(link.edge.kind)) this.partition.pend(link);
    }
  }
}
