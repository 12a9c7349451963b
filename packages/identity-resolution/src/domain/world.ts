import {
  absorbEvidence,
  type EventEvidence,
  type Evidence,
  type EvidenceEdge,
  type EvidenceNode,
  edgeKey,
  emptyEvidence,
  exceedsCap,
  type Identifier,
  type IdentityRules,
} from "@tributary/model";
import type { LiveComponent } from "@tributary/runtime";

/** A component in memory while a batch is applied to it. */
export interface Draft {
  /** Components of the table that went into it. */
  readonly bases: LiveComponent[];
  readonly evidence: Evidence;
  /** Item keys of identifiers without an item. */
  readonly newIdentifiers: Set<string>;
  /** Item keys whose item points to a component that has been merged. */
  readonly staleIdentifiers: Set<string>;
  /** Which events of the batch told something to it. */
  readonly events: Set<number>;
  changed: boolean;
  /** Set when this draft went into another one. */
  mergedInto: Draft | undefined;
}

/** What the table knew of the batch's identifiers when it was read. */
export interface Snapshot {
  /** Component id by identifier item key, as written. */
  readonly componentIds: ReadonlyMap<string, string>;
  /** Live component by component id, redirects followed. */
  readonly components: ReadonlyMap<string, LiveComponent>;
}

/**
 * The components that a batch touches, in memory. Events are applied one after the other; components that they link
 * become one draft. Drafts are disjoint, so each can be committed by itself.
 */
export class World {
  /** Links refused since a component would have grown beyond the cap. */
  refusedLinks = 0;
  private readonly drafts = new Map<string, Draft>();
  private readonly draftByComponent = new Map<string, Draft>();

  constructor(
    private readonly snapshot: Snapshot,
    private readonly rules: IdentityRules,
    /** Item key of an identifier. */
    private readonly itemKeyOf: (identifier: Identifier) => string,
  ) {}

  /** Every draft that came out, each once. */
  result(): Draft[] {
    return [...new Set([...this.drafts.values()].map(live))];
  }

  /** Adds an event's evidence; gives the drafts that hold it now. */
  apply(index: number, { evidence }: EventEvidence): void {
    for (const node of evidence.nodes.values()) this.addNode(index, node);
    for (const key of [...evidence.edges.keys()].sort()) {
      const edge = evidence.edges.get(key);
      if (edge) this.addEdge(index, edge, evidence);
    }
  }

  private addNode(index: number, node: EvidenceNode): void {
    const draft = this.draftOf(node);
    const one: Evidence = { nodes: new Map([[`${node.type}:${node.value}`, node]]), edges: new Map() };
    if (absorbEvidence(draft.evidence, one)) draft.changed = true;
    draft.events.add(index);
  }

  /** Links two identifiers, unless what came of it would be beyond the cap; then they stay apart and the link is counted. */
  private addEdge(index: number, edge: EvidenceEdge, source: Evidence): void {
    const a = this.draftOf(source.nodes.get(edge.a) as EvidenceNode);
    const b = this.draftOf(source.nodes.get(edge.b) as EvidenceNode);
    const known = a === b && a.evidence.edges.has(edgeKey(edge));
    if (!known && !this.fits(a, b)) {
      this.refusedLinks++;
      return;
    }
    const draft = a === b ? a : merge(a, b);
    const one: Evidence = { nodes: new Map(), edges: new Map([[edgeKey(edge), edge]]) };
    if (absorbEvidence(draft.evidence, one)) draft.changed = true;
    draft.events.add(index);
  }

  private fits(a: Draft, b: Draft): boolean {
    const cap = this.rules.maxComponentSize;
    if (a === b) return a.evidence.edges.size < cap && !exceedsCap(a.evidence, this.rules);
    const nodes = a.evidence.nodes.size + b.evidence.nodes.size;
    const edges = a.evidence.edges.size + b.evidence.edges.size + 1;
    return nodes <= cap && edges <= cap;
  }

  private draftOf(node: EvidenceNode): Draft {
    const itemKey = this.itemKeyOf(node);
    const known = this.drafts.get(itemKey);
    if (known) return live(known);
    const componentId = this.snapshot.componentIds.get(itemKey);
    const component = componentId === undefined ? undefined : this.snapshot.components.get(componentId);
    const draft = component ? this.draftOfComponent(component) : newDraft();
    if (!component) draft.newIdentifiers.add(itemKey);
    else if (component.id !== componentId) draft.staleIdentifiers.add(itemKey);
    this.drafts.set(itemKey, draft);
    return draft;
  }

  private draftOfComponent(component: LiveComponent): Draft {
    const known = this.draftByComponent.get(component.id);
    if (known) return live(known);
    const draft = newDraft();
    draft.bases.push(component);
    const { nodes, edges } = component.component.evidence;
    for (const [key, node] of nodes) draft.evidence.nodes.set(key, node);
    for (const [key, edge] of edges) draft.evidence.edges.set(key, edge);
    this.draftByComponent.set(component.id, draft);
    return draft;
  }
}

function newDraft(): Draft {
  return {
    bases: [],
    evidence: emptyEvidence(),
    newIdentifiers: new Set(),
    staleIdentifiers: new Set(),
    events: new Set(),
    changed: false,
    mergedInto: undefined,
  };
}

function live(draft: Draft): Draft {
  let end = draft;
  while (end.mergedInto) end = end.mergedInto;
  return end;
}

/** The smaller goes into the larger. */
function merge(a: Draft, b: Draft): Draft {
  const [into, from] = a.evidence.nodes.size >= b.evidence.nodes.size ? [a, b] : [b, a];
  absorbEvidence(into.evidence, from.evidence);
  into.bases.push(...from.bases);
  for (const key of from.newIdentifiers) into.newIdentifiers.add(key);
  for (const key of from.staleIdentifiers) into.staleIdentifiers.add(key);
  for (const index of from.events) into.events.add(index);
  into.changed = true;
  from.mergedInto = into;
  return into;
}
