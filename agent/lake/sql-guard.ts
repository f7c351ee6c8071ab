/**
 * Judges free SQL by its syntax tree before any engine with keys sees it: SELECT only, one statement,
 * and only nodes, tables, functions and types that are allowed in sql-functions.ts, sql-sources.ts, sql-nodes.ts (D15). It holds no key and no file.
 * It is the first of two walls: what it lets through meets a cell that knows nothing but its scope.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import { crossTenant, Failure } from '../base/failure.ts'
import { brief } from '../base/text.ts'
import * as allowed from './sql-allowed.ts'
import type { Group } from './sql-functions.ts'
import { TABLES } from './sql-sources.ts'
import { typeRefusal } from './sql-types.ts'
import { wordRefusal } from './sql-words.ts'

export const SQL_BYTES_MAX = 65_536
const NODES_MAX = 5_000

/** Tenant and fleet slugs of the scope: the only ones a question may name. */
export interface GuardScope {
  tenants: readonly string[]
  fleets: readonly string[]
}

/** Resolves when the question may be put to a cell of this scope; a Failure says why not. */
export async function guardSql(
  connection: DuckDBConnection,
  sql: string,
  scope: GuardScope,
): Promise<void> {
  if (Buffer.byteLength(sql) > SQL_BYTES_MAX)
    throw refused(`The question is longer than ${SQL_BYTES_MAX} bytes.`)
  // The parser ends there: what stands behind it would be asked without having been judged.
  if (sql.includes('\0')) throw refused('A question holds no NUL character.')
  const result = await connection.runAndReadAll('SELECT json_serialize_sql($sql::VARCHAR)::VARCHAR', { sql }) // biome-ignore format: one line
  const tree = treeOf(String(result.getRowsJson()[0]?.[0]))
  if (tree.error) throw wrongSyntax(tree)
  if (tree.statements?.length !== 1) throw refused('Ask one question at a time.')
  const { count } = await connection.extractStatements(sql)
  if (count !== 1) throw refused('Ask one question at a time.')
  const walk = new Walk(scope)
  for (const statement of tree.statements) walk.visit(statement, NO_CTES)
  walk.judgeNames()
}

interface Tree {
  error: boolean
  error_type?: string
  error_message?: string
  statements?: Node[]
}

type Node = Readonly<Record<string, unknown>>

/** The engine writes a constant past the range of a double as a bare Infinity, which is no JSON. */
function treeOf(text: string): Tree {
  try {
    return JSON.parse(text) as Tree
  } catch (error) {
    throw new Failure('refused', 'A number in the question is too large.', {}, error)
  }
}

function wrongSyntax({ error_type, error_message = '' }: Tree): Failure {
  return error_type === 'parser'
    ? new Failure('invalid', `This is no SQL the lake understands: ${brief(error_message, 200)}`)
    : refused('Only SELECT can be asked.')
}

function refused(sentence: string): Failure {
  return new Failure('refused', sentence)
}

const NO_CTES: ReadonlySet<string> = new Set()
const SCOPED_COLUMNS = new Set(['tenant_id', 'fleet_id'])

class Walk {
  readonly #scope: GuardScope
  readonly #aliases = new Set<string>(['events', 'annex', 'lake'])
  readonly #qualified: string[][] = []
  #nodes = 0

  constructor(scope: GuardScope) {
    this.#scope = scope
  }

  visit(value: unknown, ctes: ReadonlySet<string>): void {
    if (value === null || typeof value !== 'object') return
    if (Array.isArray(value)) {
      for (const each of value) this.visit(each, ctes)
      return
    }
    const node = value as Node
    let visible = ctes
    if (typeof node.class === 'string') this.#expression(node)
    else if (typeof node.type === 'string') {
      visible = this.#withCtes(node, ctes)
      this.#queryNode(node, visible)
    }
    if (typeof node.alias === 'string') this.#aliases.add(node.alias.toLowerCase())
    const reason = wordRefusal(node)
    if (reason) throw refused(reason)
    for (const [name, each] of Object.entries(node)) {
      if (name === 'cast_type') this.#type(each)
      else if (name === 'function' && node.type === 'TABLE_FUNCTION')
        this.#tableFunction(each as Node, visible) // biome-ignore format: one line
      else if (name !== 'value' || !isConstant(node)) this.visit(each, visible)
    }
  }

