/** Values of the annex: last one wins, all or none, bounds, and that they leave with their events. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { makeSite, type Site, START_US } from '../../test/lake/site.ts'
import { CROSS_TENANT } from '../base/failure.ts'
import {
  ANNEX_EVENT_VALUES_MAX,
  ANNEX_NAME_MAX,
  ANNEX_TENANT_VALUES_MAX,
  ANNEX_VALUE_BYTES_MAX,
  annexFault,
  typed,
  typedText,
} from './annex.ts'
import { importAnnex, setAnnex } from './annex-store.ts'
import { type Branch, openCell } from './cell.ts'
import { read } from './engine.ts'
import { importFile } from './import.ts'
import { retire, sweep } from './retention.ts'
import { settle } from './settle.ts'

const DAY_US = 86_400_000_000
let now = START_US
let site: Site
let folder = ''
beforeEach(async () => {
  now = START_US
  folder = mkdtempSync(join(tmpdir(), 'annex-'))
  site = await makeSite({ tenants: ['alfa', 'zulu'], retentionDays: 10, nowUs: () => now })
})
afterEach(() => {
  site.remove()
  rmSync(folder, { recursive: true, force: true })
})

/** Events in the lake, by id. */
async function events(count: number, tenant = 'alfa'): Promise<string[]> {
  const rows = await site.write(Array.from({ length: count }, (_, i) => ({ host: `h${i}` })), tenant) // biome-ignore format: one line
  await settle(site.lake(tenant))
  return rows.map(({ event_id }) => event_id)
}
const set = (event_id: string, values: Record<string, unknown>, tenant = 'alfa') =>
  setAnnex(
    site.lake(tenant),
    Object.entries(values).map(([name, value]) => ({ event_id, name, ...typed(value) })),
  )
const ndjson = (lines: readonly (object | string)[]) => {
  const path = join(folder, `${readdirSync(folder).length}.ndjson`)
  writeFileSync(path, lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('')) // biome-ignore format: one line
  return path
}
/** Asked as a cell of these tenants would be. */
async function ask(sql: string, tenants = ['alfa']): Promise<unknown[][]> {
  const branches = tenants.flatMap((tenant_id): Branch[] => {
    const { catalog, tenant } = site.lake(tenant_id)
    const of = (files: { epoch: number; path: string }[], epoch: number) => files.filter((file) => file.epoch === epoch).map((file) => catalog.absolute(file)) // biome-ignore format: one line
    const epochs = new Set([...catalog.files(), ...catalog.annexFiles()].map((file) => file.epoch))
    return [...epochs].map((epoch) => ({
      tenant_id,
      fleet_id: tenant_id,
      key: site.keys.keyFor(tenant.tenant_uid, epoch).toString('base64'),
      paths: of(catalog.files(), epoch),
      annex: of(catalog.annexFiles(), epoch),
    }))
  })
  const engine = await openCell(branches)
  const connection = await engine.connect()
  try {
    return await read(connection, sql)
  } finally {
    connection.closeSync()
    engine.closeSync()
  }
}
const ALL = 'SELECT name, value, value_type, number FROM annex ORDER BY name'

test('values join their events; the last one set wins, whatever the clock and the key did', async () => {
  const [a = '', b = ''] = await events(2)
  await set(a, { owner: 'ops', rack: 7, spare: true, note: { x: [1] } })
  now -= 3 * DAY_US
  site.keys.rotate()
  await set(a, { owner: 'lab', rack: null })
  await set(b, { owner: '007' })
  const joined = await ask('SELECT host, name, value, value_type, number FROM events JOIN annex USING (tenant_id, event_id) ORDER BY host, name') // biome-ignore format: one line
  expect(joined).toEqual([
    ['h0', 'note', '{"x":[1]}', 'json', null],
    ['h0', 'owner', 'lab', 'text', null],
    ['h0', 'spare', 'true', 'boolean', null],
    ['h1', 'owner', '007', 'text', null],
  ])
  await site.reopen()
  expect(await ask('SELECT count(*) FROM annex')).toEqual([['4']])
})

test('one name, two tenants, two types: each has its own, and both together disturb nobody', async () => {
  const [a = ''] = await events(1)
  const [z = ''] = await events(1, 'zulu')
  await set(a, { level: 3.5 })
  await set(z, { level: 'three' }, 'zulu')
  expect(await ask(ALL, ['alfa'])).toEqual([['level', '3.5', 'number', 3.5]])
  expect(await ask(ALL, ['zulu'])).toEqual([['level', 'three', 'text', null]])
  const both = 'SELECT tenant_id, value, number FROM annex ORDER BY tenant_id'
  expect(await ask(both, ['alfa', 'zulu'])).toEqual([
    ['alfa', '3.5', 3.5],
    ['zulu', 'three', null],
  ])
  expect(await ask('SELECT sum(number) FROM annex', ['alfa', 'zulu'])).toEqual([[3.5]])
})

