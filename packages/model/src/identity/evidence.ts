import { canonicalJson } from "../canonical";
import type { Json } from "../json";

/** A value with its place in the fold's order: the greatest (time, message id) wins; equal ones by the value itself. */
export interface Fact {
  readonly value: Json;
  /** Event time, epoch milliseconds. */
  readonly at: number;
  readonly messageId: string;
}

/** Epoch milliseconds of the first and the last of some events; the last floored to `lastSeenResolutionSeconds`. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

/**
 * What is known of one identifier by itself: what those events said in which it was the strongest. Where it was seen
 * beside a stronger one, the link between the two says so. Facts hang here, never on a profile: a merge moves none.
 */
export interface EvidenceNode {
  readonly type: string;
  readonly value: string;
  /** Events of which it is the strongest identifier; undefined where there is none. */
  readonly own: Span | undefined;
  /** By `factKey`: of each source the newest value of each trait. */
  readonly traits: ReadonlyMap<string, Fact>;
  /** By purpose; values are booleans. */
  readonly consent: ReadonlyMap<string, Fact>;
  /** `retractionKey`s of events that were taken back: a repeated delivery of one says nothing. Sorted. */
  readonly retracted?: readonly string[];
  /** Linked with too many: belongs to nobody. Stored, since the links of such a node are not in its component. */
  readonly shared?: true;
}

/**
 * Why two identifiers are held for one person's, or kept apart.
 *
 * - `must-link`, `cannot-link`: a steward's word. `withdrawn`: a steward's word that was taken back.
 * - `alias`: an `alias` event declared the one to be the other.
 * - `same-event`: one event named both.
 * - `match`: batch matching found their records alike.
 */
export type LinkKind = "must-link" | "alias" | "same-event" | "match" | "cannot-link" | "withdrawn";

/** One reason: of all events that gave a link of a kind, the earliest; of a steward's words on a pair, the last. */
export interface EvidenceEdge {
  /** Node keys, `a` < `b`. */
  readonly a: string;
  readonly b: string;
  readonly kind: LinkKind;
  /** Epoch milliseconds: the earliest event, the steward's action, the first run that found the match. */
  readonly at: number;
  /** Epoch milliseconds: the latest event (floored to `lastSeenResolutionSeconds`) or run; else equal to `at`. */
  readonly last: number;
  /** Source of the event, name of the matching job, or who the steward is. */
  readonly sourceId: string;
  /** Message id of the event, id of the steward's action; empty for a match. */
  readonly messageId: string;
  /** Name of the match rule. */
  readonly rule?: string;
  /** Match weight, log2 of the odds, as the latest run gave it. */
  readonly score?: number;
}

/**
 * A set of evidence, by node key and edge key. Every field merges by minimum, maximum, union or last-writer-wins in a
 * total order, so merging is commutative, associative and idempotent: the set of events decides, not their arrival.
 */
export interface Evidence {
  readonly nodes: Map<string, EvidenceNode>;
  readonly edges: Map<string, EvidenceEdge>;
}

export function emptyEvidence(): Evidence {
  return { nodes: new Map(), edges: new Map() };
}

/** A steward has one word on a pair, a job one match a rule on a pair; events and aliases are one edge each. */
export function edgeKey(edge: Pick<EvidenceEdge, "a" | "b" | "kind" | "rule" | "sourceId">): string {
  switch (edge.kind) {
    case "must-link":
    case "cannot-link":
    case "withdrawn":
      return `${edge.a}\n${edge.b}\nsteward`;
    case "match":
      return `${edge.a}\n${edge.b}\nmatch\n${edge.rule ?? ""}\n${edge.sourceId}`;
    default:
      return `${edge.a}\n${edge.b}\n${edge.kind}`;
  }
}

/** Whether fact `a` wins over fact `b`. */
export function isLaterFact(a: Fact, b: Fact): boolean {
  if (a.at !== b.at) return a.at > b.at;
  if (a.messageId !== b.messageId) return a.messageId > b.messageId;
  return a.value !== b.value && canonicalJson(a.value) > canonicalJson(b.value);
}

