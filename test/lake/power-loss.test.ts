/**
 * The power goes, at a change of the disk or inside a commit; what was not synced is dropped, torn or reordered. Then
 * the lake opens again, each row that was acknowledged is there once, and no segment is blamed for it.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compact } from '../../agent/lake/compact.ts'
import type { JournalWriter } from '../../agent/lake/journal.ts'
import { retire, sweep } from '../../agent/lake/retention.ts'
import { settle } from '../../agent/lake/settle.ts'
import { stampEvent } from '../../agent/lake/stamp.ts'
import { Chance } from '../traffic/chance.ts'
import { type OwnKeys, tenant } from './own-keys.ts'
import { FATES, PowerDisk, PowerLost } from './power-disk.ts'
import { makeSite, type Place, readLake, type Site, START_US } from './site.ts'
import { type CatalogBytes, catalogBytes, tearLog, tearPages } from './torn-commit.ts'

const SEEDS = 48
const LIVES = 2
const TURNS = 60
const CHANGES_MAX = 250
const COMMITS_MAX = 12
const DAY_US = 86_400_000_000
const GRACE_US = 130e6
const base = Number(process.env.PICKET_SEED ?? 20_261)

interface Told {
  /** event_id of rows whose append resolved. */
  acknowledged: Set<string>
  appended: Set<string>
  nowUs: number
}

test(`the power goes in ${SEEDS} lakes, ${LIVES} times in each, seeds from ${base}`, async () => {
  const ends = new Map<string, number>()
  let rows = 0
  for (let seed = base; seed < base + SEEDS; seed++) {
    const chance = new Chance(seed)
    const told: Told = { acknowledged: new Set(), appended: new Set(), nowUs: START_US }
    let place: Place = { data: folder(), tenants: [tenant('alfa')], seed: Buffer.alloc(32, seed) }
    for (let life = 0; life < LIVES; life++) {
      const end = await live(place, told, chance)
      if (process.env.PICKET_TELL)
        say(`seed ${seed}, life ${life}: ${end.how}, ${told.acknowledged.size} rows`)
      ends.set(end.how, (ends.get(end.how) ?? 0) + 1)
      rmSync(place.data, { recursive: true })
      place = { ...place, data: end.data }
    }
    await everythingIsThere(place, told, `seed ${seed}`)
    rows += told.acknowledged.size
  }
  for (const [how, times] of [...ends].sort()) say(`${times} × ${how}`)
  say(`${rows} rows acknowledged, each there once`)
  expect(ends.size).toBeGreaterThan(8) // every fate, in changes and in commits
})

const say = (line: string) => process.stderr.write(`power-loss: ${line}\n`)
const folder = () => mkdtempSync(join(tmpdir(), 'power-loss-'))

/** Runs a lake until its power goes; the folder that is found after it. */
async function live(
  place: Place,
  told: Told,
  chance: Chance,
): Promise<{ data: string; how: string }> {
  const inCommit = chance.next() < 0.35
  const disk = new PowerDisk(place.data, inCommit ? Infinity : chance.int(1, CHANGES_MAX))
  const catalog = join(place.data, 'tenants', place.tenants[0]?.tenant_uid ?? '', 'catalog.db')
  let commits = inCommit ? chance.int(1, COMMITS_MAX) : Infinity
  let before: CatalogBytes | undefined
  let torn: [CatalogBytes, CatalogBytes] | undefined
  const around = (keys: OwnKeys): OwnKeys => ({
    ...keys,
    sign: async (body) => {
      if (--commits === 0) before = catalogBytes(catalog)
      return keys.sign(body)
    },
    anchorCatalog: async (of) => {
      if (before && !torn) {
        torn = [before, catalogBytes(catalog)]
        disk.lose()
      }
      if (disk.lost) throw new PowerLost('the power went inside a commit')
      await keys.anchorCatalog(of)
    },
  })
  const nowUs = () => told.nowUs
  let site: Site | undefined
  try {
    site = await makeSite({ place, disk, around, nowUs, compactFiles: 3 })
    await work(site, { told, chance, disk })
    disk.lose()
  } catch (error) {
    if (!disk.lost) throw error
  }
  const open = existsSync(catalog) ? catalogBytes(catalog) : undefined
  site?.close()
  const fate = chance.pick(FATES)
  const data = folder()
  disk.left(data, fate, chance)
  const path = catalog.replace(place.data, data)
  if (torn) {
    tearLog(path, torn, chance)
    return { data, how: 'inside a commit' }
  }
  if (open && existsSync(path) && chance.next() < 0.3) {
    tearPages(path, [open, catalogBytes(catalog)], chance)
    return { data, how: `at a change, ${fate}, pages of the catalog torn` }
  }
  return { data, how: `at a change, ${fate}` }
}

