import { nearest } from "../nearest";
import { type Condition, defaultLevenshteinThreshold, type EmptyValues, type MatchingFunction } from "./condition";

/** A condition that cannot be read: where it breaks off, and what to write instead. */
export class ConditionError extends Error {
  override readonly name = "ConditionError";

  /** @param position - offset of the offending character in the condition, from 0 */
  constructor(
    readonly text: string,
    readonly position: number,
    readonly problem: string,
    readonly remedy: string,
  ) {
    super(`${problem} at character ${position + 1}: ${remedy}`);
  }

  /** The condition with a caret under the place. */
  get excerpt(): string {
    return `${this.text}\n${" ".repeat(this.position)}^`;
  }
}

type Token =
  | { readonly type: "word" | "quoted"; readonly text: string; readonly at: number }
  | { readonly type: "(" | ")" | "," | "=" | "end"; readonly text: string; readonly at: number };

const functionNames = ["Exact", "ExactManyToMany", "Levenshtein", "Cosine", "Soundex"] as const;
const deepest = 50;

function tokenise(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /\s+|"([^"]*)"|([(),=])|([^\s"(),=]+)/gy;
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(text);
    if (!match) throw new ConditionError(text, at, "a quotation mark is not closed", 'end the match key with "');
    const [, quoted, mark, word] = match;
    if (quoted !== undefined) tokens.push({ type: "quoted", text: quoted, at });
    else if (mark !== undefined) tokens.push({ type: mark as "(", text: mark, at });
    else if (word !== undefined) tokens.push({ type: "word", text: word, at });
  }
  tokens.push({ type: "end", text: "the end", at: text.length });
  return tokens;
}

class Parser {
  private readonly tokens: Token[];
  private next = 0;
  private depth = 0;

  constructor(private readonly text: string) {
    this.tokens = tokenise(text);
  }

  parse(): Condition {
    const [first] = this.tokens;
    if (first?.type === "end") this.fail(first, "the condition is empty", "write a function such as Exact(email)");
    const condition = this.or();
    const rest = this.peek();
    if (rest.type === ")") this.fail(rest, "a parenthesis is closed that was not opened", "take it away");
    if (rest.type !== "end") {
      this.fail(rest, `"${rest.text}" does not continue the condition`, "combine functions with AND or OR");
    }
    return condition;
  }

  private or(): Condition {
    return this.combined("or", () => this.combined("and", () => this.operand()));
  }

  private combined(kind: "and" | "or", operand: () => Condition): Condition {
    const operands = [operand()];
    while (this.isOperator(kind)) {
      this.next++;
      operands.push(operand());
    }
    const flat = operands.flatMap((given) => (given.kind === kind ? given.operands : [given]));
    return flat.length === 1 && flat[0] ? flat[0] : { kind, operands: flat };
  }

  /** AWS writes AND, and in one example of its guide `and`. */
  private isOperator(kind: "and" | "or"): boolean {
    const { type, text } = this.peek();
    return type === "word" && (text === kind || text === kind.toUpperCase());
  }

  private operand(): Condition {
    const token = this.peek();
    if (token.type !== "(") return this.matchingFunction();
    if (++this.depth > deepest) this.fail(token, `more than ${deepest} parentheses are open`, "split the rule");
    this.next++;
    const inner = this.or();
    const end = this.peek();
    if (end.type !== ")") this.fail(end, "a parenthesis is not closed", 'close it with ")"');
    this.next++;
    this.depth--;
    return inner;
  }

  private matchingFunction(): MatchingFunction {
    const token = this.take();
    if (token.type !== "word" || /^(and|or)$/i.test(token.text)) {
      this.fail(token, `"${token.text}" stands where a function should`, `write one of ${functionNames.join(", ")}`);
    }
    const name = functionNames.find((known) => known === token.text);
    if (!name) {
      const meant = this.peek().type === "(" ? nearest(token.text, functionNames) : undefined;
      const remedy = meant ? `write ${meant}` : `the functions are ${functionNames.join(", ")}`;
      this.fail(token, `"${token.text}" is no matching function`, remedy);
    }
    const { at } = token;
    this.expect("(", `open its match key: ${name}(key)`);
    const given = this.body(name, at);
    this.expect(")", `close ${name} with ")"`);
    return given;
  }

