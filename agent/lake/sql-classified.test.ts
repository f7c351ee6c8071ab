/** The engine itself is asked for all it has; whatever is not classified fails here, and whatever is and is not there. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { engineKinds } from '../../test/lake/engine-kinds.ts'
import { openJudge, type SqlJudge } from '../../test/lake/sql-judge.ts'
import { read } from './engine.ts'
import { classify, EXPRESSION_TYPES, EXPRESSIONS } from './sql-allowed.ts'
import { ENGINE_VERSION, FUNCTION_GROUPS, type Group, UNLISTED_GROUPS } from './sql-functions.ts'
import { NODE_GROUPS } from './sql-nodes.ts'
import { PRAGMA_GROUPS, TABLE_FUNCTION_GROUPS, TYPE_GROUPS } from './sql-sources.ts'

let guard: SqlJudge
beforeAll(async () => {
  guard = await openJudge({ tenants: ['alfa'], fleets: ['acme'] })
})
afterAll(() => guard.close())

const listed = async (sql: string) =>
  (await read(guard.connection, sql)).map(([name]) => String(name))
const functions = (...kinds: string[]) =>
  listed(
    `SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE function_type IN (${kinds.map((kind) => `'${kind}'`).join()})`,
  )
const judge = (sql: string) => guard.judge(sql)

/** What either side has alone. */
function difference(engineHas: readonly string[], groups: readonly Group[]) {
  const known = classify(groups)
  return {
    unclassified: engineHas.filter((name) => !known.has(name)).sort(),
    unknown: [...known.keys()].filter((name) => !engineHas.includes(name)).sort(),
  }
}
const SAME = { unclassified: [], unknown: [] }

test('control: a name more or less on either side is seen', () => {
  const groups = [{ allow: true, why: 'x', names: 'a b' }]
  expect(difference(['a', 'b', 'new'], groups).unclassified).toEqual(['new'])
  expect(difference(['a'], groups).unknown).toEqual(['b'])
  expect(() => classify(groups, groups)).toThrow('classified twice')
})

test('the engine is the one that was classified', async () => {
  expect(await listed('SELECT version()')).toEqual([ENGINE_VERSION])
})

test('functions, aggregates and macros', async () => {
  const all = await functions('scalar', 'aggregate', 'macro')
  expect(all.length).toBeGreaterThan(700)
  expect(difference(all, FUNCTION_GROUPS)).toEqual(SAME)
})

test('what the engine does not list though its binder knows it', async () => {
  const all = await functions('scalar', 'aggregate', 'macro')
  for (const name of classify(UNLISTED_GROUPS).keys()) {
    expect(all).not.toContain(name)
    expect(await listed(`SELECT ${name}([1])`)).toEqual(['1'])
  }
})

test('table functions and table macros', async () => {
  expect(difference(await functions('table', 'table_macro'), TABLE_FUNCTION_GROUPS)).toEqual(SAME)
})

test('pragmas', async () => {
  expect(difference(await functions('pragma'), PRAGMA_GROUPS)).toEqual(SAME)
})

test('no kind of function is left out of these tests', async () => {
  const kinds = await listed('SELECT DISTINCT function_type FROM duckdb_functions() ORDER BY 1')
  expect(kinds).toEqual(['aggregate', 'macro', 'pragma', 'scalar', 'table', 'table_macro'])
})

test('types', async () => {
  const all = await listed(
    `SELECT DISTINCT replace(lower(type_name), ' ', '_') FROM duckdb_types()`,
  )
  expect(difference(all, TYPE_GROUPS)).toEqual(SAME)
})

describe('kinds of nodes, out of the library of the engine', () => {
  const kinds = engineKinds()

  test.each(Object.entries(NODE_GROUPS))('%s', (name, groups: readonly Group[]) => {
    const words = (kinds.get(name) ?? []).map((word) => word.replaceAll(' ', '_'))
    expect(words.length).toBeGreaterThan(2)
    expect(difference(words, groups)).toEqual(SAME)
  })

  test('an allowed type of expression belongs to a class, and no other does', () => {
    const placed = [...EXPRESSIONS.values()].flatMap((types) => [...types]).sort()
    const allowed = [...EXPRESSION_TYPES].filter(([, { allow }]) => allow).map(([name]) => name)
    expect(placed).toEqual(allowed.sort())
  })
})

