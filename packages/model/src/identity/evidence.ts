import { canonicalJson } from "../canonical";
import type { CustomerEvent } from "../event";
import type { Json } from "../json";
import { orderingTime } from "../ordering-time";
import { type Identifier, identifiersOf, nodeKey, previousIdentifiersOf } from "./identifiers";
import type { IdentityRules } from "./rules";

/** A value with its place in the fold's order: the greatest (time, message id) wins; equal ones by the value itself. */
export interface Fact {
  readonly value: Json;
  /** Event time, epoch milliseconds. */
  readonly at: number;
  readonly messageId: string;
}

/** What is known of one identifier by itself. Facts hang here, never on a profile: a merge or an unlink moves none. */
export interface EvidenceNode {
  readonly type: string;
  readonly value: string;
  /** Epoch milliseconds. */
  readonly firstSeen: number;
  /** Epoch milliseconds, floored to the rules' `lastSeenResolutionSeconds`. */
  readonly lastSeen: number;
  /** True where no event carried it: it was only given as an alias's `previousId`. It counts for nothing until seen. */
  readonly hinted: boolean;
  /** By `factKey`: of each source the newest value of each trait. */
  readonly traits: ReadonlyMap<string, Fact>;
  /** By purpose; values are booleans. */
  readonly consent: ReadonlyMap<string, Fact>;
}

export type LinkRule = "same-event" | "alias";

