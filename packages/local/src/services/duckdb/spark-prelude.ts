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

/** Text with or without offset, a date or a timestamp → TIMESTAMP in UTC; NULL where it is none. */
const toTimestamp = (value: string) => `CAST(try_cast(CAST(${value} AS VARCHAR) AS TIMESTAMPTZ) AS TIMESTAMP)`;

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
  "substr(s, p) AS system.main.substring(s, CASE WHEN p = 0 THEN 1 ELSE p END), (s, p, n) AS system.main.substring(s, CASE WHEN p = 0 THEN 1 ELSE p END, n)",
  // `substring` itself is syntax to DuckDB's parser and cannot be hidden: it differs at position 0 only.
  "lpad(s, n) AS system.main.lpad(s, n, ' '), (s, n, p) AS system.main.lpad(s, n, p)",
  "rpad(s, n) AS system.main.rpad(s, n, ' '), (s, n, p) AS system.main.rpad(s, n, p)",
  "locate(sub, s) AS instr(s, sub)",
  "initcap(s) AS array_to_string(list_transform(string_split(lower(s), ' '), lambda w: upper(w[1]) || w[2:]), ' ')",
  "sha2(s, bits) AS CASE WHEN bits IN (0, 256) THEN sha256(s) ELSE error('sha2 with ' || bits || ' bits is not supported locally: use 256') END",
  "sha(s) AS sha1(s)",
  "base64(s) AS to_base64(encode(s))",
  "unbase64(s) AS from_base64(s)",
  // JSON
  "get_json_object(j, p) AS TRY(json_extract_string(j, p))",
  "json_array_length(j) AS CASE WHEN TRY(json_type(j)) = 'ARRAY' THEN CAST(system.main.json_array_length(j) AS INTEGER) END",
  // Conditions
  "nvl(a, b) AS coalesce(a, b)",
  "nvl2(a, b, c) AS CASE WHEN a IS NOT NULL THEN b ELSE c END",
  "isnull(a) AS a IS NULL",
  "isnotnull(a) AS a IS NOT NULL",
  // Dates and times
  "datediff(e, s) AS CAST(system.main.date_diff('day', CAST(s AS DATE), CAST(e AS DATE)) AS INTEGER)",
  "date_add(d, n) AS CAST(d AS DATE) + CAST(n AS INTEGER)",
  "date_sub(d, n) AS CAST(d AS DATE) - CAST(n AS INTEGER)",
  "add_months(d, n) AS CAST(CAST(d AS DATE) + to_months(CAST(n AS INTEGER)) AS DATE)",
  `to_date(s) AS CAST(${toTimestamp("s")} AS DATE), (s, f) AS CAST(try_strptime(s, ${javaPattern("f")}) AS DATE)`,
  `to_timestamp(s) AS ${toTimestamp("s")}, (s, f) AS CAST(try_strptime(s, ${javaPattern("f")}) AS TIMESTAMP)`,
  `date_format(t, f) AS strftime(${toTimestamp("t")}, ${javaPattern("f")})`,
  `unix_timestamp(t) AS CAST(system.main.floor(epoch(${toTimestamp("t")})) AS BIGINT), (s, f) AS CAST(system.main.floor(epoch(try_strptime(s, ${javaPattern("f")}))) AS BIGINT)`,
  `from_unixtime(n) AS strftime(make_timestamp(CAST(n AS BIGINT) * 1000000), '%Y-%m-%d %H:%M:%S'), (n, f) AS strftime(make_timestamp(CAST(n AS BIGINT) * 1000000), ${javaPattern("f")})`,
  "timestamp_seconds(n) AS make_timestamp(CAST(n * 1000000 AS BIGINT))",
  "timestamp_millis(n) AS make_timestamp(CAST(n AS BIGINT) * 1000)",
  "timestamp_micros(n) AS make_timestamp(CAST(n AS BIGINT))",
  "unix_millis(t) AS epoch_ms(t)",
  "unix_micros(t) AS epoch_us(t)",
  "dayofweek(d) AS CAST(system.main.dayofweek(CAST(d AS DATE)) + 1 AS INTEGER)",
  "weekday(d) AS CAST(isodow(CAST(d AS DATE)) - 1 AS INTEGER)",
  "last_day(d) AS system.main.last_day(CAST(d AS DATE))",
  // Numbers
  "pmod(a, b) AS ((a % b) + b) % b",
  "floor(x) AS CAST(system.main.floor(x) AS BIGINT)",
  "ceil(x) AS CAST(system.main.ceil(x) AS BIGINT)",
  "ceiling(x) AS CAST(system.main.ceil(x) AS BIGINT)",
  "log(x) AS CASE WHEN x > 0 THEN ln(x) END, (b, x) AS CASE WHEN x > 0 AND b > 0 THEN ln(x) / ln(b) END",
  "percentile_approx(x, p) AS quantile_disc(x, p), (x, p, a) AS quantile_disc(x, p)",
  "approx_percentile(x, p) AS quantile_disc(x, p), (x, p, a) AS quantile_disc(x, p)",
  "percentile(x, p) AS quantile_cont(x, p)",
  // Arrays (1-based `element_at`; `size` of NULL is -1 as with spark.sql.legacy.sizeOfNull, the default outside ANSI mode)
  "size(a) AS CAST(coalesce(len(a), -1) AS INTEGER)",
  "element_at(a, i) AS CASE WHEN i = 0 THEN error('element_at: SQL array indices start at 1') ELSE list_extract(a, i) END",
  "sort_array(a) AS list_sort(a, 'ASC', 'NULLS FIRST'), (a, up) AS CASE WHEN up THEN list_sort(a, 'ASC', 'NULLS FIRST') ELSE list_sort(a, 'DESC', 'NULLS LAST') END",
  "array_contains(a, v) AS CASE WHEN v IS NULL THEN NULL WHEN list_contains(a, v) THEN true WHEN len(list_filter(a, lambda e: e IS NULL)) > 0 THEN NULL ELSE list_contains(a, v) END",
  "sequence(a, b) AS generate_series(a, b)",
  "array_join(a, d) AS array_to_string(list_filter(a, lambda e: e IS NOT NULL), d)",
  "collect_list(x) AS coalesce(list(x) FILTER (WHERE x IS NOT NULL), [])",
  "collect_set(x) AS coalesce(list(DISTINCT x) FILTER (WHERE x IS NOT NULL), [])",
];

/** Session settings that align DuckDB with Spark: nulls first when ascending, `x / 0` is NULL. */
export const sparkSettings: readonly string[] = [
  "SET SESSION default_null_order = 'nulls_first_on_asc_last_on_desc'",
  "SET SESSION ieee_floating_point_ops = false",
];
