/** What may stand in FROM, be asked by PRAGMA, or be cast to: every one of the pinned engine, and why (as `sql-functions.ts`). */
import type { Group } from './sql-functions.ts'

export const TABLES = new Set(['events', 'lake.events', 'annex', 'lake.annex'])

/** Table functions and table macros. */
export const TABLE_FUNCTION_GROUPS: readonly Group[] = [
  {
    allow: true,
    why: 'rows of a value in the question or of a column',
    names: 'unnest json_each json_tree',
  },
  {
    allow: false,
    why: 'reads files',
    instead: 'the view events',
    names: `read_blob read_csv read_csv_auto read_duckdb read_json read_json_auto read_json_objects
      read_json_objects_auto read_ndjson read_ndjson_auto read_ndjson_objects read_parquet read_text parquet_scan
      parquet_bloom_probe parquet_file_metadata parquet_full_metadata parquet_kv_metadata parquet_metadata
      parquet_schema sniff_csv glob`,
  },
  {
    allow: false,
    why: "shows the engine's own catalog, settings, files or secrets",
    instead: 'the columns of events and annex in the manual',
    names: `duckdb_approx_database_count duckdb_columns duckdb_connection_count duckdb_constraints
      duckdb_coordinate_systems duckdb_databases duckdb_dependencies duckdb_extensions duckdb_external_file_cache
      duckdb_functions duckdb_indexes duckdb_keywords duckdb_memory duckdb_optimizers duckdb_prepared_statements
      duckdb_profiling_settings duckdb_schemas duckdb_secret_types duckdb_secrets duckdb_sequences duckdb_settings
      duckdb_table_sample duckdb_tables duckdb_temporary_files duckdb_types duckdb_variables duckdb_views
      which_secret icu_calendar_names pg_timezone_names pragma_collations pragma_database_size pragma_metadata_info
      pragma_platform pragma_show pragma_storage_info pragma_table_info pragma_user_agent pragma_version`,
  },
  {
    allow: false,
    why: "writes or reads the engine's log; with a path it ends the process",
    names: `enable_logging disable_logging truncate_duckdb_logs duckdb_logs duckdb_log_contexts duckdb_logs_parsed`,
  },
  {
    allow: false,
    why: 'changes how the engine works',
    names: `enable_profiling disable_profiling enable_peg_parser disable_peg_parser checkpoint force_checkpoint`,
  },
  {
    allow: false,
    why: 'runs or parses SQL that was not judged',
    names: 'query query_table json_execute_serialized_sql check_peg_parser sql_auto_complete',
  },
  {
    allow: false,
    why: 'makes as many rows as a number in the question says',
    instead: 'WITH RECURSIVE',
    names: 'range generate_series repeat repeat_row',
  },
  {
    allow: false,
    why: 'reads memory or tables by address or name',
    names: 'arrow_scan arrow_scan_dumb seq_scan summary histogram histogram_values',
  },
  { allow: false, why: "the engine's own tests", names: 'test_all_types test_vector_types' },
]

/** A pragma is no SELECT, so none can be asked; they stand here so that a new one is seen. */
export const PRAGMA_GROUPS: readonly Group[] = [
  {
    allow: false,
    why: 'hands keys to the engine, also after it was locked',
    names: 'add_parquet_key',
  },
  {
    allow: false,
    why: 'runs SQL, copies or reads whole databases',
    names: 'copy_database import_database json_execute_serialized_sql',
  },
  {
    allow: false,
    why: "shows the engine's own catalog",
    names: `collations database_list database_size extension_versions functions metadata_info platform show
      show_databases show_tables show_tables_expanded storage_info table_info user_agent version`,
  },
  {
    allow: false,
    why: 'changes how the engine works',
    names: `all_profiling_output disable_checkpoint_on_shutdown disable_object_cache disable_optimizer
      disable_print_progress_bar disable_profile disable_profiling disable_progress_bar disable_verification
      disable_verify_external disable_verify_fetch_row disable_verify_parallelism disable_verify_serializer
      enable_checkpoint_on_shutdown enable_object_cache enable_optimizer enable_print_progress_bar enable_profile
      enable_profiling enable_progress_bar enable_verification force_checkpoint verify_external verify_fetch_row
      verify_parallelism verify_serializer`,
  },
]

/** Names of types; a blank within a name is written as `_`. */
export const TYPE_GROUPS: readonly Group[] = [
  {
    allow: true,
    why: 'values of a bounded size, and lists, structs and maps of them',
    names: `json varchar bpchar char nvarchar string text blob binary bytea varbinary bit bitstring bool boolean logical
      tinyint smallint integer bigint hugeint utinyint usmallint uinteger ubigint uhugeint int int1 int2 int4 int8
      int16 int32 int64 int128 uint8 uint16 uint32 uint64 uint128 integral long short signed oid bignum varint
      decimal dec numeric double float float4 float8 real date datetime time time_ns timetz time_with_time_zone
      timestamp timestamp_s timestamp_ms timestamp_us timestamp_ns timestamptz timestamp_with_time_zone interval
      uuid guid null list struct row map`,
  },
  {
    allow: false,
    why: 'has a fixed length, and the engine makes room for all of it in each of 2,048 rows',
    instead: 'a list: VARCHAR[]',
    names: 'array',
  },
  {
    allow: false,
    why: 'the lake has none',
    instead: 'VARCHAR or JSON',
    names: 'enum union variant geometry type',
  },
]
