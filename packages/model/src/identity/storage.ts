import { deflateRawSync, inflateRawSync } from "node:zlib";
import * as z from "zod/mini";
import { shortHash } from "../canonical";
import type { Json } from "../json";
import { type EventRecord, retractionKey } from "./event-evidence";
import {
  type Evidence,
  type EvidenceEdge,
  type EvidenceNode,
  edgeKey,
  emptyEvidence,
  type Fact,
  type LinkKind,
} from "./evidence";
import { compareText, type Identifier, identifierOfKey, nodeKey } from "./identifiers";

/** Name of the graph table's key attribute. */
export const graphKeyAttribute = "key";
/** Name of its sort key. */
export const graphPartAttribute = "part";
/** Sort key of an item that is the only one, or the first, of its key. */
export const mainPart = "-";

/** Key of the item that says which component an identifier is in. The value is hashed: keys appear in logs and metrics. */
export function identifierItemKey(identifier: Identifier): string {
  return `ID#${identifier.type}#${shortHash(identifier.value, 64)}`;
}

export function componentItemKey(componentId: string): string {
  return `COMP#${componentId}`;
}

/** Below an identifier's key: the events of which it is the strongest identifier, one item for those of a batch. */
export const eventParts = "E#";
/** Below a shared identifier's key: what it is linked with, one item each. */
export const neighbourParts = "N#";
/** Below an identifier's key: what stewards did to it, by time. */
export const stewardParts = "S#";

/** Named after the events in it, so that the same ones written again take the same place. */
export function eventPart(records: readonly Pick<EventRecord, "sourceId" | "messageId">[]): string {
  const keys = records.map(retractionKey).sort();
  return `${eventParts}${keys.length === 1 ? keys[0] : shortHash(keys.join("\n"), 16)}`;
}

export function neighbourPart(other: Identifier): string {
  return `${neighbourParts}${other.type}#${shortHash(other.value)}`;
}

/** Sorts by time. */
export function stewardPart({ at, id }: { readonly at: string; readonly id: string }): string {
  return `${stewardParts}${at}#${id}`;
}

/** Key of what a matching job gave: one item for each of its edges. */
export function jobItemKey(job: string): string {
  return `JOB#${job}`;
}

/**
 * The identifiers of one profile with all their links, those that lead out of it included; or a single identifier that
 * belongs to nobody. Of a shared identifier, the links that events made are not here: its other ends have them.
 */
export interface StoredComponent {
  readonly evidence: Evidence;
  /** The profile that was last written for it. */
  readonly profile: { readonly id: string; readonly version: string } | undefined;
}

const linkKinds: readonly LinkKind[] = ["same-event", "alias", "match", "must-link", "cannot-link", "withdrawn"];
const json: z.ZodMiniType<Json> = z.unknown() as z.ZodMiniType<Json>;
/** name → [value, time, index of the message id] */
const factsShape = z.record(z.string(), z.tuple([json, z.number(), z.number()]));
const pairShape = z.tuple([z.string(), z.string()]);
const storedShape = z.object({
  /** Texts that repeat: message ids, source ids, keys of identifiers of other components. */
  s: z.array(z.string()),
  /** [type, value, first seen, last seen (-1: none), traits, consent, shared, retracted] */
  n: z.array(
    z.tuple([
      z.string(),
      z.string(),
      z.number(),
      z.number(),
      factsShape,
      factsShape,
      z.number(),
      z.optional(z.array(z.string())),
    ]),
  ),
  /** [end, end, kind, first time, last time, source, message, rule, score]; an end below zero is ~ a text */
  e: z.array(z.array(z.number())),
  /** [profile id, version] */
  p: z.optional(pairShape),
});
type Stored = z.infer<typeof storedShape>;

/** Above this many characters the text is worth compressing. */
const compressAbove = 2_048;

function pack(content: unknown): Uint8Array {
  const text = Buffer.from(JSON.stringify(content));
  const compress = text.length > compressAbove;
  return Buffer.concat([Buffer.from([compress ? 1 : 0]), compress ? deflateRawSync(text) : text]);
}

function unpack(bytes: Uint8Array): unknown {
  const body = bytes.subarray(1);
  return JSON.parse(Buffer.from(bytes[0] === 1 ? inflateRawSync(body) : body).toString("utf8"));
}

/** Numbers texts in the order in which they are first met. */
class Texts {
  readonly all: string[] = [];
  private readonly places = new Map<string, number>();

  place(text: string): number {
    const known = this.places.get(text);
    if (known !== undefined) return known;
    this.places.set(text, this.all.length);
    return this.all.push(text) - 1;
  }
}

/**
 * The compact form of a component, the same bytes for the same content: JSON text, deflated where long (first byte 1;
 * 0 for plain).
 */
