/**
 * The power goes, at a change of the disk or inside a commit; what was not synced is dropped, torn or reordered. Then
 * the lake opens again, each row that was acknowledged is there once, and no segment is blamed for it.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Chance } from '../traffic/chance.ts'
import { reopened, WHOLE, workOn } from './lake-at-work.ts'
import { type OwnKeys, tenant } from './own-keys.ts'
import { FATES, PowerDisk, PowerLost } from './power-disk.ts'
import { makeSite, type Place, type Site, START_US } from './site.ts'
import { type CatalogBytes, catalogBytes, tearLog, tearPages } from './torn-commit.ts'

const SEEDS = 48
const LIVES = 2
const TURNS = 60
const CHANGES_MAX = 250
const COMMITS_MAX = 12
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
    expect(await reopened(place, told), `seed ${seed}`).toEqual(WHOLE)
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
    await workOn(site, { told, chance, turns: TURNS, gone: disk.gone })
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