test('a function passes or is refused as it is classified, with the reason', async () => {
  for (const [name, { allow, why, instead }] of classify(FUNCTION_GROUPS)) {
    const answer = await judge(`SELECT main."${name}"(host) FROM events`)
    if (allow) expect(answer).toBe('ok')
    else {
      expect(answer).toContain(`The function ${name} is not one the lake offers: ${why}.`)
      if (instead) expect(answer).toContain(`Use instead: ${instead}.`)
    }
  }
})

test('a table function passes or is refused as it is classified, also beside columns and in depth', async () => {
  for (const [name, { allow, why }] of classify(TABLE_FUNCTION_GROUPS))
    for (const sql of [
      `SELECT * FROM "${name}"('x')`,
      `SELECT * FROM events, "${name}"(host)`,
      `SELECT (SELECT count(*) FROM main."${name}"(host)) FROM events`,
    ]) {
      const answer = await judge(sql)
      if (allow) expect(answer).toBe('ok')
      else expect(answer).toContain(`${name} is not one the lake offers: ${why}.`)
    }
})

test('a pragma is no question, and neither is a call of one', async () => {
  for (const name of classify(PRAGMA_GROUPS).keys()) {
    expect(await judge(`PRAGMA ${name}`)).not.toBe('ok')
    expect(await judge(`PRAGMA ${name}('x')`)).not.toBe('ok')
    expect(await judge(`CALL ${name}('x')`)).not.toBe('ok')
    expect(await judge(`SELECT * FROM "pragma_${name}"('x')`)).not.toBe('ok')
  }
})

test('no view that the engine brings can be asked', async () => {
  const views = await read(
    guard.connection,
    'SELECT schema_name, view_name FROM duckdb_views() WHERE internal',
  )
  expect(views.length).toBeGreaterThan(30)
  for (const [schema, view] of views) {
    expect(await judge(`SELECT * FROM "${view}"`)).toContain('no table')
    expect(await judge(`SELECT * FROM "${schema}"."${view}"`)).not.toBe('ok')
  }
})

test.each([
  'DECIMAL(18, 2)',
  'VARCHAR[]',
  'VARCHAR[][]',
  'STRUCT(a INTEGER, b VARCHAR[])',
  'MAP(VARCHAR, DOUBLE)',
  'JSON',
  'TIMESTAMPTZ',
  'TIMESTAMP_NS',
  'UUID',
  'INTERVAL',
  'HUGEINT',
  'BLOB',
])('a cast to %s passes', async (type) => {
  expect(await judge(`SELECT message::${type}, TRY_CAST(message AS ${type}) FROM events`)).toBe(
    'ok',
  )
})

test.each([
  ['INTEGER[100000]', /type ARRAY .*fixed length.* Use instead: a list/],
  ['STRUCT(a INTEGER[9])', /type ARRAY/],
  [`ENUM('a')`, /type ENUM .*Use instead: VARCHAR/],
  ['UNION(a INTEGER)', /type UNION/],
  ['VARIANT', /type VARIANT/],
  ['GEOMETRY', /type GEOMETRY/],
  ['no_such_type', /type no_such_type is not one the lake offers\.$/],
  ['zulu.kind', /type kind is not one/],
])('a cast to %s is refused', async (type, reason) => {
  expect(await judge(`SELECT message::${type} FROM events`)).toMatch(reason)
})

test('a refusal of a node says why, and what to do', async () => {
  expect(await judge('UNPIVOT events ON host')).toMatch(/PIVOT cannot be asked: .* Use instead: GROUP BY/) // biome-ignore format: one line
  expect(await judge('SELECT repeat(host, 3) FROM events')).toMatch(/past the memory limit.* Use instead/) // biome-ignore format: one line
})
