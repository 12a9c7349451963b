import type { Comparator, Condition, ExpressionKind, Operand, Parsed, RawPath, SetValue, Update } from "./ast";
import { Tokens } from "./tokens";

const comparators: readonly string[] = ["=", "<>", "<", "<=", ">", ">="];
const ordered = ["S", "N", "B"];

/** Parses a condition, a filter or a key condition. Precedence: NOT, AND, OR. */
export function parseCondition(text: string, kind: ExpressionKind): Parsed<Condition> {
  const tokens = new Tokens(text, kind);
  const ast = or(tokens);
  tokens.expectEnd();
  return finish(tokens, ast);
}

export function parseProjection(text: string): Parsed<RawPath[]> {
  const tokens = new Tokens(text, "ProjectionExpression");
  const paths = [tokens.path()];
  while (tokens.accept(",")) paths.push(tokens.path());
  tokens.expectEnd();
  return finish(tokens, paths);
}

export function parseUpdate(text: string): Parsed<Update> {
  const tokens = new Tokens(text, "UpdateExpression");
  const update = { set: [], remove: [], add: [], delete: [] } as {
    set: { path: RawPath; value: SetValue }[];
    remove: RawPath[];
    add: { path: RawPath; value: string }[];
    delete: { path: RawPath; value: string }[];
  };
  const seen = new Set<string>();
  while (!tokens.done) {
    const clause = tokens.peek()?.toUpperCase() ?? "";
    if (!["SET", "REMOVE", "ADD", "DELETE"].includes(clause)) throw tokens.syntax();
    if (seen.has(clause)) {
      throw tokens.error(`The "${clause}" section can only be used once in an update expression;`);
    }
    seen.add(clause);
    tokens.next();
    do {
      const path = tokens.path();
      if (clause === "REMOVE") update.remove.push(path);
      else if (clause === "SET") {
        tokens.expect("=");
        update.set.push({ path, value: setValue(tokens) });
      } else {
        const value = tokens.value();
        const allowed = clause === "ADD" ? ["N", "SS", "NS", "BS"] : ["SS", "NS", "BS"];
        tokens.rules.push({ value, where: `operator: ${clause}`, allowed });
        (clause === "ADD" ? update.add : update.delete).push({ path, value });
      }
    } while (tokens.accept(","));
  }
  return finish(tokens, update);
}

function finish<T>(tokens: Tokens, ast: T): Parsed<T> {
  return { ast, names: [...tokens.names], values: [...tokens.values], rules: tokens.rules };
}

function or(tokens: Tokens): Condition {
  let left = and(tokens);
  while (tokens.acceptWord("OR")) left = { op: "or", left, right: and(tokens) };
  return left;
}

function and(tokens: Tokens): Condition {
  let left = not(tokens);
  while (tokens.acceptWord("AND")) left = { op: "and", left, right: not(tokens) };
  return left;
}

function not(tokens: Tokens): Condition {
  if (tokens.acceptWord("NOT")) return { op: "not", of: not(tokens) };
  if (tokens.accept("(")) {
    const inner = or(tokens);
    tokens.expect(")");
    return inner;
  }
  return predicate(tokens);
}

function predicate(tokens: Tokens): Condition {
  const word = tokens.peek(1) === "(" ? tokens.peek() : undefined;
  switch (word) {
    case "attribute_exists":
    case "attribute_not_exists":
      return call(tokens, () => ({ op: word, path: tokens.path() }));
    case "attribute_type":
      return call(tokens, () => {
        const path = tokens.path();
        tokens.expect(",");
        const name = tokens.value();
        tokens.rules.push({ value: name, where: "operator or function: attribute_type", allowed: ["S"] });
        return { op: word, path, type: { kind: "value", name } };
      });
    case "begins_with":
    case "contains":
      return call(tokens, () => {
        const of = operand(tokens);
        tokens.expect(",");
        const what = operand(tokens);
        if (word === "begins_with") restrict(tokens, "operator or function: begins_with", ["S", "B"], of, what);
        return { op: word, of, what };
      });
    case undefined:
    case "size":
      break;
    default:
      throw tokens.error(`Invalid function name; function: ${word}`);
  }
  const left = operand(tokens);
  if (tokens.acceptWord("BETWEEN")) {
    const low = operand(tokens);
    if (!tokens.acceptWord("AND")) throw tokens.syntax();
    const high = operand(tokens);
    restrict(tokens, "operator: BETWEEN", ordered, left, low, high);
    return { op: "between", of: left, low, high };
  }
  if (tokens.acceptWord("IN")) {
    tokens.expect("(");
    const list = [operand(tokens)];
    while (tokens.accept(",")) list.push(operand(tokens));
    tokens.expect(")");
    return { op: "in", of: left, list };
  }
  if (!comparators.includes(tokens.peek() ?? "")) throw tokens.syntax();
  const by = tokens.next() as Comparator;
  const right = operand(tokens);
  if (by !== "=" && by !== "<>") restrict(tokens, `operator: ${by}`, ordered, left, right);
  return { op: "compare", by, left, right };
}

/** `name(…)` */
function call<T>(tokens: Tokens, inside: () => T): T {
  tokens.next();
  tokens.expect("(");
  const result = inside();
  tokens.expect(")");
  return result;
}

function operand(tokens: Tokens): Operand {
  if (tokens.isValue()) return { kind: "value", name: tokens.value() };
  if (tokens.peek() === "size" && tokens.peek(1) === "(") {
    return call(tokens, () => ({ kind: "size", path: tokens.path() }));
  }
  return { kind: "path", path: tokens.path() };
}

function restrict(tokens: Tokens, where: string, allowed: readonly string[], ...operands: Operand[]): void {
  for (const each of operands) if (each.kind === "value") tokens.rules.push({ value: each.name, where, allowed });
}

function setValue(tokens: Tokens): SetValue {
  const left = setOperand(tokens);
  const sign = tokens.peek();
  if (sign !== "+" && sign !== "-") return left;
  tokens.next();
  const right = setOperand(tokens);
  for (const each of [left, right]) {
    if (each.kind === "value") {
      tokens.rules.push({ value: each.name, where: `operator or function: ${sign}`, allowed: ["N"] });
    }
  }
  return { kind: sign === "+" ? "plus" : "minus", left, right };
}

function setOperand(tokens: Tokens): SetValue {
  if (tokens.accept("(")) {
    const inner = setValue(tokens);
    tokens.expect(")");
    return inner;
  }
  if (tokens.isValue()) return { kind: "value", name: tokens.value() };
  const word = tokens.peek(1) === "(" ? tokens.peek() : undefined;
  if (word === "if_not_exists") {
    return call(tokens, () => {
      const path = tokens.path();
      tokens.expect(",");
      return { kind: word, path, otherwise: setOperand(tokens) };
    });
  }
  if (word === "list_append") {
    return call(tokens, () => {
      const first = setOperand(tokens);
      tokens.expect(",");
      const second = setOperand(tokens);
      for (const each of [first, second]) {
        if (each.kind === "value") {
          tokens.rules.push({ value: each.name, where: "operator or function: list_append", allowed: ["L"] });
        }
      }
      return { kind: word, first, second };
    });
  }
  if (word !== undefined) throw tokens.error(`Invalid function name; function: ${word}`);
  return { kind: "path", path: tokens.path() };
}
