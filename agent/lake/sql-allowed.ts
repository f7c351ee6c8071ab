/** What a question may be made of. Everything else is refused: a new engine version opens nothing by itself. */

const words = (text: string) => new Set(text.split(/\s+/).filter((word) => word !== ''))

/** Nodes of a query and what stands in FROM. SHOW_REF (describe, show, summarize) is not among them. */
export const QUERY_NODES = words(`
  SELECT_NODE SET_OPERATION_NODE RECURSIVE_CTE_NODE
  BASE_TABLE SUBQUERY JOIN EMPTY EXPRESSION_LIST TABLE_FUNCTION
  ORDER_MODIFIER LIMIT_MODIFIER LIMIT_PERCENT_MODIFIER DISTINCT_MODIFIER
  ASCENDING DESCENDING ORDER_DEFAULT
`)

/** Expression class → types within it. Parameters are not here: free SQL has none. */
export const EXPRESSIONS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['COLUMN_REF', words('COLUMN_REF')],
  ['CONSTANT', words('VALUE_CONSTANT')],
  ['POSITIONAL_REFERENCE', words('POSITIONAL_REFERENCE')],
  ['STAR', words('STAR')],
  ['FUNCTION', words('FUNCTION')],
  ['LAMBDA', words('LAMBDA')],
  ['CAST', words('OPERATOR_CAST')],
  ['COLLATE', words('COLLATE')],
  ['CASE', words('CASE_EXPR')],
  ['CONJUNCTION', words('CONJUNCTION_AND CONJUNCTION_OR')],
  ['BETWEEN', words('COMPARE_BETWEEN COMPARE_NOT_BETWEEN')],
  ['SUBQUERY', words('SUBQUERY')],
  [
    'COMPARISON',
    words(`COMPARE_EQUAL COMPARE_NOTEQUAL COMPARE_LESSTHAN COMPARE_GREATERTHAN
      COMPARE_LESSTHANOREQUALTO COMPARE_GREATERTHANOREQUALTO COMPARE_DISTINCT_FROM
      COMPARE_NOT_DISTINCT_FROM`),
  ],
  [
    'OPERATOR',
    words(`OPERATOR_NOT OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_COALESCE OPERATOR_NULLIF
      COMPARE_IN COMPARE_NOT_IN ARRAY_EXTRACT ARRAY_SLICE STRUCT_EXTRACT ARRAY_CONSTRUCTOR
      OPERATOR_TRY GROUPING_FUNCTION`),
  ],
  [
    'WINDOW',
    words(`WINDOW_AGGREGATE WINDOW_RANK WINDOW_RANK_DENSE WINDOW_NTILE WINDOW_PERCENT_RANK
      WINDOW_CUME_DIST WINDOW_ROW_NUMBER WINDOW_FIRST_VALUE WINDOW_LAST_VALUE WINDOW_NTH_VALUE
      WINDOW_LEAD WINDOW_LAG WINDOW_FILL`),
  ],
])

export const TABLES = words('events lake.events')
export const TABLE_FUNCTIONS = words('unnest')