  /** `zulu.events.host`: a name of three parts can only be ours, or an alias with a field in it. */
  judgeNames(): void {
    for (const [first = ''] of this.#qualified) if (!this.#aliases.has(first)) throw crossTenant()
  }

  #count(): void {
    if (++this.#nodes > NODES_MAX)
      throw refused(`The question has more than ${NODES_MAX} parts: ask a smaller one.`)
  }

  #withCtes(node: Node, ctes: ReadonlySet<string>): ReadonlySet<string> {
    const map = (node.cte_map as { map?: { key: string }[] } | undefined)?.map ?? []
    const own = typeof node.cte_name === 'string' ? [node.cte_name] : []
    if (map.length + own.length === 0) return ctes
    return new Set([...ctes, ...map.map(({ key }) => key.toLowerCase()), ...own.map((name) => name.toLowerCase())]) // biome-ignore format: one line
  }

  #queryNode(node: Node, ctes: ReadonlySet<string>): void {
    this.#count()
    const type = String(node.type)
    demand(allowed.QUERY_NODES.get(type), `${word(type)} cannot be asked`)
    if (type === 'BASE_TABLE') this.#table(node, ctes)
    const params = node.named_param_map as unknown[] | undefined
    if (params && params.length > 0) throw refused('A free question has no parameters.')
  }

  /** Its arguments are expressions as any; its own name is one of another list. */
  #tableFunction(node: Node, ctes: ReadonlySet<string>): void {
    this.#count()
    if (node.class !== 'FUNCTION') throw refused('That is no table function.')
    const name = nameOf(node)
    const known = isOfMain(node) ? allowed.TABLE_FUNCTIONS.get(name) : undefined
    demand(known, `The table function ${word(name)} is not one the lake offers`)
    for (const each of Object.values(node)) this.visit(each, ctes)
  }

  #type(value: unknown): void {
    const reason = typeRefusal(value, () => this.#count())
    if (reason) throw refused(reason)
  }

  #table(node: Node, ctes: ReadonlySet<string>): void {
    const parts = [node.catalog_name, node.schema_name, node.table_name]
      .map((part) => String(part ?? '').toLowerCase())
      .filter((part) => part !== '')
    const name = parts.join('.')
    if (node.at_clause != null) throw refused('The lake has no versions to ask for.')
    if (TABLES.has(name) || (parts.length === 1 && ctes.has(name))) return
    if (parts.length > 1) throw crossTenant()
    throw refused(`There is no table ${word(name)} here: ask events or annex.`)
  }

  #expression(node: Node): void {
    this.#count()
    const kind = String(node.class)
    const type = String(node.type)
    const what = `${word(type === kind ? kind : `${kind} ${type}`)} cannot be asked`
    demand(allowed.EXPRESSION_KINDS.get(kind), what)
    demand(allowed.EXPRESSION_TYPES.get(type), what)
    if (!allowed.EXPRESSIONS.get(kind)?.has(type)) throw refused(`${what}.`)
    if (kind === 'FUNCTION' || type === 'WINDOW_AGGREGATE') this.#function(node)
    if (kind === 'COLUMN_REF') this.#column(node)
    this.#comparison(node, kind, type)
  }

  #function(node: Node): void {
    const name = nameOf(node)
    const known = isOfMain(node) ? allowed.FUNCTIONS.get(name) : undefined
    demand(known, `The function ${word(name)} is not one the lake offers`)
  }

  #column(node: Node): void {
    const names = ((node.column_names as string[]) ?? []).map((name) => name.toLowerCase())
    if (names.length > 2) this.#qualified.push(names)
  }

  /** Constants beside tenant_id or fleet_id must name what is in scope, whether others exist or not. */
  #comparison(node: Node, kind: string, type: string): void {
    const sides = sidesOf(node, kind, type)
    if (sides.length === 0) return
    const column = sides.map(scopedColumn).find((name) => name !== undefined)
    if (!column) return
    const known = column === 'tenant_id' ? this.#scope.tenants : this.#scope.fleets
    const test = matcherOf(kind === 'FUNCTION' ? nameOf(node) : '=')
    for (const text of sides.flatMap(constants))
      if (!known.some((slug) => test(slug, text))) throw crossTenant()
  }
}

/** Refuses what is not allowed or not known, and says why and what to do instead where there is something. */
function demand(verdict: Group | undefined, what: string): void {
  if (verdict?.allow) return
  if (!verdict) throw refused(`${what}.`)
  const { why, instead } = verdict
  throw refused(`${what}: ${why}.${instead ? ` Use instead: ${instead}.` : ''}`)
}

