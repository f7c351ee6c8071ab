/** Answers from opened columns and from sealed files, on the same rows: alike to the byte, cold, again, with little room, after the lake moved on. */
import { fstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Branch, Cell } from '../../agent/lake/cell.ts'
import type { CellQuestion } from '../../agent/lake/cell-answer.ts'
import { ClearColumns } from '../../agent/lake/clear-columns.ts'
import { type ClearMemory, takeMemory } from '../../agent/lake/clear-memory.ts'
import { openEngine, read } from '../../agent/lake/engine.ts'
import { NAMED_QUERIES, readParams } from '../../agent/lake/named-queries.ts'
import { makeRows, type Rows } from '../bench/lake/rows.ts'

const MIB = 1 << 20
const folder = mkdtempSync(join(tmpdir(), 'clear-'))
let rows: Rows
beforeAll(async () => {
  rows = await makeRows(join(folder, 'rows'), {
    tenants: 3,
    rowsEach: 16_000,
    fileRows: 6_000,
    groupRows: 2_048,
  })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const open: Cell[] = []
const cellOf = async (branches: readonly Branch[], columns?: ClearColumns) => {
  const cell = await Cell.open(branches, columns)
  open.push(cell)
  return cell
}
afterAll(() => {
  for (const cell of open) cell.closeSync()
})
const memoryOf = (bytes: number) => takeMemory(bytes) as ClearMemory

async function ask(cell: Cell, question: string | Omit<CellQuestion, 'bytesMax'>) {
  const asked = typeof question === 'string' ? { sql: question, params: {} } : question
  let found: unknown[][] = []
  await cell.ask(
    { ...asked, bytesMax: 20 * MIB },
    {
      columns: () => {
        found = []
      },
      rows: (some) => found.push(...some) > 0,
      drained: async () => {},
    },
  )
  return JSON.stringify(found)
}

/** Not every question asks for an order. */
const unordered = (rows: string) =>
  (JSON.parse(rows) as unknown[]).map((row) => JSON.stringify(row)).sort()

const FREE = [
  'SELECT count(*) FROM events',
  'SELECT severity, count(*) FROM events GROUP BY 1 ORDER BY 1 NULLS FIRST',
  `SELECT kind, count(*), sum(bytes) FROM events WHERE event_time >= '2026-11-03 10:00:00' AND event_time < '2026-11-03 11:00:00' GROUP BY 1 ORDER BY 1`,
  `SELECT * FROM events WHERE host = 'host-7' AND rule_id = 'sid:2000100' ORDER BY event_time DESC, event_id LIMIT 100`,
  `SELECT * FROM events WHERE community_id = 'none'`,
  `SELECT * FROM events WHERE message = 'it''s not there' OR host = 'host-3' ORDER BY event_time, event_id LIMIT 20`,
  'SELECT * FROM events ORDER BY event_time DESC, event_id DESC LIMIT 1001',
  `SELECT tenant_id, fleet_id, min(event_time), max(ingest_time), max(record) FROM events GROUP BY ALL ORDER BY ALL`,
  `SELECT tenant_id, count(*) FROM lake.events WHERE tenant_id = 'site-1' GROUP BY 1`,
  `SELECT attack_ids, count(*) FROM events WHERE attack_ids IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5`,
  `SELECT count(*) FROM events a JOIN events b USING (event_id) WHERE a.host = 'host-1' AND b.severity = 'high'`,
  `WITH f AS (SELECT * FROM events WHERE severity = 'critical' ORDER BY event_time, event_id LIMIT 3) SELECT e.event_id, f.host FROM events e, f WHERE e.event_time = f.event_time AND e.tenant_id = f.tenant_id ORDER BY ALL`,
  `SELECT e FROM events e WHERE e.host = 'host-9' ORDER BY e.event_time, e.event_id LIMIT 2`,
  `SELECT * FROM events WHERE event_time > '2030-01-01'`,
]

/** As the pages ask, and with everything set that can be. */
function named(): Omit<CellQuestion, 'bytesMax'>[] {
  const ask = { since: '2026-11-02', until: '2026-11-03T12:00:00Z', tenant: 'site-2', limit: 50, offset: 3, seconds: 3600, severity: 'high,low', kind: 'dns', app_proto: 'dns', port: 53, host: 'host-12', q: 'rule 1', flow_id: '77', address: '10.0.1.9' } as const // biome-ignore format: one line
  return Object.values(NAMED_QUERIES).flatMap((query) =>
    [{}, { since: '2026-11-06T00:00:00Z', limit: 7 }, ask].map((given) => {
      const { params: _, ...texts } = query
      const own = Object.entries(given).filter(([name]) => Object.hasOwn(query.params, name))
      return { ...texts, params: readParams(query, Object.fromEntries(own)) }
    }),
  )
}

test.each([
  ['with room for all', 16 * MIB],
  ['with room for some', 1.5 * MIB],
  ['with hardly any room', MIB / 4],
])('%s every question has the answer of the sealed files, twice', async (_, bytes) => {
  const sealed = await cellOf(rows.branches)
  const cell = await cellOf(rows.branches, new ClearColumns(memoryOf(bytes)))
  for (const question of [...FREE, ...named()]) {
    const expected = unordered(await ask(sealed, question))
    for (const _ of ['first', 'again'])
      expect(unordered(await ask(cell, question)), JSON.stringify(question)).toEqual(expected)
  }
  expect(sealed.counts).toMatchObject({ clear: 0 })
  const asked = 2 * (FREE.length + named().length)
  // A plan that said too little shows here: such a question is asked twice once, and then the sealed way.
  expect(cell.counts.again).toBeLessThan(bytes === 16 * MIB ? 1 : asked / 20)
  expect(cell.counts.clear + cell.counts.sealed).toBe(asked)
  if (bytes === 16 * MIB) expect(cell.counts.clear).toBeGreaterThan(asked * 0.9)
  else expect(cell.counts.clear).toBeGreaterThan(5)
})

test('asked again, nothing is opened again', async () => {
  const columns = new ClearColumns(memoryOf(64 * MIB))
  const cell = await cellOf(rows.branches, columns)
  await ask(cell, FREE[1] as string)
  const { opened } = columns
  expect(opened).toBeGreaterThan(1_000)
  expect(opened).toBeLessThan(rows.sealedBytes / 100) // of 25 columns, one that compresses well
  await ask(cell, FREE[1] as string)
  expect(columns.opened).toBe(opened)
})

test('the memory has one size, whoever writes to it', async () => {
  const memory = memoryOf(2 * MIB)
  const cell = await cellOf(rows.branches, new ClearColumns(memory))
  for (const sql of FREE) await ask(cell, sql)
  expect(fstatSync(memory.fd).size).toBe(2 * MIB)
  expect(fstatSync(memory.fd).blocks * 512).toBeLessThanOrEqual(2 * MIB)
  expect(() => writeSync(memory.fd, Buffer.alloc(1), 0, 1, 2 * MIB)).toThrow(/EPERM/)
})

test('what does not fit beside the rest makes the rest go, and each answer stays right', async () => {
  const columns = new ClearColumns(memoryOf(2 * MIB))
  const cell = await cellOf(rows.branches, columns)
  const sealed = await cellOf(rows.branches)
  const each = ['record', 'community_id', 'event_id', 'flow_id'].map(
    (column) =>
      `SELECT md5(string_agg(${column}::VARCHAR, '' ORDER BY event_time, event_id)) FROM events`,
  )
  for (let round = 0; round < 3; round++)
    for (const sql of each) expect(await ask(cell, sql)).toBe(await ask(sealed, sql))
  expect(columns.emptied).toBeGreaterThan(2)
  expect(cell.counts).toMatchObject({ sealed: 0, again: 0 })
})

test('files that came later are seen, and those known stay open', async () => {
  const columns = new ClearColumns(memoryOf(64 * MIB))
  const some = rows.branches.slice(0, 2)
  const count = 'SELECT tenant_id, severity, count(*) FROM events GROUP BY ALL ORDER BY ALL'
  await ask(await cellOf(some, columns), count)
  const before = columns.opened
  const later = await cellOf(rows.branches, columns)
  expect(await ask(later, count)).toBe(await ask(await cellOf(rows.branches), count))
  expect(columns.opened).toBeLessThan(before * 1.6)
  const fewer = await cellOf(some, columns)
  expect(await ask(fewer, count)).toBe(await ask(await cellOf(some), count))
  expect(fewer.counts).toEqual({ clear: 1, sealed: 0, again: 0 })
})

test('a column that was not opened cannot be read, whichever', async () => {
  const columns = new ClearColumns(memoryOf(64 * MIB))
  expect(columns.show(rows.branches)).toBe(true)
  columns.showRows(true)
  const engine = await openEngine({ memoryMiB: 256 })
  const connection = await engine.connect()
  const { path } = columns.memory
  expect(await read(connection, `SELECT count(*)::INT FROM read_parquet('${path}')`)).toEqual([
    [rows.rows],
  ])
  for (const column of columns.columns)
    await expect(
      read(connection, `SELECT max("${column}"::VARCHAR) FROM read_parquet('${path}')`),
      column,
    ).rejects.toThrow()
  connection.closeSync()
  engine.closeSync()
})

test('rows that name another tenant than their branch are read the sealed way, where the branch has the word', async () => {
  const [first, second] = rows.branches as [Branch, Branch]
  for (const whose of [{ tenant_id: 'site-9' }, { fleet_id: 'fleet-9' }]) {
    const cell = await cellOf([{ ...first, ...whose }, second], new ClearColumns(memoryOf(8 * MIB)))
    const answer = await ask(cell, 'SELECT DISTINCT tenant_id, fleet_id FROM events ORDER BY ALL')
    const { tenant_id, fleet_id } = { ...first, ...whose }
    expect(JSON.parse(answer)).toContainEqual([tenant_id, fleet_id])
    expect(cell.counts).toEqual({ clear: 0, sealed: 1, again: 0 })
  }
})

test('a page that was changed fails the question that needs it, and no other', async () => {
  const [branch] = rows.branches as [Branch]
  const bytes = readFileSync(branch.paths[0] as string)
  const path = join(folder, 'changed.parquet')
  const at = bytes.indexOf(bytes.subarray(bytes.length / 2, bytes.length / 2 + 16)) // in the middle of a column
  bytes[at] = (bytes[at] as number) ^ 1
  writeFileSync(path, bytes)
  const cell = await cellOf([{ ...branch, paths: [path] }], new ClearColumns(memoryOf(64 * MIB)))
  await expect(ask(cell, 'SELECT max(record), max(community_id), max(event_id), max(flow_id), max(src_port) FROM events')).rejects.toThrow(/AES tag/) // biome-ignore format: one line
  expect(await ask(cell, 'SELECT count(severity) > 0 FROM events')).toBe('[[true]]')
})