test('an event of the neighbour, or of nobody, is not there', async () => {
  const [z = ''] = await events(1, 'zulu')
  await events(1)
  await expect(set(z, { x: 1 })).rejects.toMatchObject({ kind: 'not-found' })
  await expect(set('0'.repeat(8) + z.slice(8), { x: 1 })).rejects.toThrow('no event 00000000')
  expect(site.lake().catalog.annexFiles()).toEqual([])
  expect(site.lake().counts.annexRefused).toBe(2)
})

test('many acts become one file again, and nothing is lost or doubled', async () => {
  const ids = await events(3)
  for (let i = 0; i < 20; i++) {
    await set(ids[i % 3] as string, { [`n${i % 7}`]: i, always: i })
    if (i === 10) site.keys.rotate()
  }
  expect(site.lake().catalog.annexFiles().length).toBeLessThanOrEqual(8)
  const expected = ids.flatMap((id, at) => {
    const last = new Map<string, number>()
    for (let i = at; i < 20; i += 3) last.set(`n${i % 7}`, i).set('always', i)
    return [...last].map(([name, value]) => [id, name, String(value)])
  })
  const found = await ask('SELECT event_id, name, value FROM annex')
  expect(found.map(String).sort()).toEqual(expected.map(String).sort())
})

test('what is taken away stays away after the files became one', async () => {
  const [a = ''] = await events(1)
  await set(a, { gone: 1, stays: 1 })
  await set(a, { gone: null })
  for (let i = 0; i < 9; i++) await set(a, { stays: i })
  expect(await ask(ALL)).toEqual([['stays', '8', 'number', 8]])
  await set(a, { stays: null })
  expect(await ask(ALL)).toEqual([])
})

describe('hostile names and values', () => {
  const names = [`'; DROP VIEW events; --`, '"', '__proto__', 'constructor', 'tenant_id', '%', '名前', '\\', '{"a":1}', 'a=b'] // biome-ignore format: one list

  test('are data', async () => {
    const [a = ''] = await events(1)
    const path = ndjson(names.map((name) => ({ event_id: a, name, value: name })))
    expect(await importAnnex(site.lake(), path)).toEqual({ rows: names.length })
    const found = await ask('SELECT name, value FROM annex')
    expect(found.map(([name]) => name).sort()).toEqual([...names].sort())
    for (const [name, value] of found) expect(value).toBe(name)
    expect(await ask(`SELECT count(*) FROM events`)).toEqual([['1']])
  })

  test.each([
    ['', 'has 1 to'],
    ['x'.repeat(ANNEX_NAME_MAX + 1), 'has 1 to'],
    ['a\u0000b', 'cannot be seen'],
    ['a\u202eb', 'cannot be seen'],
    ['a\nb', 'cannot be seen'],
    ['\ud800', 'cannot be seen'],
  ])('the name %j is refused', (name, reason) => {
    const event_id = '01990000-0000-7000-8000-000000000001'
    expect(annexFault({ event_id, name, value: 'x', value_type: 'text' })).toContain(reason)
  })

  test('texts that are numbers are so only as JSON writes them', () => {
    for (const text of ['1', '-1.5', '1e9', '0'])
      expect(typedText(text)).toEqual({ value: text, value_type: 'number' })
    for (const text of ['007', '1.', '0x1', '', ' 1', '1e9999', 'NaN', '9'.repeat(99)])
      expect(typedText(text)).toEqual({ value: text, value_type: 'text' })
    expect(typedText('true').value_type).toBe('boolean')
  })
})

test.each([
  ['{"event_id": ', /^Line 2: not JSON/],
  ['{"event_id":"x","name":"a","value":1}', /^Line 2: event_id/],
  ['{"name":"a","value":1}', /^Line 2: event_id, name and value/],
  [
    '{"event_id":"01990000-0000-7000-8000-000000000001","name":"a"}',
    /^Line 2: event_id, name and value/,
  ],
  [
    '{"event_id":"01990000-0000-7000-8000-000000000001","name":"a","value":1,"fleet":2}',
    /^Line 2: fleet is not/,
  ],
  [
    `{"event_id":"01990000-0000-7000-8000-000000000001","name":"a","value":"${'x'.repeat(ANNEX_VALUE_BYTES_MAX + 1)}"}`,
    /^Line 2: a value/,
  ],
])('line %#: nothing of a file with one wrong line', async (line, reason) => {
  const [a = ''] = await events(1)
  const path = ndjson([{ event_id: a, name: 'fine', value: 1 }, line])
  await expect(importAnnex(site.lake(), path)).rejects.toThrow(reason)
  expect(site.lake().catalog.annexFiles()).toEqual([])
})

