/** What the lake does and says when its disk is full, read-only or slow, and when a file is changed or missing. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Disk, realDisk } from '../../agent/base/disk.ts'
import { silentLog } from '../../agent/base/log.ts'
import { recordingClause } from '../../agent/health/recording.ts'
import { recordingOf } from '../../agent/journal.ts'
import { openEngine } from '../../agent/lake/engine.ts'
import type { JournalWriter } from '../../agent/lake/journal.ts'
import { Lake } from '../../agent/lake/lake.ts'
import { openScratch } from '../../agent/lake/scratch.ts'
import { settle } from '../../agent/lake/settle.ts'
import { stampEvent } from '../../agent/lake/stamp.ts'
import { tenant } from './own-keys.ts'
import { makeSite, readLake, type Site } from './site.ts'
import { SmallDisk } from './small-disk.ts'

const MIB = 24
const probe = SmallDisk.mount(1)
probe?.unmount()
if (!probe) process.stderr.write('SKIPPED: no tmpfs can be mounted here: full and read-only disks are not tried.\n') // biome-ignore format: one line

let disk: SmallDisk
let site: Site
async function small(): Promise<void> {
  disk = SmallDisk.mount(MIB) as SmallDisk
  const place = { data: disk.path, tenants: [tenant('alfa')], seed: Buffer.alloc(32, 7) }
  site = await makeSite({ place })
  onTestFinished(() => {
    site.close()
    disk.unmount()
  })
}

/** Rows of a host; their ids once they are acknowledged. */
async function write(journal: JournalWriter, host: string, count = 10): Promise<string[]> {
  const rows = Array.from(
    { length: count },
    () =>
    stampEvent({ kind: 'flow', event_time: 1, host, message: 'x'.repeat(2000) }, site.lake().tenant, 1), // biome-ignore format: one line
  )
  await journal.append(rows)
  return rows.map(({ event_id }) => event_id)
}
const says = (journal: JournalWriter) => recordingClause(recordingOf(journal.status()))
const ids = async () =>
  (await readLake(site, 'SELECT event_id FROM events ORDER BY event_id')).map(([id]) => String(id))

/** More than this disk has: what is tried here is the disk itself. */
const ROOM = { ringBytes: 0, journalBytes: 1 << 30, lakeBytes: 1 << 30 }

/** All of a box's lakes, over the site's folder and keys. */
async function wholeLake(at: Site): Promise<Lake> {
  for (const { tenant_id } of at.tenants) at.lake(tenant_id).catalog.close()
  const engine = await openEngine({ memoryMiB: 256 })
  const scratch = openScratch(at.data)
  const { data, keys } = at
  const lake = new Lake({ data, keys, log: silentLog, engine, scratch, compactFiles: 3, retentionDays: 180, budgets: ROOM }) // biome-ignore format: one line
  onTestFinished(async () => {
    await lake.close()
    engine.closeSync()
  })
  await lake.refresh()
  return lake
}

test.skipIf(!probe)(
  'full: rows are refused and counted, never half kept; with room again all goes on',
  async () => {
    await small()
    const journal = await site.journal()
    const kept = await write(journal, 'before')
    disk.fill()
    await expect(write(journal, 'full', 100)).rejects.toThrow('The journal could not be written: the rows are not acknowledged.') // biome-ignore format: one line
    expect(says(journal)).toBe('not recording: the disk is full, 100 rows lost so far')
    const waiting = write(journal, 'waits') // for a segment, which has no room either
    await expect.poll(() => journal.status().queuedBytes).toBeGreaterThan(0)
    expect(says(journal)).toContain('not recording: the disk is full')
    disk.empty()
    kept.push(...(await waiting), ...(await write(journal, 'after')))
    expect(says(journal)).toBeUndefined()
    await journal.close()
    expect((await settle(site.lake())).faults).toEqual([])
    const there = await ids()
    expect(new Set(there).size).toBe(there.length)
    expect(kept.filter((id) => !there.includes(id))).toEqual([])
  },
)

test.skipIf(!probe)(
  'full: the lake says so, keeps what it has and takes what waits when there is room',
  async () => {
    await small()
    const journal = await site.journal()
    const kept = await write(journal, 'before')
    await journal.close()
    const lake = await wholeLake(site)
    disk.fill()
    expect(await lake.work()).toEqual({ rows: 0 })
    expect(lake.status().tenants[0]).toMatchObject({
      fault: expect.stringMatching(/^The lake of alfa takes no rows for now: the disk is full\. What was recorded waits/), // biome-ignore format: one line
      waiting: 1,
    })
    disk.empty()
    expect(await lake.work()).toEqual({ rows: kept.length })
    expect(lake.status().tenants[0]).not.toHaveProperty('fault')
    await lake.close()
    await site.reopen()
    expect(await ids()).toEqual(kept.sort())
  },
)

