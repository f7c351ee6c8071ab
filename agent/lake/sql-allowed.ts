/** What a question may be made of, as the guard asks it. Everything else is refused: a new engine version opens nothing by itself. */
import { FUNCTION_GROUPS, type Group, UNLISTED_GROUPS } from './sql-functions.ts'
import { EXPRESSION_CLASSES, NODE_GROUPS } from './sql-nodes.ts'
import { TABLE_FUNCTION_GROUPS, TYPE_GROUPS } from './sql-sources.ts'

const words = (text: string) => text.split(/\s+/).filter((word) => word !== '')

/** Name → its verdict. */
export type Classified = ReadonlyMap<string, Group>

export function classify(...lists: readonly (readonly Group[])[]): Classified {
  const found = new Map<string, Group>()
  for (const group of lists.flat())
    for (const name of words(group.names)) {
      if (found.has(name)) throw new Error(`${name} is classified twice`)
      found.set(name, group)
    }
  return found
}

export const FUNCTIONS = classify(FUNCTION_GROUPS, UNLISTED_GROUPS)
export const TABLE_FUNCTIONS = classify(TABLE_FUNCTION_GROUPS)
export const TYPES = classify(TYPE_GROUPS)
export const TYPE_IDS = classify(NODE_GROUPS.LogicalTypeId)

/** Nodes of a query, what stands in FROM, modifiers of the result, and what a type is made of. */
export const QUERY_NODES = classify(
  NODE_GROUPS.QueryNodeType,
  NODE_GROUPS.TableReferenceType.map((group) => without(group, ['INVALID'])),
  NODE_GROUPS.ResultModifierType,
  NODE_GROUPS.OrderType.map((group) => without(group, ['INVALID'])),
)

/** Expression class → types within it. */
export const EXPRESSIONS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(EXPRESSION_CLASSES).map(([name, types]) => [name, new Set(words(types))]),
)
export const EXPRESSION_KINDS = classify(NODE_GROUPS.ExpressionClass)
export const EXPRESSION_TYPES = classify(NODE_GROUPS.ExpressionType)

function without(group: Group, left: readonly string[]): Group {
  return {
    ...group,
    names: words(group.names)
      .filter((name) => !left.includes(name))
      .join(' '),
  }
}

/** Functions that hold two values against each other: constants beside a tenant column are looked at. */
export const EXACT_MATCHERS = new Set(words('list_contains list_has array_contains array_has list_position array_position list_indexof array_indexof nullif')) // biome-ignore format: one list
export const LIKE_MATCHERS = new Set(words('~~ !~~ ~~* !~~* ~~~ like_escape not_like_escape ilike_escape not_ilike_escape')) // biome-ignore format: one list
export const PART_MATCHERS = new Set(words('contains starts_with ends_with prefix suffix position strpos instr ^@')) // biome-ignore format: one list
export const REGEX_MATCHERS = new Set(words('regexp_matches regexp_full_match regexp_extract regexp_extract_all regexp_replace')) // biome-ignore format: one list
