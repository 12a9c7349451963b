/**
 * Macros that give DuckDB the meaning of Spark 3.5's functions (ANSI mode off, UTC) where it lacks the function or
 * means something else by the name. Used for Glue SQL jobs. Each line is the part after `CREATE MACRO spark.`;
 * a macro's body names DuckDB's own function as `system.main.f` where the macro hides it.
 *
 * Source of the meanings: Spark SQL 3.5 built-in function reference.
 */

/**
 * Java date pattern → strftime pattern; a letter outside the subset is an error (`%!` is no specifier)
 * instead of a wrong date. The pattern must fold to a constant, so `error()` cannot stand here.
 */
const javaPattern = (pattern: string) => {
  const translated = [
    ["SSSSSS", "%f"],
    ["SSS", "%g"],
    ["yyyy", "%Y"],
    ["MMMM", "%B"],
    ["MMM", "%b"],
    ["MM", "%m"],
    ["dd", "%d"],
    ["HH", "%H"],
    ["hh", "%I"],
    ["mm", "%M"],
    ["ss", "%S"],
    ["''", ""],
    ["'", ""],
  ].reduce((sql, [from = "", to = ""]) => `replace(${sql}, '${from.replaceAll("'", "''")}', '${to}')`, pattern);
  const residue = `system.main.regexp_replace(${pattern}, '(yyyy|MMMM|MMM|MM|dd|HH|hh|mm|ss|SSSSSS|SSS|''[^'']*'')', '', 'g')`;
  return `CASE WHEN regexp_matches(${residue}, '[A-Za-z]') THEN '%! date pattern not supported locally (yyyy MM MMM MMMM dd HH hh mm ss SSS are): ' || ${pattern} ELSE ${translated} END`;
};

/**
 * Text, a date or a timestamp → TIMESTAMP in UTC, by the grammar of Spark's cast; NULL where it is none. Names of time
 * zones are NULL, too: DuckDB's cast would take the zone for the rows that follow as well.
 */
const toTimestamp = (value: string) => {
  const text = `CAST(${value} AS VARCHAR)`;
  // What collectors write, and a timestamp's own text, need no pattern.
  const iso = `(${text} LIKE '____-__-__T__:__:__.___Z' OR ${text} LIKE '____-__-__T__:__:__Z' OR ${text} LIKE '____-__-__ __:__:__') AND ${text} NOT LIKE '___________24%'`;
  const zone = "(?: ?(?:Z|UTC|GMT)|[-+][0-9]{1,2}(?::?[0-9]{2})?)";
  const time = `(?:[01]?[0-9]|2[0-3])(?::[0-9]{1,2}(?::[0-9]{1,2}(?:[.][0-9]*)?${zone}?)?)?`;
  const grammar = `^\\s*[+]?[0-9]{4,6}(?:-[0-9]{1,2}(?:-[0-9]{1,2}(?:[ T]${time})?)?)?\\s*$`;
  const canonical = [
    ["^\\s*[+]?|\\s+$", ""],
    [" ?(UTC|GMT)$", "Z"],
    ["^([0-9]+)$", "\\1-01-01"],
    ["^([0-9]+-[0-9]+)$", "\\1-01"],
    ["([ T][0-9]{1,2})$", "\\1:00"],
    ["([ T][0-9]{1,2}:[0-9]{1,2})$", "\\1:00"],
    ["[.]([^0-9]|$)", "\\1"],
  ].reduce((sql, [from, to]) => `system.main.regexp_replace(${sql}, '${from}', '${to}', 'g')`, text);
  return `CASE WHEN ${iso} THEN try_cast(${text} AS TIMESTAMP) WHEN regexp_matches(${text}, '${grammar}') THEN CAST(try_cast(${canonical} AS TIMESTAMPTZ) AS TIMESTAMP) END`;
};

