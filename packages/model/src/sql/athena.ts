import { nearest } from "../nearest";
import { athenaFunctions, athenaNames } from "./athena-functions";
import { closing, type SqlToken, tokensOf } from "./tokens";

/** What a query says that Athena (engine version 3, Trino's SQL) would not take. */
export interface AthenaFault {
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  /** The words that it is about. */
  readonly found: string;
  /** What to write instead. */
  readonly remedy: string;
  readonly kind: "syntax" | "function";
}

type Find = (token: SqlToken, index: number, tokens: readonly SqlToken[]) => string | undefined;

const isWord = (token: SqlToken | undefined, ...texts: string[]): boolean =>
  token?.kind === "word" && texts.includes(token.text);
const isSign = (token: SqlToken | undefined, ...texts: string[]): boolean =>
  token?.kind === "sign" && texts.includes(token.text);

/** Types that Athena's DDL knows, but not its queries, and those of other engines. */
const queryTypes: Readonly<Record<string, string>> = {
  string: "varchar",
  text: "varchar",
  float: "real or double",
  binary: "varbinary",
  timestamptz: "timestamp with time zone",
  int4: "integer",
  int8: "bigint",
  hugeint: "bigint or decimal(38,0)",
};

/** Words before a bracket that are no function. */
const syntax = new Set(
  (
    "all and any array as asc between by case check cross cube desc distinct else end except exists extract fetch " +
    "filter first following for from full group grouping having in inner integer intersect interval into is join " +
    "lateral left like limit matched not null nulls of offset on or order ordinality outer over partition preceding " +
    "range recursive right rollup row rows select sets some table tablesample bernoulli system then to unbounded " +
    "union unnest using values when where window with within char varchar decimal numeric timestamp time double " +
    "precision bigint boolean date real varbinary zone"
  ).split(" "),
);

const rules: readonly Find[] = [
  (token) =>
    token.kind === "quoted" && token.text[0] === "`" ? 'no backticks in queries: write "name" or name' : undefined,
  (token) => (isSign(token, "::") ? "write cast(x as type)" : undefined),
  (token) => (isSign(token, "<=>") ? "write a is not distinct from b" : undefined),
  (token) => (isSign(token, "==") ? "write =" : undefined),
  (token) => (isWord(token, "qualify") ? "use a subquery with row_number() and where" : undefined),
  (token) => (isWord(token, "ilike") ? "write lower(text) like 'part%'" : undefined),
  (token, index, tokens) =>
    isWord(token, "rlike", "regexp", "div") && !isSign(tokens[index + 1], "(")
      ? token.text === "div"
        ? "write a / b: integers divide to integers"
        : "write regexp_like(text, pattern)"
      : undefined,
  (token, index, tokens) =>
    isWord(token, "semi", "anti", "asof", "positional") && isWord(tokens[index + 1], "join")
      ? "write where exists (select …), or where not exists"
      : undefined,
  (token, index, tokens) =>
    isWord(token, "lateral") && isWord(tokens[index + 1], "view") ? "write cross join unnest(list) as t(x)" : undefined,
  (token, index, tokens) =>
    isSign(token, "*") && isWord(tokens[index + 1], "except", "exclude", "replace") && isSign(tokens[index + 2], "(")
      ? "name the columns"
      : undefined,
  (token, index, tokens) =>
    isWord(token, "by") && isWord(tokens[index - 1], "group", "order") && isWord(tokens[index + 1], "all")
      ? "name the expressions, or their places: 1, 2"
      : undefined,
  (token, index, tokens) =>
    isWord(token, "distinct") && isWord(tokens[index + 1], "on") && isSign(tokens[index + 2], "(")
      ? "use a subquery with row_number() and where"
      : undefined,
  (token, index, tokens) => {
    if (!isWord(token, "cast", "try_cast") || !isSign(tokens[index + 1], "(")) return undefined;
    const end = closing(tokens, index + 1);
    const as = tokens.slice(0, end).findLastIndex((each) => isWord(each, "as"));
    const type = as > index ? tokens[as + 1]?.text : undefined;
    const known = type === undefined ? undefined : queryTypes[type];
    return known === undefined ? undefined : `${type} is no type of queries: write ${known}`;
  },
  unknownFunction,
];

function unknownFunction(token: SqlToken, index: number, tokens: readonly SqlToken[]): string | undefined {
  const before = tokens[index - 1];
  if (token.kind !== "word" || !isSign(tokens[index + 1], "(") || syntax.has(token.text)) return undefined;
  // Names of a WITH and of a table's columns, columns of a table, and types.
  if (isSign(before, ".", ")") || isWord(before, "as", "with", "recursive")) return undefined;
  if (isNameOfWith(index, tokens) || athenaFunctions.has(token.text)) return undefined;
  const known = athenaNames[token.text];
  if (known !== undefined) return `Athena has no such function: write ${known}`;
  const near = nearest(token.text, [...athenaFunctions]);
  return `Athena has no such function${near === undefined ? "" : `; did you mean ${near}?`}`;
}

/** `, name (a, b) as (select …)`: a WITH's further tables. An alias before a bracket is one, too: `unnest(x) t (a)`. */
function isNameOfWith(index: number, tokens: readonly SqlToken[]): boolean {
  const end = closing(tokens, index + 1);
  return isWord(tokens[end + 1], "as") && isSign(tokens[end + 2], "(");
}

/**
 * Checks a query for what Athena would refuse, by its text alone: what other engines' SQL has, and functions that Athena
 * has not. Types and columns are not looked at.
 *
 * @param sql One query.
 * @returns Every fault, in the text's order. Never throws.
 */
export function athenaFaults(sql: string): AthenaFault[] {
  const tokens = tokensOf(sql);
  return tokens.flatMap((token, index) =>
    rules.flatMap((find): AthenaFault[] => {
      const remedy = find(token, index, tokens);
      if (remedy === undefined) return [];
      const before = sql.slice(0, token.at).split("\n");
      const kind = find === unknownFunction ? "function" : "syntax";
      return [{ line: before.length, column: (before.at(-1) ?? "").length + 1, found: token.text, remedy, kind }];
    }),
  );
}

/** A fault on one line: `3:8 get_json_object: Athena has no such function …`. */
export const athenaFaultText = ({ line, column, found, remedy }: AthenaFault): string =>
  `${line}:${column} ${found}: ${remedy}`;
