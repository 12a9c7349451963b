import { randomUUID } from "node:crypto";
import {
  type Cell,
  type Evidence,
  edgeKey,
  emptyEvidence,
  encodeComponent,
  type GraphNode,
  isEventLink,
  type Profile,
  profileIdOf,
  shortHash,
} from "@tributary/model";
import type { LiveComponent } from "@tributary/runtime";
import type { ComponentChange, ComponentPut, Pointer, ProfileRedirect } from "./graph";
import type { Draft, World } from "./world";

/** Identifier items rewritten for path compression in one transaction, at most. */
const maxCompressed = 10;

/** A component as it is to be: its identifiers, and the stored component that it continues. */
interface Part {
  readonly cell: Cell;
  readonly nodes: readonly GraphNode[];
  readonly base: LiveComponent | undefined;
  readonly id: string;
}

/** What committing a draft writes: the components with the profiles that they now come to, as far as they changed. */
export function changeOf(
  draft: Draft,
  world: World,
  itemKeyOf: (node: GraphNode) => string,
  receivedAt: string,
): ComponentChange {
  const parts = partsOf(draft, world, itemKeyOf);
  const puts: ComponentPut[] = [];
  const checks: { id: string; expected: number }[] = [];
  const profiles: Profile[] = [];
  const before = new Map(
    draft.bases.flatMap(({ component: { profile } }) => (profile ? [[profile.id, profile.version]] : [])),
  );
  /** Profile id by the component that holds it. */
  const after = new Map<Part, string>();
  for (const part of parts) {
    if (part.base && isUnchanged(part, world)) {
      checks.push({ id: part.id, expected: part.base.revision });
      const { profile } = part.base.component;
      if (profile) after.set(part, profile.id);
      continue;
    }
    const profile = world.profileOfNode(part.nodes[0] as GraphNode);
    if (profile) {
      after.set(part, profile.profileId);
      if (before.get(profile.profileId) !== profile.version) profiles.push(profile);
    }
    const written = profile && { id: profile.profileId, version: profile.version };
    const data = encodeComponent({ evidence: evidenceOf(part.nodes), profile: written });
    const detached = part.nodes.every((node) => world.baseOf(node) !== undefined) && part.base === undefined;
    puts.push({ id: part.id, expected: part.base?.revision, data, detached });
  }
  const gone = [...before.keys()].filter((id) => ![...after.values()].includes(id));
  return {
    puts,
    checks,
    merged: mergedBases(draft, parts),
    ...pointers(draft, parts, world, itemKeyOf),
    lostNeighbours: world.lostNeighbours
      .filter(({ shared, other }) => draft.nodes.includes(shared) || draft.nodes.includes(other))
      .map(({ shared, other }) => ({ key: itemKeyOf(shared), other })),
    profiles,
    ...successors(gone, draft, parts, after, receivedAt),
    indivisible: draft.items.size === 1,
  };
}

/** Each stored component goes on as the part that has most of its identifiers. */
function partsOf(draft: Draft, world: World, itemKeyOf: (node: GraphNode) => string): Part[] {
  const byCell = new Map<Cell, GraphNode[]>();
  for (const node of draft.nodes) {
    const nodes = byCell.get(node.cell);
    if (nodes) nodes.push(node);
    else byCell.set(node.cell, [node]);
  }
  const cells = [...byCell].map(([cell, nodes]) => {
    nodes.sort((a, b) => (a.key < b.key ? -1 : 1));
    return { cell, nodes };
  });
  cells.sort((x, y) => y.nodes.length - x.nodes.length || ((x.nodes[0]?.key ?? "") < (y.nodes[0]?.key ?? "") ? -1 : 1));
  const taken = new Set<LiveComponent>();
  return cells.map(({ cell, nodes }): Part => {
    const counts = new Map<LiveComponent, number>();
    for (const node of nodes) {
      const base = world.baseOf(node);
      if (base && !taken.has(base)) counts.set(base, (counts.get(base) ?? 0) + 1);
    }
    const [best] = [...counts].sort((x, y) => y[1] - x[1] || (x[0].id < y[0].id ? -1 : 1));
    const base = best?.[0];
    if (base) taken.add(base);
    return { cell, nodes, base, id: base?.id ?? newComponentId(nodes, world, itemKeyOf) };
  });
}