/** Text, a date or a timestamp → DATE: Spark reads the day and looks at nothing behind it. */
const toDate = (value: string) => {
  const text = `CAST(${value} AS VARCHAR)`;
  const day = `system.main.regexp_extract(${text}, '^\\s*[+]?([0-9]{4,6}(?:-[0-9]{1,2}(?:-[0-9]{1,2})?)?)(?:\\s*$|[ T])', 1)`;
  const whole = `system.main.regexp_replace(system.main.regexp_replace(${day}, '^([0-9]+)$', '\\1-01'), '^([0-9]+-[0-9]+)$', '\\1-01')`;
  return `try_cast(nullif(${whole}, '') AS DATE)`;
};

/** Text by a pattern → TIMESTAMP; as strict as Spark, which wants both digits of a `dd` and knows no `epoch`. */
const byPattern = (text: string, pattern: string) => {
  const parsed = `try_strptime(CASE WHEN regexp_matches(${text}, '[0-9]') THEN ${text} END, ${javaPattern(pattern)})`;
  const written = `system.main.lower(strftime(${parsed}, ${javaPattern(pattern)}))`;
  return `CASE WHEN ${written} = system.main.lower(${text}) THEN ${parsed} END`;
};

/** Lower case by Java's rules, which give İ its dot and the last sigma of a word its own letter. */
const lower = (text: string) => {
  const sigma = `system.main.regexp_replace(${text}, '(\\p{L}\\p{M}*)Σ(\\P{L}|$)', '\\1ς\\2', 'g')`;
  return `CASE WHEN contains(${text}, 'İ') OR contains(${text}, 'Σ') THEN system.main.lower(replace(${sigma}, 'İ', 'i\u0307')) ELSE system.main.lower(${text}) END`;
};

/** Whole seconds of a timestamp, cut towards zero. */
const seconds = (timestamp: string) => `epoch_us(${timestamp}) // 1000000`;

/** Whole numbers as BIGINT: what is beyond it becomes its limit, NaN becomes 0. */
const whole = (name: "floor" | "ceil") => {
  const number = `system.main.${name}(x)`;
  const limit = `CASE WHEN x = 'NaN'::DOUBLE THEN 0 WHEN x > 0 THEN 9223372036854775807 ELSE -9223372036854775808 END`;
  return `CASE WHEN x IS NOT NULL THEN coalesce(try_cast(${number} AS BIGINT), ${limit}) END`;
};

/** JSON text beyond the basic plane as Spark writes it inside of objects and arrays: escaped. */
const escapedAstral = (text: string) =>
  `array_to_string(list_transform(string_split(${text}, ''), lambda c: CASE WHEN unicode(c) > 65535 THEN printf('\\u%04X\\u%04X', 55296 + ((unicode(c) - 65536) // 1024), 56320 + (unicode(c) - 65536) % 1024) ELSE c END), '')`;

// What is found stands here several times, and is looked for once: DuckDB sees that it is the same.
const jsonText = (path: string) => `TRY(json_extract_string(j, ${path}))`;
/** What `[*]` finds, as JSON: alone it stands without the brackets, text in its quotes. Nothing is found where a key holds null. */
const foundByStar = (() => {
  const found = "CAST(to_json(TRY(json_extract(j, p))) AS JSON[])";
  const some = `list_filter(${found}, lambda e: ends_with(p, ']') OR json_type(e) <> 'NULL')`;
  return `CASE len(${some}) WHEN 0 THEN NULL WHEN 1 THEN CAST((${some})[1] AS VARCHAR) ELSE CAST(to_json(${some}) AS VARCHAR) END`;
})();
// Each branch must fit every path, the one for stars too.
const plainPath = "replace(p, '[*]', '[0]')";
const found = jsonText(plainPath);
const getJsonObject = `CASE
  WHEN contains(p, '[*]') THEN ${foundByStar}
  WHEN strlen(${found}) > system.main.length(${found}) AND regexp_matches(${found}, '[\\x{10000}-\\x{10FFFF}]') AND TRY(json_type(j, ${plainPath})) IN ('OBJECT', 'ARRAY') THEN ${escapedAstral(found)}
  WHEN (ends_with(p, ']') OR p = '$') AND TRY(json_type(j, ${plainPath})) = 'NULL' THEN 'null'
  ELSE ${found} END`;

