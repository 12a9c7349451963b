/** A piece of SQL text that means something; comments and blanks are none. */
export interface SqlToken {
  readonly kind: "word" | "number" | "text" | "quoted" | "sign";
  /** As written; words in lower case. */
  readonly text: string;
  /** Where it begins: characters from 0. */
  readonly at: number;
}

const shapes: readonly (readonly [SqlToken["kind"] | "skipped", RegExp])[] = [
  ["skipped", /\s+|--[^\n]*|\/\*[\s\S]*?\*\//y],
  ["text", /'(?:[^']|'')*'?/y],
  ["quoted", /`[^`]*`?|"(?:[^"]|"")*"?/y],
  ["number", /(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/y],
  ["word", /[\p{L}_][\p{L}\p{N}_$]*/uy],
  ["sign", /<=>|->|::|\|\||<>|<=|>=|!=|==|[\s\S]/y],
];

/** SQL as tokens. Text that does not end, ends with the SQL. */
export function tokensOf(sql: string): SqlToken[] {
  const tokens: SqlToken[] = [];
  for (let at = 0; at < sql.length; ) {
    for (const [kind, shape] of shapes) {
      shape.lastIndex = at;
      const [text] = shape.exec(sql) ?? [];
      if (!text) continue;
      if (kind !== "skipped") tokens.push({ kind, text: kind === "word" ? text.toLowerCase() : text, at });
      at += text.length;
      break;
    }
  }
  return tokens;
}

/** Index of the bracket that closes the one at `open`, or the end. */
export function closing(tokens: readonly SqlToken[], open: number): number {
  let depth = 0;
  for (let index = open; index < tokens.length; index++) {
    const token = tokens[index];
    if (token?.kind !== "sign") continue;
    if (token.text === "(") depth++;
    else if (token.text === ")" && --depth === 0) return index;
  }
  return tokens.length;
}
