import type { MatchRules } from "@tributary/model";
import type { RuleGroups } from "../cluster/components";
import type { UnionFind } from "../cluster/union-find";
import { Blocks } from "./blocks";
import { type GroupGuard, uniteGroups } from "./closure";
import { Frequencies } from "./frequencies";
import type { HashColumn } from "./hashes";
import { isPersonal, type Suppressed, suppressJunk } from "./junk";
import { Keys } from "./keys";
import type { PlannedRule } from "./plan";
import type { ComparedValue } from "./values";

export interface RuleRun {
  readonly links: Map<string, number>;
  readonly groups: RuleGroups[];
  readonly suppressed: Suppressed[];
}

/** Hashes of the values that rules compare, by the values' places; places that no rule names have none. */
export type ValueColumns = readonly (HashColumn | undefined)[];

/** Takes junk out of the columns, then unites the records that agree on a rule's exact keys, rule by rule. */
export function runExactRules(
  planned: readonly PlannedRule[],
  values: readonly ComparedValue[],
  columns: readonly HashColumn[],
  records: number,
  sets: UnionFind,
  _rules: MatchRules,
  onRule?: (name: string) => void,
): RuleRun {
  const frequencies = new Map<string, Frequencies>();
  for (const key of new Set(values.flatMap(({ matchKey }) => matchKey ?? []))) {
    frequencies.set(key, new Frequencies(columns.filter((_, index) => values[index]?.matchKey === key)));
  }
  const suppressed = suppressJunk(values, columns, frequencies);
  const frequencyByColumn = new Map(
    columns.flatMap((column, index) => {
      const frequency = frequencies.get(values[index]?.matchKey ?? "");
      return frequency ? [[column, frequency] as const] : [];
    }),
  );
  const blocks = new Blocks();
  const links = new Map<string, number>();
  const groups: RuleGroups[] = [];
  for (const [tier, rule] of planned.entries()) {
    onRule?.(rule.name);
    let made = 0;
    for (const alternative of rule.alternatives) {
      if (alternative.fuzzy.length > 0) continue;
      const keys = new Keys(alternative, columns);
      const own = new Set(alternative.pools.flatMap((pool) => pool.choices.map((choice) => choice.value)));
      const guard: GroupGuard = {
        frequencyOf: (column) => frequencyByColumn.get(column) as Frequencies,
        tellApart: columns.filter((_, index) => !own.has(index) && isPersonal((values[index] as ComparedValue).type)),
      };
      blocks.build(records, keys);
      const outcome = uniteGroups(rule.name, blocks, keys, sets, guard);
      made += outcome.links;
      suppressed.push(...outcome.suppressed);
      groups.push({ tier, keys, suppressedKeys: outcome.suppressedKeys });
    }
    links.set(rule.name, made);
  }
  return { links, groups, suppressed };
}
