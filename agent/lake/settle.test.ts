import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeSite, readLake, type Site, START_US } from '../../test/lake/site.ts'
import { COLUMNS } from '../base/event.ts'
import { compact } from './compact.ts'
import { retire, sweep } from './retention.ts'
import { settle } from './settle.ts'

let now = START_US
let site: Site
beforeEach(async () => {
  now = START_US
  site = await makeSite({ compactFiles: 3, retentionDays: 10, nowUs: () => now })
})
afterEach(() => site.remove())

const some = (n: number, host = 'plc-1') => Array.from({ length: n }, (_, i) => ({ host, message: `m${i}` })) // biome-ignore format: one line

test('settled rows are read back column by column, types and all', async () => {
  const draft = {
    kind: 'finding' as const,
    event_time: START_US + 123_456,
    host: 'plc-1',
    rule_id: 'sid:1',
    severity: 'high' as const,
    attack_ids: ['T0855', 'T1021'],
    src_ip: '10.0.0.1',
    dest_ip: '2001:db8::1',
    src_port: 65_535,
    dest_port: 502,
    flow_id: '18446744073709551615',
    bytes: 2 ** 53 - 1,
    packets: 3,
    message: 'it\'s \u0000 \ud83d\ude00 "quoted"\nand long',
    record: { alert: { signature_id: 1 }, list: [1, 'two', null] },
  }
  const [row] = await site.write([draft])
  expect(await settle(site.lake())).toEqual({ rows: 1, segments: 1, faults: [] })
  const described = await readLake(site, 'SELECT column_name, column_type FROM (DESCRIBE events)')
  expect(described).toEqual(COLUMNS.map(([name, type]) => [name, type]))
  const [read = []] = await readLake(site, 'SELECT * FROM events')
  const byName = Object.fromEntries(COLUMNS.map(([name], i) => [name, read[i]]))
  expect(byName).toMatchObject({
    tenant_id: 'alfa',
    fleet_id: 'alfa',
    event_time: '2026-11-01 00:00:00.123456',
    event_id: row?.event_id,
    attack_ids: draft.attack_ids,
    src_port: 65_535,
    flow_id: draft.flow_id,
    bytes: '9007199254740991',
    message: draft.message,
    user: null,
  })
  expect(JSON.parse(byName.record as string)).toEqual(draft.record)
})

test('no file on the data partition holds a readable row', async () => {
  await site.write(some(50, 'very-secret-host'))
  await settle(site.lake())
  const files = readdirSync(site.data, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)))
  expect(files.length).toBeGreaterThan(1)
  expect(files.some((bytes) => bytes.includes('very-secret-host'))).toBe(false)
})

test('a segment settled already is only removed; a copy under another name is kept aside', async () => {
  await site.write(some(5))
  const { journal } = site.lake()
  const name = readdirSync(journal).find((each) => each.endsWith('.closed')) as string
  copyFileSync(join(journal, name), join(site.data, 'copy'))
  await settle(site.lake())
  copyFileSync(join(site.data, 'copy'), join(journal, name))
  expect((await settle(site.lake())).rows).toBe(0)
  renameSync(join(site.data, 'copy'), join(journal, `${'ab'.repeat(16)}.closed`))
  const again = await settle(site.lake())
  expect(again).toMatchObject({ rows: 0, faults: [expect.stringContaining('renamed')] })
  expect(readdirSync(join(journal, 'aside'))).toHaveLength(1)
  expect(await readLake(site, 'SELECT count(*) FROM events')).toEqual([['5']])
})

test('what stood before a broken frame is settled, the file is kept aside', async () => {
  await site.write(some(5))
  const { journal } = site.lake()
  const path = join(
    journal,
    readdirSync(journal).find((each) => each.endsWith('.closed')) as string,
  )
  const bytes = readFileSync(path)
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
  writeFileSync(path, bytes)
  const { rows, faults } = await settle(site.lake())
  expect(rows).toBe(5)
  expect(faults).toEqual([expect.stringMatching(/\.closed: frame 1 /)])
})

