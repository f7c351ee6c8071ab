/** Attempts on the layers `sql` and `cell` from outside: another tenant by scope, by constant, by name, by file. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CROSS_TENANT } from '../../agent/base/failure.ts'
import { RunningLake } from '../lake/running-lake.ts'
import { PASSWORD, refusal } from './box.ts'

let box: RunningLake
let token: string
beforeAll(async () => {
  box = await RunningLake.open({ alfa: 'acme', zulu: 'zorro' })
  await box.import('alfa', [{ host: 'plc-1', message: 'ours', user: '17' }])
  await box.import('zulu', [{ host: 'zulu-secret', message: 'theirs' }])
  const { code } = await box.cli.oneTimeLogin({ tenant_id: 'alfa' })
  const first = await box.web.redeem({ code, source: '127.0.0.1' })
  token = (await box.web.setPassword({ token: first.token, next: PASSWORD })).token
})
afterAll(() => box.close())

/** As the administrator of alfa, who sees alfa alone. */
const asAlfa = (sql: string, scope?: string[]) =>
  box.web.query({ token, sql, ...(scope && { scope }) })

test('a question inside the scope is answered, and the scope is echoed', async () => {
  expect(await asAlfa('SELECT tenant_id, fleet_id, host FROM events')).toEqual({
    scope: ['alfa'],
    columns: ['tenant_id', 'fleet_id', 'host'],
    rows: [['alfa', 'acme', 'plc-1']],
  })
  const { code, out } = await box.query('alfa', 'SELECT host FROM events')
  expect([code, JSON.parse(out)]).toEqual([
    0,
    { scope: ['alfa'], columns: ['host'], rows: [['plc-1']] },
  ])
})

test('cell-06 another tenant by scope: known and unknown are refused alike', async () => {
  const refused = new Set<string>()
  for (const scope of [['zulu'], ['ghost'], ['alfa', 'zulu'], ['alfa', 'ghost'], ['ALFA']])
    refused.add(await refusal(asAlfa('SELECT * FROM events', scope)))
  expect([...refused]).toEqual([`refused: ${CROSS_TENANT}`])
})

/** `@` stands for a tenant of this box or of nobody; the answers must not differ by one byte. */
const ATTEMPTS = [
  `SELECT * FROM events WHERE tenant_id = '@'`,
  `SELECT count(*) FROM events WHERE tenant_id IN ('alfa', '@')`,
  `SELECT * FROM events WHERE fleet_id = '@'`,
  `SELECT * FROM @.events`,
  `SELECT @.main.events.host FROM events`,
]

test('sql-01 another tenant by the command line: same words, same exit code, same bytes', async () => {
  const said = []
  const sql = ATTEMPTS[0] as string
  for (const name of ['zulu', 'ghost']) said.push(await box.query('alfa', sql.replace('@', name)))
  said.push(await box.query('ghost', 'SELECT 1'), await box.query('alfa,ghost', 'SELECT 1'))
  const expected = {
    code: 3,
    out: '',
    err: `${JSON.stringify({ error: { kind: 'refused', message: CROSS_TENANT } })}\n`,
  }
  expect(said).toEqual([expected, expected, expected, expected])
  const plain = await box.picket('query', '--scope', 'ghost', '--sql', 'SELECT 1')
  expect(plain).toEqual({ code: 3, out: '', err: `picket: ${CROSS_TENANT}\n` })
})

test.each(ATTEMPTS)('sql-01 another tenant by SQL: %s', async (sql) => {
  const refused = new Set<string>()
  for (const name of ['zulu', 'zorro', 'ghost'])
    refused.add(await refusal(asAlfa(sql.replace('@', name))))
  expect([...refused]).toEqual([`refused: ${CROSS_TENANT}`])
})

test('sql-01 the refusal is a line of the audit trail', async () => {
  await refusal(asAlfa(`SELECT 'once' FROM events WHERE tenant_id = 'zulu'`))
  const { items } = await box.web.auditList({ token, limit: 20 })
  expect(items.map(({ verb, outcome }) => `${verb} ${outcome}`)).toContain('lake.query refused')
})

test('sql-02 a name assembled at run time finds nothing: its rows are not there', async () => {
  for (const name of [`chr(122) || 'ulu'`, `reverse('uluz')`, `concat('zu', 'lu')`]) {
    const { scope, rows } = await asAlfa(`SELECT count(*) FROM events WHERE tenant_id = ${name}`)
    expect({ scope, rows }).toEqual({ scope: ['alfa'], rows: [[0]] })
  }
})

