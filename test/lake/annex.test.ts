/** The annex of two tenants as people use it: the command line, cells, files, the trail. */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CROSS_TENANT } from '../../agent/base/failure.ts'
import { filesHolding } from '../breach/box.ts'
import { RunningLake, type Said } from './running-lake.ts'

const ALFA = '01990000-0000-7000-8000-00000000000a'
const ZULU = '01990000-0000-7000-8000-000000000021'
const SECRET = 'annex-canary-of-zulu'

let box: RunningLake
const folder = mkdtempSync(join(tmpdir(), 'annex-'))
beforeAll(async () => {
  box = await RunningLake.open({ alfa: 'acme', zulu: 'other' })
  await box.import('alfa', [{ event_id: ALFA, host: 'plc-a' }, { host: 'plc-b' }])
  await box.import('zulu', [{ event_id: ZULU, host: 'plc-z' }])
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
  return box.close()
})

const annex = (verb: string, tenant: string, ...rest: string[]) => box.picket('lake', 'annex', verb, '--tenant', tenant, ...rest) // biome-ignore format: one line
const done = ({ code, out, err }: Said) => {
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out
}
const rows = (said: Said) => JSON.parse(done(said)).rows as unknown[][]
const JOIN = 'SELECT host, name, value, value_type, number FROM events JOIN annex USING (tenant_id, event_id) ORDER BY host, name' // biome-ignore format: one line

test('an empty annex is a table without rows', async () => {
  expect(await box.ask(['alfa'], 'SELECT * FROM annex')).toMatchObject({
    columns: ['tenant_id', 'event_id', 'name', 'value', 'value_type', 'number'],
    rows: [],
  })
})

test('values are set, imported, taken away and joined, each tenant its own', async () => {
  const said = await annex('set', 'alfa', '--event', ALFA, 'level=3.5', 'owner=ops=night')
  expect(done(said)).toBe('2 values set.\n')
  done(await annex('set', 'zulu', '--event', ZULU, `level=${SECRET}`))
  const path = join(folder, 'annex.ndjson')
  writeFileSync(path, `${JSON.stringify({ event_id: ALFA, name: 'gone', value: 1 })}\n`)
  expect(done(await annex('import', 'alfa', path))).toContain('1 values imported')
  done(await annex('remove', 'alfa', '--event', ALFA, 'gone'))
  expect(rows(await box.query('alfa', JOIN))).toEqual([
    ['plc-a', 'level', '3.5', 'number', 3.5],
    ['plc-a', 'owner', 'ops=night', 'text', null],
  ])
  expect(rows(await box.query('zulu', JOIN))).toEqual([['plc-z', 'level', SECRET, 'text', null]])
  const both = await box.query('alfa,zulu', `${JOIN.replace('host,', 'tenant_id,')} LIMIT 9`)
  expect(rows(both).map(([tenant, name]) => [tenant, name])).toEqual([
    ['alfa', 'level'],
    ['alfa', 'owner'],
    ['zulu', 'level'],
  ])
})

test.each([
  `SELECT * FROM annex`,
  `SELECT * FROM annex WHERE event_id = '${ZULU}'`,
  `SELECT count(*) FROM lake.annex WHERE value LIKE '%canary%'`,
  `SELECT * FROM annex a FULL JOIN events e USING (event_id)`,
  `SELECT max(value), min(value) FROM annex`,
  `SELECT value::INTEGER FROM annex`,
])('a value of the neighbour is not seen: %s', async (sql) => {
  const { out, err } = await box.query('alfa', sql)
  expect(`${out} ${err}`).not.toContain('annex-canary')
  expect(`${out} ${err}`).not.toContain('plc-z')
})

test('the neighbour by name, and its event under my own tenant', async () => {
  const named = await box.query('alfa', `SELECT * FROM annex WHERE tenant_id = 'zulu'`)
  expect(named.code).toBe(3)
  expect(named.err).toContain(CROSS_TENANT)
  const known = await annex('set', 'alfa', '--event', ZULU, 'x=1')
  const unknown = await annex('set', 'alfa', '--event', ZULU.replace('21', '99'), 'x=1')
  expect(known.code).toBe(2)
  expect(known.err.replaceAll(ZULU, 'ID')).toBe(unknown.err.replaceAll(ZULU.replace('21', '99'), 'ID')) // biome-ignore format: one line
})

test('an import brings extra fields along with --annex, and to the record without', async () => {
  const path = join(folder, 'rows.ndjson')
  writeFileSync(path, `${JSON.stringify({ host: 'plc-extra', badge: 12 })}\n`)
  done(await box.picket('lake', 'import', '--tenant', 'alfa', '--annex', path))
  done(await box.picket('lake', 'import', '--tenant', 'alfa', path))
  const sql = `SELECT record, number FROM events LEFT JOIN annex USING (tenant_id, event_id) WHERE host = 'plc-extra' ORDER BY number` // biome-ignore format: one line
  expect(rows(await box.query('alfa', sql))).toEqual([
    [null, 12],
    ['{"badge":12}', null],
  ])
})

test('status counts it, the trail has it, no log and no file on disk has a value', async () => {
  const { tenants } = JSON.parse(done(await box.picket('lake', 'status', '--json')))
  const alfa = tenants.find(({ tenant_id }: { tenant_id: string }) => tenant_id === 'alfa')
  expect(alfa).toMatchObject({ annexFiles: 4, annexValues: 5, annexRefused: 2 })
  const trail = done(await box.picket('audit', 'list'))
  expect(trail).toMatch(/set 2 values of the annex/)
  expect(box.logs).not.toContain(SECRET)
  expect(filesHolding(box.data, [SECRET])).toEqual([])
})

test('a file of the annex that was swapped or is missing is named, never fewer rows', async () => {
  const own = (await box.files('alfa')).find(({ tier }) => tier === undefined)
  const foreign = (await box.files('zulu')).find(({ tier }) => tier === undefined)
  const path = own?.path ?? ''
  renameSync(path, `${path}.away`)
  const missing = await box.query('alfa', JOIN)
  expect(missing.code).toBe(2)
  expect(missing.err).toContain(`The lake file ${path} is missing.`)
  expect(rows(await box.query('alfa', 'SELECT count(*) FROM events'))).toEqual([[4]])
  const partial = JSON.parse(done(await box.query('alfa', JOIN, '--partial')))
  expect(partial.gaps).toEqual([expect.stringContaining(path)])
  writeFileSync(path, readFileSync(foreign?.path ?? ''))
  const swapped = await box.query('alfa', JOIN)
  expect(swapped.code).toBe(3)
  expect(swapped.err).toContain('changed or swapped')
  renameSync(`${path}.away`, path)
  expect(rows(await box.query('alfa', JOIN)).length).toBe(3)
})

test('picket invariants looks at the annex too', async () => {
  const { code, out } = await box.picket('invariants', '--json')
  expect(code).toBe(0)
  const files = (await box.files('alfa')).length + (await box.files('zulu')).length
  expect(JSON.parse(out).looked.lakeFiles).toBe(files)
})
