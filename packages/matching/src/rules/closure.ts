import type { BlockStatistics } from "@tributary/model";
import type { UnionFind } from "../cluster/union-find";
import type { ValueColumn } from "./columns";
import type { OnGroup } from "./groups";
import { type Suppressed, tooMany } from "./junk";
import type { Keys } from "./keys";

/**
 * Most records that are expected to share a key by chance alone, as a share of those that do share it. "John Smith of
 * postcode 2000" is one person among a thousand records and many among ten million: the same rule is certain here and a
 * guess there, which the values' own frequencies tell without a label.
 */
const mostByChance = 0.1;
/** Groups up to this size are never counted for people: a household's worth of records. */
const smallGroup = 10;

export interface RuleOutcome {
  readonly links: number;
  readonly statistics: Required<BlockStatistics>;
  /** Keys, as numbers, that link nobody. */
  readonly suppressedKeys: Set<number>;
  readonly suppressed: readonly Suppressed[];
}

/**
 * Unites records of one key, but for keys that are shared by chance or by too many.
 *
 * @param tellApart - columns that tell people apart, other than the rule's own; undefined where every key links
 */
export function uniteGroups(
  rule: string,
  groups: (call: OnGroup) => Required<BlockStatistics>,
  keys: Keys,
  sets: UnionFind,
  tellApart: readonly ValueColumn[] | undefined,
): RuleOutcome {
  let links = 0;
  const suppressedKeys = new Set<number>();
  const crowds: Suppressed[] = [];
  const byChance: Suppressed[] = [];
  const parts = Array.from({ length: keys.variants }, (_, at) => partsOf(keys.columnsOf(at)));
  const statistics = groups((rows, count, variant) => {
    const first = rows[0] as number;
    if (tellApart) {
      const crowd = count > smallGroup ? tooMany(rows.subarray(0, count), tellApart) : undefined;
      const chance = crowd ? 0 : expectedByChance(parts[variant] as KeyParts, first, count);
      if (crowd || chance > mostByChance * (count - 1)) {
        keys.make(first, variant);
        suppressedKeys.add(keys.number);
        const entry = { of: rule, row: first, value: undefined, records: count };
        if (crowd) crowds.push({ ...entry, reason: crowd });
        else if (count > smallGroup) {
          byChance.push({ ...entry, reason: `about ${Math.round(chance)} would share it by chance` });
        }
        return;
      }
    }
    links += count - 1;
    for (let at = 1; at < count; at++) sets.unite(first, rows[at] as number);
  });
  // Groups come in an order of their keys; reported they are in that of records.
  const byRow = (a: Suppressed, b: Suppressed): number => a.row - b.row;
  return { links, statistics, suppressedKeys, suppressed: [...crowds.sort(byRow), ...byChance.sort(byRow)] };
}

/** The columns that a key is made of. */
interface KeyParts {
  readonly columns: readonly ValueColumn[];
  /** Of the column whose values are rarest: its codes, and how often they occur. */
  readonly codes: Int32Array;
  readonly counts: Int32Array;
}

function partsOf(columns: readonly ValueColumn[]): KeyParts {
  const { codes, dictionary } = columns[rarestOf(columns)] as ValueColumn;
  return { columns, codes, counts: dictionary.counts };
}

/** The place of the column whose values are rarest. */
export function rarestOf(columns: readonly ValueColumn[]): number {
  const rarity = columns.map(({ dictionary: { kinds, known } }) => kinds / Math.max(1, known));
  return rarity.indexOf(Math.max(...rarity));
}

/**
 * Records expected to have a key though they are other people's: as if its parts were independent, each as frequent as it
 * is outside the group itself.
 */
function expectedByChance({ columns, codes, counts }: KeyParts, row: number, count: number): number {
  if (columns.length < 2) return 0;
  // Most groups are all who have one of the values: none is left to share it by chance.
  if ((counts[codes[row] as number] as number) <= count) return 0;
  let expected = Number.POSITIVE_INFINITY;
  let product = 1;
  for (let index = 0; index < columns.length; index++) {
    const { codes, dictionary } = columns[index] as ValueColumn;
    const others = Math.max(1, dictionary.known - count);
    product *= Math.max(0, (dictionary.counts[codes[row] as number] as number) - count) / others;
    expected = Math.min(expected, others);
  }
  return product * expected;
}
