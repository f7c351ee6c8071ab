/**
 * Every kind of node that the pinned engine can write into a syntax tree, allowed or denied, and why (D15). The
 * words are the engine's; `sql-classified.test.ts` reads them out of its library.
 */
import type { Group } from './sql-functions.ts'

const bound = (names: string): Group => ({ allow: false, why: 'made by the binder: no text parses to it', names }) // biome-ignore format: one line

/** Enumerations whose words stand in a tree as `type`, `class` or a field of their own. */
export const NODE_GROUPS = {
  StatementType: [
    { allow: true, why: 'asks and changes nothing', names: 'SELECT_STATEMENT' },
    {
      allow: false,
      why: 'changes something, runs something, or is no question',
      names: `INVALID_STATEMENT INSERT_STATEMENT UPDATE_STATEMENT CREATE_STATEMENT DELETE_STATEMENT PREPARE_STATEMENT
        EXECUTE_STATEMENT ALTER_STATEMENT TRANSACTION_STATEMENT COPY_STATEMENT ANALYZE_STATEMENT
        VARIABLE_SET_STATEMENT CREATE_FUNC_STATEMENT EXPLAIN_STATEMENT DROP_STATEMENT EXPORT_STATEMENT
        PRAGMA_STATEMENT VACUUM_STATEMENT CALL_STATEMENT SET_STATEMENT LOAD_STATEMENT RELATION_STATEMENT
        EXTENSION_STATEMENT LOGICAL_PLAN_STATEMENT ATTACH_STATEMENT DETACH_STATEMENT MULTI_STATEMENT
        COPY_DATABASE_STATEMENT UPDATE_EXTENSIONS_STATEMENT MERGE_INTO_STATEMENT`,
    },
  ],
  ParseInfoType: [
    {
      allow: false,
      why: 'part of a statement that is no SELECT',
      names: `ALTER_INFO ATTACH_INFO COPY_INFO CREATE_INFO CREATE_SECRET_INFO DETACH_INFO DROP_INFO BOUND_EXPORT_DATA
        LOAD_INFO PRAGMA_INFO SHOW_SELECT_INFO TRANSACTION_INFO VACUUM_INFO COMMENT_ON_INFO COMMENT_ON_COLUMN_INFO
        COPY_DATABASE_INFO UPDATE_EXTENSIONS_INFO`,
    },
  ],
  ConstraintType: [
    {
      allow: false,
      why: 'part of a table that would be made',
      names: 'INVALID NOT_NULL CHECK UNIQUE FOREIGN_KEY',
    },
  ],
  QueryNodeType: [
    {
      allow: true,
      why: 'a question and sets of them',
      names: 'SELECT_NODE SET_OPERATION_NODE RECURSIVE_CTE_NODE',
    },
    { allow: false, why: 'a statement inside a question could change something', names: 'STATEMENT_NODE' }, // biome-ignore format: one line
    bound('BOUND_SUBQUERY_NODE CTE_NODE'),
  ],
  TableReferenceType: [
    {
      allow: true,
      why: 'tables and functions of a list, joins, values and questions',
      names: 'BASE_TABLE SUBQUERY JOIN TABLE_FUNCTION EXPRESSION_LIST EMPTY',
    },
    {
      allow: false,
      why: "describes the engine's own catalog",
      names: 'SHOW_REF',
    },
    {
      allow: false,
      why: 'makes columns of values: their names would be data',
      instead: 'GROUP BY and count(*) FILTER (WHERE …)',
      names: 'PIVOT',
    },
    bound('INVALID CTE COLUMN_DATA DELIM_GET BOUND_TABLE_REF'),
  ],
  ResultModifierType: [
    {
      allow: true,
      why: 'order, limits and distinct',
      names: 'LIMIT_MODIFIER ORDER_MODIFIER DISTINCT_MODIFIER LIMIT_PERCENT_MODIFIER',
    },
  ],
  OrderType: [
    {
      allow: true,
      why: 'a direction',
      names: 'ORDER_DEFAULT DEFAULT ASCENDING ASC DESCENDING DESC',
    },
    bound('INVALID'),
  ],
  ExtraTypeInfoType: [
    {
      allow: true,
      why: 'what a type is made of; types are looked at one by one',
      names: `DECIMAL_TYPE_INFO LIST_TYPE_INFO STRUCT_TYPE_INFO UNBOUND_TYPE_INFO GENERIC_TYPE_INFO
        STRING_TYPE_INFO`,
    },
    {
      allow: false,
      why: 'of a type that cannot be cast to',
      names: `INVALID_TYPE_INFO ENUM_TYPE_INFO ARRAY_TYPE_INFO AGGREGATE_STATE_TYPE_INFO ANY_TYPE_INFO
        INTEGER_LITERAL_TYPE_INFO TEMPLATE_TYPE_INFO GEO_TYPE_INFO`,
    },
  ],
  ExpressionClass: [
    {
      allow: true,
      why: 'values of rows and of the question',
      names: `CASE CAST COLUMN_REF COMPARISON CONJUNCTION CONSTANT FUNCTION OPERATOR STAR SUBQUERY WINDOW COLLATE
        LAMBDA POSITIONAL_REFERENCE BETWEEN`,
    },
    { allow: false, why: 'a free question has no parameters', names: 'PARAMETER' },
    { allow: false, why: 'belongs to INSERT and UPDATE', names: 'DEFAULT' },
    { allow: false, why: 'a type as a value', names: 'TYPE' },
    bound(`INVALID AGGREGATE LAMBDA_REF BOUND_AGGREGATE BOUND_CASE BOUND_CAST BOUND_COLUMN_REF BOUND_COMPARISON
      BOUND_CONJUNCTION BOUND_CONSTANT BOUND_DEFAULT BOUND_FUNCTION BOUND_OPERATOR BOUND_PARAMETER BOUND_REF
      BOUND_SUBQUERY BOUND_WINDOW BOUND_BETWEEN BOUND_UNNEST BOUND_LAMBDA BOUND_LAMBDA_REF BOUND_EXPRESSION
      BOUND_EXPANDED`),
  ],
  ExpressionType: [
    {
      allow: true,
      why: 'values of rows and of the question, within the class of EXPRESSION_CLASSES',
      names: `OPERATOR_CAST OPERATOR_NOT OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_NULLIF OPERATOR_COALESCE
        OPERATOR_TRY COMPARE_EQUAL COMPARE_NOTEQUAL COMPARE_LESSTHAN COMPARE_GREATERTHAN COMPARE_LESSTHANOREQUALTO
        COMPARE_GREATERTHANOREQUALTO COMPARE_IN COMPARE_NOT_IN COMPARE_DISTINCT_FROM COMPARE_NOT_DISTINCT_FROM
        COMPARE_BETWEEN COMPARE_NOT_BETWEEN CONJUNCTION_AND CONJUNCTION_OR VALUE_CONSTANT GROUPING_FUNCTION
        WINDOW_AGGREGATE WINDOW_RANK WINDOW_RANK_DENSE WINDOW_NTILE WINDOW_PERCENT_RANK WINDOW_CUME_DIST
        WINDOW_ROW_NUMBER WINDOW_FIRST_VALUE WINDOW_LAST_VALUE WINDOW_LEAD WINDOW_LAG WINDOW_NTH_VALUE WINDOW_FILL
        FUNCTION CASE_EXPR ARRAY_EXTRACT ARRAY_SLICE STRUCT_EXTRACT ARRAY_CONSTRUCTOR SUBQUERY STAR COLUMN_REF
        COLLATE LAMBDA POSITIONAL_REFERENCE`,
    },
    { allow: false, why: 'a free question has no parameters', names: 'VALUE_PARAMETER' },
    { allow: false, why: 'belongs to INSERT and UPDATE', names: 'VALUE_DEFAULT' },
    {
      allow: false,
      why: 'spreads columns into the arguments of a function',
      instead: 'the columns by name',
      names: 'OPERATOR_UNPACK',
    },
    bound(`INVALID VALUE_TUPLE VALUE_TUPLE_ADDRESS VALUE_NULL VALUE_VECTOR VALUE_SCALAR AGGREGATE BOUND_AGGREGATE
      BOUND_FUNCTION ARROW TABLE_STAR PLACEHOLDER FUNCTION_REF TABLE_REF LAMBDA_REF TYPE CAST BOUND_REF
      BOUND_COLUMN_REF BOUND_UNNEST BOUND_LAMBDA_REF BOUND_EXPANDED`),
  ],
  LogicalTypeId: [
    {
      allow: true,
      why: 'values of a bounded size, and lists, structs and maps of them',
      names: `NULL BOOLEAN TINYINT SMALLINT INTEGER BIGINT DATE TIME TIMESTAMP_S TIMESTAMP_MS TIMESTAMP TIMESTAMP_NS
        DECIMAL FLOAT DOUBLE CHAR VARCHAR BLOB INTERVAL UTINYINT USMALLINT UINTEGER UBIGINT TIMESTAMP_WITH_TIME_ZONE
        TIME_WITH_TIME_ZONE TIME_NS BIT BIGNUM UHUGEINT HUGEINT UUID STRUCT LIST MAP`,
    },
    {
      allow: true,
      why: 'a type by its name: the name must be one of the types',
      names: 'UNBOUND',
    },
    {
      allow: false,
      why: 'has a fixed length, and the engine makes room for all of it in each of 2,048 rows',
      instead: 'a list: VARCHAR[]',
      names: 'ARRAY',
    },
    { allow: false, why: 'the lake has none', instead: 'VARCHAR or JSON', names: 'ENUM UNION VARIANT GEOMETRY TYPE' }, // biome-ignore format: one line
    {
      allow: false,
      why: 'of the engine alone: no text names it',
      names: `INVALID UNKNOWN ANY TEMPLATE STRING_LITERAL INTEGER_LITERAL POINTER VALIDITY TABLE AGGREGATE_STATE
        LAMBDA`,
    },
  ],
  JoinType: [
    { allow: true, why: 'a join', names: 'LEFT RIGHT INNER FULL SEMI ANTI' },
    bound('INVALID MARK SINGLE RIGHT_SEMI RIGHT_ANTI'),
  ],
  JoinRefType: [
    { allow: true, why: 'a join', names: 'REGULAR NATURAL CROSS POSITIONAL ASOF' },
    bound('DEPENDENT'),
  ],
  SetOperationType: [
    { allow: true, why: 'sets of rows', names: 'UNION EXCEPT INTERSECT UNION_BY_NAME' },
    bound('NONE'),
  ],
  SubqueryType: [
    { allow: true, why: 'a question in a question', names: 'SCALAR EXISTS NOT_EXISTS ANY' },
    bound('INVALID'),
  ],
  SampleMethod: [
    { allow: true, why: 'some of the rows', names: 'System Bernoulli Reservoir' },
    bound('INVALID'),
  ],
  CTEMaterialize: [
    {
      allow: true,
      why: 'how a named part is worked out',
      names: 'CTE_MATERIALIZE_DEFAULT CTE_MATERIALIZE_ALWAYS CTE_MATERIALIZE_NEVER',
    },
  ],
  OrderByNullType: [
    {
      allow: true,
      why: 'where nulls stand',
      names: 'ORDER_DEFAULT DEFAULT NULLS_FIRST NULLS_LAST',
    },
    bound('INVALID'),
  ],
  WindowBoundary: [
    {
      allow: true,
      why: 'the frame of a window',
      names: `UNBOUNDED_PRECEDING UNBOUNDED_FOLLOWING CURRENT_ROW_RANGE CURRENT_ROW_ROWS CURRENT_ROW_GROUPS
        EXPR_PRECEDING_ROWS EXPR_FOLLOWING_ROWS EXPR_PRECEDING_RANGE EXPR_FOLLOWING_RANGE EXPR_PRECEDING_GROUPS
        EXPR_FOLLOWING_GROUPS`,
    },
    bound('INVALID'),
  ],
  WindowExcludeMode: [
    { allow: true, why: 'rows left out of a frame', names: 'NO_OTHER CURRENT_ROW GROUP TIES' },
  ],
  AggregateHandling: [
    {
      allow: true,
      why: 'GROUP BY, none or all',
      names: 'STANDARD_HANDLING NO_AGGREGATES_ALLOWED FORCE_AGGREGATES',
    },
  ],
} satisfies Record<string, readonly Group[]>

