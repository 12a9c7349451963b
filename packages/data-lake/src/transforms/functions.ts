/**
 * Functions that mean the same on Spark and on the local runtime: each is compared over odd inputs by the tests
 * (`packages/data-lake/test/spark/cases.ts`), which also hold this list to the cases.
 */
export const commonFunctions: ReadonlySet<string> = new Set(
  `abs add_months approx_count_distinct approx_percentile array_contains array_join ascii avg base64 bool_or cast ceil
  ceiling chr coalesce collect_list collect_set concat concat_ws contains count date_add date_format date_sub date_trunc
  datediff day dayofmonth dayofweek dayofyear element_at endswith extract floor from_json from_unixtime get_json_object
  greatest hour if initcap instr isnotnull isnull json_array_length last_day least left length locate log lower lpad ltrim max
  max_by md5 min min_by minute month nullif nvl nvl2 percentile percentile_approx pmod power quarter regexp
  regexp_extract regexp_like regexp_replace repeat replace reverse right rlike round rpad rtrim second sequence sha sha2
  sign size sort_array split split_part sqrt startswith stddev substr substring sum timestamp_micros timestamp_millis
  timestamp_seconds to_date to_timestamp translate trim try_cast unbase64 unix_micros unix_millis unix_timestamp upper
  weekday weekofyear year`.split(/\s+/),
);

/** Window functions and table functions, which are SQL's own; the transforms' comparison covers those in use. */
export const plainFunctions: ReadonlySet<string> = new Set(
  "row_number rank dense_rank ntile lag lead first_value last_value range grouping".split(" "),
);
