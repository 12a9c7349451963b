import type { BlockStatistics, MatchRules } from "@tributary/model";
import type { RuleGroups } from "../cluster/components";
import type { Links } from "../cluster/links";
import type { UnionFind } from "../cluster/union-find";
import { MatchingError } from "../faults";
import type { Session } from "../session";
import { Blocks } from "./blocks";
import { type RuleOutcome, rarestOf, uniteGroups } from "./closure";
import type { ValueColumn } from "./columns";
import { type FuzzyTest, linkAlike } from "./fuzzy";
import { groupsOf, type OnGroup } from "./groups";
import { isPersonal, type Suppressed, suppressJunk } from "./junk";
import { Keys } from "./keys";
import { canShare, runShared } from "./parallel";
import type { Alternative, PlannedRule } from "./plan";
import { type SharedValues, sharedValues } from "./shared-values";
import { readTexts, type TextColumn } from "./texts";
import type { Threads } from "./threads";
import { type ComparedValue, valuesByKey } from "./values";

export interface RunnerInput {
  readonly session: Session;
  readonly planned: readonly PlannedRule[];
  readonly values: readonly ComparedValue[];
  /** SQL over `source`, by value. */
  readonly forms: readonly string[];
  readonly columns: readonly ValueColumn[];
  readonly records: number;
  readonly comparison: MatchRules["comparison"];
  /** Leave out what links too many. Entity Resolution does not. */
  readonly guarded: boolean;
}

/** What a rule found. Its links are in the sets, and in the pairs where they come of a fuzzy function. */
export interface TierOutcome {
  readonly tier: number;
  readonly links: number;
  /** The blocks of its exact part: of several alternatives the one with most pairs. */
  readonly statistics: Required<BlockStatistics> | undefined;
  /** By alternative, exact ones alone: the keys that link nobody. */
  readonly suppressedKeys: readonly ReadonlySet<number>[];
  readonly suppressed: readonly Suppressed[];
}

/** Runs rules over the records' hashes; what they find on the way is kept here. */
export class RuleRunner {
  readonly links = new Map<string, number>();
  /** The blocks of each rule's exact part, by name: of several alternatives the one with most pairs. */
  readonly statistics = new Map<string, Required<BlockStatistics>>();
  readonly groups: RuleGroups[] = [];
  readonly suppressed: Suppressed[] = [];
  private readonly blocks = new Blocks();
  /** The column that was last gone through for groups. */
  private grouped: { readonly column: ValueColumn; readonly shared: SharedValues } | undefined;
  private readonly texts = new Map<number, TextColumn>();
  private readonly byKey: ReadonlyMap<string, readonly number[]>;

  /** Takes junk values out of their columns, where rules are guarded. */
  constructor(
    private readonly input: RunnerInput,
    { isClean = false } = {},
  ) {
    const { values, columns, guarded } = input;
    this.byKey = valuesByKey(values);
    if (guarded && !isClean) this.suppressed.push(...suppressJunk(values, columns));
  }

  /** A runner of exact rules in a thread that has no session, over columns that are clean of junk. */
  static ofThread(input: Omit<RunnerInput, "session">): RuleRunner {
    return new RuleRunner({ ...input, session: undefined as never }, { isClean: true });
  }

  /** Makes the links of all rules, in several threads where that is possible. */
  async linkAll(sets: UnionFind, pairs: Links, threads: Threads, onRule: (name: string) => void): Promise<void> {
    const { planned } = this.input;
    if (canShare(this.input)) {
      onRule(`${planned.length} rules`);
      for (const outcome of await runShared(this, this.input, sets, threads)) this.keep(outcome);
    } else {
      for (const [tier, { name }] of planned.entries()) {
        onRule(name);
        await this.link(tier, sets, pairs);
      }
    }
    this.grouped = undefined;
  }

  /** Makes a rule's links: unions in `sets`, and the pairs of its fuzzy functions in `pairs` too. */
  async link(tier: number, sets: UnionFind, pairs: Links | undefined, takes?: (row: number) => boolean): Promise<void> {
    this.keep(await this.run(tier, sets, pairs, takes));
  }

  private keep({ tier, links, statistics, suppressed, suppressedKeys }: TierOutcome): void {
    const { name, alternatives } = this.input.planned[tier] as PlannedRule;
    this.links.set(name, links);
    if (statistics) this.statistics.set(name, statistics);
    this.suppressed.push(...suppressed);
    const exact = alternatives.filter(({ fuzzy }) => fuzzy.length === 0);
    for (const [index, alternative] of exact.entries()) {
      const keys = new Keys(alternative, this.input.columns);
      this.groups.push({ tier, keys, suppressedKeys: suppressedKeys[index] as ReadonlySet<number> });
    }
  }

  /** The same, but what was found is given and not kept. */
  async run(
    tier: number,
    sets: UnionFind,
    pairs: Links | undefined,
    takes?: (row: number) => boolean,
  ): Promise<TierOutcome> {
    const rule = this.input.planned[tier] as PlannedRule;
    let links = 0;
    let statistics: Required<BlockStatistics> | undefined;
    const suppressed: Suppressed[] = [];
    const suppressedKeys: ReadonlySet<number>[] = [];
    for (const alternative of rule.alternatives) {
      const keys = new Keys(alternative, this.input.columns);
      let given: Required<BlockStatistics>;
      if (alternative.fuzzy.length === 0) {
        const outcome = this.linkExact(rule.name, alternative, keys, sets, takes);
        given = outcome.statistics;
        links += outcome.links;
        suppressed.push(...outcome.suppressed);
        suppressedKeys.push(outcome.suppressedKeys);
      } else {
        this.blocks.build(this.input.records, keys, takes);
        given = this.blocks.statistics();
        links += await this.linkFuzzy(rule.name, tier, alternative, sets, pairs, suppressed);
      }
      if (!statistics || given.pairs > statistics.pairs) statistics = given;
    }
    return { tier, links, statistics, suppressed, suppressedKeys };
  }

  private linkExact(
    name: string,
    alternative: Alternative,
    keys: Keys,
    sets: UnionFind,
    takes?: (row: number) => boolean,
  ): RuleOutcome {
    const { values, columns, guarded, records } = this.input;
    const own = new Set(alternative.pools.flatMap((pool) => pool.choices.map((choice) => choice.value)));
    const tellApart = columns.filter(
      (_, index) => !own.has(index) && isPersonal((values[index] as ComparedValue).type),
    );
    const plain = keys.variants === 1 && takes === undefined && !alternative.pools.some((pool) => pool.emptyValues);
    const groups = (call: OnGroup): Required<BlockStatistics> => {
      if (plain) return this.plainGroups(keys, call);
      this.blocks.build(records, keys, takes);
      this.blocks.forEach(call);
      return this.blocks.statistics();
    };
    return uniteGroups(name, groups, keys, sets, guarded ? tellApart : undefined);
  }

  private plainGroups(keys: Keys, call: OnGroup): Required<BlockStatistics> {
    const columns = keys.columnsOf(0);
    const rarest = rarestOf(columns);
    const column = columns[rarest] as ValueColumn;
    if (this.grouped?.column !== column) {
      this.grouped = undefined;
      this.grouped = { column, shared: sharedValues(column) };
    }
    return groupsOf(columns, rarest, this.grouped.shared, keys, call);
  }

  private async linkFuzzy(
    name: string,
    tier: number,
    alternative: Alternative,
    sets: UnionFind,
    pairs: Links | undefined,
    suppressed: Suppressed[],
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
      suppressed.push({ of: name, row, value: undefined, records, reason: "too many to compare each with each" });
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
