import {
  bucketRefFaults,
  type Fault,
  inputTextFaults,
  isRecord,
  nearest,
  objectFaults,
  optionalObjectFaults,
  quoted,
  resolveSchedule,
  type ScheduleArgs,
  scheduleFaults,
  unknownFaults,
  zodFaults,
} from "@tributary/core";
import {
  compileForEntityResolution,
  type ErCompiled,
  type ErPlan,
  lint,
  type MatchRules,
  matchingSchema,
} from "@tributary/model";
import type { MatchingArgs } from "./args";
import { matchingDefaults } from "./defaults";
import { installation, loadEntityResolution } from "./native";

/** The columns that hang a match on an identifier of the graph; carried from the input to the output. */
export const carriedColumns = ["identifier_type", "identifier_value"] as const;

/** Matching's arguments with everything decided; refs are taken from the arguments. */
export interface ResolvedMatching {
  readonly rules: MatchRules;
  readonly plan: ErPlan;
  readonly uniqueId: string;
  readonly incremental: boolean;
  readonly timeoutMinutes: number;
  readonly schedule: Required<ScheduleArgs> | undefined;
  /** What the user should know: how Entity Resolution differs, and which rules are dangerous. */
  readonly notes: readonly string[];
}

/** Decides matching's arguments; call `matchingFaults` first. @param shared the match rules of the component's rule set */
export function resolveMatching(args: MatchingArgs, shared: unknown): ResolvedMatching {
  const rules = matchingSchema.parse(args.rules ?? shared);
  const compiled = compile(rules, args.ml === true);
  if (!compiled.ok) throw new Error("matching.rules were not checked");
  return {
    rules,
    plan: compiled.plan,
    uniqueId: rules.attributes.find(({ type }) => type === "UNIQUE_ID")?.column ?? "record_id",
    incremental: args.incremental ?? matchingDefaults.incremental,
    timeoutMinutes: args.timeoutMinutes ?? matchingDefaults.timeoutMinutes,
    schedule: args.schedule === undefined ? undefined : resolveSchedule(args.schedule),
    notes: [...compiled.plan.notes, ...lint(rules).map(({ rule, why, remedy }) => `rule "${rule}": ${why}; ${remedy}`)],
  };
}

const compile = (rules: MatchRules, ml: boolean): ErCompiled =>
  compileForEntityResolution(rules, { ml, carry: carriedColumns });

const known = [
  ...["provider", "rules", "input", "output", "ml", "incremental"],
  ...["schedule", "timeoutMinutes", "customerProfiles"],
];

/** Every fault of `matching`: of its shape, of what Entity Resolution cannot express, of what is not installed. */
export function matchingFaults(matching: unknown, shared: unknown): Fault[] {
  const example = '{ provider: "entity-resolution", rules, input: lake.peopleToMatch, output: lake.workspace }';
  return optionalObjectFaults("matching", matching, example, (given) => [
    ...unknownFaults("matching.", given, known),
    ...providerFaults(given.provider),
    ...ruleFaults(given, shared),
    ...inputFaults(given.input),
    ...bucketRefFaults("matching.output", given.output, "lake.workspace"),
    ...flagFaults("ml", given.ml),
    ...flagFaults("incremental", given.incremental),
    ...(given.ml === true && given.incremental === true
      ? [{ path: "matching.incremental", reason: "machine learning matches all records each time; leave it out" }]
      : []),
    ...(given.schedule === undefined ? [] : scheduleFaults("matching.schedule", given.schedule)),
    ...timeoutFaults(given.timeoutMinutes),
    ...optionalObjectFaults(
      "matching.customerProfiles",
      given.customerProfiles,
      "{ domainArn, objectTypeArn }",
      (to) => [
        ...unknownFaults("matching.customerProfiles.", to, ["domainArn", "objectTypeArn"]),
        ...inputTextFaults("matching.customerProfiles.domainArn", to.domainArn, "the ARN of the domain"),
        ...inputTextFaults("matching.customerProfiles.objectTypeArn", to.objectTypeArn, "the ARN of its object type"),
      ],
    ),
  ]);
}

