import { commonFunctions, plainFunctions } from "./functions";
import { closing, type Token } from "./tokens";

interface Place {
  readonly token: Token | undefined;
  readonly found?: string;
  /** Where it depends on what was found. */
  readonly remedy?: string;
}

/** A rule of the common subset. */
export interface Rule {
  readonly name: string;
  /** @default "error" */
  readonly level?: "warning";
  readonly remedy: string;
  find(tokens: readonly Token[]): Place[];
}

type Test = (token: Token, index: number, tokens: readonly Token[]) => boolean | Omit<Place, "token">;

const rule = (name: string, remedy: string, test: Test, level?: "warning"): Rule => ({
  name,
  remedy,
  ...(level && { level }),
  find: (tokens) =>
    tokens.flatMap((token, index) => {
      const found = test(token, index, tokens);
      if (found === false) return [];
      return [{ token, ...(found === true ? {} : found) }];
    }),
});

const isWord = (token: Token | undefined, ...texts: string[]) => token?.kind === "word" && texts.includes(token.text);
const isSign = (token: Token | undefined, ...texts: string[]) => token?.kind === "sign" && texts.includes(token.text);
/** A call of one of the functions: the name, then a bracket. */
const calls = (tokens: readonly Token[], index: number, ...names: string[]) =>
  isWord(tokens[index], ...names) && isSign(tokens[index + 1], "(");
const words = (name: string, remedy: string, ...texts: string[]) =>
  rule(name, remedy, (token) => isWord(token, ...texts));
const functions = (name: string, remedy: string, ...names: string[]) =>
  rule(name, remedy, (_, index, tokens) => calls(tokens, index, ...names));
const signs = (name: string, remedy: string, ...texts: string[]) =>
  rule(name, remedy, (token) => isSign(token, ...texts));

const integers = ["int", "integer", "bigint", "smallint", "tinyint"];
const dateFunctions = ["date_add", "date_sub", "to_date", "last_day", "add_months", "to_timestamp", "date_trunc"];
/** Words before a bracket that are no function's name. */
const keywords = new Set(
  "in and or not over filter as values when then else case on exists using by rollup cube sets select from where having with union all join inner full anti semi between like is distinct any some decimal varchar char except intersect partition order limit".split(
    " ",
  ),
);

/** Keys of a JSON object, each as text, in quotes. */
const keysAsText = /^'[A-Za-z_]\w* string(, [A-Za-z_]\w* string)*'$/;

/** The type of a cast that begins at `index`, and its operand's first token. */
function castAt(tokens: readonly Token[], index: number): { type: string; operand: Token | undefined } | undefined {
  if (!calls(tokens, index, "cast", "try_cast")) return undefined;
  const end = closing(tokens, index + 1);
  let depth = 0;
  for (let place = index + 1; place < end; place++) {
    if (isSign(tokens[place], "(")) depth++;
    if (isSign(tokens[place], ")")) depth--;
    if (depth === 1 && isWord(tokens[place], "as")) {
      return { type: tokens[place + 1]?.text ?? "", operand: tokens[index + 2] };
    }
  }
  return undefined;
}

/** The keys of an ORDER BY that do not say where nulls go. */
function keysWithoutNulls(tokens: readonly Token[], start: number): boolean {
  let depth = 0;
  let told = false;
  for (let place = start; place <= tokens.length; place++) {
    const token = tokens[place];
    if (isSign(token, "(")) depth++;
    const ends =
      !token || (depth === 0 && (isSign(token, ")", ";") || isWord(token, "rows", "range", "limit", "union")));
    if (ends || (depth === 0 && isSign(token, ","))) {
      if (!told) return true;
      if (ends) return false;
      told = false;
    }
    if (isSign(token, ")")) depth--;
    if (depth === 0 && isWord(token, "nulls")) told = true;
  }
  return false;
}

