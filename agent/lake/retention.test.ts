/** Rows leave whole files at a time, by when we had them; the disk follows the catalog, later. */
import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeSite, readLake, type Site, START_US } from '../../test/lake/site.ts'
import { compact } from './compact.ts'
import { retire, sweep } from './retention.ts'
import { settle } from './settle.ts'
import { stampEvent } from './stamp.ts'

const DAY_US = 86_400_000_000
const GRACE_US = 200_000_000

let now = START_US
let site: Site
beforeEach(async () => {
  now = START_US
  site = await makeSite({ compactFiles: 2, retentionDays: 10, nowUs: () => now })
})
afterEach(() => site.remove())

async function day(host: string): Promise<void> {
  await site.write([{ host }])
  await settle(site.lake())
}
const paths = () => {
  const { catalog } = site.lake()
  const oldestFirst = catalog.files().toSorted((a, b) => a.ingest_from_us - b.ingest_from_us)
  return oldestFirst.map((file) => catalog.absolute(file))
}
const hosts = async () =>
  (await readLake(site, 'SELECT host FROM events ORDER BY host')).map(([host]) => host)

test('a file with one young row stays whole', async () => {
  await day('old')
  now += 9 * DAY_US
  await day('young')
  expect(await compact(site.lake())).toMatchObject({ rows: 2 })
  now += 2 * DAY_US
  expect(await retire(site.lake())).toBeUndefined()
  expect(await hosts()).toEqual(['old', 'young'])
  now += 9 * DAY_US
  expect(await retire(site.lake())).toMatchObject({ files: 1, rows: 2 })
  expect(site.lake().catalog.files()).toEqual([])
})

test('what left stays on disk for the grace, across a restart, and is then removed', async () => {
  await day('old')
  now += 11 * DAY_US
  await day('young')
  const [old = '', young = ''] = paths()
  await retire(site.lake())
  await site.reopen() // not a stray: the catalog knows that it leaves
  expect([existsSync(old), await sweep(site.lake())]).toEqual([true, 0])
  now += GRACE_US
  rmSync(old) // a sweep that was killed after its removal
  expect(await sweep(site.lake())).toBe(1)
  expect(await sweep(site.lake())).toBe(0)
  expect(existsSync(young)).toBe(true)
  expect(await hosts()).toEqual(['young'])
})

test('a clock that went back retires nothing', async () => {
  await day('one')
  now -= 400 * DAY_US
  await day('two')
  expect(await retire(site.lake())).toBeUndefined()
  expect(await hosts()).toEqual(['one', 'two'])
})

test('a segment from before all that is remembered is a copy: kept aside, not taken again', async () => {
  await site.write([{ host: 'once' }])
  const { journal } = site.lake()
  const [name = ''] = readdirSync(journal).filter((each) => each.endsWith('.closed'))
  copyFileSync(join(journal, name), join(site.data, 'copy'))
  await settle(site.lake())
  now += 4 * DAY_US
  await retire(site.lake())
  copyFileSync(join(site.data, 'copy'), join(journal, name))
  const { rows, faults } = await settle(site.lake())
  expect([rows, faults]).toEqual([0, [expect.stringContaining('it is a copy')]])
  expect(readdirSync(join(journal, 'aside'))).toEqual([name])
  expect(await hosts()).toEqual(['once'])
})

test('a clock that starts in the past makes no segment a copy', async () => {
  await day('before')
  now += 4 * DAY_US
  await retire(site.lake())
  now = Date.UTC(2020, 0, 1) * 1000
  await site.write([{ host: 'after', event_time: now }])
  expect(await settle(site.lake())).toEqual({ rows: 1, segments: 1, faults: [] })
  expect(await hosts()).toEqual(['after', 'before'])
})

test('a segment that was open while the clock was put days ahead is no copy', async () => {
  await day('before')
  const journal = await site.journal()
  const row = { kind: 'flow', event_time: now, host: 'open' } as const
  await journal.append([stampEvent(row, site.lake().tenant, now)])
  now += 4 * DAY_US
  await retire(site.lake())
  await journal.close()
  expect(await settle(site.lake())).toEqual({ rows: 1, segments: 1, faults: [] })
  expect(await hosts()).toEqual(['before', 'open'])
})
