import type { AttributeType } from "./attribute-types";
import { isFuzzy, keysOfFunction, type MatchingFunction } from "./condition";
import { implies } from "./implies";
import { type LooseRule, looseRules } from "./loose";
import type { MatchRules } from "./rule-set";

/** Why a rule is dangerous. The codes are stable; docs/identity/rules.md has an example of each. */
export type LintCode =
  | "fuzzy-without-exact"
  | "finds-nothing-new"
  | "general-before-specific"
  | "empty-values-process"
  | "low-entropy"
  | "blocks-grow"
  | "large-block"
  | "many-simple-rules";

export interface LintFinding {
  readonly code: LintCode;
  /** Name of the rule. */
  readonly rule: string;
  readonly why: string;
  readonly remedy: string;
}

/** What a sample of the data says of a rule: the blocks that its exact part makes. */
export interface BlockStatistics {
  /** Records of the sample that have a value for every exact match key of the rule. */
  readonly records: number;
  /** Distinct values. */
  readonly blocks: number;
  /** Records of the largest block. */
  readonly largest: number;
  /** Pairs of records within blocks. Few large blocks among many small ones show in it, and not in the mean. */
  readonly pairs?: number;
}

/** Statistics of rules by name, at one or more sizes of the data, in any order. */
export type LintStatistics = Readonly<Record<string, readonly BlockStatistics[]>>;

/** Types whose values many people share: alone they say little of who somebody is. */
const lowEntropy: ReadonlySet<AttributeType> = new Set([
  ...(["NAME", "NAME_FIRST", "NAME_MIDDLE", "NAME_LAST", "DATE", "PHONE_COUNTRYCODE"] as const),
  ...(["ADDRESS_CITY", "ADDRESS_STATE", "ADDRESS_COUNTRY", "ADDRESS_POSTALCODE"] as const),
]);

/**
 * Distinct values that grow slower than this power of the records have begun to repeat; an identifier's grow with power 1.
 * Repeated records of one person slow the growth as well, so blocks must also be larger than people's records are.
 */
const leastGrowth = 0.7;
const mostRecordsOfPeople = 5;
/** Records a block from which on, at whatever size of the data, a rule's exact part cannot be one person's. */
const mostOfBlocks = 20;
/** Simple rules that the console of Entity Resolution takes; the API takes 25. */
const consoleRules = 15;

/** Names the dangerous rules. Rules without faults are taken; what cannot be read is passed over. */
export function lint(rules: MatchRules, statistics: LintStatistics = {}): LintFinding[] {
  const given = looseRules(rules)?.rules ?? [];
  const types = typesOfKeys(rules);
  return [
    ...given.flatMap((rule) => [...lintFunctions(rule), ...lintEntropy(rule, types)]),
    ...lintOrder(given, rules.mode),
    ...given.flatMap((rule) => lintBlocks(rule, statistics[rule.name] ?? [], rules.constraints.maxSize)),
    ...lintCount(given),
  ];
}

function typesOfKeys({ attributes }: MatchRules): Map<string, AttributeType[]> {
  const types = new Map<string, AttributeType[]>();
  for (const { matchKey, type } of attributes) {
    if (matchKey !== undefined) types.set(matchKey, [...(types.get(matchKey) ?? []), type]);
  }
  return types;
}

function lintFunctions({ name: rule, alternatives }: LooseRule): LintFinding[] {
  const findings: LintFinding[] = [];
  if (alternatives.some((functions) => functions.every(isFuzzy))) {
    findings.push({
      code: "fuzzy-without-exact",
      rule,
      why: "a fuzzy function without an exact partner compares every record with every other: time grows with the square of the records, and so do chance agreements",
      remedy: "AND it with an exact function on something that few people share: Exact(postcode) AND …",
    });
  }
  const processing = alternatives.flat().find((given) => given.kind === "exact" && given.emptyValues === "Process");
  if (processing) {
    findings.push({
      code: "empty-values-process",
      rule,
      why: `EmptyValues=Process makes an empty ${keysOfFunction(processing).join()} equal to every other empty one: all records without a value are one block`,
      remedy: "take EmptyValues=Process away, or write EmptyValues=Ignore",
    });
  }
  return findings;
}

