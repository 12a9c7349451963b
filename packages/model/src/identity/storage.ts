import { deflateRawSync, inflateRawSync } from "node:zlib";
import * as z from "zod/mini";
import { shortHash } from "../canonical";
import type { Json } from "../json";
import {
  type Evidence,
  type EvidenceEdge,
  type EvidenceNode,
  edgeKey,
  emptyEvidence,
  type Fact,
  type LinkRule,
} from "./evidence";
import { compareText, type Identifier, nodeKey } from "./identifiers";

/** Name of the graph table's key attribute. */
export const graphKeyAttribute = "key";

/** Key of the item that says which component an identifier is in. The value is hashed: keys appear in logs and metrics. */
export function identifierItemKey(identifier: Identifier): string {
  return `ID#${identifier.type}#${shortHash(identifier.value, 64)}`;
}

export function componentItemKey(componentId: string): string {
  return `COMP#${componentId}`;
}

/** What the resolver last wrote for a component: the profiles with their versions, and whose each identifier is. */
export interface WrittenProfiles {
  /** Version by profile id. */
  readonly versions: ReadonlyMap<string, string>;
  /** Profile id by node key. */
  readonly assignment: ReadonlyMap<string, string>;
}

export interface StoredComponent {
  readonly evidence: Evidence;
  readonly written: WrittenProfiles;
}

export const nothingWritten: WrittenProfiles = { versions: new Map(), assignment: new Map() };

const linkRules: readonly LinkRule[] = ["same-event", "alias"];
const json: z.ZodMiniType<Json> = z.unknown() as z.ZodMiniType<Json>;
/** name → [value, time, index of the message id] */
const factsShape = z.record(z.string(), z.tuple([json, z.number(), z.number()]));
const storedShape = z.object({
  /** Texts that repeat: message ids and source ids. */
  s: z.array(z.string()),
  /** [type, value, first seen, last seen, hinted, traits, consent, index of the profile or -1] */
  n: z.array(z.tuple([z.string(), z.string(), z.number(), z.number(), z.number(), factsShape, factsShape, z.number()])),
  /** [index of a, index of b, index of the rule, time, source, message] */
  e: z.array(z.tuple([z.number(), z.number(), z.number(), z.number(), z.number(), z.number()])),
  /** [profile id, version] */
  p: z.array(z.tuple([z.string(), z.string()])),
});
type Stored = z.infer<typeof storedShape>;

/** Above this many characters the text is worth compressing. */
const compressAbove = 2_048;

/**
 * The compact form of a component, the same bytes for the same content: JSON text, deflated where long (first byte 1;
 * 0 for plain).
 */
export function encodeComponent(component: StoredComponent): Uint8Array {
  const texts: string[] = [];
  const textIndex = new Map<string, number>();
  const text = (value: string): number => {
    const known = textIndex.get(value);
    if (known !== undefined) return known;
    textIndex.set(value, texts.length);
    return texts.push(value) - 1;
  };
  const facts = (map: ReadonlyMap<string, Fact>): Stored["n"][number][5] => {
    if (map.size === 0) return {};
    const sorted = [...map].sort((a, b) => compareText(a[0], b[0]));
    return Object.fromEntries(sorted.map(([name, fact]) => [name, [fact.value, fact.at, text(fact.messageId)]]));
  };
  const { evidence, written } = component;
  const profileIds = [...written.versions].sort((a, b) => compareText(a[0], b[0]));
  const profileIndex = new Map(profileIds.map(([id], index) => [id, index]));
  const keys = [...evidence.nodes.keys()].sort();
  const nodeIndex = new Map(keys.map((key, index) => [key, index]));
  const nodes: Stored["n"] = [];
  for (const key of keys) {
    const node = evidence.nodes.get(key) as EvidenceNode;
    const profile = profileIndex.get(written.assignment.get(key) ?? "") ?? -1;
    const { type, value, firstSeen, lastSeen, hinted } = node;
    nodes.push([type, value, firstSeen, lastSeen, hinted ? 1 : 0, facts(node.traits), facts(node.consent), profile]);
  }
  const edges: Stored["e"] = [];
  for (const key of [...evidence.edges.keys()].sort()) {
    const edge = evidence.edges.get(key) as EvidenceEdge;
    const ends = [nodeIndex.get(edge.a) ?? -1, nodeIndex.get(edge.b) ?? -1] as const;
    edges.push([...ends, linkRules.indexOf(edge.rule), edge.at, text(edge.sourceId), text(edge.messageId)]);
  }
  const content = Buffer.from(JSON.stringify({ s: texts, n: nodes, e: edges, p: profileIds } satisfies Stored));
  const compress = content.length > compressAbove;
  return Buffer.concat([Buffer.from([compress ? 1 : 0]), compress ? deflateRawSync(content) : content]);
}

/** Reads what `encodeComponent` wrote; throws where the bytes are something else. */
export function decodeComponent(bytes: Uint8Array): StoredComponent {
  const body = bytes.subarray(1);
  const content = bytes[0] === 1 ? inflateRawSync(body) : body;
  const stored = storedShape.parse(JSON.parse(Buffer.from(content).toString("utf8")));
  const text = (index: number): string => {
    const found = stored.s[index];
    if (found === undefined) throw new Error(`a component's text ${index} is missing`);
    return found;
  };
  const facts = (record: Stored["n"][number][5]): ReadonlyMap<string, Fact> =>
    new Map(
      Object.entries(record).map(([name, [value, at, message]]) => [name, { value, at, messageId: text(message) }]),
    );
  const evidence = emptyEvidence();
  const assignment = new Map<string, string>();
  const keys: string[] = [];
  for (const [type, value, firstSeen, lastSeen, hinted, traits, consent, profile] of stored.n) {
    const key = nodeKey({ type, value });
    keys.push(key);
    evidence.nodes.set(key, {
      type,
      value,
      firstSeen,
      lastSeen,
      hinted: hinted === 1,
      traits: facts(traits),
      consent: facts(consent),
    });
    const owner = stored.p[profile];
    if (owner) assignment.set(key, owner[0]);
  }
  for (const [from, to, rule, at, source, message] of stored.e) {
    const a = keys[from];
    const b = keys[to];
    const link = linkRules[rule];
    if (a === undefined || b === undefined || link === undefined) throw new Error("a component's link has no ends");
    const edge: EvidenceEdge = { a, b, rule: link, at, sourceId: text(source), messageId: text(message) };
    evidence.edges.set(edgeKey(edge), edge);
  }
  return { evidence, written: { versions: new Map(stored.p), assignment } };
}
