import type { EvidenceEdge, LinkKind } from "./evidence";
import { compareText } from "./identifiers";

/** Kinds that hold identifiers together; the others keep them apart or say nothing. */
export function connects(kind: LinkKind): boolean {
  return kind !== "cannot-link" && kind !== "withdrawn";
}

/** Above each rank of an identifier type: types are far fewer. */
const rankBase = 4_096;
const mustLinkTier = -2;
const aliasTier = -1;
const matchTier = rankBase * rankBase;

/** A link with its place in the order in which links are tried. */
export interface OrderedLink {
  readonly edge: EvidenceEdge;
  /** Places of its ends among the members. */
  readonly a: number;
  readonly b: number;
  readonly tier: number;
  readonly within: number;
}

/**
 * Places a link in the total order of strength, in which no arrival has a say: a steward's `must-link` first, then
 * aliases, then what events link (by the weaker end's type, then by the stronger's), then matches. Within a tier the
 * earlier goes first; among matches the greater score, whatever the run, so that a job that is run again changes nothing.
 */
export function orderedLink(edge: EvidenceEdge, a: number, b: number, rankA: number, rankB: number): OrderedLink {
  switch (edge.kind) {
    case "must-link":
      return { edge, a, b, tier: mustLinkTier, within: edge.at };
    case "alias":
      return { edge, a, b, tier: aliasTier, within: edge.at };
    case "match":
      return { edge, a, b, tier: matchTier, within: -(edge.score ?? 0) };
    default:
      return { edge, a, b, tier: Math.max(rankA, rankB) * rankBase + Math.min(rankA, rankB), within: edge.at };
  }
}

export function compareLinks(x: OrderedLink, y: OrderedLink): number {
  return (
    x.tier - y.tier ||
    x.within - y.within ||
    compareText(x.edge.a, y.edge.a) ||
    compareText(x.edge.b, y.edge.b) ||
    compareText(x.edge.rule ?? "", y.edge.rule ?? "") ||
    compareText(x.edge.sourceId, y.edge.sourceId)
  );
}