test('compaction merges levels, loses nothing, and removes the old only after the grace', async () => {
  for (let i = 0; i < 9; i++) {
    await site.write(some(4, `host-${i}`))
    await settle(site.lake())
    if (i === 4) site.keys.rotate()
  }
  const { catalog } = site.lake()
  let merges = 0
  while (await compact(site.lake())) merges++
  expect(merges).toBe(4) // nine → three → one
  expect(catalog.files()).toMatchObject([{ level: 2, rows: 36, epoch: 2 }])
  expect(await readLake(site, 'SELECT count(*), count(DISTINCT event_id) FROM events')).toEqual([['36', '36']]) // biome-ignore format: one line
  expect(await sweep(site.lake())).toBe(0)
  now += 200_000_000
  expect(await sweep(site.lake())).toBe(12)
  expect(readdirSync(join(site.data, 'tenants', site.lake().tenant.tenant_uid, 'tier1'))).toEqual(
    [],
  )
  await site.reopen()
  expect(await readLake(site, 'SELECT count(*) FROM events')).toEqual([['36']])
})

test('compaction leaves a file that was changed, names it, and goes on with the others', async () => {
  for (let i = 0; i < 3; i++) {
    await site.write(some(4))
    await settle(site.lake())
  }
  const { catalog } = site.lake()
  const [first] = catalog.files()
  const path = catalog.absolute(first as { path: string })
  const bytes = readFileSync(path)
  bytes[100] = (bytes[100] as number) ^ 1
  writeFileSync(path, bytes)
  expect(await compact(site.lake())).toBeUndefined()
  expect([...site.lake().spoiled.values()]).toEqual([expect.stringContaining(path)])
  expect(catalog.files()).toHaveLength(3)
  await site.write(some(4))
  await settle(site.lake())
  expect(await compact(site.lake())).toMatchObject({ rows: 12 }) // the sound ones go on
  expect(catalog.files()).toHaveLength(2)
})

test('rows leave by the time they came in, files go after the grace', async () => {
  await site.write([{ host: 'old', event_time: START_US + 86_400_000_000 * 9000 }])
  await settle(site.lake())
  now += 5 * 86_400_000_000
  await site.write(some(2))
  await settle(site.lake())
  now += 6 * 86_400_000_000
  expect(await retire(site.lake())).toMatchObject({ files: 1, rows: 1 })
  now += 200_000_000
  expect(await sweep(site.lake())).toBe(1)
  await site.reopen()
  expect(await readLake(site, 'SELECT host FROM events')).toEqual([['plc-1'], ['plc-1']])
})

test('the catalog prunes by time, host, address and rule, and never loses a match', async () => {
  for (const i of [0, 1, 2]) {
    const at = START_US + i * 3_600_000_000
    await site.write([
      { event_time: at, host: `h${i}`, src_ip: `10.0.0.${i}`, rule_id: `sid:${i}` },
    ])
    await settle(site.lake())
  }
  const { catalog } = site.lake()
  expect(catalog.files({ host: 'h1' })).toHaveLength(1)
  expect(catalog.files({ ip: '10.0.0.2' })).toHaveLength(1)
  expect(catalog.files({ rule_id: 'sid:0' })).toHaveLength(1)
  expect(catalog.files({ from_us: START_US + 3_600_000_000 })).toHaveLength(2)
  expect(catalog.files({ to_us: START_US })).toHaveLength(1)
})

test('an empty lake opens again, and a stray of a killed writer is removed', async () => {
  await site.write(some(1))
  await settle(site.lake())
  const { catalog } = site.lake()
  const stray = catalog.absolute({ path: catalog.newPath(0, 'cd'.repeat(16)) })
  writeFileSync(stray, 'half a file')
  writeFileSync(`${stray}.part`, 'half a file')
  await site.reopen()
  const { tenant } = site.lake()
  expect(readdirSync(join(site.data, 'tenants', tenant.tenant_uid, 'tier1'))).toHaveLength(1)
  rmSync(stray, { force: true })
})

test('a pipe or a link in the place of a segment is put aside or left, and what waits beside it is settled', async () => {
  const lake = site.lake()
  const path = (first: string, ending: string) =>
    join(lake.journal, `${first.repeat(32)}.${ending}`)
  const [written] = await site.write([{ host: 'true' }])
  execFileSync('mkfifo', [path('a', 'closed'), path('b', 'seg'), path('c', 'new')])
  symlinkSync('/etc/hostname', path('d', 'closed'))
  const { rows, faults } = await settle(lake)
  expect([written?.host, rows]).toEqual(['true', 1])
  expect(faults.sort()).toEqual(
    ['a', 'd'].map((each) => `${each.repeat(32)}.closed is no plain file.`),
  )
  expect(readdirSync(join(lake.journal, 'aside'))).toHaveLength(2)
  expect((await settle(lake)).faults).toEqual([])
})