/**
 * Keys of the outermost object as text, for a literal `a string, b string`: one reading of the JSON for all of them. Text
 * beyond the basic plane is rare, and each of its keys is looked for by itself, as `get_json_object` does. What is no such
 * list becomes the name of a type that DuckDB refuses: it must fold to a constant, so `error()` cannot stand here.
 */
const fromJson = (() => {
  const keys = "string_split(replace(s, ' string', ''), ', ')";
  const shape = "^[A-Za-z_][A-Za-z0-9_]* string(, [A-Za-z_][A-Za-z0-9_]* string)*$";
  const structure = `CASE WHEN regexp_matches(s, '${shape}') THEN '{' || array_to_string(list_transform(${keys}, lambda k: '"' || k || '":"VARCHAR"'), ',') || '}' ELSE '"from_json(text, ''a string, b string'') is what is supported locally, not ' || replace(s, '"', '') || '"' END`;
  const value = `json_extract_string(j, '$."' || k || '"')`;
  const escaped = `CASE WHEN json_type(j, '$."' || k || '"') IN ('OBJECT', 'ARRAY') THEN ${escapedAstral(value)} ELSE ${value} END`;
  const one = `'"' || k || '":' || coalesce(CAST(to_json(${escaped}) AS VARCHAR), 'null')`;
  const each = `'{' || array_to_string(list_transform(${keys}, lambda k: ${one}), ',') || '}'`;
  const odd = "strlen(j) > system.main.length(j) OR contains(j, '\\u')";
  const astral = "regexp_matches(j, '[\\x{10000}-\\x{10FFFF}]|\\\\u[dD][89abAB]')";
  return `TRY(system.main.from_json(CASE WHEN ${odd} THEN CASE WHEN ${astral} THEN ${each} ELSE j END ELSE j END, ${structure}))`;
})();

/** Position 0 is the first, too; a negative length gives nothing instead of what stands before. */
const substring =
  "(s, p) AS system.main.substring(s, CASE WHEN p = 0 THEN 1 ELSE p END), (s, p, n) AS system.main.substring(s, CASE WHEN p = 0 THEN 1 ELSE p END, CASE WHEN n < 0 THEN 0 ELSE n END)";

const integer = (name: string) => `${name}(d) AS CAST(system.main.${name}(d) AS INTEGER)`;

const concatOverloads = Array.from({ length: 15 }, (_, index) => {
  const names = Array.from({ length: index + 2 }, (_, n) => `a${n}`);
  return `(${names.join(", ")}) AS ${names.join(" || ")}`;
}).join(", ");

