/** What a user can mend: a file, a column or a rule. The message says what is wrong, where, and what to do. */
export class MatchingError extends Error {
  override readonly name = "MatchingError";
}
