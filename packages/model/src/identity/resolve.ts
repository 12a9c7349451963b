import type { Profile } from "../profile";
import { type Apart, Clusters } from "./clusters";
import type { Evidence, EvidenceEdge } from "./evidence";
import { profileOf } from "./golden-record";
import { blockedReason, type CompiledRules, compareText, compileRules, identifierOfKey } from "./identifiers";
import { compareLinks, connects, type OrderedLink, orderedLink } from "./link-order";
import type { Member, SeenNode } from "./member";
import type { IdentityRules } from "./rules";
import { countsAsLink, sharedReason, strongerRank } from "./sharing";

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

/** What a set of evidence comes to. */
export interface Resolution {
  /** In order of their ids. */
  readonly profiles: readonly Profile[];
  /** Profile id by node key. Suppressed identifiers, and such as no event named, have none. */
  readonly assignment: ReadonlyMap<string, string>;
  /** The links that hold the profiles together: a spanning tree of each. */
  readonly kept: readonly EvidenceEdge[];
  readonly cut: readonly CutEdge[];
  readonly suppressed: readonly SuppressedIdentifier[];
}

/**
 * The profiles of a set of evidence: a pure function of the set.
 *
 * 1. Identifiers that the rules block, that are shared by too many, or that no event named take no part.
 * 2. Links are put in one total order: `orderedLink`.
 * 3. Each link in turn unites two clusters, unless a constraint forbids it: `Clusters`.
 * 4. A profile's id is the hash of its first identifier: the least (first seen, key).
 *
 * Cost O(m log m) in the number of links. After facts/identity.md 2.1. Links that lead out of the set are left out; where
 * the set is a component as stored, or several, the result is theirs among all evidence: see `IdentityGraph`.
 */
export function resolve(evidence: Evidence, rules: IdentityRules): Resolution {
  const compiled = compileRules(rules);
  const suppressed: SuppressedIdentifier[] = [];
  const members = takePart(evidence, compiled, suppressed);
  const placeOf = new Map(members.map((member, place) => [member.key, place]));
  const links: OrderedLink[] = [];
  const apart: Apart[] = [];
  for (const edge of evidence.edges.values()) {
    const a = placeOf.get(edge.a);
    const b = placeOf.get(edge.b);
    if (a === undefined || b === undefined) continue;
    if (edge.kind === "cannot-link") apart.push([a, b]);
    else if (connects(edge.kind)) links.push(orderedLink(edge, a, b, members[a]?.rank ?? 0, members[b]?.rank ?? 0));
  }
  links.sort(compareLinks);
  const clusters = new Clusters(members, compiled, apart);
  const kept: EvidenceEdge[] = [];
  const cut: CutEdge[] = [];
  for (const link of links) {
    if (clusters.find(link.a) === clusters.find(link.b)) continue;
    const reason = clusters.unite(link.a, link.b, link.edge.kind);
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

interface Sightings {
  first: number;
  last: number;
  /** Counts of `LinkCounts`. */
  readonly stronger: number[];
  links: number;
}

/** When each identifier was seen, and how many it is linked with; those that no event named are left out. */
function sightings(evidence: Evidence, rules: CompiledRules): Map<string, Sightings> {
  const found = new Map<string, Sightings>();
  const of = (key: string): Sightings => {
    const known = found.get(key);
    if (known) return known;
    const fresh = { first: Number.POSITIVE_INFINITY, last: Number.NEGATIVE_INFINITY, stronger: [], links: 0 };
    found.set(key, fresh);
    return fresh;
  };
  const see = (seen: Sightings, first: number, last: number): void => {
    seen.first = Math.min(seen.first, first);
    seen.last = Math.max(seen.last, last);
  };
  for (const [key, { own }] of evidence.nodes) if (own) see(of(key), own.first, own.last);
  for (const edge of evidence.edges.values()) {
    if (!countsAsLink(edge.kind)) continue;
    for (const [key, other] of [
      [edge.a, edge.b],
      [edge.b, edge.a],
    ] as const) {
      const node = evidence.nodes.get(key);
      if (!node) continue;
      const seen = of(key);
      seen.links++;
      if (edge.kind !== "same-event") continue;
      see(seen, edge.at, edge.last);
      const rank = strongerRank(rules.byType.get(node.type), identifierOfKey(other), rules);
      if (rank !== undefined) seen.stronger[rank] = (seen.stronger[rank] ?? 0) + 1;
    }
  }
  return found;
}

function takePart(evidence: Evidence, rules: CompiledRules, suppressed: SuppressedIdentifier[]): Member[] {
  const members: Member[] = [];
  const seen = sightings(evidence, rules);
  for (const key of [...evidence.nodes.keys()].sort()) {
    const node = evidence.nodes.get(key);
    const times = seen.get(key);
    if (!node) continue;
    const rule = rules.byType.get(node.type);
    if (!rule) suppressed.push({ key, reason: `no rule names the type ${node.type}` });
    else if (node.shared && !(times && sharedReason(rule, times, rules))) {
      suppressed.push({ key, reason: "shared: linked with too many" });
    } else if (times && times.first !== Number.POSITIVE_INFINITY) {
      const reason = blockedReason(rule, node.value) ?? sharedReason(rule, times, rules);
      if (reason !== undefined) suppressed.push({ key, reason });
      else members.push({ key, node: seenNode(node, times.first, times.last), rank: rule.rank });
    }
  }
  return members;
}

/** A node with the times at which it was seen. */
export function seenNode(
  { type, value, traits, consent }: Pick<SeenNode, "type" | "value" | "traits" | "consent">,
  firstSeen: number,
  lastSeen: number,
): SeenNode {
  return { type, value, firstSeen, lastSeen, traits, consent };
}
