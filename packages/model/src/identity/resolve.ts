import type { Profile } from "../profile";
import { Clusters } from "./clusters";
import type { Evidence, EvidenceEdge, EvidenceNode } from "./evidence";
import { profileOf } from "./golden-record";
import { blockedReason, type CompiledRules, compareText, compileRules } from "./identifiers";
import type { Member } from "./member";
import type { IdentityRules } from "./rules";

/** A link that the rules did not let hold. */
export interface CutEdge extends EvidenceEdge {
  /** For people: what would have been wrong, such as `a profile has at most 1 user_id`. */
  readonly reason: string;
}

/** An identifier that belongs to nobody under the rules. */
export interface SuppressedIdentifier {
  readonly key: string;
  readonly reason: string;
}

/** What a component's evidence comes to. */
export interface Resolution {
  /** In order of their ids. */
  readonly profiles: readonly Profile[];
  /** Profile id by node key. Suppressed and merely hinted identifiers have none. */
  readonly assignment: ReadonlyMap<string, string>;
  /** The links that hold the profiles together: a spanning tree of each. */
  readonly kept: readonly EvidenceEdge[];
  readonly cut: readonly CutEdge[];
  readonly suppressed: readonly SuppressedIdentifier[];
}

/**
 * The profiles of a component of evidence: a pure function of the set of evidence.
 *
 * 1. Identifiers that the rules block, that are shared by too many, or that nobody has seen take no part.
 * 2. Links are put in one total order: by strength (an `alias` first, then by the weaker end's type, then by the
 *    stronger's), by time, by key.
 * 3. Each link in turn unites two clusters, unless the united one would hold more values of a type than its limit.
 * 4. A profile's id is the hash of its first identifier: the least (first seen, key).
 *
 * Cost O(m log m) in the number of links. After facts/identity.md 2.1.
 */
export function resolve(evidence: Evidence, rules: IdentityRules): Resolution {
  const compiled = compileRules(rules);
  const suppressed: SuppressedIdentifier[] = [];
  const members = takePart(evidence, compiled, suppressed);
  const indexByKey = new Map(members.map((member, index) => [member.key, index]));
  const clusters = new Clusters(members, compiled);
  const kept: EvidenceEdge[] = [];
  const cut: CutEdge[] = [];

  for (const link of orderedLinks(evidence, members, indexByKey)) {
    if (clusters.find(link.a) === clusters.find(link.b)) continue;
    const reason = clusters.unite(link.a, link.b, link.edge.rule === "alias");
    if (reason === undefined) kept.push(link.edge);
    else cut.push({ ...link.edge, reason });
  }

  const profiles: Profile[] = [];
  const assignment = new Map<string, string>();
  for (const group of clusters.groups()) {
    const profile = profileOf(group, rules);
    profiles.push(profile);
    for (const member of group) assignment.set(member.key, profile.profileId);
  }
  profiles.sort((a, b) => compareText(a.profileId, b.profileId));
  return { profiles, assignment, kept, cut, suppressed };
}

function takePart(evidence: Evidence, rules: CompiledRules, suppressed: SuppressedIdentifier[]): Member[] {
  const members: Member[] = [];
  const shared = sharedIdentifiers(evidence, rules);
  for (const key of [...evidence.nodes.keys()].sort()) {
    const node = evidence.nodes.get(key);
    if (!node || node.hinted) continue;
    const rule = rules.byType.get(node.type);
    const reason = rule ? (blockedReason(rule, node.value) ?? shared.get(key)) : `no rule names the type ${node.type}`;
    if (!rule || reason !== undefined) suppressed.push({ key, reason: reason ?? "blocked" });
    else members.push({ key, node, rank: rule.rank });
  }
  return members;
}

/** Identifiers linked with more values of one stronger type than their rule's `sharedAbove`, with the reason. */
function sharedIdentifiers(evidence: Evidence, rules: CompiledRules): ReadonlyMap<string, string> {
  const shared = new Map<string, string>();
  const strongerNeighbours = new Map<string, Map<string, number>>();
  const count = (from: EvidenceNode | undefined, key: string, to: EvidenceNode | undefined): void => {
    if (!from || !to || from.hinted || to.hinted) return;
    const rule = rules.byType.get(from.type);
    const other = rules.byType.get(to.type);
    if (rule?.sharedAbove === undefined || !other || other.rank >= rule.rank) return;
    if (blockedReason(other, to.value) !== undefined) return;
    const counts = strongerNeighbours.get(key) ?? new Map<string, number>();
    strongerNeighbours.set(key, counts);
    const total = (counts.get(to.type) ?? 0) + 1;
    counts.set(to.type, total);
    if (total > rule.sharedAbove && !shared.has(key)) {
      shared.set(key, `shared: linked with more than ${rule.sharedAbove} values of ${to.type}`);
    }
  };
  // A component without a value of that many links needs no counting: most have a handful.
  const least = Math.min(...rules.ordered.map((rule) => rule.sharedAbove ?? Number.POSITIVE_INFINITY));
  if (evidence.edges.size <= least) return shared;
  for (const edge of evidence.edges.values()) {
    if (edge.rule !== "same-event") continue;
    const a = evidence.nodes.get(edge.a);
    const b = evidence.nodes.get(edge.b);
    count(a, edge.a, b);
    count(b, edge.b, a);
  }
  return shared;
}

interface Link {
  readonly edge: EvidenceEdge;
  readonly a: number;
  readonly b: number;
  readonly weaker: number;
  readonly stronger: number;
  readonly key: string;
}

function orderedLinks(
  evidence: Evidence,
  members: readonly Member[],
  indexByKey: ReadonlyMap<string, number>,
): readonly Link[] {
  const links: Link[] = [];
  for (const [key, edge] of evidence.edges) {
    const a = indexByKey.get(edge.a);
    const b = indexByKey.get(edge.b);
    if (a === undefined || b === undefined) continue;
    const ranks = [members[a]?.rank ?? 0, members[b]?.rank ?? 0] as const;
    const alias = edge.rule === "alias";
    links.push({ edge, a, b, key, weaker: alias ? -1 : Math.max(...ranks), stronger: alias ? -1 : Math.min(...ranks) });
  }
  return links.sort(
    (x, y) => x.weaker - y.weaker || x.stronger - y.stronger || x.edge.at - y.edge.at || compareText(x.key, y.key),
  );
}
