/** NDJSON in, NDJSON and plain Parquet out: all of a file or nothing, one tenant, no plaintext at home. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeSite, readLake, type Site } from '../../test/lake/site.ts'
import { CROSS_TENANT } from '../base/failure.ts'
import { openEngine, read } from './engine.ts'
import { exportFile } from './export.ts'
import { importFile } from './import.ts'

let site: Site
let folder = ''
beforeAll(async () => {
  site = await makeSite({ tenants: ['alfa', 'zulu'] })
  folder = mkdtempSync(join(tmpdir(), 'import-'))
})
afterAll(() => {
  site.remove()
  rmSync(folder, { recursive: true, force: true })
})

let files = 0
function ndjson(lines: readonly (object | string)[]): string {
  const path = join(folder, `${files++}.ndjson`)
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)))
  writeFileSync(path, text.join('\n'))
  return path
}
const bring = (lines: readonly (object | string)[], tenant = 'alfa') =>
  importFile(site.lake(tenant), ndjson(lines))
const onDisk = (tenant: string) =>
  readdirSync(join(site.data, 'tenants', site.lake(tenant).tenant.tenant_uid, 'tier1'))

test.each([
  ['tenant_id', 'zulu'],
  ['tenant_id', 'ghost'],
  ['tenant_id', 'ALFA'],
  ['tenant_id', ''],
  ['tenant_id', 7],
  ['fleet_id', 'zulu'],
])('a last row with %s %s refuses the whole file', async (name, value) => {
  const rows = Array.from({ length: 1000 }, (_, i) => ({ host: `h${i}`, tenant_id: 'alfa' }))
  await expect(bring([...rows, { host: 'last', [name]: value }])).rejects.toMatchObject({
    kind: 'refused',
    message: CROSS_TENANT,
  })
  expect(onDisk('alfa')).toEqual([])
  expect(site.lake().catalog.files()).toEqual([])
})

test.each([
  ['{"host": ', /^Line 2: not JSON/],
  ['[1]', /^Line 2: not a JSON object/],
  ['null', /^Line 2: not a JSON object/],
  ['{"kind": "rumour"}', /^Line 2: kind/],
  ['{"severity": "dire"}', /^Line 2: severity/],
  ['{"event_time": "yesterday"}', /^Line 2: event_time/],
  ['{"src_port": "22"}', /^Line 2: src_port/],
  ['{"bytes": -1}', /^Line 2: bytes/],
  ['{"host": 5}', /^Line 2: host/],
  [`{"message": "${'x'.repeat(1 << 20)}"}`, /line 2: longer than/],
])('line %#: nothing of a file with one wrong line', async (line, reason) => {
  await expect(bring([{ host: 'fine' }, line])).rejects.toMatchObject({
    kind: 'invalid',
    message: expect.stringMatching(reason),
  })
  expect(site.lake().catalog.files()).toEqual([])
})

test('an empty file and a missing one are said, each by its path', async () => {
  await expect(bring([''])).rejects.toThrow(/holds no rows/)
  await expect(importFile(site.lake(), join(folder, 'absent'))).rejects.toThrow(/absent cannot be read/) // biome-ignore format: one line
})

test('rows get their stamp; what is no column becomes record; an id that came is kept', async () => {
  const event_id = '01990000-0000-7000-8000-000000000001'
  await bring([
    { event_id, host: 'plc-1', event_time: '2026-11-01T00:00:00.123456Z', extra: { deep: [1] } },
    '',
    { kind: 'flow', bytes: 2 ** 53 - 1, flow_id: 5, record: 'no object' },
  ])
  const rows = await readLake(site, 'SELECT tenant_id, fleet_id, event_id, kind, record FROM events ORDER BY event_time') // biome-ignore format: one line
  expect(rows).toEqual([
    ['alfa', 'alfa', event_id, 'host', '{"extra":{"deep":[1]}}'],
    ['alfa', 'alfa', expect.any(String), 'flow', '{"text":"no object"}'],
  ])
})

test('what was exported comes back the same, and only to its own tenant', async () => {
  const path = join(folder, 'out.ndjson')
  expect(await exportFile(site.lake(), { path, format: 'ndjson' })).toMatchObject({ rows: 2 })
  await expect(importFile(site.lake('zulu'), path)).rejects.toThrow(CROSS_TENANT)
  expect(onDisk('zulu')).toEqual([])
  const all = 'SELECT event_id, event_time, kind, bytes, flow_id FROM events ORDER BY event_time'
  const before = await readLake(site, all)
  await importFile(site.lake(), path)
  const after = await readLake(site, all)
  expect(after).toEqual(before.flatMap((row) => [row, row])) // twice the file is twice the rows
})

test('plain Parquet is read by anybody, without a key', async () => {
  const path = join(folder, 'out.parquet')
  const { rows } = await exportFile(site.lake(), { path, format: 'parquet' })
  const engine = await openEngine({ memoryMiB: 128 })
  const connection = await engine.connect()
  expect(await read(connection, `SELECT count(*) FROM '${path}'`)).toEqual([[String(rows)]])
  connection.closeSync()
  engine.closeSync()
})

test.each([
  ['into the data folder', () => join(site.data, 'out.parquet'), 'refused'],
  [
    'into the data folder by a way around',
    () => join(site.data, 'tenants', '..', 'out'),
    'refused',
  ],
  ['over a file', () => join(folder, '0.ndjson'), 'conflict'],
  ['to a relative path', () => 'out.parquet', 'invalid'],
  ['to a folder that is not there', () => join(folder, 'no', 'out'), 'not-found'],
])('an export %s is refused', async (_, path, kind) => {
  const before = existsSync(path()) ? readFileSync(path()) : undefined
  await expect(exportFile(site.lake(), { path: path(), format: 'parquet' })).rejects.toMatchObject({
    kind,
  })
  expect(existsSync(path()) ? readFileSync(path()) : undefined).toEqual(before)
})

test('an export of a changed file is refused by its name, and leaves nothing', async () => {
  const { catalog } = site.lake()
  const [file] = catalog.files()
  const path = catalog.absolute(file as { path: string })
  const bytes = readFileSync(path)
  writeFileSync(path, Buffer.concat([bytes, Buffer.from([0])]))
  const target = join(folder, 'changed.parquet')
  await expect(exportFile(site.lake(), { path: target, format: 'parquet' })).rejects.toThrow(path)
  expect(existsSync(target)).toBe(false)
  writeFileSync(path, bytes)
})