function providerFaults(provider: unknown): Fault[] {
  if (provider !== "entity-resolution") {
    return [{ path: "matching.provider", reason: `${quoted(provider)} must be "entity-resolution"` }];
  }
  if (loadEntityResolution() !== undefined) return [];
  const reason = `needs the package @pulumi/aws-native, which is not installed: ${installation}`;
  return [{ path: "matching.provider", reason }];
}

function ruleFaults({ rules, ml, input }: Record<string, unknown>, shared: unknown): Fault[] {
  const [path, given] =
    rules === undefined && shared !== undefined ? ["rules.matching", shared] : ["matching.rules", rules];
  const example =
    'them, or a rule set with them: rules: { …, matching: { attributes: [{ column: "record_id", type: "UNIQUE_ID" }, …] } }';
  return objectFaults(path, given, example, () => {
    const shape = zodFaults(matchingSchema, given, path);
    // Those of the shared rules are told with the rule set.
    if (shape.length > 0) return given === shared ? [] : shape;
    const parsed = matchingSchema.parse(given);
    const compiled = compile(parsed, ml === true);
    const inexpressible = compiled.ok
      ? []
      : compiled.faults.map((fault) => ({ path: joined(path, fault.path), reason: fault.message }));
    return [...inexpressible, ...columnFaults(parsed, input, path)];
  });
}

/** Columns of the rules that the input has not, where it says which it has. */
function columnFaults({ attributes }: MatchRules, input: unknown, rulesPath: string): Fault[] {
  const columns = isRecord(input) && Array.isArray(input.columns) ? input.columns.map(String) : undefined;
  if (columns === undefined) return [];
  const missing = (column: string, path: string): Fault[] => {
    if (columns.includes(column)) return [];
    const near = nearest(column, columns);
    const remedy = near === undefined ? `it has ${columns.join(", ")}` : `did you mean "${near}"?`;
    return [{ path, reason: `the input has no column "${column}"; ${remedy}` }];
  };
  return [
    ...attributes.flatMap(({ column }, index) => missing(column, `${rulesPath}.attributes[${index}].column`)),
    ...carriedColumns.flatMap((column) => missing(column, "matching.input.columns")),
  ];
}

function inputFaults(input: unknown): Fault[] {
  const path = "matching.input";
  return objectFaults(path, input, "lake.peopleToMatch, of a DataLake with peopleToMatch: true", (given) => [
    ...inputTextFaults(`${path}.database`, given.database, "the Glue database's name: lake.peopleToMatch has it"),
    ...inputTextFaults(`${path}.table`, given.table, "the Glue table's name: lake.peopleToMatch has it"),
    ...bucketRefFaults(`${path}.bucket`, given.bucket, "lake.peopleToMatch.bucket"),
    ...(typeof given.prefix === "string" && (given.prefix === "" || given.prefix.endsWith("/"))
      ? []
      : [{ path: `${path}.prefix`, reason: `${quoted(given.prefix)} must be a plain string with a slash at its end` }]),
  ]);
}

function flagFaults(name: string, value: unknown): Fault[] {
  if (value === undefined || typeof value === "boolean") return [];
  return [{ path: `matching.${name}`, reason: `${quoted(value)} must be true or false` }];
}

function timeoutFaults(value: unknown): Fault[] {
  if (value === undefined || (Number.isInteger(value) && Number(value) >= 10 && Number(value) <= 10_080)) return [];
  const reason = `is ${quoted(value)}; give a whole number of minutes from 10 to 10080 (a week)`;
  return [{ path: "matching.timeoutMinutes", reason }];
}

function joined(prefix: string, path: readonly (string | number)[]): string {
  return path.reduce<string>((so, part) => (typeof part === "number" ? `${so}[${part}]` : `${so}.${part}`), prefix);
}