export const rules: readonly Rule[] = [
  {
    name: "one-select",
    remedy: "write one SELECT (WITH, VALUES): the pipeline itself writes its rows into the table",
    find: (tokens) => {
      const [first] = tokens;
      const second = tokens.findIndex((token, index) => isSign(token, ";") && index < tokens.length - 1);
      return [
        ...(first && (isWord(first, "select", "with", "values") || isSign(first, "(")) ? [] : [{ token: first }]),
        ...(second < 0 ? [] : [{ token: tokens[second + 1] }]),
      ];
    },
  },
  rule(
    "backtick",
    "DuckDB has no backticks: use a plain name",
    (token) => token.kind === "quoted" && token.text[0] === "`",
  ),
  rule(
    "double-quote",
    "text to Spark, a name to DuckDB: use single quotes for text, a plain name for a column",
    (token) => token.kind === "quoted" && token.text[0] === '"',
  ),
  rule(
    "backslash",
    "Spark takes a backslash in a literal for an escape, DuckDB for itself: use a class ([.], [0-9]) or chr()",
    (token) => token.kind === "text" && token.text.includes("\\"),
  ),
  functions(
    "constructor",
    "the engines spell it differently: use split() or collect_list(), or a column for each part",
    "array",
    "struct",
    "named_struct",
    "map",
    "list_value",
    "struct_pack",
    "row",
  ),
  words(
    "explode",
    "join with range(): see curated.order_lines.sql",
    "explode",
    "posexplode",
    "explode_outer",
    "unnest",
    "inline",
    "lateral",
  ),
  rule(
    "rlike-operator",
    "not an operator on DuckDB: use regexp_like(text, pattern)",
    (token, index, tokens) => isWord(token, "rlike", "regexp") && !isSign(tokens[index + 1], "("),
  ),
  signs(
    "subscript",
    "Spark counts from 0, DuckDB from 1: use element_at(list, n), get_json_object(text, path)",
    "[",
    "{",
  ),
  signs("lambda", "the engines' lambdas differ: use a join and an aggregate", "->"),
  signs("double-colon", "Spark 3.5 has no ::, use cast(... as ...)", "::"),
  signs("null-safe-equal", "use IS NOT DISTINCT FROM", "<=>"),
  words("div", "not on DuckDB: use cast(floor(a / b) as bigint)", "div"),
  functions("hash", "another hash on each engine: use md5() or sha2(text, 256)", "hash", "xxhash64", "crc32"),
  rule(
    "not-repeatable",
    "another result each time, so that a day run again is not the same: take it from the data",
    (token, index, tokens) =>
      isWord(token, "current_timestamp", "current_date", "current_time") ||
      calls(tokens, index, "now", "rand", "random", "randn", "uuid", "monotonically_increasing_id", "shuffle"),
  ),
  words(
    "interval",
    "DuckDB makes a timestamp of a date and an interval: use date_add(day, n), add_months(day, n)",
    "interval",
  ),
  rule("date-arithmetic", "use datediff(end, start), date_add(day, n)", (token, index, tokens) => {
    if (castAt(tokens, index)?.type !== "date" && !calls(tokens, index, ...dateFunctions)) return false;
    return isSign(tokens[closing(tokens, index + 1) + 1], "-", "+") && { found: `${token.text}(...) ±` };
  }),
  rule(
    "left-semi",
    "DuckDB: SEMI JOIN and ANTI JOIN, without LEFT",
    (token, index, tokens) => isWord(token, "left") && isWord(tokens[index + 1], "semi", "anti"),
  ),
  rule(
    "star-except",
    "name the columns",
    (token, index, tokens) =>
      isSign(token, "*") && isWord(tokens[index + 1], "except", "exclude", "replace") && isSign(tokens[index + 2], "("),
  ),
  words("qualify", "not in Spark 3.5: use a subquery with row_number() and WHERE", "qualify"),
  words("recursive", "not in Spark 3.5", "recursive"),
  words("sample", "another sample each time", "tablesample", "sample"),
  rule(
    "distinct-on",
    "not in Spark: use row_number() and WHERE",
    (token, index, tokens) => isWord(token, "distinct") && isWord(tokens[index + 1], "on"),
  ),
  functions("array-agg", "the engines differ about nulls: use collect_list(x), which has none", "array_agg", "list"),
  functions("count-if", "NULL on DuckDB where no row is there: use count(*) filter (where ...)", "count_if"),
  rule(
    "by-without-filter",
    "DuckDB passes over rows whose value is NULL, Spark does not: add filter (where value is not null)",
    (_, index, tokens) =>
      calls(tokens, index, "min_by", "max_by") && !isWord(tokens[closing(tokens, index + 1) + 1], "filter"),
  ),
  rule(
    "cast-of-text",
    "an error on DuckDB where it does not fit: use try_cast, to_date, to_timestamp",
    (token, index, tokens) => {
      const cast = castAt(tokens, index);
      if (!cast || token.text !== "cast") return false;
      return cast.operand?.kind === "text" && !["string", "date"].includes(cast.type);
    },
  ),
  rule("cast-to-time", "DuckDB drops the offset: use to_timestamp(text), to_date(text)", (token, index, tokens) => {
    const cast = castAt(tokens, index);
    if (!cast) return false;
    return cast.type === "timestamp" || (cast.type === "date" && token.text === "try_cast");
  }),
  rule(
    "cast-to-integer",
    "DuckDB rounds, Spark cuts or gives NULL: use try_cast(floor(try_cast(text as decimal(18,4))) as int)",
    (token, index, tokens) => {
      const cast = castAt(tokens, index);
      if (!cast || !integers.includes(cast.type)) return false;
      const whole = isWord(cast.operand, "floor", "ceil", "ceiling");
      if (token.text === "try_cast") return !whole;
      return cast.operand?.kind === "number" && cast.operand.text.includes(".");
    },
  ),
  rule(
    "nulls-order",
    "say NULLS FIRST or NULLS LAST for each key",
    (token, index, tokens) =>
      isWord(token, "order") &&
      isWord(tokens[index + 1], "by") &&
      keysWithoutNulls(tokens, index + 2) && { found: "order by" },
  ),
  rule(
    "from-json",
    "the engines spell other types differently: from_json(text, 'a string, b string') for keys of the outermost object, get_json_object(text, path) for the rest",
    (_, index, tokens) => {
      if (!calls(tokens, index, "from_json")) return false;
      const end = closing(tokens, index + 1);
      const keys = tokens[end - 1];
      return !(isSign(tokens[end - 2], ",") && keys?.kind === "text" && keysAsText.test(keys.text));
    },
  ),
  rule(
    "unproven-function",
    "not known to mean the same on both engines: use another (docs/lake/transforms.md has the list), or compare its results",
    (token, index, tokens) => {
      if (token.kind !== "word" || !isSign(tokens[index + 1], "(") || keywords.has(token.text)) return false;
      // The names of a WITH and of a table's columns.
      if (isWord(tokens[index - 1], "as", "with")) return false;
      return !commonFunctions.has(token.text) && !plainFunctions.has(token.text);
    },
    "warning",
  ),
];
