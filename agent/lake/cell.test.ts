/** What a cell answers, on real sealed files: types as JSON, bounds, and the lock. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeSite, type Site, START_US } from '../../test/lake/site.ts'
import { type Branch, Cell } from './cell.ts'
import { settle } from './settle.ts'

let site: Site
let cell: Cell
beforeAll(async () => {
  site = await makeSite({ tenants: ['alfa', 'zulu'] })
  for (const [i, tenant] of ['alfa', 'alfa', 'zulu'].entries()) {
    await site.write([{ host: `${tenant}-${i}`, event_time: START_US + i, bytes: 2 ** 53 - 1 }], tenant) // biome-ignore format: one line
    await settle(site.lake(tenant))
    if (i === 0) site.keys.rotate()
  }
  cell = await Cell.open(branches('alfa'))
})
afterAll(() => {
  cell.closeSync()
  site.remove()
})

function branches(...tenants: string[]): Branch[] {
  return tenants.flatMap((tenant_id) => {
    const { catalog, tenant } = site.lake(tenant_id)
    return catalog.files().map((file) => ({
      tenant_id,
      fleet_id: tenant.fleet_id,
      key: site.keys.keyFor(tenant.tenant_uid, file.epoch).toString('base64'),
      paths: [catalog.absolute(file)],
    }))
  })
}

interface Asked {
  params?: Record<string, string | number | null>
  bytesMax?: number
  of?: Cell
}

async function ask(sql: string, { params = {}, bytesMax = 1 << 20, of = cell }: Asked = {}) {
  let columns: string[] = []
  const rows: unknown[][] = []
  const truncated = await of.ask(
    { sql, params, bytesMax },
    {
      columns: (names) => {
        columns = names
      },
      rows: (some) => {
        rows.push(...some)
        return true
      },
      drained: async () => {},
    },
  )
  return { columns, rows: JSON.parse(JSON.stringify(rows)) as unknown[][], truncated }
}

test.each([
  ['9007199254740991::BIGINT', 9007199254740991],
  ['9007199254740992::BIGINT', '9007199254740992'],
  ['-9007199254740993::BIGINT', '-9007199254740993'],
  ['18446744073709551615::UBIGINT', '18446744073709551615'],
  ['sum(x) FROM (VALUES (9007199254740991::BIGINT), (2)) t(x)', '9007199254740993'],
  ['sum(x) FROM (VALUES (1::BIGINT), (2)) t(x)', 3],
  ['[9007199254740993::BIGINT, 1]', ['9007199254740993', 1]],
  [`TIMESTAMP '2026-11-01 00:00:00.123456'`, '2026-11-01T00:00:00.123456Z'],
  [`TIMESTAMP '2026-11-01 00:00:00'`, '2026-11-01T00:00:00.000000Z'],
  [`TIMESTAMPTZ '2026-11-01 02:00:00+02'`, '2026-11-01T00:00:00.000000Z'],
  [`[TIMESTAMP '2026-11-01']`, ['2026-11-01T00:00:00.000000Z']],
  [`{'at': TIMESTAMP '2026-11-01', 'n': 1::BIGINT}`, { at: '2026-11-01T00:00:00.000000Z', n: 1 }],
  [`TIMESTAMP_S '2026-11-01 00:00:01'`, '2026-11-01T00:00:01Z'],
  [`DATE '2026-11-01'`, '2026-11-01'],
  ['1.25::DECIMAL(10,2)', 1.25],
  ['1.5::DOUBLE', 1.5],
  ['true', true],
  ['NULL', null],
  [`'it''s "quoted" \u00e9\ud83d\ude00'`, 'it\'s "quoted" \u00e9\ud83d\ude00'],
  ['[]', []],
])('%s is answered as JSON that loses nothing', async (expression, expected) => {
  expect((await ask(`SELECT ${expression}`)).rows).toEqual([[expected]])
})

test('columns of the lake: names, times in ISO UTC, ids and counts', async () => {
  const { columns, rows } = await ask(
    'SELECT tenant_id, event_time, event_id, bytes, src_port FROM events ORDER BY event_time',
  )
  expect(columns).toEqual(['tenant_id', 'event_time', 'event_id', 'bytes', 'src_port'])
  expect(rows).toEqual([
    ['alfa', '2026-11-01T00:00:00.000000Z', expect.stringMatching(/^[0-9a-f-]{36}$/), 2 ** 53 - 1, null], // biome-ignore format: one line
    ['alfa', '2026-11-01T00:00:00.000001Z', expect.stringMatching(/^[0-9a-f-]{36}$/), 2 ** 53 - 1, null], // biome-ignore format: one line
  ])
  const twice = await ask('SELECT host, host FROM events')
  expect(new Set(twice.columns).size).toBe(2)
})

test('a scope of two tenants and two key epochs is one view', async () => {
  const both = await Cell.open(branches('alfa', 'zulu'))
  const { rows } = await ask('SELECT tenant_id, count(*) FROM events GROUP BY ALL ORDER BY ALL', { of: both }) // biome-ignore format: one line
  expect(rows).toEqual([
    ['alfa', 2],
    ['zulu', 1],
  ])
  both.closeSync()
})

test('a scope without files has the columns and no rows', async () => {
  const empty = await Cell.open([])
  const { columns, rows } = await ask('SELECT * FROM events', { of: empty })
  expect([columns.length, rows]).toEqual([(await ask('SELECT * FROM events')).columns.length, []])
  empty.closeSync()
})

test("files under another tenant's key do not open", async () => {
  const [own, foreign] = [branches('alfa')[0] as Branch, branches('zulu')[0] as Branch]
  await expect(Cell.open([{ ...foreign, key: own.key }])).rejects.toThrow()
})

test('parameters are values, whatever stands in them', async () => {
  const sql = 'SELECT $text::VARCHAR, $n::BIGINT, $none::VARCHAR FROM events WHERE host = $text'
  const asked = await ask(sql, { params: { text: 'alfa-0', n: 7 } })
  expect(asked.rows).toEqual([['alfa-0', 7, null]])
  const hostile = await ask(sql, { params: { text: `' OR 1=1 --`, n: 7 } })
  expect(hostile.rows).toEqual([])
})

test('a bound cuts the answer, and says so', async () => {
  const sql = `SELECT repeat('x', 100) FROM range(100000)`
  const cut = await ask(sql, { bytesMax: 50_000 })
  expect(cut.truncated).toBe(true)
  expect(JSON.stringify(cut.rows).length).toBeLessThan(60_000)
  expect(cut.rows.length).toBeGreaterThan(100)
  expect((await ask('SELECT 1', { bytesMax: 1000 })).truncated).toBe(false)
})

test.each([
  'SELECT 1; SELECT 2',
  'DROP VIEW events',
  'CREATE TABLE t AS SELECT 1',
  `COPY (SELECT 1) TO '/dev/shm/picket-cell'`,
  `ATTACH '/dev/shm/picket-cell.db'`,
  'SET lock_configuration = false',
  'SET enable_external_access = true',
  'INSTALL httpfs',
  `SELECT * FROM read_text('/etc/hostname')`,
  `SELECT * FROM read_csv('/etc/hostname')`,
])('%s is nothing that a cell does', async (sql) => {
  await expect(ask(sql)).rejects.toThrow()
})

test('files of the scope cannot be opened by a path of ones own either when they are not handed over', async () => {
  const [foreign] = branches('zulu')
  await expect(ask(`SELECT * FROM read_parquet('${foreign?.paths[0]}')`)).rejects.toThrow(/disabled|denied|permission/i) // biome-ignore format: one line
})
