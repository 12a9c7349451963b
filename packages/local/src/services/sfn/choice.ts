import type { Json } from "@tributary/model";
import { isRecord } from "../support";
import { get, leadsSomewhere, type Scope } from "./paths";
import { runtimeError } from "./state-error";

type Rule = Readonly<Record<string, unknown>>;

/** Shape of RFC 3339 timestamps, which Step Functions compares by time. */
const timestamp = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

const orders: Readonly<Record<string, (difference: number) => boolean>> = {
  Equals: (difference) => difference === 0,
  LessThan: (difference) => difference < 0,
  GreaterThan: (difference) => difference > 0,
  LessThanEquals: (difference) => difference <= 0,
  GreaterThanEquals: (difference) => difference >= 0,
};

/** Difference of two values of a kind, or undefined where either is not of the kind (then no comparison holds). */
const differences: Readonly<Record<string, (a: unknown, b: unknown) => number | undefined>> = {
  String: (a, b) => (typeof a === "string" && typeof b === "string" ? (a < b ? -1 : a > b ? 1 : 0) : undefined),
  Numeric: (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : undefined),
  Boolean: (a, b) => (typeof a === "boolean" && typeof b === "boolean" ? Number(a !== b) : undefined),
  Timestamp: (a, b) =>
    typeof a === "string" && typeof b === "string" && timestamp.test(a) && timestamp.test(b)
      ? Date.parse(a) - Date.parse(b)
      : undefined,
};

const tests: Readonly<Record<string, (value: Json) => boolean>> = {
  IsNull: (value) => value === null,
  IsNumeric: (value) => typeof value === "number",
  IsString: (value) => typeof value === "string",
  IsBoolean: (value) => typeof value === "boolean",
  IsTimestamp: (value) => typeof value === "string" && timestamp.test(value),
};

/** `*` matches any text; `\*` and `\\` are the characters. */
function matches(value: unknown, pattern: string): boolean {
  if (typeof value !== "string") return false;
  const source = pattern.replace(
    /\\([*\\])|(\*)|([.+?^${}()|[\]\\])/g,
    (_, escaped?: string, star?: string, special?: string) => {
      if (special === "\\") throw runtimeError(`StringMatches ${pattern}: a backslash must be escaped by another`);
      return star ? ".*" : `\\${escaped ?? special}`;
    },
  );
  return new RegExp(`^${source}$`, "s").test(value);
}

/** Whether a rule of a Choice state (JSONPath) holds. */
export function ruleHolds(rule: Rule, scope: Scope): boolean {
  if (Array.isArray(rule.And)) return rule.And.every((each) => ruleHolds(each as Rule, scope));
  if (Array.isArray(rule.Or)) return rule.Or.some((each) => ruleHolds(each as Rule, scope));
  if (isRecord(rule.Not)) return !ruleHolds(rule.Not, scope);
  const { Variable: variable } = rule;
  if (typeof variable !== "string") throw runtimeError(`A choice rule needs a Variable: ${JSON.stringify(rule)}`);
  for (const [operator, operand] of Object.entries(rule)) {
    if (operator === "IsPresent") return leadsSomewhere(variable, scope) === operand;
    const test = tests[operator];
    if (test) return test(get(variable, scope)) === operand;
    if (operator === "StringMatches") return matches(get(variable, scope), String(operand));
    const [, kind = "", order = "", path] =
      /^(String|Numeric|Boolean|Timestamp)([A-Za-z]+?)(Path)?$/.exec(operator) ?? [];
    const compare = orders[order];
    const difference = differences[kind];
    if (!compare || !difference) continue;
    const other = path ? get(String(operand), scope) : operand;
    const result = difference(get(variable, scope), other);
    return result !== undefined && compare(result);
  }
  throw runtimeError(`A choice rule has no comparison: ${JSON.stringify(rule)}`);
}
