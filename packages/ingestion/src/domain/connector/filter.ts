import type { Comparison, Condition, ConnectorRecord } from "../../connector/definition";
import { ConnectorFailure } from "./failure";

/**
 * AppFlow's filter expressions (`updatedAt between 2026-01-01T00:00:00.000Z and … AND status != 'closed'`), by the grammar
 * of its connector SDK (CustomConnectorQueryFilterParser.g4): AND before OR, NOT before both, values quoted or bare.
 */
export type Expression =
  | { readonly kind: "and" | "or"; readonly parts: readonly Expression[] }
  | { readonly kind: "not"; readonly part: Expression }
  | { readonly kind: "is"; readonly condition: Condition };

interface Token {
  readonly kind: "word" | "string" | "number" | "date" | "sign";
  readonly text: string;
  readonly at: number;
}

const pattern =
  /\s*(?:(?<date>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?)|(?<number>-?\d+(?:\.\d+)?)|(?<word>[A-Za-z][\w-]*)|'(?<single>(?:[^'\\]|\\.)*)'|"(?<double>(?:[^"\\]|\\.)*)"|(?<sign>>=|<=|!=|[=<>(),]))/gy;

function tokens(text: string): Token[] {
  const found: Token[] = [];
  pattern.lastIndex = 0;
  let end = 0;
  while (end < text.length && text.slice(end).trim() !== "") {
    const match = pattern.exec(text);
    if (!match) throw fault(text, end, "cannot be read here");
    const { date, number, word, single, double, sign } = match.groups ?? {};
    const at = end;
    end = pattern.lastIndex;
    const quoted = single ?? double;
    if (date !== undefined) found.push({ kind: "date", text: date, at });
    else if (number !== undefined) found.push({ kind: "number", text: number, at });
    else if (word !== undefined) found.push({ kind: "word", text: word, at });
    else if (quoted !== undefined) found.push({ kind: "string", text: unescaped(quoted), at });
    else found.push({ kind: "sign", text: sign ?? "", at });
  }
  return found;
}

const escapes: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r" };
const unescaped = (text: string) => text.replace(/\\(.)/gs, (_, each: string) => escapes[each] ?? each);

/** The expression itself may hold personal data (an e-mail address): the message gives the place, not the text. */
function fault(text: string, at: number, why: string): ConnectorFailure {
  return new ConnectorFailure("InvalidArgument", `filterExpression, character ${at + 1} of ${text.length}: ${why}`);
}

/** @throws ConnectorFailure `InvalidArgument` with the place */
export function parseFilter(text: string | undefined | null): Expression | undefined {
  if (text === undefined || text === null || text.trim() === "") return undefined;
  const all = tokens(text);
  let next = 0;
  const peek = () => all[next];
  const isWord = (...words: string[]) => {
    const token = peek();
    return token?.kind === "word" && words.includes(token.text.toLowerCase());
  };
  const isSign = (sign: string) => peek()?.kind === "sign" && peek()?.text === sign;
  const here = (why: string) => fault(text, peek()?.at ?? text.length, why);
  const expectSign = (sign: string) => {
    if (!isSign(sign)) throw here(`expected ${sign}`);
    next += 1;
  };
  const joined = (kind: "and" | "or", inner: () => Expression): Expression => {
    const parts = [inner()];
    while (isWord(kind)) {
      next += 1;
      parts.push(inner());
    }
    const [only] = parts;
    return parts.length === 1 && only ? only : { kind, parts };
  };
  const either = (): Expression => joined("or", both);
  const both = (): Expression => joined("and", single);
  const single = (): Expression => {
    if (isWord("not")) {
      next += 1;
      return { kind: "not", part: single() };
    }
    if (isSign("(")) {
      next += 1;
      const inner = either();
      expectSign(")");
      return inner;
    }
    return comparison();
  };
  const value = (): Condition["value"] => {
    const token = peek();
    if (!token || token.kind === "sign") throw here("expected a value");
    next += 1;
    if (token.kind === "number") return Number(token.text);
    if (token.kind !== "word") return token.text;
    const word = token.text.toLowerCase();
    if (word === "null") return null;
    if (word === "true" || word === "false") return word === "true";
    throw fault(text, token.at, "expected a value: texts stand in quotes");
  };
  const comparison = (): Expression => {
    const token = peek();
    if (token?.kind !== "word") throw here("expected the name of a field");
    next += 1;
    const field = token.text;
    const condition = (is: Comparison, given: Condition["value"]): Expression => ({
      kind: "is",
      condition: { field, is, value: given },
    });
    if (isWord("between")) {
      next += 1;
      const least = value();
      if (!isWord("and")) throw here("expected AND between the two values");
      next += 1;
      return { kind: "and", parts: [condition(">=", least), condition("<=", value())] };
    }
    if (isWord("in")) {
      next += 1;
      expectSign("(");
      const parts = [condition("=", value())];
      while (isSign(",")) {
        next += 1;
        parts.push(condition("=", value()));
      }
      expectSign(")");
      return { kind: "or", parts };
    }
    if (isWord("contains", "like")) {
      next += 1;
      return condition("contains", value());
    }
    const sign = peek();
    if (sign?.kind !== "sign" || !["=", "!=", ">", ">=", "<", "<="].includes(sign.text)) {
      throw here("expected =, !=, >, >=, <, <=, contains, between or in");
    }
    next += 1;
    return condition(sign.text as Comparison, value());
  };
  const result = either();
  if (peek()) throw here("expected AND, OR or the end (ORDERBY and LIMIT are not supported)");
  return result;
}

