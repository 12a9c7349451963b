import type { EvidenceEdge } from "./evidence";
import { blockedReason, type CompiledRule, type CompiledRules, type Identifier } from "./identifiers";

/**
 * A shared identifier (junk, a kiosk) belongs to nobody: it is linked with more values of one stronger type than its
 * rule's `sharedAbove`, or with more identifiers than `maxComponentSize`. Both are counts of the links at the identifier
 * alone, and only grow as events come in. So whether one is shared never depends on arrival, and nothing but its own
 * links need be looked at.
 */
export interface LinkCounts {
  /** By rank: distinct values of a stronger type that some event named beside it. */
  readonly stronger: readonly number[];
  /** Distinct links of the kinds that events and matching make. */
  readonly links: number;
}

/** Why the counts make an identifier a shared one; undefined where they do not. */
export function sharedReason(rule: CompiledRule, counts: LinkCounts, rules: CompiledRules): string | undefined {
  const { sharedAbove } = rule;
  if (sharedAbove !== undefined) {
    for (const other of rules.ordered) {
      if ((counts.stronger[other.rank] ?? 0) > sharedAbove) {
        return `shared: linked with more than ${sharedAbove} values of ${other.type}`;
      }
    }
  }
  const most = rules.source.maxComponentSize;
  return counts.links > most ? `shared: linked with more than ${most} identifiers` : undefined;
}

/** Whether a link counts against `maxComponentSize`: a steward's word does not. */
export function countsAsLink(kind: EvidenceEdge["kind"]): boolean {
  return kind === "same-event" || kind === "alias" || kind === "match";
}

/** The rank by which a neighbour counts as a stronger one; undefined where it does not. */
export function strongerRank(
  rule: CompiledRule | undefined,
  other: Identifier,
  rules: CompiledRules,
): number | undefined {
  const stronger = rules.byType.get(other.type);
  if (!rule || !stronger || stronger.rank >= rule.rank) return undefined;
  return blockedReason(stronger, other.value) === undefined ? stronger.rank : undefined;
}