/** What an agent and picket-lake do, mixed by chance. */
async function work(
  site: Site,
  { told, chance, disk }: { told: Told; chance: Chance; disk: PowerDisk },
): Promise<void> {
  const lake = site.lake()
  const journal = await site.journal()
  const turns: [number, () => Promise<unknown>][] = [
    [0.6, () => append(journal, site, { told, chance })],
    [0.7, () => journal.rotate()],
    [0.82, () => settle(lake)],
    [0.92, () => compact(lake)],
    [0.97, () => later(site, told, GRACE_US)],
    [1, () => later(site, told, 4 * DAY_US)],
  ]
  try {
    for (let i = 0; i < TURNS; i++) {
      told.nowUs += 1e6
      const roll = chance.next()
      const turn = turns.find(([until]) => roll < until)?.[1]()
      await Promise.race([turn, disk.gone])
    }
  } finally {
    await journal.close()
  }
}

/** Files of the grace are over; or the catalog forgets what was settled days ago. */
async function later({ lake }: Site, told: Told, us: number): Promise<void> {
  told.nowUs += us
  if (us > DAY_US) await retire(lake())
  else await sweep(lake())
}

/** Some appends that share a sync; from a line to several sectors. */
async function append(
  journal: JournalWriter,
  { lake }: Site,
  { told, chance }: { told: Told; chance: Chance },
): Promise<void> {
  const appends = Array.from({ length: chance.int(1, 3) }, async () => {
    const message = 'x'.repeat(chance.int(0, 2000))
    const rows = Array.from({ length: chance.int(1, 4) }, () =>
      stampEvent({ kind: 'flow', event_time: told.nowUs, message }, lake().tenant, told.nowUs),
    )
    for (const { event_id } of rows) told.appended.add(event_id)
    await journal.append(rows)
    for (const { event_id } of rows) told.acknowledged.add(event_id)
  })
  const failed = (await Promise.allSettled(appends)).find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
}

async function everythingIsThere(place: Place, told: Told, seed: string): Promise<void> {
  const site = await makeSite({ place, nowUs: () => told.nowUs, compactFiles: 3 })
  try {
    expect((await settle(site.lake())).faults, seed).toEqual([])
    while (await compact(site.lake()));
    const { catalog, journal } = site.lake()
    const found = catalog.files().length > 0 ? await readLake(site, 'SELECT event_id FROM events') : [] // biome-ignore format: one line
    const ids = found.map(([id]) => String(id))
    expect(new Set(ids).size, `${seed}: rows twice`).toBe(ids.length)
    const there = new Set(ids)
    expect(
      [...told.acknowledged].filter((id) => !there.has(id)),
      `${seed}: rows lost`,
    ).toEqual([])
    expect(
      ids.filter((id) => !told.appended.has(id)),
      `${seed}: rows of nobody`,
    ).toEqual([])
    expect(catalog.strays(), seed).toEqual([])
    expect(
      readdirSync(journal).filter((name) => !name.startsWith('opened-after')),
      seed,
    ).toEqual([])
  } finally {
    site.remove()
  }
}