export function encodeComponent({ evidence, profile }: StoredComponent): Uint8Array {
  const texts = new Texts();
  const facts = (map: ReadonlyMap<string, Fact>): Stored["n"][number][4] => {
    if (map.size === 0) return {};
    const sorted = [...map].sort((a, b) => compareText(a[0], b[0]));
    return Object.fromEntries(sorted.map(([name, fact]) => [name, [fact.value, fact.at, texts.place(fact.messageId)]]));
  };
  const keys = [...evidence.nodes.keys()].sort();
  const placeOf = new Map(keys.map((key, place) => [key, place]));
  const nodes = keys.map((key): Stored["n"][number] => {
    const node = evidence.nodes.get(key) as EvidenceNode;
    const { type, value, own, retracted = [] } = node;
    const shared = node.shared ? 1 : 0;
    return [
      type,
      value,
      own?.first ?? -1,
      own?.last ?? -1,
      facts(node.traits),
      facts(node.consent),
      shared,
      ...(retracted.length === 0 ? ([] as unknown as [undefined]) : ([[...retracted]] as [string[]])),
    ];
  });
  const edges: number[][] = [];
  for (const key of [...evidence.edges.keys()].sort()) {
    const edge = evidence.edges.get(key) as EvidenceEdge;
    const end = (node: string): number => placeOf.get(node) ?? ~texts.place(node);
    const tuple = [end(edge.a), end(edge.b), linkKinds.indexOf(edge.kind), edge.at, edge.last];
    tuple.push(texts.place(edge.sourceId), texts.place(edge.messageId));
    if (edge.rule !== undefined) tuple.push(texts.place(edge.rule));
    if (edge.rule !== undefined && edge.score !== undefined) tuple.push(edge.score);
    edges.push(tuple);
  }
  const stored: Stored = { s: texts.all, n: nodes, e: edges };
  return pack(profile ? { ...stored, p: [profile.id, profile.version] } : stored);
}

/** Reads what `encodeComponent` wrote; throws where the bytes are something else. */
export function decodeComponent(bytes: Uint8Array): StoredComponent {
  const stored = storedShape.parse(unpack(bytes));
  const text = (place: number | undefined): string => {
    const found = stored.s[place ?? -1];
    if (found === undefined) throw new Error(`a component's text ${place} is missing`);
    return found;
  };
  const facts = (record: Stored["n"][number][4]): ReadonlyMap<string, Fact> =>
    new Map(
      Object.entries(record).map(([name, [value, at, message]]) => [name, { value, at, messageId: text(message) }]),
    );
  const evidence = emptyEvidence();
  const keys: string[] = [];
  for (const [type, value, first, last, traits, consent, shared, retracted] of stored.n) {
    const key = nodeKey({ type, value });
    keys.push(key);
    evidence.nodes.set(key, {
      type,
      value,
      own: last === -1 && first === -1 ? undefined : { first, last },
      traits: facts(traits),
      consent: facts(consent),
      ...(retracted === undefined ? {} : { retracted }),
      ...(shared === 1 ? { shared: true } : {}),
    });
  }
  const end = (place: number | undefined): string => {
    const key = place !== undefined && place < 0 ? text(~place) : keys[place ?? -1];
    if (key === undefined) throw new Error("a component's link has no ends");
    return key;
  };
  for (const [from, to, kindPlace, at = 0, last = at, source, message, rule, score] of stored.e) {
    const kind = linkKinds[kindPlace ?? -1];
    if (kind === undefined) throw new Error("a component's link is of no kind");
    const edge: EvidenceEdge = {
      a: end(from),
      b: end(to),
      kind,
      at,
      last,
      sourceId: text(source),
      messageId: text(message),
      ...(rule === undefined ? {} : { rule: text(rule) }),
      ...(score === undefined ? {} : { score }),
    };
    evidence.edges.set(edgeKey(edge), edge);
  }
  return { evidence, profile: stored.p && { id: stored.p[0], version: stored.p[1] } };
}

const recordShape = z.object({
  s: z.string(),
  m: z.string(),
  t: z.number(),
  /** Keys of its other identifiers. */
  o: z.optional(z.array(z.string())),
  p: z.optional(z.array(z.string())),
  f: z.optional(z.record(z.string(), json)),
  c: z.optional(z.record(z.string(), z.boolean())),
});
const recordsShape = z.object({
  /** Key of the hub of all. */
  h: z.string(),
  r: z.array(recordShape),
});

/** The compact form of events in the evidence log. They have one hub. */
export function encodeRecords(hub: Identifier, records: readonly EventRecord[]): Uint8Array {
  return pack({
    h: nodeKey(hub),
    r: records.map(({ sourceId, messageId, at, others, previous, traits, consent }) => ({
      s: sourceId,
      m: messageId,
      t: at,
      ...(others.length === 0 ? {} : { o: others.map(nodeKey) }),
      ...(previous.length === 0 ? {} : { p: previous.map(nodeKey) }),
      ...(Object.keys(traits).length === 0 ? {} : { f: traits }),
      ...(Object.keys(consent).length === 0 ? {} : { c: consent }),
    })),
  });
}

/** Reads what `encodeRecords` wrote; throws where the bytes are something else. */
export function decodeRecords(bytes: Uint8Array): EventRecord[] {
  const { h, r } = recordsShape.parse(unpack(bytes));
  const hub = identifierOfKey(h);
  return r.map(({ s, m, t, o = [], p = [], f = {}, c = {} }) => ({
    sourceId: s,
    messageId: m,
    at: t,
    hub,
    others: o.map(identifierOfKey),
    previous: p.map(identifierOfKey),
    traits: f,
    consent: c,
  }));
}
