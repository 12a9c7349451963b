import { shortHash } from "../canonical";
import type { CustomerEvent } from "../event";
import type { Json } from "../json";
import { orderingTime } from "../ordering-time";
import {
  type Evidence,
  type EvidenceEdge,
  edgeKey,
  emptyEvidence,
  type Fact,
  factKey,
  mergeEdges,
  mergeFacts,
  mergeSpans,
  type Span,
} from "./evidence";
import { type Identifier, identifiersOf, nodeKey, previousIdentifiersOf } from "./identifiers";
import type { IdentityRules } from "./rules";
import { stewardSource } from "./steward-source";

/** As much of an event as identity stands on: what the evidence log keeps of it. */
export interface EventRecord {
  readonly sourceId: string;
  readonly messageId: string;
  /** `orderingTime`, epoch milliseconds. */
  readonly at: number;
  /** Its strongest identifier: the event's facts and links hang on it. */
  readonly hub: Identifier;
  readonly others: readonly Identifier[];
  /** What an `alias` event's `previousId` may be. Of these, only what some event names otherwise counts. */
  readonly previous: readonly Identifier[];
  readonly traits: Readonly<Record<string, Json>>;
  /** By purpose. */
  readonly consent: Readonly<Record<string, boolean>>;
}

/** The evidence of one event, with the identifier that its facts hang on. */
export interface EventEvidence {
  readonly strongest: Identifier;
  readonly evidence: Evidence;
}

const nothing = {};

/**
 * What one event says about identity; undefined where it names nobody.
 *
 * Traits are those of `identify` events. `context.traits` gives identifiers only: clients fill it from a cache, so its
 * other values are as old as that cache and would overwrite newer ones. Consent is
 * `context.consent.categoryPreferences` of any event.
 */
export function recordOf(event: CustomerEvent, rules: IdentityRules): EventRecord | undefined {
  const [hub, ...others] = identifiersOf(event, rules);
  if (!hub) return undefined;
  const key = nodeKey(hub);
  const previous = previousIdentifiersOf(event, rules).filter((identifier) => nodeKey(identifier) !== key);
  return {
    sourceId: event.sourceId,
    messageId: event.messageId,
    at: orderingTime(event),
    hub,
    others,
    previous,
    traits: event.type === "identify" ? event.traits : nothing,
    consent: consentOf(event),
  };
}

/** Segment's consent object: `context.consent.categoryPreferences`, purpose to boolean. Anything but a boolean says nothing. */
function consentOf(event: CustomerEvent): Readonly<Record<string, boolean>> {
  const consent = event.context.consent;
  const preferences = isObject(consent) ? consent.categoryPreferences : undefined;
  if (!isObject(preferences)) return nothing;
  const granted: [string, boolean][] = [];
  for (const [purpose, value] of Object.entries(preferences)) {
    if (typeof value === "boolean" && purpose !== "__proto__") granted.push([purpose, value]);
  }
  return Object.fromEntries(granted);
}

function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Names an event among those that were taken back: 64 bits, in place of two texts of a hundred characters. */
export function retractionKey(event: Pick<EventRecord, "sourceId" | "messageId">): string {
  return shortHash(`${event.sourceId}\n${event.messageId}`, 16);
}

/** What a record says of its hub alone. */
export interface HubSaying {
  /** When it was seen; undefined for a steward's pin, which is no sighting. */
  readonly own: Span | undefined;
  readonly traits: ReadonlyMap<string, Fact>;
  readonly consent: ReadonlyMap<string, Fact>;
}

const noFacts: ReadonlyMap<string, Fact> = new Map();

export function hubSaying(record: EventRecord, rules: IdentityRules): HubSaying {
  const { at, messageId, sourceId } = record;
  return {
    own: sourceId === stewardSource ? undefined : spanOf(record, rules),
    traits: factsOf(record.traits, at, messageId, (name) => factKey(sourceId, name)),
    consent: factsOf(record.consent, at, messageId, (name) => name),
  };
}

function spanOf({ at }: EventRecord, rules: IdentityRules): Span {
  const resolution = rules.lastSeenResolutionSeconds * 1_000;
  return { first: at, last: Math.floor(at / resolution) * resolution };
}

function factsOf(
  values: Readonly<Record<string, Json>>,
  at: number,
  messageId: string,
  keyOf: (name: string) => string,
): ReadonlyMap<string, Fact> {
  const names = Object.keys(values);
  if (names.length === 0) return noFacts;
  const facts = new Map<string, Fact>();
  for (const name of names) {
    const value = values[name];
    if (name !== "__proto__" && value !== undefined) facts.set(keyOf(name), { value, at, messageId });
  }
  return facts;
}

/** A link that a record gives, between the keys of its hub and of another identifier of it. */
export function linkBetween(
  hub: string,
  other: string,
  { at, sourceId, messageId }: EventRecord,
  kind: "same-event" | "alias",
  own: Span,
): EvidenceEdge {
  const [a, b] = hub < other ? [hub, other] : [other, hub];
  return { a, b, kind, at, last: own.last, sourceId, messageId };
}

/**
 * The evidence of a record. Its links are a star from its strongest identifier. All pairs would say no more (the star
 * connects the same identifiers) but would tie the weak ones to each other: where a shared browser is rightly cut from a
 * user, a link browser–e-mail made by the same event would carry the user's e-mail over to the browser's owner.
 */
export function evidenceOfRecord(record: EventRecord, rules: IdentityRules): Evidence {
  const evidence = emptyEvidence();
  addRecord(evidence, record, rules);
  return evidence;
}

/** Folds a record into evidence, in place. */
export function addRecord(evidence: Evidence, record: EventRecord, rules: IdentityRules): void {
  const { own, traits, consent } = hubSaying(record, rules);
  const span = own ?? spanOf(record, rules);
  const { nodes, edges } = evidence;
  const hubKey = nodeKey(record.hub);
  const known = nodes.get(hubKey);
  nodes.set(hubKey, {
    ...(known ?? record.hub),
    own: mergeSpans(known?.own, own),
    traits: known ? mergeFacts(known.traits, traits) : traits,
    consent: known ? mergeFacts(known.consent, consent) : consent,
  });
  const add = (other: Identifier, kind: "same-event" | "alias"): void => {
    const key = nodeKey(other);
    if (key === hubKey) return;
    const edge = linkBetween(hubKey, key, record, kind, span);
    if (!nodes.has(key)) nodes.set(key, { ...other, own: undefined, traits: noFacts, consent: noFacts });
    const slot = edgeKey(edge);
    const before = edges.get(slot);
    edges.set(slot, before ? mergeEdges(before, edge) : edge);
  };
  for (const other of record.others) add(other, "same-event");
  for (const previous of record.previous) add(previous, "alias");
}

/** The evidence of an event; undefined where it names nobody. */
export function evidenceOf(event: CustomerEvent, rules: IdentityRules): EventEvidence | undefined {
  const record = recordOf(event, rules);
  return record && { strongest: record.hub, evidence: evidenceOfRecord(record, rules) };
}