/** Left out on purpose: what reads files or settings, what logs, and what grows a string by a number in the text. */
export const FUNCTIONS = words(`
  + - * / // % ^ ** & | ~ << >> || ! @ ~~ !~~ ~~* !~~* ~~~ ^@ @> <@ && -> ->> = <> != < > <= >=
  count count_star count_if sum sum_no_overflow kahan_sum fsum avg mean favg min max min_by max_by
  arg_min arg_max arg_min_null arg_max_null argmin argmax any_value arbitrary first last list
  array_agg string_agg group_concat listagg bool_and bool_or bit_and bit_or bit_xor product
  median quantile quantile_cont quantile_disc percentile_cont percentile_disc mode mad
  stddev stddev_pop stddev_samp var_pop var_samp variance skewness kurtosis kurtosis_pop entropy
  corr covar_pop covar_samp regr_slope regr_intercept regr_r2 regr_count regr_avgx regr_avgy
  regr_sxx regr_sxy regr_syy approx_count_distinct approx_quantile approx_top_k reservoir_quantile
  histogram histogram_exact is_histogram_other_bin equi_width_bins geomean geometric_mean
  weighted_avg wavg grouping grouping_id
  row_number rank dense_rank rank_dense percent_rank cume_dist ntile lag lead first_value
  last_value nth_value fill
  abs sign ceil ceiling floor round round_even trunc sqrt cbrt exp ln log log2 log10 pow power
  mod fmod fdiv divide add subtract multiply greatest least pi degrees radians sin cos tan asin
  acos atan atan2 isnan isinf isfinite even gcd lcm factorial bit_count xor random setseed
  lower lcase upper ucase length len strlen char_length character_length length_grapheme trim
  ltrim rtrim substring substr substring_grapheme left right left_grapheme right_grapheme reverse
  replace translate concat concat_ws split split_part string_split str_split string_to_array
  string_split_regex str_split_regex regexp_split_to_array regexp_matches regexp_full_match
  regexp_extract regexp_extract_all regexp_replace regexp_escape contains starts_with ends_with
  prefix suffix position strpos instr like_escape not_like_escape ilike_escape not_ilike_escape
  ascii unicode ord chr strip_accents nfc_normalize levenshtein editdist3 damerau_levenshtein
  hamming mismatches jaccard jaro_similarity jaro_winkler_similarity md5 md5_number sha1 sha256
  hash base64 to_base64 from_base64 hex to_hex unhex from_hex bin to_binary encode decode
  url_encode url_decode parse_path parse_dirname parse_filename format_bytes formatreadablesize
  now today current_date current_timestamp current_localtimestamp get_current_timestamp
  get_current_time transaction_timestamp
  date_trunc datetrunc date_part datepart date_diff datediff date_sub datesub date_add dateadd
  time_bucket strftime strptime try_strptime epoch epoch_ms epoch_us epoch_ns make_date make_time
  make_timestamp make_timestamp_ms make_timestamp_ns make_timestamptz to_timestamp age century
  day dayname dayofmonth dayofweek dayofyear decade era hour isodow isoyear julian last_day
  microsecond millennium millisecond minute month monthname nanosecond quarter second timezone
  timezone_hour timezone_minute week weekday weekofyear year yearweek extract to_years
  to_quarters to_months to_weeks to_days to_hours to_minutes to_seconds to_milliseconds
  to_microseconds to_decades to_centuries to_millennia normalized_interval
  json json_extract json_extract_path json_extract_string json_extract_path_text json_value
  json_array_length json_type json_valid json_keys json_exists json_contains json_structure
  json_object json_array json_quote to_json array_to_json row_to_json json_group_array
  json_group_object json_transform json_transform_strict from_json from_json_strict
  list_value list_pack array_value list_extract list_element array_extract list_contains
  list_has array_contains array_has list_has_any array_has_any list_has_all array_has_all
  list_position list_indexof array_position array_indexof list_distinct array_distinct
  list_unique array_unique list_sort array_sort list_reverse_sort array_reverse_sort
  list_reverse array_reverse list_slice array_slice list_concat list_cat array_concat array_cat
  list_append array_append list_prepend array_prepend list_transform array_transform apply
  list_apply array_apply list_filter array_filter filter list_reduce array_reduce reduce
  list_aggregate list_aggr array_aggregate array_aggr aggregate list_intersect array_intersect
  list_sum list_avg list_min list_max list_count list_any_value list_first list_last list_median
  list_mode list_string_agg list_zip array_zip list_select array_select list_where array_where
  array_length list_flatten flatten unnest array_to_string
  struct_pack struct_extract struct_insert row map map_keys map_values map_entries map_extract
  map_contains element_at cardinality union_value
  coalesce ifnull nullif if typeof try error_if_null constant_or_null
  host family netmask network broadcast
  uuid_extract_timestamp uuid_extract_version
`)

/** Functions that hold two values against each other: constants beside a tenant column are looked at. */
export const EXACT_MATCHERS = words('= <> != < > <= >= list_contains list_has array_contains array_has list_position array_position list_indexof array_indexof nullif') // biome-ignore format: one list
export const LIKE_MATCHERS = words('~~ !~~ ~~* !~~* ~~~ like_escape not_like_escape ilike_escape not_ilike_escape') // biome-ignore format: one list
export const PART_MATCHERS = words('contains starts_with ends_with prefix suffix position strpos instr ^@') // biome-ignore format: one list
export const REGEX_MATCHERS = words('regexp_matches regexp_full_match regexp_extract regexp_extract_all regexp_replace') // biome-ignore format: one list