describe('what is no question', () => {
  test.each([
    'SELECT * FROM (SHOW ALL TABLES)',
    'SELECT * FROM (DESCRIBE lake.events)',
    'SELECT * FROM (SUMMARIZE events)',
    'SHOW TABLES',
    'DESCRIBE events',
    'SUMMARIZE events',
    `SELECT * FROM read_parquet('@')`,
    `SELECT * FROM '@'`,
    `SELECT (SELECT content FROM read_text('/etc/hostname'))`,
    `SELECT * FROM parquet_metadata('@')`,
    `SELECT * FROM glob('@*')`,
    `ATTACH '@' AS other`,
    `COPY events TO '/tmp/picket-breach.csv'`,
    `COPY (SELECT * FROM events) TO '/dev/shm/picket-breach.csv'`,
    `EXPORT DATABASE '/tmp/picket-breach'`,
    'PRAGMA database_list',
    `PRAGMA add_parquet_key('k0', '0123456789112345')`,
    `SET enable_external_access = true`,
    'INSTALL httpfs',
    `SELECT 1; /* ; */ DROP VIEW lake.events`,
    'SET VARIABLE x = 1',
    `SELECT * FROM enable_logging(storage='file', storage_path='/tmp/picket-breach')`,
    'SELECT * FROM duckdb_views()',
    `SELECT current_setting('allowed_paths')`,
    `SELECT format('{:>2000000000}', message) FROM events`,
  ])('sql-03…14 %s is refused, and says neither path nor key', async (sql) => {
    const [{ path = '' } = {}] = await box.files('zulu')
    const answer = await refusal(asAlfa(sql.replace('@', path)))
    expect(answer).toMatch(/^refused: /)
    // What the asker wrote may be in the answer; a path or key that it did not write may not.
    expect(answer).not.toContain(box.tenant('alfa').tenant_uid)
    expect(answer).not.toMatch(/add_parquet_key|footer_key/)
  })

  test('sql-06 the view still answers after all of them', async () => {
    expect((await asAlfa('SELECT count(*) FROM lake.events')).rows).toEqual([[1]])
  })
})

test('sql-13 only the documented columns exist', async () => {
  for (const column of ['filename', 'file_row_number', 'file_index', 'rowid'])
    expect(await refusal(asAlfa(`SELECT ${column} FROM events`)), column).toMatch(/^invalid: /)
})

test('D16 what an engine says about a row reaches the asker, cut short, and no log', async () => {
  const marker = 'row-value-that-is-nobodys-business'
  await box.import('alfa', [{ host: 'plc-2', message: marker.padEnd(2000, 'x') }])
  const answer = await refusal(asAlfa("SELECT message::INTEGER FROM events WHERE host = 'plc-2'"))
  expect(answer).toMatch(/^invalid: .*row-value/)
  expect(Buffer.byteLength(answer)).toBeLessThanOrEqual(300 + 'invalid: '.length)
  expect(box.logs).not.toContain(marker.slice(0, 12))
  expect(box.logs).toContain('lake.ready') // control: the logs were listened to
})

describe('picket lake import and export', () => {
  const file = () => join(box.data, 'run', 'foreign.ndjson')
  const bring = (tenant: string, rows: readonly object[]) => {
    writeFileSync(file(), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    return box.picket('lake', 'import', '--tenant', tenant, file(), '--json')
  }
  const held = async () => (await box.ask(['alfa'], 'SELECT count(*) FROM events')).rows

  test('a row of another tenant, known or unknown, refuses the whole file alike', async () => {
    const before = await held()
    const said = []
    for (const tenant_id of ['zulu', 'ghost'])
      said.push(
        await bring('alfa', [
          { host: 'ours', tenant_id: 'alfa' },
          { host: 'x', tenant_id },
        ]),
      )
    const error = { kind: 'refused', message: CROSS_TENANT }
    const expected = { code: 3, out: '', err: `${JSON.stringify({ error })}\n` }
    expect(said).toEqual([expected, expected])
    expect(await held()).toEqual(before)
  })

  test('a file of its own comes in, goes out, and is refused by the neighbour', async () => {
    const brought = await bring('alfa', [{ host: 'plc-9', event_time: '2026-11-01T00:00:00Z' }])
    expect([brought.code, JSON.parse(brought.out)]).toEqual([0, { rows: 1 }])
    const out = join(box.data, 'run', 'out.ndjson')
    const sql = `SELECT * FROM events WHERE host = 'plc-9'`
    const exported = await box.picket('lake', 'export', '--tenant', 'alfa', '--out', out, '--sql', sql) // biome-ignore format: one line
    expect(exported.code).toBe(0)
    const foreign = await box.picket('lake', 'import', '--tenant', 'zulu', out)
    expect(foreign).toEqual({ code: 3, out: '', err: `picket: ${CROSS_TENANT}\n` })
    expect((await box.picket('lake', 'import', '--tenant', 'alfa', out)).code).toBe(0)
  })
})