test('a line of another tenant refuses the whole file', async () => {
  const [a = ''] = await events(1)
  const path = ndjson([
    { event_id: a, name: 'x', value: 1 },
    { event_id: a, name: 'x', value: 1, tenant_id: 'zulu' },
  ])
  await expect(importAnnex(site.lake(), path)).rejects.toThrow(CROSS_TENANT)
  expect(site.lake().catalog.annexFiles()).toEqual([])
})

describe('bounds', () => {
  test('values of an event, over several acts', async () => {
    const [a = ''] = await events(1)
    const many = (from: number, to: number) => Object.fromEntries(Array.from({ length: to - from }, (_, i) => [`n${from + i}`, 1])) // biome-ignore format: one line
    await set(a, many(0, ANNEX_EVENT_VALUES_MAX - 1))
    await expect(set(a, many(60, 66))).rejects.toMatchObject({ kind: 'too-many' })
    await set(a, { n0: null, last: 1, other: 1 })
    expect(await ask('SELECT count(*) FROM annex')).toEqual([[String(ANNEX_EVENT_VALUES_MAX)]])
    expect(site.lake().counts.annexRefused).toBe(1)
  })

  test('values of a tenant', async () => {
    const each = 50
    const ids = await events(ANNEX_TENANT_VALUES_MAX / each + 1)
    const lines = ids.slice(1).flatMap((event_id) => Array.from({ length: each }, (_, i) => ({ event_id, name: `n${i}`, value: i }))) // biome-ignore format: one line
    expect(await importAnnex(site.lake(), ndjson(lines))).toEqual({ rows: ANNEX_TENANT_VALUES_MAX })
    const one = (name: string) => set(ids[0] as string, { [name]: 1 })
    await expect(one('more')).rejects.toThrow(/would hold 200001 values/)
    await set(ids[1] as string, { n0: null })
    await one('more')
    const tooMany = ndjson([...lines, { event_id: ids[0], name: 'x', value: 1 }])
    await expect(importAnnex(site.lake(), tooMany)).rejects.toThrow(/More than 200000 values/)
  }, 60_000)
})

test('rows of an import bring their extra fields along, in one step', async () => {
  const event_id = '01990000-0000-7000-8000-000000000001'
  const rows = [
    {
      event_id,
      host: 'plc-1',
      owner: 'ops',
      rack: 7,
      tags: ['a'],
      none: null,
      record: { kept: 1 },
    },
    { host: 'plc-2' },
  ]
  await importFile(site.lake(), ndjson(rows), { annex: true })
  expect(await ask('SELECT event_id, name, value, value_type FROM annex ORDER BY name')).toEqual([
    [event_id, 'owner', 'ops', 'text'],
    [event_id, 'rack', '7', 'number'],
    [event_id, 'tags', '["a"]', 'json'],
  ])
  expect(await ask(`SELECT record FROM events WHERE host = 'plc-1'`)).toEqual([['{"kept":1}']])
  const before = site.lake().catalog.generation
  await expect(
    importFile(site.lake(), ndjson([{ host: 'fine' }, { host: 'x', ['n'.repeat(65)]: 1 }]), { annex: true }), // biome-ignore format: one line
  ).rejects.toThrow(/^Line 2: a name/)
  expect(site.lake().catalog.generation).toBe(before)
})

test('values leave with their events, and not before', async () => {
  const [old = ''] = await events(1)
  await set(old, { x: 'old' })
  now += 6 * DAY_US
  const [young = ''] = await events(1)
  await set(young, { x: 'young' })
  await set(old, { y: 'set late' })
  now += 5 * DAY_US
  expect(await retire(site.lake())).toMatchObject({ files: 1, rows: 1 })
  expect(await ask('SELECT value FROM annex')).toEqual([['young']])
  now += 6 * DAY_US
  await retire(site.lake())
  expect(site.lake().catalog.annexFiles()).toEqual([])
  now += DAY_US
  await sweep(site.lake())
  const { tenant } = site.lake()
  expect(readdirSync(join(site.data, 'tenants', tenant.tenant_uid, 'annex'))).toEqual([])
})

test('a broken annex keeps no row beyond its time', async () => {
  const [old = ''] = await events(1)
  await set(old, { x: 1 })
  now += 6 * DAY_US
  const [young = ''] = await events(1)
  const { catalog } = site.lake()
  const [file] = catalog.annexFiles()
  rmSync(catalog.absolute(file as { path: string }))
  now += 5 * DAY_US
  expect(await retire(site.lake())).toMatchObject({ files: 1 })
  expect(catalog.annexFiles()).toHaveLength(1)
  await expect(set(young, { x: 1 })).rejects.toThrow(/is missing/)
})