  private body(name: (typeof functionNames)[number], at: number): MatchingFunction {
    const key = this.key(name);
    switch (name) {
      case "Exact": {
        if (!this.comma()) return { kind: "exact", key, at };
        return { kind: "exact", key, emptyValues: this.emptyValues(), at };
      }
      case "ExactManyToMany": {
        const keys = [key];
        while (this.comma()) keys.push(this.key(name));
        const [twice] = keys.filter((candidate, index) => keys.indexOf(candidate) !== index);
        const here = { text: name, at };
        if (twice !== undefined) this.fail(here, `ExactManyToMany names "${twice}" twice`, "name it once");
        if (keys.length < 2) this.fail(here, "ExactManyToMany has one match key", "give it two or more, or use Exact");
        return { kind: "exactManyToMany", keys, at };
      }
      case "Levenshtein": {
        const threshold = this.comma() ? this.threshold(name) : defaultLevenshteinThreshold;
        return { kind: "levenshtein", key, threshold, at };
      }
      case "Cosine": {
        if (!this.comma()) this.fail(this.peek(), "Cosine has no threshold", "give one: Cosine(key, 10)");
        return { kind: "cosine", key, threshold: this.threshold(name), at };
      }
      case "Soundex":
        return { kind: "soundex", key, at };
    }
  }

  private key(name: string): string {
    const token = this.take();
    if (token.type === "quoted" && token.text.trim() !== "") return token.text;
    if (token.type !== "word") {
      this.fail(token, `${name} has no match key`, `name one: ${name}(email); one with blanks in "double quotes"`);
    }
    const following = this.peek();
    if (following.type === "word") {
      const together = `"${token.text} ${following.text}"`;
      this.fail(following, "a match key with blanks is not quoted", `write it in double quotes: ${together}`);
    }
    return token.text;
  }

  private threshold(name: string): number {
    const token = this.take();
    const value = Number(token.text);
    if (token.type !== "word" || !/^\d+$/.test(token.text) || value > 1_000) {
      this.fail(token, `"${token.text}" is no threshold`, `give ${name} a whole number of 0 or more`);
    }
    return value;
  }

  private emptyValues(): EmptyValues {
    const name = this.take();
    const remedy = "write EmptyValues=Process or EmptyValues=Ignore";
    if (name.text === "true" || name.text === "false") {
      // `Exact(b, true)` stands in the API reference, which does not say what it means.
      this.fail(name, `AWS does not document what Exact's second argument "${name.text}" means`, remedy);
    }
    if (name.text !== "EmptyValues") this.fail(name, `"${name.text}" is no modifier of Exact`, remedy);
    this.expect("=", remedy);
    const value = this.take();
    if (value.text === "Process" || value.text === "Ignore") return value.text;
    return this.fail(value, `EmptyValues cannot be "${value.text}"`, remedy);
  }

  private comma(): boolean {
    if (this.peek().type !== ",") return false;
    this.next++;
    return true;
  }

  private expect(type: Token["type"], remedy: string): void {
    const token = this.take();
    if (token.type !== type) this.fail(token, `"${token.text}" stands where "${type}" should`, remedy);
  }

  private peek(): Token {
    return this.tokens[Math.min(this.next, this.tokens.length - 1)] as Token;
  }

  private take(): Token {
    const token = this.peek();
    this.next++;
    return token;
  }

  private fail({ at }: { readonly at: number }, problem: string, remedy: string): never {
    throw new ConditionError(this.text, at, problem, remedy);
  }
}

/**
 * Reads a condition of Entity Resolution's Advanced rules. AND binds more tightly than OR. Names of functions, modifiers
 * and match keys are as AWS writes them, case included; AND and OR may be written small. Throws a ConditionError.
 *
 * Source: user guide, "Creating a rule-based matching workflow with the Advanced rule type"; API reference, RuleCondition.
 */
export function parseCondition(text: string): Condition {
  return new Parser(text).parse();
}

const words = /^[^\s"(),=]+$/;
/** A match key as conditions write it. */
export const printKey = (key: string): string => (words.test(key) ? key : `"${key}"`);

function printFunction(given: MatchingFunction): string {
  switch (given.kind) {
    case "exact":
      return `Exact(${printKey(given.key)}${given.emptyValues ? `, EmptyValues=${given.emptyValues}` : ""})`;
    case "exactManyToMany":
      return `ExactManyToMany(${given.keys.map(printKey).join(", ")})`;
    case "levenshtein":
      return `Levenshtein(${printKey(given.key)}, ${given.threshold})`;
    case "cosine":
      return `Cosine(${printKey(given.key)}, ${given.threshold})`;
    case "soundex":
      return `Soundex(${printKey(given.key)})`;
  }
}

/** A condition as text that `parseCondition` reads back; mixed operators are parenthesised, since AWS does not say which binds first. */
export function printCondition(condition: Condition): string {
  if (condition.kind !== "and" && condition.kind !== "or") return printFunction(condition);
  const operator = condition.kind.toUpperCase();
  const print = (operand: Condition) =>
    operand.kind === "and" || operand.kind === "or" ? `(${printCondition(operand)})` : printCondition(operand);
  return condition.operands.map(print).join(` ${operator} `);
}
