/**
 * Macros that give DuckDB the meaning of Athena's (Trino's) functions. Used for Athena queries; see spark-prelude.ts
 * for the form. Source of the meanings: Trino's function reference, as Athena engine version 3 follows it.
 */

/** Overloads of a variadic function, from two arguments to six, over what `body` makes of the argument names. */
const variadic = (from: number, body: (names: string[]) => string) =>
  Array.from({ length: 7 - from }, (_, index) => {
    const names = Array.from({ length: index + from }, (_, n) => `a${n}`);
    return `(${names.join(", ")}) AS ${body(names)}`;
  }).join(", ");

/** Trino's `greatest` and `least` are NULL where any argument is; DuckDB's ignore NULLs. */
const strictly = (name: string) =>
  `${name}${variadic(2, (names) => `CASE WHEN ${names.map((each) => `${each} IS NOT NULL`).join(" AND ")} THEN system.main.${name}(${names.join(", ")}) END`)}`;

const concatOverloads = Array.from({ length: 15 }, (_, index) => {
  const names = Array.from({ length: index + 2 }, (_, n) => `a${n}`);
  return `(${names.join(", ")}) AS ${names.join(" || ")}`;
}).join(", ");

/** MySQL date pattern (Trino's `date_format`, `date_parse`) → strftime: the letters that differ. */
const mysqlPattern = (pattern: string) => {
  const translated = [
    // %M is the month's name in MySQL and the minute in strftime: out of the way first.
    ["%M", "%B"],
    ["%i", "%M"],
    ["%s", "%S"],
    ["%h", "%I"],
    ["%T", "%H:%M:%S"],
    ["%c", "%-m"],
    ["%e", "%-d"],
    ["%k", "%-H"],
    ["%W", "%A"],
  ].reduce((sql, [from, to]) => `replace(${sql}, '${from}', '${to}')`, pattern);
  return `CASE WHEN regexp_matches(${pattern}, '%[DUuVvwXx]') THEN '%! date pattern not supported by Athena: ' || ${pattern} ELSE ${translated} END`;
};

export const athenaPrelude: readonly string[] = [
  `concat${concatOverloads}`,
  // DuckDB's `format` has another syntax; its `printf` has Trino's.
  `format${variadic(2, (names) => `printf(${names.join(", ")})`)}`,
  "substr(s, p) AS CASE WHEN p = 0 THEN '' ELSE system.main.substr(s, p) END, (s, p, n) AS CASE WHEN p = 0 THEN '' ELSE system.main.substr(s, p, n) END",
  "regexp_count(s, p) AS CAST(len(regexp_extract_all(s, p)) AS BIGINT)",
  "regexp_split(s, p) AS string_split_regex(s, p)",
  "url_extract_host(u) AS nullif(system.main.regexp_extract(u, '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/@?#]*@)?([^/:?#]+)', 1), '')",
  "regexp_replace(s, p) AS system.main.regexp_replace(s, p, '', 'g'), (s, p, r) AS system.main.regexp_replace(s, p, system.main.regexp_replace(r, '\\$(\\d)', '\\\\\\1', 'g'), 'g')",
  "regexp_like(s, p) AS regexp_matches(s, p)",
  "regexp_extract(s, p) AS CASE WHEN regexp_matches(s, p) THEN system.main.regexp_extract(s, p) END, (s, p, g) AS CASE WHEN regexp_matches(s, p) THEN system.main.regexp_extract(s, p, g) END",
  "json_extract_scalar(j, p) AS CASE WHEN TRY(json_type(j, p)) NOT IN ('OBJECT', 'ARRAY', 'NULL') THEN json_extract_string(j, p) END",
  "json_extract(j, p) AS TRY(system.main.json_extract(j, p))",
  "json_array_length(j) AS CASE WHEN TRY(json_type(j)) = 'ARRAY' THEN CAST(system.main.json_array_length(j) AS BIGINT) END",
  "json_parse(s) AS CAST(s AS JSON)",
  "json_format(j) AS CAST(j AS VARCHAR)",
  "to_utf8(s) AS encode(s)",
  "from_utf8(b) AS decode(b)",
  "to_hex(b) AS hex(b)",
  "from_hex(s) AS unhex(s)",
  "sha256(b) AS unhex(system.main.sha256(b))",
  "sha1(b) AS unhex(system.main.sha1(b))",
  "md5(b) AS unhex(system.main.md5(b))",
  "from_unixtime(n) AS to_timestamp(n)::TIMESTAMP",
  "to_unixtime(t) AS epoch(t)",
  "from_iso8601_timestamp(s) AS CAST(s AS TIMESTAMPTZ)",
  "from_iso8601_date(s) AS CAST(s AS DATE)",
  "to_iso8601(t) AS strftime(CAST(t AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%gZ')",
  // Trino counts whole units that have passed, which DuckDB calls date_sub; its own date_diff counts boundaries.
  "date_diff(unit, a, b) AS system.main.date_sub(unit, a, b)",
  "last_day_of_month(d) AS last_day(d)",
  "date(t) AS CAST(t AS DATE)",
  `date_format(t, f) AS strftime(CAST(t AS TIMESTAMP), ${mysqlPattern("f")})`,
  `date_parse(s, f) AS strptime(s, ${mysqlPattern("f")})`,
  "date_add(unit, n, t) AS CASE lower(unit) WHEN 'millisecond' THEN t + to_milliseconds(n) WHEN 'second' THEN t + to_seconds(n) WHEN 'minute' THEN t + to_minutes(n) WHEN 'hour' THEN t + to_hours(n) WHEN 'day' THEN t + to_days(n) WHEN 'week' THEN t + to_weeks(n) WHEN 'month' THEN t + to_months(n) WHEN 'year' THEN t + to_years(n) ELSE error('date_add: unknown unit ' || unit) END",
  "day_of_week(d) AS isodow(d)",
  "day_of_month(d) AS day(d)",
  "day_of_year(d) AS dayofyear(d)",
  "approx_percentile(x, p) AS quantile_disc(x, p)",
  "approx_distinct(x) AS approx_count_distinct(x)",
  "cardinality(a) AS CAST(len(a) AS BIGINT)",
  "element_at(a, i) AS list_extract(a, i)",
  "contains(a, v) AS list_contains(a, v)",
  "array_join(a, d) AS array_to_string(list_filter(a, lambda e: e IS NOT NULL), d)",
  "sequence(a, b) AS generate_series(a, b)",
  "slice(a, i, n) AS CASE WHEN i > 0 THEN list_slice(a, i, i + n - 1) ELSE list_slice(a, len(a) + i + 1, len(a) + i + n) END",
  "array_max(a) AS list_max(a)",
  "array_min(a) AS list_min(a)",
  "array_sort(a) AS list_sort(a, 'ASC', 'NULLS LAST')",
  "arrays_overlap(a, b) AS list_has_any(a, b)",
  "map_agg(k, v) AS map(list(k), list(v))",
  "every(x) AS bool_and(x)",
  "arbitrary(x) AS any_value(x)",
  "strpos(s, sub) AS instr(s, sub)",
  strictly("greatest"),
  strictly("least"),
  "typeof(x) AS lower(system.main.typeof(x))",
  "truncate(x) AS trunc(x)",
  "is_nan(x) AS isnan(x)",
];

/** Trino sorts nulls last in both directions and divides integers to integers. */
export const athenaSettings: readonly string[] = [
  "SET SESSION default_null_order = 'nulls_last'",
  "SET SESSION integer_division = true",
];
