/** Macros that give DuckDB the meaning of Redshift's functions; see spark-prelude.ts for the form. */
export const redshiftPrelude: readonly string[] = [
  "strtol(s, b) AS CASE WHEN b = 16 THEN CAST('0x' || s AS BIGINT) WHEN b = 10 THEN CAST(s AS BIGINT) ELSE error('strtol: only bases 10 and 16 work here') END",
  "quote_literal(s) AS '''' || replace(s, '''', '''''') || ''''",
  "len(s) AS length(s)",
  "nvl(a, b) AS coalesce(a, b)",
  "nvl2(a, b, c) AS CASE WHEN a IS NOT NULL THEN b ELSE c END",
  "getdate() AS CAST(date_trunc('second', current_timestamp) AS TIMESTAMP)",
  "charindex(part, s) AS instr(s, part)",
  "strpos(s, part) AS instr(s, part)",
  "datediff(unit, a, b) AS system.main.date_diff(unit, a, b)",
  "json_extract_path_text(j, a) AS json_extract_string(j, '$.' || a), (j, a, b) AS json_extract_string(j, '$.' || a || '.' || b)",
];

/** Redshift sorts nulls last going up and first going down, and divides integers to integers. */
export const redshiftSettings: readonly string[] = [
  "SET SESSION default_null_order = 'nulls_last_on_asc_first_on_desc'",
  "SET SESSION integer_division = true",
];
