/** Functions of Athena engine version 3, as its reference and Trino's list them; those of geometry, sketches and machine learning are left out. */
export const athenaFunctions: ReadonlySet<string> = new Set(
  `abs acos all_match any_match any_value approx_distinct approx_most_frequent approx_percentile approx_set arbitrary
  array_agg array_distinct array_except array_frequency array_intersect array_join array_max array_min array_position
  array_remove array_sort array_union arrays_overlap asin at_timezone atan atan2 avg bit_count bitwise_and
  bitwise_and_agg bitwise_left_shift bitwise_not bitwise_or bitwise_or_agg bitwise_right_shift bitwise_xor bool_and
  bool_or cardinality cast cbrt ceil ceiling char2hexint checksum chr coalesce codepoint combinations concat concat_ws
  contains contains_sequence corr cos cosh cosine_similarity count count_if covar_pop covar_samp crc32 cube cume_dist
  current_timestamp current_time date date_add date_diff date_format date_parse date_trunc day day_of_month
  day_of_week day_of_year degrees dense_rank dow doy e element_at ends_with entropy every exp extract filter
  first_value flatten floor format format_datetime format_number from_base from_base32 from_base64 from_base64url
  from_big_endian_64 from_hex from_ieee754_64 from_iso8601_date from_iso8601_timestamp from_iso8601_timestamp_nanos
  from_unixtime from_unixtime_nanos from_utf8 geometric_mean greatest grouping hamming_distance histogram hmac_md5
  hmac_sha1 hmac_sha256 hmac_sha512 hour human_readable_seconds if index infinity inverse_normal_cdf is_finite
  is_infinite is_json_scalar is_nan json_array json_array_contains json_array_get json_array_length json_exists
  json_extract json_extract_scalar json_format json_object json_parse json_query json_size json_table json_value
  kurtosis lag last_day_of_month last_value lead least length levenshtein_distance listagg ln localtime
  localtimestamp log log10 log2 lower lpad ltrim luhn_check map map_agg map_concat map_entries map_filter
  map_from_entries map_keys map_union map_values map_zip_with max max_by md5 millisecond min min_by minute mod month
  multimap_agg multimap_from_entries nan ngrams none_match normal_cdf normalize now nth_value ntile nullif
  numeric_histogram parse_data_size parse_datetime parse_duration percent_rank pi position pow power quarter radians
  rand random rank reduce reduce_agg regexp_count regexp_extract regexp_extract_all regexp_like regexp_position
  regexp_replace regexp_split regr_intercept regr_slope repeat replace reverse rollup round row row_number rpad rtrim
  second sequence sets sha1 sha256 sha512 shuffle sign sin sinh skewness slice soundex split split_part split_to_map
  split_to_multimap spooky_hash_v2_32 spooky_hash_v2_64 sqrt starts_with stddev stddev_pop stddev_samp strpos strrpos
  substr substring sum tan tanh timestamp timezone_hour timezone_minute to_base to_base32 to_base64 to_base64url
  to_big_endian_64 to_hex to_ieee754_64 to_iso8601 to_milliseconds to_unixtime to_utf8 transform transform_keys
  transform_values translate trim trim_array truncate try try_cast typeof unnest upper url_decode url_encode
  url_extract_fragment url_extract_host url_extract_parameter url_extract_path url_extract_port url_extract_protocol
  url_extract_query uuid values var_pop var_samp variance week week_of_year width_bucket wilson_interval_lower
  wilson_interval_upper with_timezone word_stem xxhash64 year year_of_week yow zip zip_with`.split(/\s+/),
);

/** What people write who know another engine, and what Athena calls it. */
export const athenaNames: Readonly<Record<string, string>> = {
  add_months: "date_add('month', n, day)",
  array_contains: "contains(list, value)",
  array_to_string: "array_join(list, ', ')",
  collect_list: "array_agg(x)",
  collect_set: "array_agg(distinct x)",
  date_sub: "date_add('day', -n, day)",
  datediff: "date_diff('day', start, end)",
  dayofmonth: "day_of_month(day)",
  dayofweek: "day_of_week(day)",
  dayofyear: "day_of_year(day)",
  endswith: "ends_with(text, part)",
  get_json_object: "json_extract_scalar(json, path), or json_format(json_extract(json, path)) for an object",
  ifnull: "coalesce(a, b)",
  instr: "strpos(text, part)",
  isnull: "x is null",
  json_extract_string: "json_extract_scalar(json, path)",
  last_day: "last_day_of_month(day)",
  left: "substr(text, 1, n)",
  len: "length(text), or cardinality(list)",
  list: "array_agg(x)",
  list_contains: "contains(list, value)",
  nvl: "coalesce(a, b)",
  percentile: "approx_percentile(x, share)",
  percentile_approx: "approx_percentile(x, share)",
  regexp_matches: "regexp_like(text, pattern)",
  right: "substr(text, -n)",
  sha2: "to_hex(sha256(to_utf8(text)))",
  size: "cardinality(list)",
  sort_array: "array_sort(list)",
  startswith: "starts_with(text, part)",
  strftime: "date_format(time, '%Y-%m-%d')",
  strptime: "date_parse(text, '%Y-%m-%d')",
  to_char: "date_format(time, '%Y-%m-%d')",
  to_date: "from_iso8601_date(text)",
  to_timestamp: "from_iso8601_timestamp(text)",
  try_to_timestamp: "try(from_iso8601_timestamp(text))",
  unix_timestamp: "to_unixtime(time)",
};
