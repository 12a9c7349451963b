import { AwsError } from "../../kernel";

/**
 * The event pattern language of EventBridge rules, Lambda event source filters and SNS filter policies.
 * Source of the rules: "Amazon EventBridge event patterns" and "comparison operators" in the EventBridge user guide.
 */
export type EventPattern = { readonly [field: string]: unknown };
type Matches = (event: unknown) => boolean;

/**
 * Compiles a pattern once; the result is cheap to call for each event.
 * @throws AwsError `InvalidEventPatternException` naming the part that is no pattern
 */
export function compilePattern(pattern: unknown): Matches {
  return compileObject(pattern, "");
}

function invalid(path: string, why: string): AwsError {
  return new AwsError(
    "InvalidEventPatternException",
    `Event pattern is not valid. Reason: ${why} at ${path || "the top"}`,
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function compileObject(pattern: unknown, path: string): Matches {
  if (!isObject(pattern)) throw invalid(path, "Filter is not an object");
  const parts = Object.entries(pattern).map(([field, expected]): Matches => {
    const here = path ? `${path}.${field}` : field;
    if (field === "$or" && Array.isArray(expected)) {
      const choices = expected.map((choice, index) => compileObject(choice, `${here}[${index}]`));
      if (choices.length === 0) throw invalid(here, "$or must have at least one choice");
      return (event) => choices.some((choice) => choice(event));
    }
    if (Array.isArray(expected)) {
      const test = compileValues(expected, here);
      return (event) => test(isObject(event) ? event[field] : undefined);
    }
    if (isObject(expected)) {
      const inner = compileObject(expected, here);
      // An array of objects matches where one of its elements does.
      return (event) => {
        const value = isObject(event) ? event[field] : undefined;
        return Array.isArray(value) ? value.some(inner) : inner(value);
      };
    }
    throw invalid(here, "a field must hold an array of values or an object");
  });
  return (event) => parts.every((part) => part(event));
}

/** A field matches where one of its values (an array has many) fits one of the expected. */
function compileValues(expected: readonly unknown[], path: string): Matches {
  if (expected.length === 0) throw invalid(path, "an empty array is not allowed");
  const tests = expected.map((entry) => compileValue(entry, path));
  return (value) => tests.some((test) => test(value));
}

function eachValue(test: (value: unknown) => boolean): Matches {
  return (value) => {
    if (value === undefined) return false;
    return Array.isArray(value) ? value.some(test) : test(value);
  };
}

function compileValue(entry: unknown, path: string): Matches {
  if (!isObject(entry)) {
    if (Array.isArray(entry)) throw invalid(path, "an array inside an array is not allowed");
    return eachValue((value) => value === entry);
  }
  const [operator, operand] = Object.entries(entry)[0] ?? [];
  if (operator === undefined || Object.keys(entry).length !== 1) throw invalid(path, "one operator is expected");
  if (operator === "exists") return compileExists(operand, path);
  if (operator === "anything-but") return compileAnythingBut(operand, path);
  if (operator === "numeric") return eachValue(compileNumeric(operand, path));
  if (operator === "cidr") return eachValue(compileCidr(operand, path));
  return eachValue(compileText(operator, operand, path));
}

function compileExists(operand: unknown, path: string): Matches {
  if (typeof operand !== "boolean") throw invalid(path, "exists takes true or false");
  // As on AWS: exists looks at leaves, an object in the field's place does not count.
  const present: Matches = (value) => value !== undefined && !isObject(value);
  return operand ? present : (value) => !present(value);
}

function compileText(operator: string, operand: unknown, path: string): (value: unknown) => boolean {
  const folded = isObject(operand) && "equals-ignore-case" in operand;
  const text = folded ? operand["equals-ignore-case"] : operand;
  if (typeof text !== "string") throw invalid(path, `${operator} takes a string`);
  const fold = (value: string) => (folded ? value.toLowerCase() : value);
  const wanted = fold(text);
  switch (operator) {
    case "prefix":
      return (value) => typeof value === "string" && fold(value).startsWith(wanted);
    case "suffix":
      return (value) => typeof value === "string" && fold(value).endsWith(wanted);
    case "equals-ignore-case": {
      const lower = text.toLowerCase();
      return (value) => typeof value === "string" && value.toLowerCase() === lower;
    }
    case "wildcard": {
      const expression = wildcardExpression(text);
      return (value) => typeof value === "string" && expression.test(value);
    }
    default:
      throw invalid(path, `Unrecognized match type ${operator}`);
  }
}

/** `*` stands for any characters; a backslash takes the next character as it is. */
function wildcardExpression(text: string): RegExp {
  const source = text.replace(/\\(.)|\*|[^*\\]+/gs, (part: string, escaped: string | undefined) => {
    if (part === "*") return ".*";
    return (escaped ?? part).replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${source}$`, "s");
}

function compileAnythingBut(operand: unknown, path: string): Matches {
  const banned = (Array.isArray(operand) ? operand : [operand]).map((entry): ((value: unknown) => boolean) => {
    if (!isObject(entry)) return (value) => value === entry;
    const [operator = "", inner] = Object.entries(entry)[0] ?? [];
    const tests = (Array.isArray(inner) ? inner : [inner]).map((text) => compileText(operator, text, path));
    return (value) => tests.some((test) => test(value));
  });
  return eachValue((value) => !isObject(value) && !banned.some((test) => test(value)));
}

function compileNumeric(operand: unknown, path: string): (value: unknown) => boolean {
  if (!Array.isArray(operand) || operand.length === 0 || operand.length % 2 !== 0) {
    throw invalid(path, 'numeric takes pairs such as [">", 0, "<=", 5]');
  }
  const tests: ((value: number) => boolean)[] = [];
  for (let index = 0; index < operand.length; index += 2) {
    const operator: unknown = operand[index];
    const bound: unknown = operand[index + 1];
    if (typeof bound !== "number") throw invalid(path, "numeric compares with numbers only");
    if (operator === "=") tests.push((value) => value === bound);
    else if (operator === ">") tests.push((value) => value > bound);
    else if (operator === ">=") tests.push((value) => value >= bound);
    else if (operator === "<") tests.push((value) => value < bound);
    else if (operator === "<=") tests.push((value) => value <= bound);
    else throw invalid(path, `Unrecognized numeric range operator ${String(operator)}`);
  }
  return (value) => typeof value === "number" && tests.every((test) => test(value));
}

function compileCidr(operand: unknown, path: string): (value: unknown) => boolean {
  const block = typeof operand === "string" ? parseCidr(operand) : undefined;
  if (!block) throw invalid(path, "cidr takes an IPv4 block such as 10.0.0.0/24");
  return (value) => {
    const address = typeof value === "string" ? parseIpv4(value) : undefined;
    return address !== undefined && inCidr(address, block);
  };
}

export interface Cidr {
  readonly address: number;
  readonly bits: number;
}

/** An IPv4 address as an unsigned number, or undefined where the text is none. */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** An IPv4 block; a bare address is a block of one. */
export function parseCidr(text: string): Cidr | undefined {
  const [base = "", bits = "32"] = text.split("/");
  const address = parseIpv4(base);
  if (address === undefined || !/^\d{1,2}$/.test(bits) || Number(bits) > 32) return undefined;
  return { address, bits: Number(bits) };
}

export function inCidr(address: number, block: Cidr): boolean {
  const size = 2 ** (32 - block.bits);
  return Math.floor(address / size) === Math.floor(block.address / size);
}
