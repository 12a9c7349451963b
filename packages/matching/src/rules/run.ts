import type { BlockStatistics, MatchRules } from "@tributary/model";
import type { RuleGroups } from "../cluster/components";
import type { Links } from "../cluster/links";
import type { UnionFind } from "../cluster/union-find";
import { MatchingError } from "../faults";
import type { Session } from "../session";
import { Blocks } from "./blocks";
import { type GroupGuard, uniteGroups } from "./closure";
import { Frequencies } from "./frequencies";
import { type FuzzyTest, linkAlike } from "./fuzzy";
import type { HashColumn } from "./hashes";
import { isPersonal, type Suppressed, suppressJunk } from "./junk";
import { Keys } from "./keys";
import type { Alternative, PlannedRule } from "./plan";
import { readTexts, type TextColumn } from "./texts";
import { type ComparedValue, valuesByKey } from "./values";

export interface RunnerInput {
  readonly session: Session;
  readonly planned: readonly PlannedRule[];
  readonly values: readonly ComparedValue[];
  /** SQL over `source`, by value. */
  readonly forms: readonly string[];
  readonly columns: readonly HashColumn[];
  readonly records: number;
  readonly comparison: MatchRules["comparison"];
  /** Leave out what links too many. Entity Resolution does not. */
  readonly guarded: boolean;
}

/** Runs rules one after another over the records' hashes; what they find on the way is kept here. */
export class RuleRunner {
  readonly links = new Map<string, number>();
  /** The blocks of each rule's exact part, by name: of several alternatives the one with most pairs. */
  readonly statistics = new Map<string, Required<BlockStatistics>>();
  readonly groups: RuleGroups[] = [];
  readonly suppressed: Suppressed[] = [];
  private readonly blocks = new Blocks();
  private readonly frequencies = new Map<HashColumn, Frequencies>();
  private readonly texts = new Map<number, TextColumn>();
  private readonly byKey: ReadonlyMap<string, readonly number[]>;

  constructor(private readonly input: RunnerInput) {
    const { values, columns, guarded } = input;
    this.byKey = valuesByKey(values);
    if (!guarded) return;
    const frequencies = new Map<string, Frequencies>();
    for (const [key, members] of this.byKey) {
      const own = members.map((index) => columns[index] as HashColumn);
      frequencies.set(key, new Frequencies(own));
      for (const column of own) this.frequencies.set(column, frequencies.get(key) as Frequencies);
    }
    this.suppressed.push(...suppressJunk(values, columns, frequencies));
  }

  /** Makes a rule's links: unions in `sets`, and the pairs of its fuzzy functions in `pairs` too. */
  async link(tier: number, sets: UnionFind, pairs: Links | undefined, takes?: (row: number) => boolean): Promise<void> {
    const rule = this.input.planned[tier] as PlannedRule;
    let made = 0;
    for (const alternative of rule.alternatives) {
      const keys = new Keys(alternative, this.input.columns);
      this.blocks.build(this.input.records, keys, takes);
      this.measure(rule.name);
      if (alternative.fuzzy.length === 0) made += this.linkExact(rule.name, tier, alternative, keys, sets);
      else made += await this.linkFuzzy(rule.name, tier, alternative, sets, pairs);
    }
    this.links.set(rule.name, made);
  }

  private measure(name: string): void {
    const given = this.blocks.statistics();
    const worst = this.statistics.get(name);
    if (!worst || given.pairs > worst.pairs) this.statistics.set(name, given);
  }

  private linkExact(name: string, tier: number, alternative: Alternative, keys: Keys, sets: UnionFind): number {
    const { values, columns, guarded } = this.input;
    const own = new Set(alternative.pools.flatMap((pool) => pool.choices.map((choice) => choice.value)));
    const guard: GroupGuard | undefined = guarded
      ? {
          frequencyOf: (column) => this.frequencies.get(column) as Frequencies,
          tellApart: columns.filter((_, index) => !own.has(index) && isPersonal((values[index] as ComparedValue).type)),
        }
      : undefined;
    const outcome = uniteGroups(name, this.blocks, keys, sets, guard);
    this.suppressed.push(...outcome.suppressed);
    this.groups.push({ tier, keys, suppressedKeys: outcome.suppressedKeys });
    return outcome.links;
  }

  private async linkFuzzy(
    name: string,
    tier: number,
    alternative: Alternative,
    sets: UnionFind,
    pairs: Links | undefined,
  ): Promise<number> {
    const { comparison, guarded } = this.input;
    const tests: FuzzyTest[] = [];
    for (const given of alternative.fuzzy) {
      const members = given.kind === "exactManyToMany" ? [] : (this.byKey.get(given.key) ?? []);
      const columns: TextColumn[] = [];
      for (const index of members) columns.push(await this.textsOf(index));
      tests.push({ given, columns, oneToOne: comparison === "ONE_TO_ONE" });
    }
    let made = 0;
    const { skipped } = linkAlike(this.blocks, tests, (a, b) => {
      made++;
      sets.unite(a, b);
      pairs?.push(a, b, tier);
    });
    for (const { row, records } of skipped) {
      if (!guarded) {
        throw new MatchingError(
          `Rule ${JSON.stringify(name)}: ${records} records share its exact part, too many to compare each with each. AND it with a match key that fewer share.`,
        );
      }
      this.suppressed.push({ of: name, row, value: undefined, records, reason: "too many to compare each with each" });
    }
    return made;
  }

  private async textsOf(index: number): Promise<TextColumn> {
    const known = this.texts.get(index);
    if (known) return known;
    const { session, forms, records } = this.input;
    const texts = await readTexts(session, forms[index] as string, records);
    this.texts.set(index, texts);
    return texts;
  }
}
