import type { EvidenceEdge, EvidenceNode, Fact, Span } from "./evidence";
import type { CompiledRule } from "./identifiers";
import type { LinkCounts } from "./sharing";

/** A link in memory, the same object at both ends. */
export interface GraphLink {
  edge: EvidenceEdge;
  readonly a: GraphNode;
  readonly b: GraphNode;
}

const none: number[] = [];
const noFacts: ReadonlyMap<string, Fact> = new Map();

/** An identifier in memory. */
export class GraphNode implements LinkCounts {
  own: Span | undefined;
  traits: ReadonlyMap<string, Fact> = noFacts;
  consent: ReadonlyMap<string, Fact> = noFacts;
  retracted: readonly string[] = [];
  /** By `linkKey`. */
  readonly incident = new Map<string, GraphLink>();
  /** See `LinkCounts`. */
  stronger: number[] = none;
  links = 0;
  /** Links that show that an event named it. */
  sightings = 0;
  /** Links by which a steward or an alias declares it to be another's. */
  declared = 0;
  /** Links by which a steward keeps it apart. */
  apart = 0;
  shared = false;
  /** A shared identifier whose links lie elsewhere: those in memory are not all. */
  remote = false;
  /** False for the other end of a link that leads out of what was loaded. */
  loaded = true;
  /** Rank of its type: 0 is the strongest. */
  readonly rank: number;
  cell: Cell;
  /** Place among the members of the last run that met it, and the number of that run. */
  place = -1;
  run = 0;

  constructor(
    readonly key: string,
    readonly type: string,
    readonly value: string,
    /** The rule of its type, unless the rules have none or block the value. */
    readonly rule: CompiledRule | undefined,
  ) {
    this.rank = rule?.rank ?? 0;
    this.cell = new Cell(this);
  }

  /** Whether some event named it; an alias alone does not. */
  get seen(): boolean {
    return this.own !== undefined || this.sightings > 0;
  }

  /** Whether it can belong to anybody, as far as is known. */
  get active(): boolean {
    return this.loaded && this.rule !== undefined && !this.shared && this.seen;
  }

  /** A node is a member of its own. */
  get node(): GraphNode {
    return this;
  }

  get firstSeen(): number {
    return this.times().first;
  }

  get lastSeen(): number {
    return this.times().last;
  }

  /** When it was seen, by itself or beside a stronger one. */
  times(): Span {
    let first = this.own?.first ?? Number.POSITIVE_INFINITY;
    let last = this.own?.last ?? Number.NEGATIVE_INFINITY;
    for (const { edge } of this.incident.values()) {
      if (edge.kind !== "same-event") continue;
      if (edge.at < first) first = edge.at;
      if (edge.last > last) last = edge.last;
    }
    return { first, last };
  }

  evidence(): EvidenceNode {
    return {
      type: this.type,
      value: this.value,
      own: this.own,
      traits: this.traits,
      consent: this.consent,
      ...(this.retracted.length > 0 ? { retracted: this.retracted } : {}),
      ...(this.shared ? { shared: true } : {}),
    };
  }
}

/** The identifiers of one profile; one that belongs to nobody is alone in its cell. */
export class Cell {
  readonly nodes: GraphNode[];
  /** By rank: values as they count against the limits; undefined where they must be counted first. */
  counts: Int32Array | undefined;

  constructor(node?: GraphNode) {
    this.nodes = node ? [node] : [];
  }
}

/** The key of a link among those at its end `node`. */
export function linkKey(edge: EvidenceEdge, node: string): string {
  const other = edge.a === node ? edge.b : edge.a;
  switch (edge.kind) {
    case "same-event":
      return other;
    case "alias":
      return `${other}\nalias`;
    case "match":
      return `${other}\nmatch\n${edge.rule ?? ""}\n${edge.sourceId}`;
    default:
      return `${other}\nsteward`;
  }
}

export function otherEnd(link: GraphLink, node: GraphNode): GraphNode {
  return link.a === node ? link.b : link.a;
}

/** Whether events alone made the link: such links of a shared identifier are not stored with it. */
export function isEventLink({ kind }: EvidenceEdge): boolean {
  return kind === "same-event" || kind === "alias";
}