/** The conditions that every wanted record fulfils: what can be left to the API. */
export function required(expression: Expression | undefined): Condition[] {
  if (expression?.kind === "is") return [expression.condition];
  return expression?.kind === "and" ? expression.parts.flatMap(required) : [];
}

/** Names of all fields in it. */
export function fieldsIn(expression: Expression | undefined): string[] {
  if (!expression) return [];
  if (expression.kind === "is") return [expression.condition.field];
  if (expression.kind === "not") return fieldsIn(expression.part);
  return expression.parts.flatMap(fieldsIn);
}

/**
 * Whether a record is wanted.
 * @param given conditions that the API has checked: where the record does not have the field to check them again, they hold
 */
export function holds(
  expression: Expression | undefined,
  record: ConnectorRecord,
  given: readonly Condition[] = [],
): boolean {
  if (!expression) return true;
  switch (expression.kind) {
    case "and":
      return expression.parts.every((part) => holds(part, record, given));
    case "or":
      return expression.parts.some((part) => holds(part, record, given));
    case "not":
      return !holds(expression.part, record, given);
    default: {
      const { condition } = expression;
      if (record[condition.field] === undefined && given.includes(condition)) return true;
      return compare(record[condition.field], condition);
    }
  }
}

function compare(found: unknown, { is, value }: Condition): boolean {
  const absent = found === undefined || found === null;
  if (value === null) return is === "=" ? absent : is === "!=" ? !absent : false;
  if (absent) return is === "!=";
  if (is === "contains") {
    return Array.isArray(found)
      ? found.some((each) => String(each) === String(value))
      : String(found).includes(String(value));
  }
  const order = ordered(found, value);
  if (is === "=") return order === 0;
  if (is === "!=") return order !== 0;
  if (Number.isNaN(order)) return false;
  if (is === ">") return order > 0;
  if (is === ">=") return order >= 0;
  return is === "<" ? order < 0 : order <= 0;
}

const time = /^\d{4}-\d\d-\d\d(T|$)/;

/** Below, at or above 0; NaN where the two cannot be ordered. */
function ordered(found: unknown, value: string | number | boolean): number {
  if (typeof value === "string" && typeof found === "string" && time.test(value) && time.test(found)) {
    const difference = Date.parse(found) - Date.parse(value);
    if (!Number.isNaN(difference)) return difference;
  }
  if (typeof value === "number" || typeof found === "number") return Number(found) - Number(value);
  if (typeof found === "object") return Number.NaN;
  const [left, right] = [String(found), String(value)];
  return left === right ? 0 : left < right ? -1 : 1;
}
