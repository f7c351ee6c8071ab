/** Days by kind: what leaves, what stays, what a change would delete before it does; and a lake at its quota. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeSite, readLake, type Site, START_US } from '../../test/lake/site.ts'
import { compact } from './compact.ts'
import { retire, retireOver, wouldRetire } from './retention.ts'
import { readRules, writeRule } from './retention-rules.ts'
import { settle } from './settle.ts'

const DAY_US = 86_400_000_000

let now = START_US
let site: Site
beforeEach(async () => {
  now = START_US
  site = await makeSite({ compactFiles: 2, retentionDays: 100, nowUs: () => now })
})
afterEach(() => site.remove())

const bulk = 'x'.repeat(5000)

/** One finding and three flows with much to say. */
async function day(host: string): Promise<void> {
  const flow = { host, kind: 'flow', record: { bulk } } as const
  await site.write([{ host, kind: 'finding' }, flow, flow, flow])
  await settle(site.lake())
}
const count = async () =>
  Object.fromEntries(
    await readLake(site, 'SELECT kind, count(*)::INTEGER FROM events GROUP BY kind ORDER BY kind'),
  )

test('a kind with fewer days leaves alone, in one step of the catalog, and the rest stays', async () => {
  await day('old')
  await day('old too')
  expect(await compact(site.lake())).toMatchObject({ rows: 8, level: 1 })
  now += 40 * DAY_US
  await day('young')
  await writeRule(site.lake(), 'flow', 30)
  const before = site.lake().catalog.generation
  expect(await retire(site.lake())).toMatchObject({ files: 0, rewritten: 1, rows: 6 })
  expect(site.lake().catalog.generation).toBe(before + 2) // and one that forgets settled segments
  expect(await count()).toEqual({ finding: 3, flow: 3 })
  expect(await retire(site.lake())).toBeUndefined() // nothing is written anew twice
  await site.reopen()
  expect(readRules(site.lake())).toEqual({ all: 100, flow: 30 })
  now += 61 * DAY_US
  expect(await retire(site.lake())).toMatchObject({ files: 1, rewritten: 1, rows: 2 + 3 })
  expect(await count()).toEqual({ finding: 1 })
})

test('a file in which nothing is wanted any more goes whole', async () => {
  await site.write([{ kind: 'flow' }, { kind: 'dns' }])
  await settle(site.lake())
  await writeRule(site.lake(), 'flow', 5)
  await writeRule(site.lake(), 'dns', 10)
  now += 11 * DAY_US
  expect(await retire(site.lake())).toMatchObject({ files: 1, rewritten: 0, rows: 2 })
  expect(site.lake().catalog.files()).toEqual([])
})

test('before a change: how many days, rows and bytes it would delete; asking deletes nothing', async () => {
  await day('one')
  now += 20 * DAY_US
  await day('two')
  now += 20 * DAY_US
  const { bytes: all } = { bytes: site.lake().catalog.files().reduce((sum, { bytes }) => sum + bytes, 0) } // biome-ignore format: one line
  const would = await wouldRetire(site.lake(), { ...readRules(site.lake()), flow: 10 })
  expect(would).toMatchObject({ files: 0, rewritten: 2, rows: 6 })
  expect((would?.to_us ?? 0) - (would?.from_us ?? 0)).toBeGreaterThanOrEqual(20 * DAY_US)
  expect(would?.bytes).toBeGreaterThan(all * 0.5) // the flows are most of it
  expect(would?.bytes).toBeLessThan(all)
  expect(await wouldRetire(site.lake(), { ...readRules(site.lake()), flow: 50 })).toBeUndefined()
  expect(await count()).toEqual({ finding: 2, flow: 6 })
  expect(readRules(site.lake())).toEqual({ all: 100 })
})

test('a longer rule of one kind keeps it beyond the others', async () => {
  await day('old')
  await writeRule(site.lake(), 'finding', 400)
  now += 101 * DAY_US
  expect(await retire(site.lake())).toMatchObject({ files: 0, rewritten: 1, rows: 3 })
  expect(await count()).toEqual({ finding: 1 })
  await writeRule(site.lake(), 'finding', undefined)
  expect(await retire(site.lake())).toMatchObject({ files: 1, rows: 1 })
})

test('at its quota the oldest files go, and no more of them than must', async () => {
  for (let i = 0; i < 4; i++) {
    await day(`day ${i}`)
    now += DAY_US
  }
  const files = site
    .lake()
    .catalog.files()
    .sort((a, b) => a.ingest_to_us - b.ingest_to_us)
  const [first, second, ...rest] = files
  const keep = rest.reduce((sum, { bytes }) => sum + bytes, 0)
  expect(await retireOver(site.lake(), keep + 10)).toMatchObject({ files: 2, rows: 8, bytes: (first?.bytes ?? 0) + (second?.bytes ?? 0) }) // biome-ignore format: one line
  expect(await retireOver(site.lake(), keep + 10)).toBeUndefined()
  const hosts = await readLake(site, 'SELECT DISTINCT host FROM events ORDER BY host')
  expect(hosts.flat()).toEqual(['day 2', 'day 3'])
})

test('days that are put back to what they were show as a catalog that was changed; lines of a file must make it up', async () => {
  await day('one')
  const { catalog } = site.lake()
  await writeRule(site.lake(), 'finding', 1)
  const [early] = catalog.db.prepare('SELECT envelope FROM head').pluck().all()
  await writeRule(site.lake(), 'finding', undefined)
  await wouldRetire(site.lake(), { all: 100, flow: 0 })
  now += 20 * DAY_US
  await wouldRetire(site.lake(), { all: 100, flow: 10 }) // counted now
  catalog.db.prepare("DELETE FROM file_kind WHERE kind = 'finding'").run()
  expect(await wouldRetire(site.lake(), { all: 100, flow: 10 })).toMatchObject({ files: 0, rewritten: 1, rows: 3 }) // biome-ignore format: one line
  catalog.db.prepare('UPDATE head SET envelope = ?').run(early)
  await expect(site.reopen()).rejects.toThrow(/replaced or rolled back/)
})