/**
 * After its first new identifier: two workers that meet the same strangers at once try to make the same item, and one
 * retries. What parts from a stored component has a name that nobody else makes, so that it can be written ahead.
 */
function newComponentId(nodes: readonly GraphNode[], world: World, itemKeyOf: (node: GraphNode) => string): string {
  const strangers = nodes.filter((node) => world.baseOf(node) === undefined).map(itemKeyOf);
  const [first] = strangers.sort();
  if (first !== undefined) return shortHash(first);
  return shortHash(randomUUID());
}

function isUnchanged({ nodes, base }: Part, world: World): boolean {
  return (
    nodes.length === base?.component.evidence.nodes.size &&
    nodes.every((node) => world.baseOf(node) === base && !world.isChanged(node))
  );
}

function evidenceOf(nodes: readonly GraphNode[]): Evidence {
  const evidence = emptyEvidence();
  for (const node of nodes) {
    evidence.nodes.set(node.key, node.evidence());
    for (const { edge } of node.incident.values()) {
      if (!node.shared || !isEventLink(edge)) evidence.edges.set(edgeKey(edge), edge);
    }
  }
  return evidence;
}

/** Stored components that go on as no part: they lead on to the part that has most of their identifiers. */
function mergedBases(draft: Draft, parts: readonly Part[]): ComponentChange["merged"] {
  return draft.bases
    .filter((base) => parts.every((part) => part.base !== base))
    .map((base) => ({ id: base.id, expected: base.revision, into: heirOf(base, parts)?.id ?? base.id }));
}

function heirOf(base: LiveComponent, parts: readonly Part[]): Part | undefined {
  const { nodes } = base.component.evidence;
  let heir: Part | undefined;
  let most = 0;
  for (const part of parts) {
    const count = part.nodes.filter((node) => nodes.has(node.key)).length;
    if (count > most) [heir, most] = [part, count];
  }
  return heir;
}

function pointers(
  draft: Draft,
  parts: readonly Part[],
  world: World,
  itemKeyOf: (node: GraphNode) => string,
): Pick<ComponentChange, "newIdentifiers" | "movedIdentifiers"> {
  const newIdentifiers: Pointer[] = [];
  const moved: Pointer[] = [];
  const stale: Pointer[] = [];
  /** Where each stored component leads when this is written. */
  const leads = new Map(
    draft.bases.map((base) => [base, parts.find((part) => part.base === base) ?? heirOf(base, parts)]),
  );
  for (const part of parts) {
    for (const node of part.nodes) {
      const pointer = world.pointerOf(node);
      const base = world.baseOf(node);
      const to = { key: itemKeyOf(node), component: part.id };
      if (pointer === undefined && base === undefined) newIdentifiers.push(to);
      else if (base && leads.get(base) !== part) moved.push(to);
      else if (pointer !== undefined && pointer !== base?.id) stale.push(to);
    }
  }
  return { newIdentifiers, movedIdentifiers: [...moved, ...stale.slice(0, maxCompressed)] };
}

/** A written id that is gone points to the profile of the identifier that it was made of; without one, to any heir. */
function successors(
  gone: readonly string[],
  draft: Draft,
  parts: readonly Part[],
  after: ReadonlyMap<Part, string>,
  at: string,
): { redirects: ProfileRedirect[]; deletedProfiles: string[] } {
  const redirects: ProfileRedirect[] = [];
  const deletedProfiles: string[] = [];
  if (gone.length === 0) return { redirects, deletedProfiles };
  const assignment = new Map(parts.flatMap((part) => part.nodes.map((node) => [node.key, after.get(part)] as const)));
  for (const profileId of gone) {
    const base = draft.bases.find(({ component }) => component.profile?.id === profileId);
    const members = [...(base?.component.evidence.nodes.keys() ?? [])].sort();
    const maker = members.find((key) => profileIdOf(key) === profileId);
    const heir = [...(maker === undefined ? [] : [maker]), ...members].find((key) => assignment.get(key) !== undefined);
    const redirectTo = heir === undefined ? undefined : assignment.get(heir);
    if (redirectTo === undefined) deletedProfiles.push(profileId);
    else redirects.push({ profileId, redirectTo, at, reason: "merged" });
  }
  return { redirects, deletedProfiles };
}
