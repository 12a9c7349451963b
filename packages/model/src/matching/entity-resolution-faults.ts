import type { AttributeType } from "./attribute-types";
import { isFuzzy } from "./condition";
import { familyOf } from "./families";
import type { MatchFault } from "./faults";
import { looseRules } from "./loose";
import type { MatchRules } from "./rule-set";

/**
 * Columns of one schema mapping. AWS's pages say 25, 35 and 60; the lowest is what surely works, and a mapping cannot be
 * mended while a workflow uses it.
 */
export const mostColumns = 25;

/** Names that Entity Resolution writes itself. Source: user guide, "Troubleshooting matching workflows". */
const reserved = new Set([
  ...["emailaddress", "inputsourcearn", "matchrule", "matchid", "hashingprotocol", "confidencelevel", "source"],
  ...["recordid", "sourceid", "targetid"],
]);

/** Rules of one workflow. Source: API reference, RuleConditionProperties; the console takes 15 simple ones. */
const mostRules = 25;

/** Source: the patterns of SchemaInputAttribute's names and of rule names. */
const awsName = /^[a-zA-Z_0-9\- \t]*$/;

/** Everything about the columns that Entity Resolution or the Glue catalog refuses. */
export function mappingFaults({ attributes }: MatchRules, carry: readonly string[]): MatchFault[] {
  const carried = carry.filter((column) => !attributes.some((attribute) => attribute.column === column)).length;
  const count = attributes.length + carried;
  const faults: MatchFault[] = [];
  if (count > mostColumns) {
    const along = carried === 0 ? "" : `, ${carried} of them carried along`;
    const message = `${count} columns${along}, and ${mostColumns} is what every page of AWS allows: leave out what no rule compares`;
    faults.push({ path: ["attributes"], message });
  }
  if (count < 2) faults.push({ path: ["attributes"], message: "one column: a schema mapping has two at least" });
  if (!attributes.some(({ type }) => type === "UNIQUE_ID")) {
    const message =
      'no column is of type UNIQUE_ID: Entity Resolution wants one that names each record, such as { column: "record_id", type: "UNIQUE_ID" }';
    faults.push({ path: ["attributes"], message });
  }
  attributes.forEach((attribute, index) => {
    faults.push(...columnFaults(attribute.column, ["attributes", index, "column"]));
    for (const member of ["column", "group", "matchKey"] as const) {
      faults.push(...nameFaults(attribute[member], ["attributes", index, member]));
    }
  });
  return faults;
}

function nameFaults(name: string | undefined, path: MatchFault["path"]): MatchFault[] {
  if (name === undefined || awsName.test(name)) return [];
  return [
    { path, message: `Entity Resolution takes letters, digits, blanks, _ and - in names, not "${name}": rename it` },
  ];
}

/** What rule-based matching has no words for. Faults of the modes `aws-…` are told where the rules are read. */
export function ruleFaults(rules: MatchRules): MatchFault[] {
  const given = looseRules(rules)?.rules ?? [];
  const faults = given.flatMap(({ index, name, matchKeys, text, alternatives }) => [
    ...nameFaults(name, ["rules", index, "name"]),
    ...(rules.mode === "aws-transitive" && matchKeys
      ? [
          {
            path: ["rules", index, "matchKeys"],
            message: `transitive matching takes conditions only: write condition: ${JSON.stringify(text)}`,
          },
        ]
      : []),
    ...(alternatives.some((functions) => functions.every(isFuzzy))
      ? [
          {
            path: ["rules", index, "condition"],
            message:
              "a fuzzy function stands without an exact one: Entity Resolution compares fuzzily only within what is exactly equal. AND it with Exact(…)",
          },
        ]
      : []),
  ]);
  if (given.length > mostRules) {
    faults.push({ path: ["rules"], message: `${given.length} rules: a workflow has at most ${mostRules}` });
  }
  if (given.length === 0) {
    const message = "there are no rules: add some, or let Entity Resolution's machine learning match (ml: true)";
    faults.push({ path: ["rules"], message });
  }
  if (rules.probabilistic !== undefined && rules.probabilistic !== false) {
    const message =
      "Entity Resolution has no probabilistic stage that can be told anything: leave it out, or let its machine learning match (ml: true)";
    faults.push({ path: ["probabilistic"], message });
  }
  return given.some(({ matchKeys }) => !matchKeys) ? [...faults, ...oneColumnFaults(rules)] : faults;
}

/** "Each input field must be mapped to a unique match key, unless the fields are grouped together" (rule-based-mw-advanced). */
function oneColumnFaults({ attributes }: MatchRules): MatchFault[] {
  return attributes.flatMap(({ matchKey, group }, index) => {
    const earlier = attributes.findIndex((attribute) => matchKey !== undefined && attribute.matchKey === matchKey);
    const first = attributes[earlier];
    if (first === undefined || earlier === index || (group !== undefined && first.group === group)) return [];
    const message = `"${matchKey}" already is ${first.column}'s, and conditions take one column or group a match key: give this one another and compare them by ExactManyToMany(…)`;
    return [{ path: ["attributes", index, "matchKey"], message }];
  });
}

function columnFaults(column: string, path: MatchFault["path"]): MatchFault[] {
  const faults: MatchFault[] = [];
  if (reserved.has(column.toLowerCase())) {
    faults.push({ path, message: `"${column}" is a name that Entity Resolution writes itself: rename the column` });
  }
  if (column !== column.toLowerCase()) {
    const mended = column.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toLowerCase();
    faults.push({ path, message: `"${column}": names in the Glue catalog are in lower case: write "${mended}"` });
  }
  return faults;
}

/** The match key of the one date that machine learning compares. */
const birth = "Date of birth";

/** NAME_FIRST is of a name, PHONE_NUMBER of a phone; a NAME is whole. */
const isPart = (type: AttributeType): boolean => type.includes("_") && !["OTHER", "EMAIL"].includes(familyOf(type));

/** Source: user guide, "Creating a machine learning-based matching workflow". */
export function machineLearningFaults({ attributes }: MatchRules): MatchFault[] {
  const faults = attributes.flatMap(({ column, type, group, matchKey, hashed }, index) => {
    const at = (member: string, message: string): MatchFault => ({ path: ["attributes", index, member], message });
    const family = familyOf(type);
    return [
      ...(hashed ? [at("hashed", `machine learning takes "${column}" in clear text only: take hashed away`)] : []),
      ...(isPart(type) && group === undefined && matchKey !== undefined
        ? [at("group", `"${column}" is a part, and machine learning compares whole values: give the parts one group`)]
        : []),
      ...(type === "DATE" && matchKey !== undefined && matchKey !== birth
        ? [at("matchKey", `machine learning compares one date, of match key "${birth}": write that, or leave it out`)]
        : []),
      ...(family === "OTHER" && type !== "DATE" && type !== "UNIQUE_ID" && matchKey !== undefined
        ? [at("matchKey", `machine learning compares no ${type}: leave matchKey out, and the column is carried along`)]
        : []),
    ];
  });
  const comparable = attributes.some(
    ({ type, matchKey, group }) =>
      (familyOf(type) !== "OTHER" && (group !== undefined || !isPart(type))) || matchKey === birth,
  );
  if (comparable) return faults;
  const message = `machine learning needs a name, an address, a phone number, an e-mail address, or a date of match key "${birth}"`;
  return [...faults, { path: ["attributes"], message }];
}
