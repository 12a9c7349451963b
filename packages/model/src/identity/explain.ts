import type { Evidence, EvidenceEdge } from "./evidence";
import { type CutEdge, type Resolution, resolve } from "./resolve";
import type { IdentityRules } from "./rules";

/** One link on the way from one identifier to another. */
export interface EvidenceStep {
  readonly from: string;
  readonly to: string;
  readonly rule: EvidenceEdge["rule"];
  /** ISO 8601: the earliest event that gave the link. */
  readonly at: string;
  readonly sourceId: string;
  readonly messageId: string;
  /** Why the link does not hold; undefined where it does. */
  readonly cut?: string;
}

/** Why two identifiers are one person's, or are not. */
export interface Explanation {
  readonly a: string;
  readonly b: string;
  readonly samePerson: boolean;
  /** The profile each belongs to; null where it belongs to none. */
  readonly profileIds: readonly [string | null, string | null];
  /**
   * The way from `a` to `b`. For one person's identifiers every link holds. Otherwise the way with the fewest cut links,
   * each with its reason; empty where no evidence connects them.
   */
  readonly path: readonly EvidenceStep[];
  /** In a sentence, for people. */
  readonly summary: string;
}

/** Explains what the evidence says of two node keys (`<type>:<value>`). */
export function explain(
  evidence: Evidence,
  rules: IdentityRules,
  a: string,
  b: string,
  resolution: Resolution = resolve(evidence, rules),
): Explanation {
  const profileA = resolution.assignment.get(a) ?? null;
  const profileB = resolution.assignment.get(b) ?? null;
  const samePerson = profileA !== null && profileA === profileB;
  const path = wayBetween(
    samePerson ? [] : [...resolution.cut, ...unheld(evidence, resolution)],
    resolution.kept,
    a,
    b,
  );
  return {
    a,
    b,
    samePerson,
    profileIds: [profileA, profileB],
    path,
    summary: summarise(evidence, resolution, a, b, samePerson, path),
  };
}

/** Links to identifiers that take no part, with the reason of those. */
function unheld(evidence: Evidence, resolution: Resolution): CutEdge[] {
  const reasons = new Map(resolution.suppressed.map(({ key, reason }) => [key, `${key} belongs to nobody: ${reason}`]));
  const found: CutEdge[] = [];
  for (const edge of evidence.edges.values()) {
    const reason = reasons.get(edge.a) ?? reasons.get(edge.b);
    if (reason !== undefined) found.push({ ...edge, reason });
  }
  return found;
}

/** The way with the fewest cut links: a breadth-first search that takes links that hold at no cost (0–1 search). */
function wayBetween(cut: readonly CutEdge[], kept: readonly EvidenceEdge[], from: string, to: string): EvidenceStep[] {
  const neighbours = new Map<string, { edge: EvidenceEdge; cost: number; reason?: string }[]>();
  const add = (edge: EvidenceEdge, cost: number, reason?: string): void => {
    for (const key of [edge.a, edge.b]) {
      const list = neighbours.get(key) ?? [];
      neighbours.set(key, list);
      list.push({ edge, cost, ...(reason === undefined ? {} : { reason }) });
    }
  };
  for (const edge of kept) add(edge, 0);
  for (const edge of cut) add(edge, 1, edge.reason);

  const cost = new Map([[from, 0]]);
  const cameBy = new Map<string, EvidenceStep>();
  const queue = [from];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const next of neighbours.get(at) ?? []) {
      const other = next.edge.a === at ? next.edge.b : next.edge.a;
      const total = (cost.get(at) ?? 0) + next.cost;
      if (total >= (cost.get(other) ?? Number.POSITIVE_INFINITY)) continue;
      cost.set(other, total);
      cameBy.set(other, stepOf(next.edge, at, other, next.reason));
      if (next.cost === 0) queue.unshift(other);
      else queue.push(other);
    }
  }
  const path: EvidenceStep[] = [];
  for (let step = cameBy.get(to); step !== undefined && to !== from; step = cameBy.get(step.from)) {
    path.unshift(step);
    if (step.from === from) break;
  }
  return path;
}

function stepOf(edge: EvidenceEdge, from: string, to: string, reason: string | undefined): EvidenceStep {
  return {
    from,
    to,
    rule: edge.rule,
    at: new Date(edge.at).toISOString(),
    sourceId: edge.sourceId,
    messageId: edge.messageId,
    ...(reason === undefined ? {} : { cut: reason }),
  };
}

function summarise(
  evidence: Evidence,
  resolution: Resolution,
  a: string,
  b: string,
  samePerson: boolean,
  path: readonly EvidenceStep[],
): string {
  for (const key of [a, b]) {
    if (!evidence.nodes.has(key)) return `${key} is not in the evidence.`;
    const suppressed = resolution.suppressed.find((item) => item.key === key);
    if (suppressed) return `${key} belongs to nobody: ${suppressed.reason}.`;
  }
  if (a === b) return "They are the same identifier.";
  if (samePerson) return `One person: ${path.length} link${path.length === 1 ? "" : "s"} connect them.`;
  if (path.length === 0) return "Two people: no evidence connects them.";
  return `Two people: ${path
    .filter((step) => step.cut)
    .map((step) => step.cut)
    .join("; ")}.`;
}