/** The later fact of each name; the very map `a` where `b` adds nothing. */
export function mergeFacts(a: ReadonlyMap<string, Fact>, b: ReadonlyMap<string, Fact>): ReadonlyMap<string, Fact> {
  if (b.size === 0) return a;
  let merged: Map<string, Fact> | undefined;
  for (const [name, fact] of b) {
    const known = a.get(name);
    if (known && !isLaterFact(fact, known)) continue;
    merged ??= new Map(a);
    merged.set(name, fact);
  }
  return merged ?? a;
}

export function mergeSpans(a: Span | undefined, b: Span | undefined): Span | undefined {
  if (!a || !b) return a ?? b;
  if (b.first >= a.first && b.last <= a.last) return a;
  return { first: Math.min(a.first, b.first), last: Math.max(a.last, b.last) };
}

function mergeRetracted(a: readonly string[] = [], b: readonly string[] = []): readonly string[] {
  return b.every((key) => a.includes(key)) ? a : [...new Set([...a, ...b])].sort();
}

/** Both nodes' knowledge; the very object `a` where `b` adds nothing. */
export function mergeNodes(a: EvidenceNode, b: EvidenceNode): EvidenceNode {
  const own = mergeSpans(a.own, b.own);
  const traits = mergeFacts(a.traits, b.traits);
  const consent = mergeFacts(a.consent, b.consent);
  const retracted = mergeRetracted(a.retracted, b.retracted);
  const shared = a.shared ?? b.shared;
  if (
    own === a.own &&
    traits === a.traits &&
    consent === a.consent &&
    retracted.length === (a.retracted?.length ?? 0) &&
    shared === a.shared
  ) {
    return a;
  }
  return {
    type: a.type,
    value: a.value,
    own,
    traits,
    consent,
    ...(retracted.length === 0 ? {} : { retracted }),
    ...(shared ? { shared } : {}),
  };
}

/** Two edges of one key as one; the very object `a` where `b` adds nothing. */
export function mergeEdges(a: EvidenceEdge, b: EvidenceEdge): EvidenceEdge {
  switch (a.kind) {
    case "must-link":
    case "cannot-link":
    case "withdrawn": {
      const later = b.at - a.at || compare(b.messageId, a.messageId) || compare(b.kind, a.kind);
      return later > 0 ? b : a;
    }
    case "match": {
      // The latest run's score; of one run's the highest. The first run's time.
      const winner = (b.last - a.last || (b.score ?? 0) - (a.score ?? 0)) > 0 ? b : a;
      const at = Math.min(a.at, b.at);
      return winner.at === at ? winner : { ...winner, at };
    }
    default: {
      const earlier = b.at - a.at || compare(b.messageId, a.messageId) || compare(b.sourceId, a.sourceId);
      const winner = earlier < 0 ? b : a;
      const last = Math.max(a.last, b.last);
      return winner.last === last ? winner : { ...winner, last };
    }
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Adds evidence in place; true where it told something new. */
export function absorbEvidence(into: Evidence, more: Evidence): boolean {
  let changed = false;
  for (const [key, node] of more.nodes) {
    const known = into.nodes.get(key);
    const merged = known ? mergeNodes(known, node) : node;
    if (merged === known) continue;
    into.nodes.set(key, merged);
    changed = true;
  }
  for (const [key, edge] of more.edges) {
    const known = into.edges.get(key);
    const merged = known ? mergeEdges(known, edge) : edge;
    if (merged === known) continue;
    into.edges.set(key, merged);
    changed = true;
  }
  return changed;
}

/** The union of two sets of evidence. */
export function mergeEvidence(a: Evidence, b: Evidence): Evidence {
  const merged: Evidence = { nodes: new Map(a.nodes), edges: new Map(a.edges) };
  absorbEvidence(merged, b);
  return merged;
}

/** The key of a trait's fact: each source has its own, so that the golden record can prefer one source to another. */
export function factKey(sourceId: string, trait: string): string {
  return `${sourceId}\n${trait}`;
}

export function sourceOfFact(key: string): string {
  return key.slice(0, key.indexOf("\n"));
}

export function traitOfFact(key: string): string {
  return key.slice(key.indexOf("\n") + 1);
}
