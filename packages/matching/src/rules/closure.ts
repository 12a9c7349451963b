import type { UnionFind } from "../cluster/union-find";
import { type Blocks, links, linksNobody } from "./blocks";
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
  if (guard && blocks.statistics().largest > smallGroup) judgeLargeGroups(rule, blocks, keys, guard, outcome);
  let made = 0;
  const parts = guard ? Array.from({ length: keys.variants }, (_, at) => partsOf(keys.columnsOf(at), guard)) : [];
  const byChanceOnly: Suppressed[] = [];
  blocks.forEach((row, variant, slot, first, count, verdict) => {
    if (guard && verdict !== links) {
      if (verdict === linksNobody) return;
      const chance = byChance(parts[variant] as KeyParts, row, count);
      const suppress = chance > mostByChance * (count - 1);
      blocks.judge(slot, suppress ? linksNobody : links);
      if (suppress) {
        keys.make(row, variant);
        outcome.suppressedKeys.add(keys.number);
        if (count > smallGroup) {
          const reason = `about ${Math.round(chance)} would share it by chance`;
          byChanceOnly.push({ of: rule, row, value: undefined, records: count, reason });
        }
        return;
      }
    }
    if (row === first) return;
    made++;
    sets.unite(first, row);
  });
  outcome.links = made;
  outcome.suppressed.push(...byChanceOnly.sort(byRow));
  return outcome;
}

/** The columns that a key is made of. */
interface KeyParts {
  readonly columns: readonly HashColumn[];
  readonly frequencies: readonly Frequencies[];
  /** The place of the column whose values are rarest. */
  readonly rarest: number;
}

function partsOf(columns: readonly HashColumn[], guard: GroupGuard): KeyParts {
  const frequencies = columns.map((column) => guard.frequencyOf(column));
  const rarity = frequencies.map(({ kinds, known }) => kinds / Math.max(1, known));
  return { columns, frequencies, rarest: rarity.indexOf(Math.max(...rarity)) };
}

/**
 * Records expected to have a key though they are other people's: as if its parts were independent, each as frequent as it
 * is outside the group itself.
 */
function byChance({ columns, frequencies, rarest }: KeyParts, row: number, count: number): number {
  if (columns.length < 2) return 0;
  // Most groups are all who have one of the values: none is left to share it by chance.
  if ((frequencies[rarest] as Frequencies).of(columns[rarest] as HashColumn, row) <= count) return 0;
  let expected = Number.POSITIVE_INFINITY;
  let product = 1;
  for (let index = 0; index < columns.length; index++) {
    const frequency = frequencies[index] as Frequencies;
    const others = Math.max(1, frequency.known - count);
    product *= Math.max(0, frequency.of(columns[index] as HashColumn, row) - count) / others;
    expected = Math.min(expected, others);
  }
  return product * expected;
}

function judgeLargeGroups(rule: string, blocks: Blocks, keys: Keys, guard: GroupGuard, outcome: RuleOutcome): void {
  const behind = new PeopleBehind(guard.tellApart);
  blocks.forEach((row, _variant, slot, _first, count) => {
    if (count > smallGroup) behind.add(slot, row);
  });
  const found = new Map([...behind.tooMany()].map((entry) => [entry.key, entry]));
  if (found.size === 0) return;
  blocks.forEach((row, variant, slot, first) => {
    const entry = found.get(slot);
    if (!entry || row !== first) return;
    blocks.judge(slot, linksNobody);
    keys.make(row, variant);
    outcome.suppressedKeys.add(keys.number);
    const reason = entry.people > 0 ? `about ${entry.people} people have it` : `${entry.records} records have it`;
    outcome.suppressed.push({ of: rule, row, value: undefined, records: entry.records, reason });
  });
  outcome.suppressed.sort(byRow);
}

/** Groups come in an order of their keys; reported they are in that of records. */
const byRow = (a: Suppressed, b: Suppressed): number => a.row - b.row;
