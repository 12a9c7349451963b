import type { AwsError } from "../../../kernel";
import { reservedWords } from "../reserved-words";
import { refuse } from "../values";
import type { ExpressionKind, RawPath, TypeRule } from "./ast";

interface Token {
  readonly text: string;
  readonly at: number;
  readonly end: number;
}

const pattern = /\s*(?:([#:][A-Za-z0-9_]+|[A-Za-z][A-Za-z0-9_]*|\d+|<>|<=|>=|[=<>()[\],.+-])|(\S))/gy;
const maxLength = 4096;

/** A cursor over an expression's tokens; collects the placeholders that the parser meets. */
export class Tokens {
  readonly names = new Set<string>();
  readonly values = new Set<string>();
  readonly rules: TypeRule[] = [];
  private readonly tokens: Token[] = [];
  private position = 0;

  constructor(
    private readonly text: string,
    private readonly kind: ExpressionKind,
  ) {
    if (typeof text !== "string") throw this.error("The expression must be a string");
    if (text.trim() === "") throw this.error("The expression can not be empty;");
    if (Buffer.byteLength(text) > maxLength) {
      throw this.error(`Expression size has exceeded the maximum allowed size; expression size: ${text.length}`);
    }
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
      const found = match[1] ?? match[2] ?? "";
      this.tokens.push({ text: found, at: pattern.lastIndex - found.length, end: pattern.lastIndex });
      if (match[1] === undefined) {
        this.position = this.tokens.length - 1;
        throw this.syntax();
      }
    }
  }

  peek(ahead = 0): string | undefined {
    return this.tokens[this.position + ahead]?.text;
  }

  next(): string {
    const token = this.peek();
    if (token === undefined) throw this.syntax();
    this.position += 1;
    return token;
  }

  get done(): boolean {
    return this.position >= this.tokens.length;
  }

  /** Consumes the token where it is the next one. */
  accept(text: string): boolean {
    if (this.peek() !== text) return false;
    this.position += 1;
    return true;
  }

  /** As `accept`, for a keyword in either case. */
  acceptWord(word: string): boolean {
    if (this.peek()?.toUpperCase() !== word) return false;
    this.position += 1;
    return true;
  }

  expect(text: string): void {
    if (!this.accept(text)) throw this.syntax();
  }

  expectEnd(): void {
    if (!this.done) throw this.syntax();
  }

  isValue(): boolean {
    return this.peek()?.startsWith(":") ?? false;
  }

  /** `:value` */
  value(): string {
    if (!this.isValue()) throw this.syntax();
    const name = this.next();
    this.values.add(name);
    return name;
  }

  /** `a.#b[3].c` */
  path(): RawPath {
    const path: (string | number)[] = [this.name()];
    for (;;) {
      if (this.accept(".")) path.push(this.name());
      else if (this.accept("[")) {
        const index = this.next();
        if (!/^\d+$/.test(index)) {
          this.position -= 1;
          throw this.syntax();
        }
        path.push(Number(index));
        this.expect("]");
      } else return path;
    }
  }

  private name(): string {
    const token = this.peek();
    if (token === undefined || !/^[#A-Za-z]/.test(token)) throw this.syntax();
    if (token.startsWith("#")) this.names.add(token);
    else if (reservedWords.has(token.toUpperCase())) {
      throw this.error(`Attribute name is a reserved keyword; reserved keyword: ${token}`);
    }
    this.position += 1;
    return token;
  }

  error(message: string): AwsError {
    return refuse(`Invalid ${this.kind}: ${message}`);
  }

  /** A syntax error at the next token. */
  syntax(): AwsError {
    const token = this.tokens[this.position];
    const before = this.tokens[this.position - 1];
    const after = this.tokens[this.position + 1];
    const near = this.text.slice(before?.at ?? token?.at ?? 0, (after ?? token ?? before)?.end);
    return this.error(`Syntax error; token: "${token?.text ?? "<EOF>"}", near: "${near}"`);
  }
}
