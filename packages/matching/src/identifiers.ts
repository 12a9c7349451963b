import type { DuckDBVector } from "@duckdb/node-api";
import {
  compareText,
  compileRules,
  type Evidence,
  type EvidenceNode,
  edgeKey,
  emptyEvidence,
  type Identifier,
  type IdentityRules,
  nodeKey,
  resolve,
  toIdentifier,
} from "@tributary/model";
import type { Links } from "./cluster/links";
import { UnionFind } from "./cluster/union-find";
import { MatchingError } from "./faults";
import type { ComparedValue } from "./rules/values";
import type { Session } from "./session";

/** The type of the identifier that a record without any of its own is: itself. */
export const recordIdentifierType = "record";

/** The identifiers of all records: numbers into `all`, the strongest of each record first. */
export interface RecordIdentifiers {
  readonly all: readonly Identifier[];
  /** `width` places a record; −1 where there is no more. */
  readonly of: Int32Array;
  readonly width: number;
}

/**
 * Reads the columns that hold identifiers as the graph would take them from an event: normalised by the identity rules,
 * blocked values left out, the strongest first. Each distinct identifier is held in memory.
 */
export async function readIdentifiers(
  session: Session,
  values: readonly ComparedValue[],
  identity: IdentityRules,
  records: number,
): Promise<RecordIdentifiers> {
  const compiled = compileRules(identity);
  const columns = values
    .flatMap((value) => {
      if (value.identifier === undefined) return [];
      const rule = compiled.byType.get(value.identifier);
      if (rule) return [{ raw: value.raw, rule }];
      throw new MatchingError(
        `${value.name} is to hold identifiers of type ${JSON.stringify(value.identifier)}, which the identity rules do not know. They have: ${compiled.ordered.map(({ type }) => type).join(", ")}.`,
      );
    })
    .sort((a, b) => a.rule.rank - b.rule.rank);
  const width = columns.length;
  const of = new Int32Array(records * width).fill(-1);
  const all: Identifier[] = [];
  const numbers = new Map<string, number>();
  const known = columns.map(() => new Map<string, number>());
  const numberOf = (column: number, text: string): number => {
    const seen = known[column]?.get(text);
    if (seen !== undefined) return seen;
    const rule = columns[column]?.rule;
    const identifier = rule && toIdentifier(identity, rule, text);
    let number = -1;
    if (identifier) {
      const key = nodeKey(identifier);
      number = numbers.get(key) ?? all.push(identifier) - 1;
      numbers.set(key, number);
    }
    known[column]?.set(text, number);
    return number;
  };
  const list = ["rowid::INTEGER", ...columns.map(({ raw }) => raw)].join(", ");
  await session.stream(`select ${list} from source`, (chunk) => {
    const { items: rows } = chunk.getColumnVector(0) as unknown as { items: Int32Array };
    const vectors = columns.map((_, index) => chunk.getColumnVector(index + 1) as DuckDBVector);
    for (let index = 0; index < chunk.rowCount; index++) {
      const own: number[] = [];
      for (const [column, vector] of vectors.entries()) {
        const text = vector.getItem(index) as string | null;
        const number = text === null ? -1 : numberOf(column, text);
        if (number >= 0 && !own.includes(number)) own.push(number);
      }
      own.sort((a, b) => byStrength(all[a] as Identifier, all[b] as Identifier));
      of.set(own, (rows[index] as number) * width);
    }
  });
  return { all, of, width };

  function byStrength(a: Identifier, b: Identifier): number {
    const ranks = [a, b].map(({ type }) => compiled.byType.get(type)?.rank ?? 0) as [number, number];
    return ranks[0] - ranks[1] || compareText(a.value, b.value);
  }
}

/** A link between two identifiers, as the graph's importer reads it. */
export interface IdentifierLink {
  readonly a: Identifier;
  readonly b: Identifier;
  readonly tier: number;
  readonly weight: number;
}

export interface ByIdentifiers {
  /** Per record: the first record of its profile. */
  readonly root: Int32Array;
  /** Profile ids by first record; of the others, the least record id gives it. */
  readonly profileIds: ReadonlyMap<number, string>;
  readonly links: readonly IdentifierLink[];
}

/**
 * The profiles that the graph would make of the same records: each record an event at time 0 that names its identifiers,
 * and the links of matching between the strongest identifiers of two records. Resolved by the graph's own `resolve`.
 *
 * @param tree - links that hold the records' clusters together, the strongest first
 */
