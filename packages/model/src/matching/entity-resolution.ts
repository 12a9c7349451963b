import { functionsOf } from "./condition";
import { machineLearningFaults, mappingFaults, ruleFaults } from "./entity-resolution-faults";
import type { MatchFault } from "./faults";
import { parseCondition, printCondition } from "./grammar";
import type { MatchRules } from "./rule-set";

/** A column of a schema mapping. Source: API reference of AWS Entity Resolution, SchemaInputAttribute. */
export interface ErAttribute {
  readonly fieldName: string;
  readonly type: string;
  readonly groupName?: string;
  readonly matchKey?: string;
  readonly hashed?: boolean;
}

/** How a workflow matches. Source: API reference, ResolutionTechniques. */
export type ErTechnique =
  | { readonly resolutionType: "ML_MATCHING" }
  | {
      readonly resolutionType: "RULE_MATCHING";
      readonly ruleBasedProperties: {
        readonly attributeMatchingModel: "ONE_TO_ONE" | "MANY_TO_MANY";
        readonly matchPurpose: "IDENTIFIER_GENERATION";
        readonly rules: readonly { readonly ruleName: string; readonly matchingKeys: readonly string[] }[];
      };
    }
  | {
      readonly resolutionType: "RULE_MATCHING";
      readonly ruleConditionProperties: {
        readonly rules: readonly { readonly ruleName: string; readonly condition: string }[];
        readonly matchingConfig?: { readonly enableTransitiveMatching: true };
      };
    };

/** What match rules become at AWS Entity Resolution. */
export interface ErPlan {
  readonly attributes: readonly ErAttribute[];
  readonly technique: ErTechnique;
  /** What Entity Resolution does otherwise than the rules say, where what it finds is right all the same. */
  readonly notes: readonly string[];
}

export interface ErOptions {
  /** Match by Entity Resolution's own machine learning instead of the rules. @default false */
  readonly ml?: boolean;
  /** Columns that nothing is matched on but that must be in the output. */
  readonly carry?: readonly string[];
}

export type ErCompiled =
  | { readonly ok: true; readonly plan: ErPlan }
  | { readonly ok: false; readonly faults: readonly MatchFault[] };

/** Longest condition. Source: API reference, RuleCondition. */
const longestCondition = 2_048;

/**
 * Match rules as a schema mapping and a resolution technique of AWS Entity Resolution; or every reason why it cannot
 * express them, each with what to do about it. Where AWS's pages disagree about a limit, the lower one counts.
 */
export function compileForEntityResolution(rules: MatchRules, options: ErOptions = {}): ErCompiled {
  const { ml = false, carry = [] } = options;
  const faults = [
    ...mappingFaults(rules, carry),
    ...(ml ? machineLearningFaults(rules) : [...ruleFaults(rules), ...lengthFaults(rules)]),
  ];
  if (faults.length > 0) return { ok: false, faults };
  const { technique, notes } = ml ? machineLearning(rules) : byRules(rules);
  return { ok: true, plan: { attributes: mapping(rules, carry), technique, notes: [...notes, ...sharedNotes(rules)] } };
}

function mapping({ attributes }: MatchRules, carry: readonly string[]): ErAttribute[] {
  const mapped = new Set(attributes.map(({ column }) => column));
  return [
    ...attributes.map(
      ({ column, type, group, matchKey, hashed }): ErAttribute => ({
        fieldName: column,
        type,
        ...(group === undefined ? {} : { groupName: group }),
        ...(matchKey === undefined || type === "UNIQUE_ID" ? {} : { matchKey }),
        ...(hashed ? { hashed } : {}),
      }),
    ),
    ...carry.filter((column) => !mapped.has(column)).map((column) => ({ fieldName: column, type: "STRING" })),
  ];
}

function lengthFaults({ rules }: MatchRules): MatchFault[] {
  return rules.flatMap((rule, index) => {
    const length = "condition" in rule ? canonical(rule.condition).length : 0;
    if (length <= longestCondition) return [];
    const message = `${length} characters when written out, at most ${longestCondition} are allowed: split the rule`;
    return [{ path: ["rules", index, "condition"], message }];
  });
}

/** Written out, with parentheses: AWS does not say whether AND or OR binds first. */
const canonical = (condition: string): string => printCondition(parseCondition(condition));

const closureNote =
  'the mode "closure" is not Entity Resolution\'s. What it links is right and becomes evidence, which the graph closes over; ';
const waterfallNote = `${closureNote}but a record that one rule has matched is not compared by later rules, so links may be missing`;
const transitiveNote = `${closureNote}it is run as transitive matching, the nearest there is: two groups that one rule made are not joined by a later one`;

function machineLearning({ rules }: MatchRules): Pick<ErPlan, "technique" | "notes"> {
  const notes =
    rules.length === 0 ? [] : ["the rules are not used: machine learning compares attributes by their types"];
  return { technique: { resolutionType: "ML_MATCHING" }, notes };
}

function byRules(given: MatchRules): Pick<ErPlan, "technique" | "notes"> {
  const { rules, mode, comparison } = given;
  const simple = rules.flatMap((rule) =>
    "matchKeys" in rule ? [{ ruleName: rule.name, matchingKeys: rule.matchKeys }] : [],
  );
  if (simple.length > 0) {
    const properties = {
      attributeMatchingModel: comparison,
      matchPurpose: "IDENTIFIER_GENERATION",
      rules: simple,
    } as const;
    return {
      technique: { resolutionType: "RULE_MATCHING", ruleBasedProperties: properties },
      notes: mode === "closure" ? [waterfallNote] : [],
    };
  }
  const advanced = rules.flatMap((rule) =>
    "condition" in rule ? [{ ruleName: rule.name, condition: canonical(rule.condition) }] : [],
  );
  // Transitive matching does not take EmptyValues=Ignore.
  const transitive = mode === "aws-transitive" || (mode === "closure" && !ignoresEmptyValues(given));
  const properties = {
    rules: advanced,
    ...(transitive ? { matchingConfig: { enableTransitiveMatching: true } as const } : {}),
  };
  return {
    technique: { resolutionType: "RULE_MATCHING", ruleConditionProperties: properties },
    notes: mode === "closure" ? [transitive ? transitiveNote : waterfallNote] : [],
  };
}

const ignoresEmptyValues = ({ rules }: MatchRules): boolean =>
  rules.some(
    (rule) =>
      "condition" in rule &&
      functionsOf(parseCondition(rule.condition)).some(
        (each) => each.kind === "exact" && each.emptyValues === "Ignore",
      ),
  );

/** Differences that hold however it matches. */
function sharedNotes({ normalisation, constraints }: MatchRules): string[] {
  const { limits, veto, mustLink, cannotLink } = constraints;
  const own = Object.entries({ limits, veto, mustLink, cannotLink }).filter(([, list]) => list.length > 0);
  const names = own.map(([name]) => name).join(", ");
  return [
    ...(normalisation === "tributary"
      ? ["values are brought to one form by Entity Resolution's own normalisation, not by ours"]
      : []),
    ...(names === ""
      ? []
      : [
          `constraints (${names}) are not Entity Resolution's: its links become evidence, which the graph resolves under the limits of the identity rules`,
        ]),
  ];
}