/** A reason to hold two identifiers for one person's: of all events that gave it, the earliest. */
export interface EvidenceEdge {
  /** Node keys, `a` < `b`. */
  readonly a: string;
  readonly b: string;
  readonly rule: LinkRule;
  /** Event time of the earliest such event, epoch milliseconds. */
  readonly at: number;
  readonly sourceId: string;
  readonly messageId: string;
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

export function edgeKey(edge: Pick<EvidenceEdge, "a" | "b" | "rule">): string {
  return `${edge.a}\n${edge.b}\n${edge.rule}`;
}

const noFacts: ReadonlyMap<string, Fact> = new Map();

/** Whether fact `a` wins over fact `b`. */
export function isLaterFact(a: Fact, b: Fact): boolean {
  if (a.at !== b.at) return a.at > b.at;
  if (a.messageId !== b.messageId) return a.messageId > b.messageId;
  return a.value !== b.value && canonicalJson(a.value) > canonicalJson(b.value);
}

function mergeFacts(a: ReadonlyMap<string, Fact>, b: ReadonlyMap<string, Fact>): ReadonlyMap<string, Fact> {
  let merged: Map<string, Fact> | undefined;
  for (const [name, fact] of b) {
    const known = a.get(name);
    if (known && !isLaterFact(fact, known)) continue;
    merged ??= new Map(a);
    merged.set(name, fact);
  }
  return merged ?? a;
}

/** Both nodes' knowledge; the very object `a` where `b` adds nothing. */
function mergeNodes(a: EvidenceNode, b: EvidenceNode): EvidenceNode {
  const firstSeen = firstSeenOf(a, b);
  const lastSeen = lastSeenOf(a, b);
  const hinted = a.hinted && b.hinted;
  const traits = mergeFacts(a.traits, b.traits);
  const consent = mergeFacts(a.consent, b.consent);
  const same =
    firstSeen === a.firstSeen &&
    lastSeen === a.lastSeen &&
    hinted === a.hinted &&
    traits === a.traits &&
    consent === a.consent;
  return same ? a : { type: a.type, value: a.value, firstSeen, lastSeen, hinted, traits, consent };
}

/** A hint is no sighting: its times give way to those of a node that was seen. */
function firstSeenOf(a: EvidenceNode, b: EvidenceNode): number {
  if (a.hinted !== b.hinted) return a.hinted ? b.firstSeen : a.firstSeen;
  return Math.min(a.firstSeen, b.firstSeen);
}

function lastSeenOf(a: EvidenceNode, b: EvidenceNode): number {
  if (a.hinted !== b.hinted) return a.hinted ? b.lastSeen : a.lastSeen;
  return Math.max(a.lastSeen, b.lastSeen);
}

function isEarlier(a: EvidenceEdge, b: EvidenceEdge): boolean {
  if (a.at !== b.at) return a.at < b.at;
  if (a.messageId !== b.messageId) return a.messageId < b.messageId;
  return a.sourceId < b.sourceId;
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
    if (known && !isEarlier(edge, known)) continue;
    into.edges.set(key, edge);
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

/** The evidence of one event, with the identifier that its facts hang on. */
export interface EventEvidence {
  readonly strongest: Identifier;
  readonly evidence: Evidence;
}

/**
 * What one event says about identity; undefined where it names nobody.
 *
 * Its links are a star from its strongest identifier. All pairs would say no more (the star connects the same
 * identifiers) but would tie the weak ones to each other: where a shared browser is rightly cut from a user, a link
 * browser–e-mail made by the same event would carry the user's e-mail over to the browser's owner.
 *
 * Traits are those of `identify` events. `context.traits` gives identifiers only: clients fill it from a cache, so its
 * other values are as old as that cache and would overwrite newer ones. Consent is
 * `context.consent.categoryPreferences` of any event.
 */
export function evidenceOf(event: CustomerEvent, rules: IdentityRules): EventEvidence | undefined {
  const identifiers = identifiersOf(event, rules);
  const strongest = identifiers[0];
  if (!strongest) return undefined;
  const evidence = emptyEvidence();
  const at = orderingTime(event);
  const resolution = rules.lastSeenResolutionSeconds * 1_000;
  const times = { firstSeen: at, lastSeen: Math.floor(at / resolution) * resolution };
  const hub = nodeKey(strongest);

  const addNode = (identifier: Identifier, hinted: boolean): string => {
    const key = nodeKey(identifier);
    const facts = key === hub && !hinted;
    if (hinted && evidence.nodes.has(key)) return key;
    evidence.nodes.set(key, {
      type: identifier.type,
      value: identifier.value,
      ...times,
      hinted,
      traits: facts && event.type === "identify" ? factsOf(event, event.traits, at) : noFacts,
      consent: facts ? consentOf(event, at) : noFacts,
    });
    return key;
  };
  const addEdge = (from: string, to: string, rule: LinkRule): void => {
    if (from === to) return;
    const [a, b] = from < to ? [from, to] : [to, from];
    const edge = { a, b, rule, at, sourceId: event.sourceId, messageId: event.messageId };
    evidence.edges.set(edgeKey(edge), edge);
  };

  for (const identifier of identifiers) addEdge(hub, addNode(identifier, false), "same-event");
  for (const previous of previousIdentifiersOf(event, rules)) addEdge(hub, addNode(previous, true), "alias");
  return { strongest, evidence };
}

function factsOf(
  { sourceId, messageId }: CustomerEvent,
  values: Readonly<Record<string, Json>>,
  at: number,
): ReadonlyMap<string, Fact> {
  const facts = new Map<string, Fact>();
  for (const [name, value] of Object.entries(values)) {
    if (name !== "__proto__") facts.set(factKey(sourceId, name), { value, at, messageId });
  }
  return facts;
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

/** Segment's consent object: `context.consent.categoryPreferences`, purpose to boolean. Anything but a boolean says nothing. */
function consentOf(event: CustomerEvent, at: number): ReadonlyMap<string, Fact> {
  const consent = event.context.consent;
  const preferences = isObject(consent) ? consent.categoryPreferences : undefined;
  if (!isObject(preferences)) return noFacts;
  const facts = new Map<string, Fact>();
  for (const [purpose, granted] of Object.entries(preferences)) {
    if (typeof granted === "boolean" && purpose !== "__proto__")
      facts.set(purpose, { value: granted, at, messageId: event.messageId });
  }
  return facts;
}

function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether the evidence is as large as the rules let a component grow. */
export function exceedsCap(evidence: Evidence, rules: IdentityRules): boolean {
  return evidence.nodes.size > rules.maxComponentSize || evidence.edges.size > rules.maxComponentSize;
}