function isOfMain(node: Node): boolean {
  const schema = `${node.catalog ?? ''}${node.schema ?? ''}`.toLowerCase()
  return schema === '' || schema === 'main'
}

function isConstant(node: Node): boolean {
  return node.class === 'CONSTANT'
}

function nameOf(node: unknown): string {
  return String((node as Node | null)?.function_name ?? '').toLowerCase()
}

function word(text: string): string {
  return brief(text, 60)
}

/** The parts of a node that are held against each other; none when it is no comparison. */
function sidesOf(node: Node, kind: string, type: string): unknown[] {
  if (kind === 'COMPARISON') return [node.left, node.right]
  if (kind === 'BETWEEN') return [node.input, node.lower, node.upper]
  if (kind === 'SUBQUERY' && node.child != null) return [node.child, node.subquery]
  if (type === 'COMPARE_IN' || type === 'COMPARE_NOT_IN' || type === 'OPERATOR_NULLIF')
    return node.children as unknown[]
  if (kind !== 'FUNCTION') return []
  const name = nameOf(node)
  const isMatcher = [allowed.EXACT_MATCHERS, allowed.LIKE_MATCHERS, allowed.PART_MATCHERS, allowed.REGEX_MATCHERS].some((list) => list.has(name)) // biome-ignore format: one line
  return isMatcher ? (node.children as unknown[]) : []
}

/** tenant_id or fleet_id anywhere inside, however it is wrapped. */
function scopedColumn(value: unknown): string | undefined {
  if (value === null || typeof value !== 'object') return undefined
  const node = value as Node
  if (node.class === 'COLUMN_REF') {
    const last = String((node.column_names as string[]).at(-1)).toLowerCase()
    return SCOPED_COLUMNS.has(last) ? last : undefined
  }
  if (node.class === 'SUBQUERY') return undefined
  for (const each of Object.values(node)) {
    const found = scopedColumn(each)
    if (found) return found
  }
  return undefined
}

/** String constants of a side: bare, cast, in a list or row, or selected by a subquery of its own. */
function constants(value: unknown): string[] {
  if (value === null || typeof value !== 'object') return []
  if (Array.isArray(value)) return value.flatMap(constants)
  const node = value as Node
  if (isConstant(node)) {
    const { value: text } = node.value as { value?: unknown }
    return typeof text === 'string' ? [text] : []
  }
  if (node.class === 'CAST' || node.class === 'COLLATE') return constants(node.child)
  if (
    node.class === 'FUNCTION' &&
    ['list_value', 'row', 'array_value', 'lower', 'upper', 'trim', 'unnest'].includes(nameOf(node))
  )
    // biome-ignore format: one line
    return constants(node.children)
  if (node.class === 'OPERATOR' && node.type === 'ARRAY_CONSTRUCTOR')
    return constants(node.children)
  if (node.class === 'SUBQUERY') return constants(node.subquery)
  if (node.type === 'SELECT_NODE') return [...constants(node.select_list), ...constants(node.from_table)] // biome-ignore format: one line
  if (node.type === 'EXPRESSION_LIST') return constants(node.values)
  if (node.type === 'TABLE_FUNCTION') return constants((node.function as Node).children)
  if (node.type === 'SUBQUERY') return constants(node.subquery)
  return node.node ? constants(node.node) : []
}

function matcherOf(name: string): (slug: string, text: string) => boolean {
  if (allowed.LIKE_MATCHERS.has(name)) return like
  if (allowed.PART_MATCHERS.has(name)) return (slug, text) => slug.includes(text)
  if (allowed.REGEX_MATCHERS.has(name)) return (slug, text) => slug === text.replace(/^\^|\$$/g, '')
  return (slug, text) => slug === text
}

/** LIKE and GLOB over a slug, without a regular expression: the pattern is from outside. */
function like(slug: string, pattern: string): boolean {
  const lower = pattern.toLowerCase()
  let reach = new Set([0])
  for (const c of lower.slice(0, SLUG_PATTERN_MAX)) {
    const next = new Set<number>()
    for (const at of reach) {
      if (c === '%' || c === '*') for (let to = at; to <= slug.length; to++) next.add(to)
      else if ((c === '_' || c === '?' || c === slug[at]) && at < slug.length) next.add(at + 1)
    }
    reach = next
  }
  return reach.has(slug.length)
}
const SLUG_PATTERN_MAX = 128
