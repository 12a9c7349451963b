import type { Evidence, EvidenceEdge, LinkKind } from "./evidence";
import { connects } from "./link-order";
import { type CutEdge, type Resolution, resolve } from "./resolve";
import type { IdentityRules } from "./rules";

/** One link on the way from one identifier to another. */
export interface EvidenceStep {
  readonly from: string;
  readonly to: string;
  readonly kind: LinkKind;
  /** Name of the match rule; only of a match. */
  readonly rule?: string;
  /** Match weight, log2 of the odds; only of a match. */
  readonly score?: number;
  /** ISO 8601: the earliest event, the first run that found the match, the steward's action. */
  readonly at: string;
  /** Source of the event, name of the matching job, or who the steward is. */
  readonly sourceId: string;
  /** Of the event, or of the steward's action; empty for a match. */
  readonly messageId: string;
  /** Why the link does not hold; undefined where it does. */
  readonly cut?: string;
}

/** What keeps two identifiers from being one person's. */
export interface KeptApart {
  /** `cut`: a link that a constraint refused. `steward`: a `cannot-link`. `shared`: the way leads over, or to, what belongs to nobody. */
  readonly by: "cut" | "steward" | "shared" | "unknown-identifier" | "no-evidence";
  /** For people. */
  readonly reason: string;
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
  /** Empty for one person's identifiers. */
  readonly apart: readonly KeptApart[];
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
  const detours = samePerson ? [] : [...resolution.cut, ...unheld(evidence, resolution)];
  const path = wayBetween(detours, resolution.kept, a, b);
  const apart = samePerson || a === b ? [] : keptApart(evidence, resolution, a, b, path);
  const summary = summarise(a, b, samePerson, path, apart);
  return { a, b, samePerson, profileIds: [profileA, profileB], path, apart, summary };
}

function keptApart(
  evidence: Evidence,
  { suppressed, assignment }: Resolution,
  a: string,
  b: string,
  path: readonly EvidenceStep[],
): KeptApart[] {
  const unknown = [a, b].filter((key) => !evidence.nodes.has(key));
  if (unknown.length > 0) {
    return unknown.map((key) => ({ by: "unknown-identifier", reason: `${key} is not in the evidence` }));
  }
  const apart: KeptApart[] = [];
  const profiles = [a, b].map((key) => assignment.get(key) ?? key);
  for (const edge of evidence.edges.values()) {
    if (edge.kind !== "cannot-link") continue;
    const ends = [edge.a, edge.b].map((key) => assignment.get(key) ?? key);
    if (!profiles.every((profile) => ends.includes(profile))) continue;
    const at = new Date(edge.at).toISOString();
    apart.push({ by: "steward", reason: `${edge.sourceId} keeps ${edge.a} and ${edge.b} apart since ${at}` });
  }
  for (const { key, reason } of suppressed) {
    if (key === a || key === b) apart.push({ by: "shared", reason: `${key} belongs to nobody: ${reason}` });
  }
  for (const { cut } of path) {
    if (cut !== undefined && apart.every(({ reason }) => reason !== cut)) {
      apart.push({ by: cut.includes(" belongs to nobody: ") ? "shared" : "cut", reason: cut });
    }
  }
  return apart.length > 0 ? apart : [{ by: "no-evidence", reason: "no evidence connects them" }];
}

/** Links to identifiers that take no part, with the reason of those. */
function unheld(evidence: Evidence, resolution: Resolution): CutEdge[] {
  const reasons = new Map(resolution.suppressed.map(({ key, reason }) => [key, `${key} belongs to nobody: ${reason}`]));
  const found: CutEdge[] = [];
  for (const edge of evidence.edges.values()) {
    if (!connects(edge.kind)) continue;
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

/** The links that hold the profiles of some evidence together, by time. */
export function stepsOf(evidence: Evidence, rules: IdentityRules): EvidenceStep[] {
  const kept = [...resolve(evidence, rules).kept].sort((x, y) => x.at - y.at);
  return kept.map((edge) => stepOf(edge, edge.a, edge.b, undefined));
}

function stepOf(edge: EvidenceEdge, from: string, to: string, reason: string | undefined): EvidenceStep {
  return {
    from,
    to,
    kind: edge.kind,
    ...(edge.rule === undefined ? {} : { rule: edge.rule }),
    ...(edge.score === undefined ? {} : { score: edge.score }),
    at: new Date(edge.at).toISOString(),
    sourceId: edge.sourceId,
    messageId: edge.messageId,
    ...(reason === undefined ? {} : { cut: reason }),
  };
}

function summarise(
  a: string,
  b: string,
  samePerson: boolean,
  path: readonly EvidenceStep[],
  apart: readonly KeptApart[],
): string {
  if (a === b) return "They are the same identifier.";
  if (samePerson) return `One person: ${path.length === 1 ? "1 link connects" : `${path.length} links connect`} them.`;
  return `Two people: ${apart.map(({ reason }) => reason).join("; ")}.`;
}
