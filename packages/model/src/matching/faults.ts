import { nearest } from "../nearest";
import { awsModeFaults } from "./aws-faults";
import { comparedAs, familyOf } from "./families";
import { type LooseAttribute, type LooseRules, looseRules } from "./loose";

/** What is wrong, where, and how to mend it. */
export interface MatchFault {
  /** Path within the match rules: `["rules", 2, "condition"]`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

const known = (word: string, candidates: readonly string[], none: string): string => {
  const meant = nearest(word, candidates);
  if (meant !== undefined) return `did you mean "${meant}"?`;
  return candidates.length > 0 ? `there are ${candidates.map((name) => `"${name}"`).join(", ")}` : none;
};

/**
 * Every fault that the shape of match rules cannot have told, at once. Takes any value: what has no readable shape is
 * passed over, since the schema tells of it.
 */
export function matchFaults(value: unknown): MatchFault[] {
  const rules = looseRules(value);
  if (!rules) return [];
  return [
    ...columnFaults(rules.attributes),
    ...groupFaults(rules.attributes),
    ...matchKeyFaults(rules.attributes),
    ...ruleFaults(rules),
    ...constraintFaults(rules),
    ...(rules.mode.startsWith("aws-") ? awsModeFaults(rules) : []),
  ];
}

function columnFaults(attributes: readonly LooseAttribute[]): MatchFault[] {
  const faults: MatchFault[] = [];
  const seen = new Map<string, number>();
  let uniqueId: string | undefined;
  for (const { index, column, type } of attributes) {
    const earlier = seen.get(column);
    const path = ["attributes", index, "column"];
    if (earlier !== undefined) {
      faults.push({ path, message: `"${column}" is already attributes[${earlier}]: give a column one place` });
    }
    seen.set(column, earlier ?? index);
    if (type !== "UNIQUE_ID") continue;
    if (uniqueId !== undefined) {
      const message = `"${uniqueId}" already is the unique id: give this column another type, such as STRING`;
      faults.push({ path: ["attributes", index, "type"], message });
    }
    uniqueId ??= column;
  }
  return faults;
}

/** First attribute of each group or match key, for comparing the others with it. */
function leaders(attributes: readonly LooseAttribute[], by: "group" | "matchKey"): Map<string, LooseAttribute> {
  const found = new Map<string, LooseAttribute>();
  for (const attribute of attributes) {
    const name = attribute[by];
    if (name !== undefined && !found.has(name)) found.set(name, attribute);
  }
  return found;
}

function groupFaults(attributes: readonly LooseAttribute[]): MatchFault[] {
  const first = leaders(attributes, "group");
  return attributes.flatMap(({ index, group, type, matchKey, column }) => {
    const leader = group === undefined ? undefined : first.get(group);
    if (!leader) return [];
    const faults: MatchFault[] = [];
    const path = ["attributes", index];
    if (familyOf(type) !== familyOf(leader.type)) {
      faults.push({
        path: [...path, "group"],
        message: `${column} (${type}) cannot be of group "${group}", which is a ${familyOf(leader.type)}: group only name, address or phone columns with their like`,
      });
    }
    if (leader === attributes.find((candidate) => candidate.index === index) && familyOf(type) === "OTHER") {
      faults.push({
        path: [...path, "group"],
        message: `${type} columns cannot be grouped: only names, addresses and phones have parts`,
      });
    }
    if (matchKey !== leader.matchKey) {
      const own = leader.matchKey === undefined ? "none" : `"${leader.matchKey}"`;
      faults.push({
        path: [...path, "matchKey"],
        message: `group "${group}" is one value and has one match key (${own} at attributes[${leader.index}]): give all its columns the same`,
      });
    }
    return faults;
  });
}

function matchKeyFaults(attributes: readonly LooseAttribute[]): MatchFault[] {
  const first = leaders(attributes, "matchKey");
  return attributes.flatMap(({ index, matchKey, type, group, column }) => {
    const leader = matchKey === undefined ? undefined : first.get(matchKey);
    if (!leader || (group !== undefined && group === leader.group)) return [];
    const [mine, its] = [
      comparedAs(type, group !== undefined),
      comparedAs(leader.type, leader.group !== undefined),
    ] as const;
    if (mine === its) return [];
    return [
      {
        path: ["attributes", index, "matchKey"],
        message: `"${matchKey}" compares ${leader.column} (${its}); ${column} is ${mine} and never the same thing: give it a match key of its own`,
      },
    ];
  });
}

function ruleFaults({ attributes, rules, probabilistic }: LooseRules): MatchFault[] {
  const faults: MatchFault[] = [];
  const matchKeys = [...new Set(attributes.flatMap(({ matchKey }) => matchKey ?? []))];
  const seen = new Map<string, number>();
  const kinds = new Set(rules.map(({ matchKeys }) => (matchKeys ? "simple" : "advanced")));
  const unknown = (key: string) =>
    `no column has match key "${key}"; ${known(key, matchKeys, "give columns a matchKey")}`;
  for (const rule of rules) {
    const path = ["rules", rule.index];
    const earlier = seen.get(rule.name);
    if (earlier !== undefined) {
      faults.push({ path: [...path, "name"], message: `"${rule.name}" is already rules[${earlier}]: name them apart` });
    }
    seen.set(rule.name, earlier ?? rule.index);
    if (kinds.size > 1 && rule.matchKeys) {
      const message = `simple and advanced rules cannot be mixed: write condition: ${JSON.stringify(rule.text)}`;
      faults.push({ path: [...path, "matchKeys"], message });
    }
    rule.matchKeys?.forEach((key, place) => {
      const at = [...path, "matchKeys", place];
      if (!matchKeys.includes(key)) faults.push({ path: at, message: unknown(key) });
      else if (rule.matchKeys?.indexOf(key) !== place) faults.push({ path: at, message: `"${key}" is there twice` });
    });
    if (rule.error !== undefined) faults.push({ path: [...path, "condition"], message: rule.error });
    if (rule.matchKeys) continue;
    for (const key of rule.keys.filter((candidate) => !matchKeys.includes(candidate))) {
      faults.push({ path: [...path, "condition"], message: unknown(key) });
    }
  }
  if (rules.length === 0 && probabilistic === false) {
    const message = "there are no rules and no probabilistic stage, so nothing would match: add rules, or leave it out";
    faults.push({ path: ["probabilistic"], message });
  }
  return faults;
}

function constraintFaults({ attributes, constraints, blocking }: LooseRules): MatchFault[] {
  const columns = attributes.map(({ column }) => column);
  const matchKeys = [...new Set(attributes.flatMap(({ matchKey }) => matchKey ?? []))];
  const faults: MatchFault[] = [];
  constraints.limits.forEach(({ matchKey }, index) => {
    if (matchKey === undefined || matchKeys.includes(matchKey)) return;
    const message = `no column has match key "${matchKey}"; ${known(matchKey, matchKeys, "give columns a matchKey")}`;
    faults.push({ path: ["constraints", "limits", index, "matchKey"], message });
  });
  constraints.veto.forEach(({ attribute }, index) => {
    if (attribute === undefined || columns.includes(attribute)) return;
    const message = `"${attribute}" is no column of attributes; ${known(attribute, columns, "name one of them")}`;
    faults.push({ path: ["constraints", "veto", index, "attribute"], message });
  });
  blocking.forEach((names, index) => {
    names.forEach((column, place) => {
      if (columns.includes(column)) return;
      const message = `"${column}" is no column of attributes; ${known(column, columns, "name one of them")}`;
      faults.push({ path: ["probabilistic", "blocking", index, place], message });
    });
  });
  const pairKey = ([a, b]: readonly [string, string]) => JSON.stringify(a < b ? [a, b] : [b, a]);
  const must = new Set(constraints.mustLink.map(pairKey));
  for (const which of ["mustLink", "cannotLink"] as const) {
    constraints[which].forEach((pair, index) => {
      const path = ["constraints", which, index];
      if (pair[0] === pair[1]) faults.push({ path, message: `"${pair[0]}" is paired with itself: name two records` });
      else if (which === "cannotLink" && must.has(pairKey(pair))) {
        const message = `"${pair[0]}" and "${pair[1]}" must also link (mustLink): take one of the two away`;
        faults.push({ path, message });
      }
    });
  }
  return faults;
}

/** `matchFaults` as a check of a schema. */
export function reportFaults() {
  return (context: { readonly value: unknown; readonly issues: unknown[] }): void => {
    for (const { path, message } of matchFaults(context.value)) {
      context.issues.push({ code: "custom", input: context.value, path: [...path], message, continue: true });
    }
  };
}
