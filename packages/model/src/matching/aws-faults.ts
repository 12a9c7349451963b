import { isFuzzy } from "./condition";
import type { MatchFault } from "./faults";
import { printKey } from "./grammar";
import type { LooseAttribute, LooseRule, LooseRules } from "./loose";

/** Most rules of a matching workflow. Source: user guide, rule-based-mw-advanced; API reference, RuleBasedProperties. */
export const mostAwsRules = 25;

/** Names of rules, columns, groups and match keys. Source: API reference, SchemaInputAttribute, RuleCondition. */
const awsName = /^[a-zA-Z_0-9- \t]*$/;

/** Rules whose meaning under Entity Resolution's semantics is none: faults in the modes that are its own. */
export function awsModeFaults({ mode, rules }: Pick<LooseRules, "mode" | "rules">): MatchFault[] {
  const faults = rules.flatMap(({ index, alternatives }) => {
    const path = ["rules", index, "condition"];
    const found: MatchFault[] = [];
    if (alternatives.some((functions) => functions.every(isFuzzy))) {
      const message = "a fuzzy function stands without an exact one: Entity Resolution wants it ANDed with Exact(…)";
      found.push({ path, message });
    }
    const ignoring = alternatives.flat().some((given) => given.kind === "exact" && given.emptyValues === "Ignore");
    if (mode === "aws-transitive" && ignoring) {
      const message = "EmptyValues=Ignore is not supported with transitive matching: take it away";
      found.push({ path, message });
    }
    return found;
  });
  if (rules.length <= mostAwsRules) return faults;
  const message = `${rules.length} rules: Entity Resolution has at most ${mostAwsRules}: merge some`;
  return [...faults, { path: ["rules"], message }];
}

/** All that a workflow of Entity Resolution would refuse, or has no words for. Asked when rules are compiled to one. */
export function awsFaults(given: LooseRules): MatchFault[] {
  const { attributes, rules, mode } = given;
  return [
    ...schemaFaults(attributes),
    ...awsModeFaults(given),
    ...rules.flatMap((rule) => [
      ...nameFaults(rule.name, ["rules", rule.index, "name"]),
      ...(mode === "aws-transitive" ? simpleFaults(rule) : []),
    ]),
    ...(rules.some(({ matchKeys }) => !matchKeys) ? oneColumnFaults(attributes) : []),
  ];
}

function nameFaults(name: string | undefined, path: MatchFault["path"]): MatchFault[] {
  if (name === undefined || awsName.test(name)) return [];
  const message = `Entity Resolution takes letters, digits, blanks, _ and - in names, not "${name}": rename it`;
  return [{ path, message }];
}

/** "Available for Advanced Matching workflows only" (transitive-matching-limitations). */
function simpleFaults({ matchKeys, index }: LooseRule): MatchFault[] {
  if (!matchKeys) return [];
  const condition = matchKeys.map((key) => `Exact(${printKey(key)})`).join(" AND ");
  const message = `transitive matching is of Advanced rules only: write condition: ${JSON.stringify(condition)}`;
  return [{ path: ["rules", index, "matchKeys"], message }];
}

function schemaFaults(attributes: readonly LooseAttribute[]): MatchFault[] {
  const faults = attributes.flatMap(({ index, ...attribute }) =>
    (["column", "group", "matchKey"] as const).flatMap((member) =>
      nameFaults(attribute[member], ["attributes", index, member]),
    ),
  );
  if (attributes.some(({ type }) => type === "UNIQUE_ID")) return faults;
  const message = "no column is of type UNIQUE_ID: Entity Resolution wants one that names each record";
  return [{ path: ["attributes"], message }, ...faults];
}

/** "Each input field must be mapped to a unique match key, unless the fields are grouped together" (rule-based-mw-advanced). */
function oneColumnFaults(attributes: readonly LooseAttribute[]): MatchFault[] {
  const first = new Map<string, LooseAttribute>();
  return attributes.flatMap((attribute) => {
    const { index, matchKey, group } = attribute;
    if (matchKey === undefined) return [];
    const earlier = first.get(matchKey);
    if (!earlier) {
      first.set(matchKey, attribute);
      return [];
    }
    if (group !== undefined && group === earlier.group) return [];
    const message = `"${matchKey}" already is ${earlier.column}'s, and Advanced rules have one column or group a match key: give this one another and compare them with ExactManyToMany`;
    return [{ path: ["attributes", index, "matchKey"], message }];
  });
}