function lintEntropy({ name: rule, alternatives }: LooseRule, types: Map<string, AttributeType[]>): LintFinding[] {
  const isLow = (given: MatchingFunction) =>
    keysOfFunction(given).every((key) => {
      const of = types.get(key);
      return of?.every((type) => lowEntropy.has(type)) === true;
    });
  for (const functions of alternatives) {
    const [only] = functions;
    const keys = new Set(functions.flatMap(keysOfFunction));
    if (!only || keys.size !== 1 || !functions.every(isLow)) continue;
    const [key] = keys;
    return [
      {
        code: "low-entropy",
        rule,
        why: `${key} alone decides, and many people share one value of it: names, towns, postcodes and birth dates tell people apart only together`,
        remedy: `AND it with another match key, or leave ${key} to the probabilistic stage, which weighs how rare a value is`,
      },
    ];
  }
  return [];
}

function lintOrder(rules: readonly LooseRule[], mode: MatchRules["mode"]): LintFinding[] {
  const findings: LintFinding[] = [];
  rules.forEach((later, index) => {
    if (!later.condition) return;
    const earlier = rules.slice(0, index).find((candidate) => implies(later.alternatives, candidate.alternatives));
    if (!earlier) return;
    const nothing =
      mode === "aws-transitive"
        ? `whatever it would group, "${earlier.name}" has grouped before it`
        : `whatever it would link, "${earlier.name}" links already, and asks for less`;
    findings.push({
      code: "finds-nothing-new",
      rule: later.name,
      why: nothing,
      remedy: `take it away${mode === "closure" ? "" : `, or put it before "${earlier.name}"`}`,
    });
    if (mode === "closure" || implies(earlier.alternatives, later.alternatives)) return;
    findings.push({
      code: "general-before-specific",
      rule: earlier.name,
      why: `it decides before the stricter "${later.name}" is asked: Entity Resolution wants rules with more match keys first, or people who differ in them are grouped`,
      remedy: `put it after "${later.name}"`,
    });
  });
  return findings;
}

/** Records of the block that a record is in, on average; where pairs were not counted, the mean block. */
const seen = ({ records, blocks, pairs }: BlockStatistics): number =>
  pairs === undefined ? records / blocks : 1 + (2 * pairs) / records;

function lintBlocks(
  { name: rule }: LooseRule,
  given: readonly BlockStatistics[],
  maxSize: MatchRules["constraints"]["maxSize"],
): LintFinding[] {
  const sizes = given.filter(({ records, blocks }) => records > 0 && blocks > 0).sort((a, b) => a.records - b.records);
  const findings: LintFinding[] = [];
  const [small, large] = [sizes[0], sizes.at(-1)];
  const remedy = "AND it with another match key; what is right at 10,000 records is ruined at a million";
  const mean = large ? seen(large) : 0;
  if (small && large && large.records >= 2 * small.records && mean > mostRecordsOfPeople) {
    const growth = Math.log(large.blocks / small.blocks) / Math.log(large.records / small.records);
    if (growth < leastGrowth) {
      findings.push({
        code: "blocks-grow",
        rule,
        why: `from ${small.records} to ${large.records} records the distinct values grow only from ${small.blocks} to ${large.blocks}: more data means larger blocks, so chance agreements and time grow faster than the data`,
        remedy,
      });
    }
  } else if (large && mean > mostOfBlocks) {
    findings.push({
      code: "blocks-grow",
      rule,
      why: `${large.records} records have only ${large.blocks} distinct values, so that each is in a block of ${Math.round(mean)} on average, more than a person has: new people fall into blocks that are there already, and chance agreements and time grow faster than the data`,
      remedy,
    });
  }
  if (large && large.largest > maxSize) {
    findings.push({
      code: "large-block",
      rule,
      why: `one value is shared by ${large.largest} of ${large.records} records, more than a profile may have (${maxSize}): a placeholder, a shared phone, or too weak a rule`,
      remedy: "block the value, or AND the rule with another match key",
    });
  }
  return findings;
}

function lintCount(rules: readonly LooseRule[]): LintFinding[] {
  const surplus = rules.filter(({ matchKeys }) => matchKeys)[consoleRules];
  if (!surplus) return [];
  return [
    {
      code: "many-simple-rules",
      rule: surplus.name,
      why: `it is the ${consoleRules + 1}th simple rule: the API of Entity Resolution takes 25, its console ${consoleRules}`,
      remedy: "merge rules, or keep to the API",
    },
  ];
}
