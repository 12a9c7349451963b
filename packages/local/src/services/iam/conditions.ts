import { AwsError } from "../../kernel";
import { inCidr, parseCidr, parseIpv4 } from "../eventbridge/pattern";
import { wildcardMatch } from "./match";

/** Condition keys of a request, in lower case, each with its values. A key that is absent is absent in the request. */
export type Context = ReadonlyMap<string, readonly string[]>;

type Test = (actual: string, expected: string) => boolean;

const sameText: Test = (actual, expected) => actual === expected;
const sameFolded: Test = (actual, expected) => actual.toLowerCase() === expected.toLowerCase();
const like: Test = (actual, expected) => wildcardMatch(expected, actual);
const inBlock: Test = (actual, expected) => {
  const address = parseIpv4(actual);
  const block = parseCidr(expected);
  return address !== undefined && block !== undefined && inCidr(address, block);
};
const numbers =
  (compare: (left: number, right: number) => boolean): Test =>
  (actual, expected) =>
    compare(Number(actual), Number(expected));
const dates =
  (compare: (left: number, right: number) => boolean): Test =>
  (actual, expected) =>
    compare(Date.parse(actual), Date.parse(expected));

/** Each operator's test of one value against one; `negated` operators hold where no value passes (and without the key). */
const operators: Readonly<Record<string, { readonly test: Test; readonly negated?: true }>> = {
  StringEquals: { test: sameText },
  StringNotEquals: { test: sameText, negated: true },
  StringEqualsIgnoreCase: { test: sameFolded },
  StringNotEqualsIgnoreCase: { test: sameFolded, negated: true },
  StringLike: { test: like },
  StringNotLike: { test: like, negated: true },
  ArnEquals: { test: like },
  ArnLike: { test: like },
  ArnNotEquals: { test: like, negated: true },
  ArnNotLike: { test: like, negated: true },
  Bool: { test: sameFolded },
  IpAddress: { test: inBlock },
  NotIpAddress: { test: inBlock, negated: true },
  NumericEquals: { test: numbers((left, right) => left === right) },
  NumericNotEquals: { test: numbers((left, right) => left === right), negated: true },
  NumericLessThan: { test: numbers((left, right) => left < right) },
  NumericLessThanEquals: { test: numbers((left, right) => left <= right) },
  NumericGreaterThan: { test: numbers((left, right) => left > right) },
  NumericGreaterThanEquals: { test: numbers((left, right) => left >= right) },
  DateEquals: { test: dates((left, right) => left === right) },
  DateNotEquals: { test: dates((left, right) => left === right), negated: true },
  DateLessThan: { test: dates((left, right) => left < right) },
  DateLessThanEquals: { test: dates((left, right) => left <= right) },
  DateGreaterThan: { test: dates((left, right) => left > right) },
  DateGreaterThanEquals: { test: dates((left, right) => left >= right) },
};

/**
 * Whether every condition of a statement holds. As on AWS: values of one key are alternatives, keys and operators must
 * all hold; a key that the request lacks fails a positive test, passes a negated one and any `…IfExists`.
 * @throws AwsError for an operator that IAM does not have
 */
export function conditionsHold(
  conditions: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> | undefined,
  context: Context,
): boolean {
  return Object.entries(conditions ?? {}).every(([operator, keys]) =>
    Object.entries(keys).every(([key, expected]) => holds(operator, expected, context.get(key.toLowerCase()), context)),
  );
}

function holds(
  written: string,
  expected: readonly string[],
  actual: readonly string[] | undefined,
  context: Context,
): boolean {
  const [, set, base = "", ifExists] = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/.exec(written) ?? [];
  if (base === "Null") return expected.some((value) => (value === "true") === (actual === undefined));
  const operator = operators[base];
  if (!operator) throw new AwsError("MalformedPolicyDocument", `Invalid condition operator: ${written}`);
  if (actual === undefined) {
    if (ifExists || set === "ForAllValues") return true;
    return operator.negated === true && set === undefined;
  }
  const wanted = expected.map((value) => fillVariables(value, context));
  const fits = (value: string) => {
    const some = wanted.some((expectedValue) => expectedValue !== undefined && operator.test(value, expectedValue));
    return operator.negated ? !some : some;
  };
  if (set === "ForAllValues") return actual.every(fits);
  if (set === "ForAnyValue") return actual.some(fits);
  return operator.negated ? actual.every(fits) : actual.some(fits);
}

/** `${aws:PrincipalArn}` and the like; undefined where the request lacks the key, so that nothing matches. */
export function fillVariables(text: string, context: Context): string | undefined {
  if (!text.includes("${")) return text;
  let missing = false;
  const filled = text.replace(/\$\{([^}]+)\}/g, (_whole, name: string) => {
    if (name === "*" || name === "?" || name === "$") return name;
    const [key = "", fallback] = name.split(/,\s*/);
    const value = context.get(key.trim().toLowerCase())?.[0] ?? fallback?.replace(/^'|'$/g, "");
    if (value === undefined) missing = true;
    return value ?? "";
  });
  return missing ? undefined : filled;
}
