import { type MatchRules, type MatchRulesInput, matchingSchema } from "@tributary/model";
import { MatchingError } from "./faults";
import { type GuessedAttribute, guessAttributes, suggestedRules } from "./guess";
import { loadSource } from "./input/load";
import { Session, type SessionOptions } from "./session";

/** First match rules for an input. */
export interface Suggestion {
  /** Every column of the input, in order. */
  readonly columns: readonly GuessedAttribute[];
  readonly rules: MatchRules;
  /** The rules as a file says them. */
  readonly file: MatchRulesInput;
}

export interface SuggestOptions extends SessionOptions {
  /** Column with a record's id. Default: guessed too. */
  readonly idColumn?: string;
  /** Takes no part: it says who a record really is. */
  readonly truthColumn?: string;
}

/**
 * Looks at the names and values of the files' columns and suggests a schema mapping: enough to match by.
 *
 * @throws MatchingError where a file cannot be read, or fewer than two columns tell of a person
 */
export async function suggestRules(files: readonly string[], options: SuggestOptions = {}): Promise<Suggestion> {
  const { idColumn, truthColumn } = options;
  const session = await Session.open(options);
  try {
    const source = await loadSource(session, files, idColumn);
    const sql = (column: string) => source.column(column) as string;
    const without = new Set(truthColumn === undefined ? [] : [truthColumn]);
    const guessed = await guessAttributes(session.connection, "source", source.columns, sql, without);
    const columns = guessed.map((each): GuessedAttribute => {
      if (each.column === idColumn) return { column: each.column, type: "UNIQUE_ID", reason: "named as the id" };
      return idColumn !== undefined && each.type === "UNIQUE_ID" ? { ...each, type: "STRING" } : each;
    });
    const file = suggestedRules(columns);
    if (file.attributes.filter(({ type }) => type !== "UNIQUE_ID").length < 2) throw tooFew(columns);
    return { columns, rules: matchingSchema.parse(file), file };
  } finally {
    session.close();
  }
}

function tooFew(columns: readonly GuessedAttribute[]): MatchingError {
  const seen = columns.map(({ column, type, reason }) => `  ${column}: ${type ?? "left out"}, ${reason}`);
  return new MatchingError(
    `Fewer than two columns look as if they told of a person, and matching needs two. Write match rules with \`attributes\`, each with \`column\` and \`type\`.\n${seen.join("\n")}`,
  );
}