export function resolveIdentifiers(
  identifiers: RecordIdentifiers,
  tree: Links,
  records: number,
  identity: IdentityRules,
  ruleName: (tier: number) => string,
): ByIdentifiers {
  const { all, of, width } = identifiers;
  const links = hubLinks(identifiers, tree, records);
  const keys = all.map(nodeKey);
  const sets = new UnionFind(all.length);
  for (let row = 0; row < records; row++) {
    for (let at = 1; at < width && (of[row * width + at] as number) >= 0; at++) {
      sets.unite(of[row * width] as number, of[row * width + at] as number);
    }
  }
  for (const { a, b } of links.hubs) sets.unite(a, b);
  const evidence = new Map<number, Evidence>();
  const evidenceOf = (node: number): Evidence => {
    const root = sets.find(node);
    const known = evidence.get(root);
    if (known) return known;
    const fresh = emptyEvidence();
    evidence.set(root, fresh);
    return fresh;
  };
  for (let row = 0; row < records; row++) {
    const hub = width === 0 ? -1 : (of[row * width] as number);
    if (hub < 0) continue;
    const into = evidenceOf(hub);
    addNode(into, keys[hub] as string, all[hub] as Identifier, true);
    for (let at = 1; at < width && (of[row * width + at] as number) >= 0; at++) {
      const other = of[row * width + at] as number;
      addNode(into, keys[other] as string, all[other] as Identifier, false);
      addEdge(into, keys[hub] as string, keys[other] as string, { kind: "same-event" });
    }
  }
  for (const { a, b, tier, weight } of links.hubs) {
    const score = weight === 0 ? {} : { score: weight };
    addEdge(evidenceOf(a), keys[a] as string, keys[b] as string, { kind: "match", rule: ruleName(tier), ...score });
  }
  const assigned = new Array<string | undefined>(all.length);
  const assignment = new Map<string, string>();
  for (const one of evidence.values()) {
    for (const [key, profileId] of resolve(one, identity).assignment) assignment.set(key, profileId);
  }
  for (const [node, key] of keys.entries()) assigned[node] = assignment.get(key);

  const root = new Int32Array(records);
  const profileIds = new Map<number, string>();
  const firstOf = new Map<string, number>();
  for (let row = 0; row < records; row++) {
    const profileId = profileOfRow(row);
    if (profileId === undefined) {
      root[row] = links.alone.find(row);
      continue;
    }
    const first = firstOf.get(profileId) ?? row;
    firstOf.set(profileId, first);
    profileIds.set(first, profileId);
    root[row] = first;
  }
  return {
    root,
    profileIds,
    links: links.hubs.map((link) => ({ ...link, a: all[link.a], b: all[link.b] })) as IdentifierLink[],
  };

  /** By the strongest of its identifiers that belongs to somebody; without any, by the record that matching tied it to. */
  function profileOfRow(row: number): string | undefined {
    for (let at = 0; at < width; at++) {
      const node = of[row * width + at] as number;
      if (node < 0) break;
      if (assigned[node] !== undefined) return assigned[node];
    }
    const adopted = links.adopted[row] as number;
    return adopted < 0 ? undefined : assigned[adopted];
  }
}

interface HubLink {
  readonly a: number;
  readonly b: number;
  readonly tier: number;
  readonly weight: number;
}

/**
 * The tree's links as links between the records' strongest identifiers. Records without one are passed over: what they tie
 * together is tied directly, and they themselves go with the nearest that has one.
 */
function hubLinks(
  { of, width }: RecordIdentifiers,
  tree: Links,
  records: number,
): { hubs: HubLink[]; adopted: Int32Array; alone: UnionFind } {
  const hubOf = (row: number): number => (width === 0 ? -1 : (of[row * width] as number));
  const sets = new UnionFind(records);
  /** Per root: an identifier of the cluster, −1 where it has none yet. */
  const hub = new Int32Array(records).map((_, row) => hubOf(row));
  const without = new Map<number, number[]>();
  for (let row = 0; row < records; row++) if (hub[row] === -1) without.set(row, [row]);
  const adopted = new Int32Array(records).fill(-1);
  const alone = new UnionFind(records);
  const hubs: HubLink[] = [];
  for (let link = 0; link < tree.length; link++) {
    const a = tree.a[link] as number;
    const b = tree.b[link] as number;
    const x = sets.find(a);
    const y = sets.find(b);
    if (x === y) continue;
    const left = hubOf(a) >= 0 ? hubOf(a) : (hub[x] as number);
    const right = hubOf(b) >= 0 ? hubOf(b) : (hub[y] as number);
    if (left >= 0 && right >= 0 && left !== right) {
      hubs.push({ a: left, b: right, tier: tree.tier[link] as number, weight: tree.weight[link] as number });
    }
    const orphans = [...(without.get(x) ?? []), ...(without.get(y) ?? [])];
    without.delete(x);
    without.delete(y);
    sets.unite(x, y);
    const root = sets.find(x);
    hub[root] = left >= 0 ? left : right;
    if ((hub[root] as number) >= 0) for (const row of orphans) adopted[row] = hub[root] as number;
    else {
      without.set(root, orphans);
      alone.unite(a, b);
    }
  }
  return { hubs, adopted, alone };
}

function addNode(into: Evidence, key: string, { type, value }: Identifier, own: boolean): void {
  const known = into.nodes.get(key);
  if (known && (known.own || !own)) return;
  const node: EvidenceNode = {
    type,
    value,
    own: own ? { first: 0, last: 0 } : undefined,
    traits: new Map(),
    consent: new Map(),
  };
  into.nodes.set(key, node);
}

function addEdge(
  into: Evidence,
  x: string,
  y: string,
  why: { readonly kind: "same-event" | "match"; readonly rule?: string; readonly score?: number },
): void {
  if (x === y) return;
  const [a, b] = compareText(x, y) < 0 ? [x, y] : [y, x];
  const edge = { a, b, at: 0, last: 0, sourceId: "", messageId: "", ...why };
  into.edges.set(edgeKey(edge), edge);
}