/** Which types belong to which class of expression. */
export const EXPRESSION_CLASSES: Readonly<Record<string, string>> = {
  COLUMN_REF: 'COLUMN_REF',
  CONSTANT: 'VALUE_CONSTANT',
  POSITIONAL_REFERENCE: 'POSITIONAL_REFERENCE',
  STAR: 'STAR',
  FUNCTION: 'FUNCTION',
  LAMBDA: 'LAMBDA',
  CAST: 'OPERATOR_CAST',
  COLLATE: 'COLLATE',
  CASE: 'CASE_EXPR',
  CONJUNCTION: 'CONJUNCTION_AND CONJUNCTION_OR',
  BETWEEN: 'COMPARE_BETWEEN COMPARE_NOT_BETWEEN',
  SUBQUERY: 'SUBQUERY',
  COMPARISON: `COMPARE_EQUAL COMPARE_NOTEQUAL COMPARE_LESSTHAN COMPARE_GREATERTHAN COMPARE_LESSTHANOREQUALTO
    COMPARE_GREATERTHANOREQUALTO COMPARE_DISTINCT_FROM COMPARE_NOT_DISTINCT_FROM`,
  OPERATOR: `OPERATOR_NOT OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_COALESCE OPERATOR_NULLIF COMPARE_IN
    COMPARE_NOT_IN ARRAY_EXTRACT ARRAY_SLICE STRUCT_EXTRACT ARRAY_CONSTRUCTOR OPERATOR_TRY GROUPING_FUNCTION`,
  WINDOW: `WINDOW_AGGREGATE WINDOW_RANK WINDOW_RANK_DENSE WINDOW_NTILE WINDOW_PERCENT_RANK WINDOW_CUME_DIST
    WINDOW_ROW_NUMBER WINDOW_FIRST_VALUE WINDOW_LAST_VALUE WINDOW_NTH_VALUE WINDOW_LEAD WINDOW_LAG WINDOW_FILL`,
}

/** Fields of a node that hold a word of an enumeration by itself. */
export const WORD_FIELDS: Readonly<Record<string, keyof typeof NODE_GROUPS>> = {
  join_type: 'JoinType',
  ref_type: 'JoinRefType',
  setop_type: 'SetOperationType',
  subquery_type: 'SubqueryType',
  method: 'SampleMethod',
  aggregate_handling: 'AggregateHandling',
  materialized: 'CTEMaterialize',
  null_order: 'OrderByNullType',
  start: 'WindowBoundary',
  end: 'WindowBoundary',
  exclude_clause: 'WindowExcludeMode',
}