test.skipIf(!probe)(
  'full at the start: the lake is not called changed, and opens by itself when there is room',
  async () => {
    await small()
    const journal = await site.journal()
    const kept = await write(journal, 'before')
    await journal.close()
    site.lake().catalog.close()
    disk.fill()
    const lake = await wholeLake(site)
    expect(await lake.work()).toEqual({ rows: 0 })
    expect(lake.status().tenants[0]?.fault).toContain('the disk is full')
    disk.empty()
    expect(await lake.work()).toEqual({ rows: kept.length })
    expect(lake.status().tenants[0]).not.toHaveProperty('fault')
  },
)

test.skipIf(!probe)(
  'read-only: rows wait, the lake is called neither changed nor lost, and opens again by itself',
  async () => {
    await small()
    const journal = await site.journal()
    const kept = await write(journal, 'before')
    await journal.rotate()
    site.lake().catalog.close()
    expect(disk.remount('ro')).toBe(true)
    const waiting = write(journal, 'waits')
    await expect.poll(() => says(journal)).toBe('not recording: the disk can only be read, rows wait in memory') // biome-ignore format: one line
    const lake = await wholeLake(site)
    expect(await lake.work()).toEqual({ rows: 0 })
    expect(lake.status().tenants[0]?.fault).toMatch(/^The lake of alfa takes no rows for now: the disk can only be read/) // biome-ignore format: one line
    expect(disk.remount('rw')).toBe(true)
    kept.push(...(await waiting))
    await journal.close()
    expect(await lake.work()).toEqual({ rows: kept.length })
    expect(lake.status().tenants[0]).not.toHaveProperty('fault')
    await lake.close()
    await site.reopen()
    expect(await ids()).toEqual(kept.sort())
  },
)

test('slow: nothing is acknowledged before it is on disk, the queue is bounded, and the site says so', async () => {
  const slowMs = 2100
  let isSlow = false
  const slow: Disk = {
    ...realDisk,
    create: async (path, exclusive) => {
      const file = await realDisk.create(path, exclusive)
      const sync = async () => {
        if (isSlow) await new Promise((done) => setTimeout(done, slowMs))
        isSlow = false // one is enough to fill the queue behind it
        await file.sync()
      }
      return { fd: file.fd, write: file.write, close: file.close, sync }
    },
  }
  const data = mkdtempSync(join(tmpdir(), 'slow-disk-'))
  site = await makeSite({ place: { data, tenants: [tenant('alfa')], seed: Buffer.alloc(32, 7) }, disk: slow }) // biome-ignore format: one line
  onTestFinished(() => site.remove())
  const journal = await site.journal()
  await write(journal, 'quick')
  isSlow = true
  const from = performance.now()
  const first = write(journal, 'slow')
  const burst = Array.from({ length: 400 }, () => write(journal, 'burst', 100)) // 80 MB
  const ends = await Promise.allSettled([first, ...burst])
  expect(performance.now() - from).toBeGreaterThan(slowMs)
  const refused = ends.filter(({ status }) => status === 'rejected').length
  expect(refused).toBeGreaterThan(100)
  expect(journal.status()).toMatchObject({ rowsDropped: refused * 100, rowsFailed: 0 })
  expect(says(journal)).toMatch(/^recording late: the disk took \d+ s to keep a row$/)
  await journal.close()
  await settle(site.lake())
  expect(await ids()).toHaveLength(10 + 10 + (400 - refused) * 100)
})

test.each(['changed', 'missing'] as const)(
  '%s file: compaction leaves it and names it; other tenants go on',
  async (how) => {
    site = await makeSite({ tenants: ['alfa', 'zulu'] })
    onTestFinished(() => site.remove())
    for (const of of ['alfa', 'zulu'])
      for (let i = 0; i < 3; i++) {
        await site.write([{ host: `${of}-${i}` }], of)
        await settle(site.lake(of))
      }
    const { catalog } = site.lake('alfa')
    const path = catalog.absolute(catalog.files()[1] as { path: string })
    if (how === 'missing') rmSync(path)
    else writeFileSync(path, 'not what was signed')
    const lake = await wholeLake(site)
    await lake.work()
    const [alfa, zulu] = lake.status().tenants
    expect(alfa?.fault).toContain(path)
    expect(alfa?.fault).toContain(how === 'missing' ? 'is missing' : 'was changed')
    expect(alfa).toMatchObject({ rows: 3, tier1Files: 3 })
    expect(zulu).toMatchObject({ rows: 3, tier1Files: 0, tier2Files: 1 })
    expect(zulu).not.toHaveProperty('fault')
  },
)

test('a clock a year ahead of the time that was known: the status says that it deletes nothing', async () => {
  site = await makeSite()
  onTestFinished(() => site.remove())
  const knownUs = (Date.now() - 365 * 86_400_000) * 1000
  mkdirSync(join(site.data, 'lake'), { recursive: true })
  writeFileSync(join(site.data, 'lake', 'known-time.json'), JSON.stringify({ knownUs }))
  const lake = await wholeLake(site)
  await lake.work()
  expect(lake.status().clock).toMatch(
    /^The clock says .* No row is deleted for its age by this clock/,
  )
})