export const sparkPrelude: readonly string[] = [
  // Strings
  `concat${concatOverloads}`,
  "regexp_replace(s, p, r) AS system.main.regexp_replace(s, p, system.main.regexp_replace(r, '\\$(\\d)', '\\\\\\1', 'g'), 'g')",
  "regexp_like(s, p) AS regexp_matches(s, p)",
  "regexp(s, p) AS regexp_matches(s, p)",
  "rlike(s, p) AS regexp_matches(s, p)",
  "regexp_extract(s, p) AS system.main.regexp_extract(s, p, 1), (s, p, g) AS system.main.regexp_extract(s, p, g)",
  "split(s, p) AS string_split_regex(s, p)",
  `substr${substring}`,
  ...["lpad", "rpad"].map(
    (name) =>
      `${name}(s, n) AS system.main.${name}(s, n, ' '), (s, n, p) AS CASE WHEN p = '' THEN system.main.left(s, CASE WHEN n < 0 THEN 0 ELSE n END) ELSE system.main.${name}(s, n, p) END`,
  ),
  "left(s, n) AS system.main.left(s, CASE WHEN n < 0 THEN 0 ELSE n END)",
  "right(s, n) AS system.main.right(s, CASE WHEN n < 0 THEN 0 ELSE n END)",
  // Spark trims blanks, DuckDB every kind of space.
  ...["ltrim", "rtrim"].map((name) => `${name}(s) AS system.main.${name}(s, ' ')`),
  `lower(s) AS ${lower("s")}`,
  "upper(s) AS system.main.upper(replace(s, 'ß', 'SS'))",
  "length(s) AS CAST(system.main.length(s) AS INTEGER)",
  "instr(s, sub) AS CAST(system.main.instr(s, sub) AS INTEGER)",
  "startswith(s, sub) AS starts_with(s, sub)",
  "endswith(s, sub) AS ends_with(s, sub)",
  // By code points, not by what looks like one letter.
  "reverse(s) AS array_to_string(list_reverse(string_split(s, '')), '')",
  "locate(sub, s) AS CAST(system.main.instr(s, sub) AS INTEGER)",
  `initcap(s) AS array_to_string(list_transform(string_split(${lower("s")}, ' '), lambda w: system.main.upper(w[1]) || w[2:]), ' ')`,
  "sha2(s, bits) AS CASE WHEN bits IN (0, 256) THEN sha256(s) ELSE error('sha2 with ' || bits || ' bits is not supported locally: use 256') END",
  "sha(s) AS sha1(s)",
  // In lines of 76 characters, as MIME wants them.
  "base64(s) AS system.main.rtrim(system.main.regexp_replace(to_base64(encode(s)), '(.{76})', '\\1' || chr(13) || chr(10), 'g'), chr(13) || chr(10))",
  "unbase64(s) AS from_base64(system.main.regexp_replace(s, '\\s', '', 'g'))",
  // JSON
  `get_json_object(j, p) AS ${getJsonObject}`,
  `from_json(j, s) AS ${fromJson}`,
  "json_array_length(j) AS CASE WHEN TRY(json_type(j)) = 'ARRAY' THEN CAST(system.main.json_array_length(j) AS INTEGER) END",
  // Conditions
  "nvl(a, b) AS coalesce(a, b)",
  "nvl2(a, b, c) AS CASE WHEN a IS NOT NULL THEN b ELSE c END",
  "isnull(a) AS a IS NULL",
  "isnotnull(a) AS a IS NOT NULL",
  // Dates and times
  `datediff(e, s) AS CAST(system.main.date_diff('day', ${toDate("s")}, ${toDate("e")}) AS INTEGER)`,
  "date_add(d, n) AS CAST(d AS DATE) + CAST(n AS INTEGER)",
  "date_sub(d, n) AS CAST(d AS DATE) - CAST(n AS INTEGER)",
  "add_months(d, n) AS CAST(CAST(d AS DATE) + to_months(CAST(n AS INTEGER)) AS DATE)",
  `to_date(s) AS ${toDate("s")}, (s, f) AS CAST(${byPattern("s", "f")} AS DATE)`,
  `to_timestamp(s) AS ${toTimestamp("s")}, (s, f) AS CAST(${byPattern("s", "f")} AS TIMESTAMP)`,
  `date_format(t, f) AS strftime(${toTimestamp("t")}, ${javaPattern("f")})`,
  `unix_timestamp(t) AS CASE WHEN system.main.typeof(t) = 'VARCHAR' THEN ${seconds(byPattern("CAST(t AS VARCHAR)", "'yyyy-MM-dd HH:mm:ss'"))} ELSE ${seconds(toTimestamp("t"))} END, (s, f) AS ${seconds(byPattern("s", "f"))}`,
  `from_unixtime(n) AS strftime(make_timestamp(CAST(n AS BIGINT) * 1000000), '%Y-%m-%d %H:%M:%S'), (n, f) AS strftime(make_timestamp(CAST(n AS BIGINT) * 1000000), ${javaPattern("f")})`,
  "timestamp_seconds(n) AS make_timestamp(CAST(CAST(n AS DECIMAL(28,6)) * 1000000 AS BIGINT))",
  "timestamp_millis(n) AS make_timestamp(CAST(n AS BIGINT) * 1000)",
  "timestamp_micros(n) AS make_timestamp(CAST(n AS BIGINT))",
  "unix_millis(t) AS (epoch_us(t) - ((epoch_us(t) % 1000) + 1000) % 1000) // 1000",
  "unix_micros(t) AS epoch_us(t)",
  "dayofweek(d) AS CAST(system.main.dayofweek(CAST(d AS DATE)) + 1 AS INTEGER)",
  "weekday(d) AS CAST(isodow(CAST(d AS DATE)) - 1 AS INTEGER)",
  "last_day(d) AS system.main.last_day(CAST(d AS DATE))",
  ...["year", "quarter", "month", "day", "dayofmonth", "dayofyear", "weekofyear", "hour", "minute", "second"].map(
    integer,
  ),
  // Numbers
  "pmod(a, b) AS CASE WHEN a % b < 0 THEN (a % b + b) % b ELSE a % b END",
  `floor(x) AS ${whole("floor")}`,
  `ceil(x) AS ${whole("ceil")}`,
  `ceiling(x) AS ${whole("ceil")}`,
  "sqrt(x) AS CASE WHEN x < 0 THEN 'NaN'::DOUBLE ELSE system.main.sqrt(x) END",
  "sign(x) AS CAST(system.main.sign(x) AS DOUBLE)",
  "log(x) AS CASE WHEN x > 0 THEN ln(x) END, (b, x) AS CASE WHEN x > 0 AND b > 0 THEN ln(x) / ln(b) END",
  "percentile_approx(x, p) AS quantile_disc(x, p), (x, p, a) AS quantile_disc(x, p)",
  "approx_percentile(x, p) AS quantile_disc(x, p), (x, p, a) AS quantile_disc(x, p)",
  "percentile(x, p) AS quantile_cont(x, p)",
  // Arrays (1-based `element_at`; `size` of NULL is -1 as with spark.sql.legacy.sizeOfNull, the default outside ANSI mode)
  "size(a) AS CAST(coalesce(len(a), -1) AS INTEGER)",
  "element_at(a, i) AS CASE WHEN i = 0 THEN error('element_at: SQL array indices start at 1') ELSE list_extract(a, i) END",
  "sort_array(a) AS list_sort(a, 'ASC', 'NULLS FIRST'), (a, up) AS CASE WHEN up THEN list_sort(a, 'ASC', 'NULLS FIRST') ELSE list_sort(a, 'DESC', 'NULLS LAST') END",
  "array_contains(a, v) AS CASE WHEN v IS NULL THEN NULL WHEN list_contains(a, v) THEN true WHEN len(list_filter(a, lambda e: e IS NULL)) > 0 THEN NULL ELSE list_contains(a, v) END",
  "sequence(a, b) AS CASE WHEN a <= b THEN generate_series(a, b) ELSE generate_series(a, b, -1) END",
  "array_join(a, d) AS array_to_string(list_filter(a, lambda e: e IS NOT NULL), d)",
  "collect_list(x) AS coalesce(list(x) FILTER (WHERE x IS NOT NULL), [])",
  "collect_set(x) AS coalesce(list(DISTINCT x) FILTER (WHERE x IS NOT NULL), [])",
];

/** Functions that DuckDB's parser takes for syntax (`substring(s from 2)`) and looks up in the session's `main` only. */
export const sparkSyntax: readonly string[] = [
  "trim(s) AS system.main.trim(s, ' ')",
  `substring${substring}`,
  "date_part(unit, t) AS CAST(system.main.date_part(unit, t) AS INTEGER)",
];

/** Session settings that align DuckDB with Spark: nulls first when ascending, `x / 0` is NULL. */
export const sparkSettings: readonly string[] = [
  "SET SESSION default_null_order = 'nulls_first_on_asc_last_on_desc'",
  "SET SESSION ieee_floating_point_ops = false",
];
