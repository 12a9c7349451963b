import { closing, type LakeTable, type SqlToken, tableName, tokensOf } from "@tributary/model";
import { tablesIn } from "../tables/sql-names";

/** A column of a view as its text tells it; `type` is undefined where it does not. */
export interface TextColumn {
  /** Undefined where the expression has no name. */
  readonly name: string | undefined;
  /** A Hive type, as in the catalog. */
  readonly type: string | undefined;
}

const isWord = (token: SqlToken | undefined, ...texts: string[]): boolean =>
  token?.kind === "word" && texts.includes(token.text);
const isSign = (token: SqlToken | undefined, text: string): boolean => token?.kind === "sign" && token.text === text;

/** Athena's name of a type as the catalog's. */
export function catalogType(athena: string): string {
  const plain = athena.toLowerCase().replace(/\s+/g, "");
  if (/^(varchar|char)(\(\d+\))?$/.test(plain)) return "string";
  if (/^timestamp(\(\d+\))?$/.test(plain)) return "timestamp";
  return { integer: "int", real: "float", varbinary: "binary" }[plain] ?? plain;
}

/** The catalog's name of a type as Athena's, also inside of lists and rows. */
export function athenaType(hive: string): string {
  const plain = hive.toLowerCase().replace(/\s+/g, "");
  return { string: "varchar", int: "integer", float: "real", binary: "varbinary" }[plain] ?? plain;
}

const counts = new Set(["count", "count_if", "approx_distinct", "row_number", "rank", "dense_rank", "ntile"]);
const texts = new Set(
  "lower upper trim ltrim rtrim substr concat concat_ws replace json_extract_scalar json_format date_format split_part regexp_replace regexp_extract to_hex".split(
    " ",
  ),
);
const ofFirst = new Set(
  "min max arbitrary any_value coalesce nullif first_value last_value lag lead greatest least".split(" "),
);

/** Splits tokens at the commas outside of brackets. */
function parts(tokens: readonly SqlToken[]): SqlToken[][] {
  const found: SqlToken[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (isSign(token, "(") || isSign(token, "[")) depth++;
    if (isSign(token, ")") || isSign(token, "]")) depth--;
    if (depth === 0 && isSign(token, ",")) found.push([]);
    else found.at(-1)?.push(token);
  }
  return found;
}

/** The items of the outermost SELECT; undefined where there is none to be found. */
function items(tokens: readonly SqlToken[]): SqlToken[][] | undefined {
  let depth = 0;
  let start = -1;
  for (const [index, token] of tokens.entries()) {
    if (isSign(token, "(")) depth++;
    if (isSign(token, ")")) depth--;
    if (depth !== 0) continue;
    if (start < 0 && isWord(token, "select")) start = isWord(tokens[index + 1], "distinct") ? index + 2 : index + 1;
    else if (start >= 0 && isWord(token, "from", "union", "limit", "order")) return parts(tokens.slice(start, index));
  }
  return start < 0 ? undefined : parts(tokens.slice(start));
}

/**
 * Names and types of a SELECT's columns, as far as its text tells them: plain columns of the tables that it reads, casts,
 * counts, sums, text.
 */
export function columnsOfText(
  sql: string,
  tables: readonly Pick<LakeTable, "zone" | "name" | "columns" | "partitionBy">[],
): TextColumn[] | undefined {
  const tokens = tokensOf(sql);
  const selected = items(tokens);
  if (selected === undefined) return undefined;
  // Below a WITH or in a subquery a name may mean something else than the table's column.
  const plain = !isWord(tokens[0], "with") && tokens.filter((token) => isWord(token, "select")).length === 1;
  const read = new Set(plain ? tablesIn(sql) : []);
  const types = (name: string): string | undefined => {
    const found = tables
      .filter((table) => read.has(tableName(table)))
      .flatMap((table) => [...table.columns, ...table.partitionBy.map((key) => ({ name: key, type: "string" }))])
      .filter((column) => column.name === name)
      .map(({ type }) => type);
    return new Set(found).size === 1 ? found[0] : undefined;
  };
  return selected.map((item) => {
    const named = isWord(item.at(-2), "as") ? item.slice(0, -2) : item;
    if (isSign(item.at(-1), "*") && (item.length === 1 || isSign(item.at(-2), ".")))
      return { name: "*", type: undefined };
    const bare = named.length === 1 || (named.length === 3 && isSign(named[1], "."));
    const last = item.at(-1);
    const name =
      named.length < item.length || (bare && last?.kind === "word") ? last?.text.replace(/^"|"$/g, "") : undefined;
    return { name, type: typeOf(named, types) };
  });
}

function typeOf(tokens: readonly SqlToken[], column: (name: string) => string | undefined): string | undefined {
  const [first, second] = tokens;
  if (tokens.length === 1 && first?.kind === "text") return "string";
  if (tokens.length === 1 && first?.kind === "word") return column(first.text);
  if (tokens.length === 3 && isSign(second, ".")) return column(tokens[2]?.text ?? "");
  if (first?.kind !== "word" || !isSign(second, "(")) return undefined;
  const end = closing(tokens, 1);
  const whole = end === tokens.length - 1 || isWord(tokens[end + 1], "over", "filter");
  if (!whole) return undefined;
  const [argument = [], more = []] = parts(tokens.slice(2, end));
  if (first.text === "cast" || first.text === "try_cast") {
    const as = argument.findLastIndex((token) => isWord(token, "as"));
    return catalogType(
      tokens
        .slice(2 + as + 1, end)
        .map(({ text }) => text)
        .join(""),
    );
  }
  if (counts.has(first.text)) return "bigint";
  if (texts.has(first.text)) return "string";
  if (ofFirst.has(first.text)) return typeOf(argument, column);
  if (first.text === "date_trunc") return typeOf(more, column);
  if (first.text !== "sum") return undefined;
  const summed = typeOf(argument, column);
  if (summed !== undefined && /^(tinyint|smallint|int|bigint)$/.test(summed)) return "bigint";
  const scale = /^decimal\(\d+,(\d+)\)$/.exec(summed ?? "")?.[1];
  return scale === undefined ? (summed === "double" ? summed : undefined) : `decimal(38,${scale})`;
}
