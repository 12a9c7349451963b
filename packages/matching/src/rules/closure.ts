import type { UnionFind } from "../cluster/union-find";
import type { Blocks } from "./blocks";
import type { Frequencies } from "./frequencies";
import type { HashColumn } from "./hashes";
import { PeopleBehind, type Suppressed } from "./junk";
import type { Keys } from "./keys";

/**
 * Most records that are expected to share a key by chance alone, as a share of those that do share it. "John Smith of
 * postcode 2000" is one person among a thousand records and many among ten million: the same rule is certain here and a
 * guess there, which the values' own frequencies tell without a label.
 */
const mostByChance = 0.1;
/** Groups up to this size are never counted for people: a household's worth of records. */
const smallGroup = 10;

export interface GroupGuard {
  /** Frequencies of each column's match key. */
  readonly frequencyOf: (column: HashColumn) => Frequencies;
  /** Columns that tell people apart, other than the rule's own. */
  readonly tellApart: readonly HashColumn[];
}

export interface RuleOutcome {
  links: number;
  /** Keys, as numbers, that link nobody. */
  readonly suppressedKeys: Set<number>;
  readonly suppressed: Suppressed[];
}

/** Unites records of one key, but for keys that the guard finds to be shared by chance or by too many. */
export function uniteGroups(
  rule: string,
  blocks: Blocks,
  keys: Keys,
  sets: UnionFind,
  guard: GroupGuard | undefined,
): RuleOutcome {
  const outcome: RuleOutcome = { links: 0, suppressedKeys: new Set(), suppressed: [] };
  // Per slot: 0 not asked yet, 1 links, 2 does not.
  const state = guard && new Uint8Array(blocks.size);
  if (guard && state) {
    judgeLargeGroups(rule, blocks, keys, guard, state, outcome);
  }
  blocks.forEach((row, variant, slot, first, count) => {
    if (guard && state) {
      if (state[slot] === 0) {
        const chance = byChance(keys.columnsOf(variant), row, count, guard);
        state[slot] = chance > mostByChance * (count - 1) ? 2 : 1;
        if (state[slot] === 2) {
          keys.make(row, variant);
          outcome.suppressedKeys.add(keys.number);
          if (count > smallGroup) {
            const reason = `about ${Math.round(chance)} would share it by chance`;
            outcome.suppressed.push({ of: rule, row, value: undefined, records: count, reason });
          }
        }
      }
      if (state[slot] === 2) return;
    }
    if (row === first) return;
    outcome.links++;
    sets.unite(first, row);
  });
  return outcome;
}

/**
 * Records expected to have a key though they are other people's: as if its parts were independent, each as frequent as it
 * is outside the group itself.
 */
function byChance(columns: readonly HashColumn[], row: number, count: number, guard: GroupGuard): number {
  if (columns.length < 2) return 0;
  let expected = Number.POSITIVE_INFINITY;
  let product = 1;
  for (const column of columns) {
    const frequency = guard.frequencyOf(column);
    const others = Math.max(1, frequency.known - count);
    product *= Math.max(0, frequency.of(column, row) - count) / others;
    expected = Math.min(expected, others);
  }
  return product * expected;
}

function judgeLargeGroups(
  rule: string,
  blocks: Blocks,
  keys: Keys,
  guard: GroupGuard,
  state: Uint8Array,
  outcome: RuleOutcome,
): void {
  const behind = new PeopleBehind(guard.tellApart);
  blocks.forEach((row, _variant, slot, _first, count) => {
    if (count > smallGroup) behind.add(slot, row);
  });
  const found = new Map([...behind.tooMany()].map((entry) => [entry.key, entry]));
  if (found.size === 0) return;
  blocks.forEach((row, variant, slot, first) => {
    const entry = found.get(slot);
    if (!entry || row !== first) return;
    state[slot] = 2;
    keys.make(row, variant);
    outcome.suppressedKeys.add(keys.number);
    const reason = entry.people > 0 ? `about ${entry.people} people have it` : `${entry.records} records have it`;
    outcome.suppressed.push({ of: rule, row, value: undefined, records: entry.records, reason });
  });
}
