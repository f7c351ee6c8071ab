/**
 * Every function, pragma and type of the pinned engine, allowed or denied, and why (D15). `sql-classified.test.ts`
 * asks the engine itself and fails when it has one that is not here, or when one here is not in the engine.
 */

export interface Group {
  allow: boolean
  why: string
  /** What a person does in its place. */
  instead?: string
  names: string
}

export const ENGINE_VERSION = 'v1.5.6'

/** Scalar functions, aggregates and macros. */
export const FUNCTION_GROUPS: readonly Group[] = [
  {
    allow: true,
    why: 'arithmetic, bits and comparison: work on their arguments alone',
    names: `+ - * / // % ^ ** & | ~ << >> || @ !__postfix && @> <@ ^@ <-> <=>
      abs sign signbit ceil ceiling floor round round_even roundbankers trunc sqrt cbrt exp ln log log2 log10 pow
      power mod fmod fdiv divide add subtract multiply greatest least pi degrees radians sin cos tan cot asin acos
      atan atan2 sinh cosh tanh asinh acosh atanh isnan isinf isfinite even gcd greatest_common_divisor lcm
      least_common_multiple factorial gamma lgamma nextafter bit_count bit_length bit_position get_bit set_bit xor
      random bar equi_width_bins is_histogram_other_bin`,
  },
  {
    allow: true,
    why: 'aggregates over rows of the scope',
    names: `count count_star count_if countif sum sum_no_overflow kahan_sum fsum sumkahan avg mean favg min max min_by
      max_by arg_min arg_max arg_min_null arg_max_null arg_min_nulls_last arg_max_nulls_last argmin argmax any_value
      arbitrary first last list array_agg string_agg group_concat listagg bool_and bool_or bit_and bit_or bit_xor
      product median quantile quantile_cont quantile_disc mode mad stddev stddev_pop stddev_samp var_pop var_samp
      variance skewness kurtosis kurtosis_pop entropy corr covar_pop covar_samp regr_slope regr_intercept regr_r2
      regr_count regr_avgx regr_avgy regr_sxx regr_sxy regr_syy sem approx_count_distinct approx_quantile approx_top_k
      reservoir_quantile histogram histogram_exact geomean geometric_mean weighted_avg wavg`,
  },
  {
    allow: true,
    why: 'window functions over rows of the scope',
    names: `row_number rank dense_rank rank_dense percent_rank cume_dist ntile lag lead first_value last_value nth_value
      fill`,
  },
  {
    allow: true,
    why: 'text: as long as what goes in, or a small factor of it',
    names: `~~ !~~ ~~* !~~* ~~~ like_escape not_like_escape ilike_escape not_ilike_escape
      lower lcase upper ucase length len strlen char_length character_length octet_length length_grapheme trim ltrim
      rtrim substring substr substring_grapheme left right left_grapheme right_grapheme reverse translate concat
      concat_ws split split_part string_split str_split string_to_array contains starts_with ends_with prefix suffix
      position strpos instr ascii unicode ord chr strip_accents nfc_normalize levenshtein editdist3
      damerau_levenshtein hamming mismatches jaccard jaro_similarity jaro_winkler_similarity md5 md5_number
      md5_number_lower md5_number_upper sha1 sha256 hash base64 to_base64 from_base64 hex to_hex unhex from_hex bin
      to_binary unbin from_binary to_base encode decode url_encode url_decode parse_path parse_dirname parse_dirpath
      parse_filename parse_formatted_bytes format_bytes formatreadablesize formatreadabledecimalsize pg_size_pretty`,
  },
  {
    allow: true,
    why: 'replaces in a text: can grow it, up to the memory limit of the cell',
    names: 'replace regexp_replace',
  },
  {
    allow: true,
    why: 'regular expressions by RE2 inside the engine: time grows with the text only',
    names: `regexp_matches regexp_full_match regexp_extract regexp_extract_all regexp_escape string_split_regex
      str_split_regex regexp_split_to_array regexp_split_to_table`,
  },
  {
    allow: true,
    why: 'dates and times',
    names: `now today current_date current_localtime current_localtimestamp get_current_timestamp get_current_time
      transaction_timestamp ago date_trunc datetrunc date_part datepart date_diff datediff date_sub datesub date_add
      time_bucket strftime strptime try_strptime epoch epoch_ms epoch_us epoch_ns make_date make_time make_timestamp
      make_timestamp_ms make_timestamp_ns make_timestamptz to_timestamp age century day dayname dayofmonth dayofweek
      dayofyear days_in_month decade era hour isodow isoyear julian last_day microsecond millennium millisecond minute
      month monthname nanosecond quarter second timezone timezone_hour timezone_minute week weekday weekofyear year
      yearweek to_years to_quarters to_months to_weeks to_days to_hours to_minutes to_seconds to_milliseconds
      to_microseconds to_decades to_centuries to_millennia normalized_interval`,
  },
  {
    allow: true,
    why: 'JSON of the record',
    names: `->> json json_extract json_extract_path json_extract_string json_extract_path_text json_value
      json_array_length json_type json_valid json_keys json_exists json_contains json_structure json_object json_array
      json_quote json_merge_patch to_json array_to_json row_to_json json_group_array json_group_object
      json_group_structure json_transform json_transform_strict from_json from_json_strict`,
  },
  {
    allow: true,
    why: 'lists: no longer than what goes in',
    names: `list_value list_pack array_value list_extract list_element array_extract list_contains list_has
      array_contains array_has list_has_any array_has_any list_has_all array_has_all list_position list_indexof
      array_position array_indexof list_distinct array_distinct list_unique array_unique list_sort array_sort
      list_reverse_sort array_reverse_sort list_grade_up array_grade_up grade_up list_reverse array_reverse list_slice
      array_slice list_concat list_cat array_concat array_cat list_append array_append array_push_back list_prepend
      array_prepend array_push_front array_pop_back array_pop_front list_transform array_transform apply list_apply
      array_apply list_filter array_filter filter list_reduce array_reduce reduce list_aggregate list_aggr
      array_aggregate array_aggr aggregate list_intersect array_intersect list_sum list_avg list_min list_max list_count
      list_any_value list_first list_last list_median list_mode list_string_agg list_approx_count_distinct list_bit_and
      list_bit_or list_bit_xor list_bool_and list_bool_or list_entropy list_histogram list_kurtosis list_kurtosis_pop
      list_mad list_product list_sem list_skewness list_stddev_pop list_stddev_samp list_var_pop list_var_samp list_zip
      array_zip list_select array_select list_where array_where array_length flatten array_to_string
      array_to_string_comma_default list_distance array_distance list_dot_product array_dot_product list_inner_product
      array_inner_product list_negative_dot_product list_negative_inner_product array_negative_dot_product
      array_negative_inner_product list_cosine_distance array_cosine_distance list_cosine_similarity
      array_cosine_similarity array_cross_product`,
  },
  {
    allow: true,
    why: 'structs, maps and unions',
    names: `struct_pack struct_extract struct_extract_at struct_insert struct_update struct_concat struct_keys
      struct_values struct_contains struct_has struct_position struct_indexof row map map_keys map_values map_entries
      map_from_entries map_concat map_extract map_extract_value map_contains map_contains_entry map_contains_value
      element_at cardinality union_value union_extract union_tag`,
  },
  {
    allow: true,
    why: 'conditions, types of a value, what an id says of its time',
    names: 'nullif switch typeof constant_or_null uuid_extract_timestamp uuid_extract_version',
  },
  {
    allow: false,
    why: 'grows a value to a number in the question, past the memory limit, and does not hear an interrupt',
    instead: 'concat, or to_base with a length for leading zeros',
    names: 'repeat lpad rpad format printf',
  },
  {
    allow: false,
    why: 'makes as many values as a number in the question says, in one piece',
    instead: 'WITH RECURSIVE, or unnest of the list you have',
    names:
      'range generate_series generate_subscripts list_resize array_resize bitstring bitstring_agg',
  },
  {
    allow: false,
    why: 'its answer grows with the square of the depth: 64 MB for 3,000 brackets',
    instead: 'json, or the record page',
    names: 'json_pretty',
  },
  {
    allow: false,
    why: 'parses or plans SQL inside SQL, past the judgement of the question',
    names: 'json_serialize_sql json_deserialize_sql json_serialize_plan',
  },
  {
    allow: false,
    why: 'reads settings, variables, sequences or who and where the engine is',
    names: `current_setting getvariable nextval currval current_catalog current_database current_schema
      current_schemas current_role current_user session_user user in_search_path current_query current_query_id
      current_connection_id current_transaction_id txid_current version get_block_size inet_client_addr
      inet_client_port inet_server_addr inet_server_port pg_conf_load_time pg_postmaster_start_time`,
  },
  {
    allow: false,
    why: "shows the engine's own catalog",
    instead: 'the columns of events and annex in the manual',
    names: `col_description obj_description shobj_description format_pg_type format_type map_to_pg_oid
      has_any_column_privilege has_column_privilege has_database_privilege has_foreign_data_wrapper_privilege
      has_function_privilege has_language_privilege has_schema_privilege has_sequence_privilege has_server_privilege
      has_table_privilege has_tablespace_privilege pg_collation_is_visible pg_conversion_is_visible
      pg_function_is_visible pg_get_constraintdef pg_get_expr pg_get_viewdef pg_has_role pg_is_other_temp_schema
      pg_my_temp_schema pg_opclass_is_visible pg_operator_is_visible pg_opfamily_is_visible pg_table_is_visible
      pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible pg_ts_template_is_visible
      pg_type_is_visible`,
  },
  { allow: false, why: 'waits', names: 'sleep_ms pg_sleep' },
  {
    allow: false,
    why: "writes to or reads the engine's log",
    names: 'write_log parse_duckdb_log_message',
  },
  { allow: false, why: 'sets the seed that all of a connection share', names: 'setseed' },
  {
    allow: false,
    why: 'makes ids that name no event',
    instead: 'event_id',
    names: 'uuid gen_random_uuid uuidv4 uuidv7',
  },
  { allow: false, why: 'fails on purpose, with a text of the question', names: 'error' },
  {
    allow: false,
    why: 'how the engine stores a value',
    instead: 'typeof',
    names: `stats vector_type alias pg_typeof get_type make_type replace_type cast_to_type can_cast_implicitly
      create_sort_key icu_sort_key remap_struct combine finalize unpivot_list timetz_byte_comparable
      __internal_compress_integral_ubigint __internal_compress_integral_uinteger
      __internal_compress_integral_usmallint __internal_compress_integral_utinyint
      __internal_compress_string_hugeint __internal_compress_string_ubigint __internal_compress_string_uhugeint
      __internal_compress_string_uinteger __internal_compress_string_usmallint __internal_compress_string_utinyint
      __internal_decompress_integral_bigint __internal_decompress_integral_hugeint
      __internal_decompress_integral_integer __internal_decompress_integral_smallint
      __internal_decompress_integral_ubigint __internal_decompress_integral_uhugeint
      __internal_decompress_integral_uinteger __internal_decompress_integral_usmallint
      __internal_decompress_string`,
  },
  {
    allow: false,
    why: 'enumerations and variants: the lake has none',
    instead: 'text, or json for values of mixed types',
    names: `enum_code enum_first enum_last enum_range enum_range_boundary variant_bytes_to_variant variant_extract
      variant_normalize variant_to_parquet_variant variant_typeof`,
  },
  {
    allow: false,
    why: 'geometry: the lake has none',
    names: `st_asbinary st_astext st_aswkb st_aswkt st_crs st_geomfromwkb st_intersects_extent st_setcrs`,
  },
  {
    allow: false,
    why: 'the inside of COLLATE',
    instead: 'ORDER BY … COLLATE de',
    names: `icu_collate_af icu_collate_am icu_collate_ar icu_collate_ar_sa icu_collate_as icu_collate_az
      icu_collate_be icu_collate_bg icu_collate_bn icu_collate_bo icu_collate_br icu_collate_bs icu_collate_ca
      icu_collate_ceb icu_collate_chr icu_collate_cs icu_collate_cy icu_collate_da icu_collate_de icu_collate_de_at
      icu_collate_dsb icu_collate_dz icu_collate_ee icu_collate_el icu_collate_en icu_collate_en_us icu_collate_eo
      icu_collate_es icu_collate_et icu_collate_fa icu_collate_fa_af icu_collate_ff icu_collate_fi icu_collate_fil
      icu_collate_fo icu_collate_fr icu_collate_fr_ca icu_collate_ga icu_collate_gl icu_collate_gu icu_collate_ha
      icu_collate_haw icu_collate_he icu_collate_he_il icu_collate_hi icu_collate_hr icu_collate_hsb icu_collate_hu
      icu_collate_hy icu_collate_id icu_collate_id_id icu_collate_ig icu_collate_is icu_collate_it icu_collate_ja
      icu_collate_ka icu_collate_kk icu_collate_kl icu_collate_km icu_collate_kn icu_collate_ko icu_collate_kok
      icu_collate_ku icu_collate_ky icu_collate_lb icu_collate_lkt icu_collate_ln icu_collate_lo icu_collate_lt
      icu_collate_lv icu_collate_mk icu_collate_ml icu_collate_mn icu_collate_mr icu_collate_ms icu_collate_mt
      icu_collate_my icu_collate_nb icu_collate_nb_no icu_collate_ne icu_collate_nl icu_collate_nn
      icu_collate_noaccent icu_collate_om icu_collate_or icu_collate_pa icu_collate_pa_in icu_collate_pl
      icu_collate_ps icu_collate_pt icu_collate_ro icu_collate_ru icu_collate_sa icu_collate_se icu_collate_si
      icu_collate_sk icu_collate_sl icu_collate_smn icu_collate_sq icu_collate_sr icu_collate_sr_ba
      icu_collate_sr_me icu_collate_sr_rs icu_collate_sv icu_collate_sw icu_collate_ta icu_collate_te
      icu_collate_th icu_collate_tk icu_collate_to icu_collate_tr icu_collate_ug icu_collate_uk icu_collate_ur
      icu_collate_uz icu_collate_vi icu_collate_wae icu_collate_wo icu_collate_xh icu_collate_yi icu_collate_yo
      icu_collate_yue icu_collate_yue_cn icu_collate_zh icu_collate_zh_cn icu_collate_zh_hk icu_collate_zh_mo
      icu_collate_zh_sg icu_collate_zh_tw icu_collate_zu`,
  },
]

/** Known to the binder as scalar functions though the engine does not list them so. */
export const UNLISTED_GROUPS: readonly Group[] = [
  { allow: true, why: 'one row for each value of a list', names: 'unnest' },
]
