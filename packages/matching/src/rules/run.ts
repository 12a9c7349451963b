import type { BlockStatistics, MatchRules } from "@tributary/model";
import type { RuleGroups } from "../cluster/components";
import type { Links } from "../cluster/links";
import type { UnionFind } from "../cluster/union-find";
import { MatchingError } from "../faults";
import type { Session } from "../session";
import { Blocks } from "./blocks";
import { type GroupGuard, type RuleOutcome, uniteGroups } from "./closure";
import { Frequencies } from "./frequencies";
import { type FuzzyTest, linkAlike } from "./fuzzy";
import type { HashColumn } from "./hashes";
import { isPersonal, type Suppressed, suppressJunk } from "./junk";
import { Keys } from "./keys";
import { canShare, runShared } from "./parallel";
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
  private readonly frequencies = new Map<HashColumn, Frequencies>();
  private readonly texts = new Map<number, TextColumn>();
  private readonly byKey: ReadonlyMap<string, readonly number[]>;

  /** @param known - frequencies by value, where another thread has counted them and taken out what is junk */
  constructor(
    private readonly input: RunnerInput,
    known?: readonly (Pick<Frequencies, "known" | "kinds" | "counters"> | undefined)[],
  ) {
    const { values, columns, guarded } = input;
    this.byKey = valuesByKey(values);
    if (!guarded) return;
    if (known) {
      for (const [index, given] of known.entries()) {
        if (given) this.frequencies.set(columns[index] as HashColumn, Frequencies.of(given));
      }
      return;
    }
    const frequencies = new Map<string, Frequencies>();
    for (const [key, members] of this.byKey) {
      const own = members.map((index) => columns[index] as HashColumn);
      frequencies.set(key, new Frequencies(own));
      for (const column of own) this.frequencies.set(column, frequencies.get(key) as Frequencies);
    }
    this.suppressed.push(...suppressJunk(values, columns, frequencies));
  }

  /** A runner of exact rules in a thread that has no session. */
  static ofThread(
    input: Omit<RunnerInput, "session">,
    known: readonly (Pick<Frequencies, "known" | "kinds" | "counters"> | undefined)[],
  ): RuleRunner {
    return new RuleRunner({ ...input, session: undefined as never }, known);
  }

  /** How often each column's values occur, for other threads. */
  frequenciesByValue(): (Pick<Frequencies, "known" | "kinds" | "counters"> | undefined)[] {
    return this.input.columns.map((column) => {
      const found = this.frequencies.get(column);
      return found && { known: found.known, kinds: found.kinds, counters: found.counters };
    });
  }

  /** Makes the links of all rules, in several threads where that is possible. */
  async linkAll(
    sets: UnionFind,
    pairs: Links,
    { threads, onRule }: { threads: number; onRule: (name: string) => void },
  ): Promise<void> {
    if (canShare(this.input, threads)) {
      onRule(`${this.input.planned.length} rules`);
      for (const outcome of await runShared(this, this.input, sets, threads)) this.keep(outcome);
      return;
    }
    for (const [tier, { name }] of this.input.planned.entries()) {
      onRule(name);
      await this.link(tier, sets, pairs);
    }
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
      this.blocks.build(this.input.records, keys, takes);
      const given = this.blocks.statistics();
      if (!statistics || given.pairs > statistics.pairs) statistics = given;
      if (alternative.fuzzy.length === 0) {
        const outcome = this.linkExact(rule.name, alternative, keys, sets);
        links += outcome.links;
        suppressed.push(...outcome.suppressed);
        suppressedKeys.push(outcome.suppressedKeys);
      } else links += await this.linkFuzzy(rule.name, tier, alternative, sets, pairs, suppressed);
    }
    return { tier, links, statistics, suppressed, suppressedKeys };
  }

  private linkExact(name: string, alternative: Alternative, keys: Keys, sets: UnionFind): RuleOutcome {
    const { values, columns, guarded } = this.input;
    const own = new Set(alternative.pools.flatMap((pool) => pool.choices.map((choice) => choice.value)));
    const guard: GroupGuard | undefined = guarded
      ? {
          frequencyOf: (column) => this.frequencies.get(column) as Frequencies,
          tellApart: columns.filter((_, index) => !own.has(index) && isPersonal((values[index] as ComparedValue).type)),
        }
      : undefined;
    return uniteGroups(name, this.blocks, keys, sets, guard);
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
