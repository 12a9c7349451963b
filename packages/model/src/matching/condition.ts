/** What Entity Resolution does with a record whose value is empty: take it as a value like any other, or leave it out. */
export type EmptyValues = "Process" | "Ignore";

/** A matching function of Entity Resolution's Advanced rules. `at` is its place in the text it was read from. */
export type MatchingFunction =
  | { readonly kind: "exact"; readonly key: string; readonly emptyValues?: EmptyValues; readonly at?: number }
  | { readonly kind: "exactManyToMany"; readonly keys: readonly string[]; readonly at?: number }
  | { readonly kind: "levenshtein"; readonly key: string; readonly threshold: number; readonly at?: number }
  | { readonly kind: "cosine"; readonly key: string; readonly threshold: number; readonly at?: number }
  | { readonly kind: "soundex"; readonly key: string; readonly at?: number };

/** A condition: functions, combined. Operands are two or more and none of the operator's own kind. */
export type Condition =
  | MatchingFunction
  | { readonly kind: "and"; readonly operands: readonly Condition[] }
  | { readonly kind: "or"; readonly operands: readonly Condition[] };

/** Edits that `Levenshtein(key)` allows. Source: user guide, "Advanced rule type": "the default … threshold of 2". */
export const defaultLevenshteinThreshold = 2;

/** Most alternatives that a condition may have once written out; beyond it the rule is refused, not slowly expanded. */
export const mostAlternatives = 256;

export const isFuzzy = ({ kind }: MatchingFunction): boolean =>
  kind === "levenshtein" || kind === "cosine" || kind === "soundex";

/** The match keys of a function. */
export const keysOfFunction = (given: MatchingFunction): readonly string[] =>
  given.kind === "exactManyToMany" ? given.keys : [given.key];

/** Every function of a condition, in the order of the text. */
export function functionsOf(condition: Condition): MatchingFunction[] {
  return condition.kind === "and" || condition.kind === "or" ? condition.operands.flatMap(functionsOf) : [condition];
}

/** Every match key that a condition names, once each. */
export const keysOf = (condition: Condition): string[] => [
  ...new Set(functionsOf(condition).flatMap((given) => keysOfFunction(given))),
];

function countAlternatives(condition: Condition): number {
  if (condition.kind === "or") return condition.operands.reduce((sum, operand) => sum + countAlternatives(operand), 0);
  if (condition.kind !== "and") return 1;
  return condition.operands.reduce((product, operand) => product * countAlternatives(operand), 1);
}

/**
 * The condition as alternatives of which each is a list of functions that must all hold: `a AND (b OR c)` is `[a, b]` and
 * `[a, c]`. Throws a RangeError above `mostAlternatives`.
 */
export function alternativesOf(condition: Condition): MatchingFunction[][] {
  const count = countAlternatives(condition);
  if (count > mostAlternatives) {
    throw new RangeError(
      `the condition has ${count} alternatives, at most ${mostAlternatives} are allowed: split it into several rules`,
    );
  }
  return expand(condition);
}

function expand(condition: Condition): MatchingFunction[][] {
  if (condition.kind === "or") return condition.operands.flatMap(expand);
  if (condition.kind !== "and") return [[condition]];
  return condition.operands.map(expand).reduce((left, right) => left.flatMap((a) => right.map((b) => [...a, ...b])));
}

/** A simple rule's match keys as a condition. */
export function conditionOfKeys(matchKeys: readonly string[]): Condition {
  const operands = matchKeys.map((key) => ({ kind: "exact", key }) as const);
  const [only] = operands;
  return operands.length === 1 && only ? only : { kind: "and", operands };
}
