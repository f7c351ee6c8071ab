/** What an agent and picket-lake do to one lake, mixed by chance; and what must hold when they were stopped anywhere. */
import { readdirSync } from 'node:fs'
import { compact } from '../../agent/lake/compact.ts'
import type { JournalWriter } from '../../agent/lake/journal.ts'
import { retire, sweep } from '../../agent/lake/retention.ts'
import { settle } from '../../agent/lake/settle.ts'
import { stampEvent } from '../../agent/lake/stamp.ts'
import type { Chance } from '../traffic/chance.ts'
import { makeSite, type Place, readLake, type Site } from './site.ts'

const DAY_US = 86_400_000_000
const GRACE_US = 130e6

interface Ids {
  add(event_id: string): unknown
}

export interface Told {
  appended: Ids
  /** event_id of rows whose append resolved. */
  acknowledged: Ids
  nowUs: number
}

/** Whose turn it is. */
export type Role = 'writer' | 'settler' | 'compactor'

export interface Work {
  told: Told
  chance: Chance
  turns: number
  /** Fails when nothing will ever answer again. */
  gone?: Promise<never>
  before?(role: Role): void
}

interface Turn {
  /** Of a number between the one before and this; the last is 1. */
  until: number
  role: Role
  act(at: AtWork): Promise<unknown>
}
const TURNS: readonly Turn[] = [
  { until: 0.6, role: 'writer', act: append },
  { until: 0.7, role: 'writer', act: ({ journal }) => journal.rotate() },
  { until: 0.82, role: 'settler', act: ({ site }) => settle(site.lake()) },
  { until: 0.92, role: 'compactor', act: ({ site }) => compact(site.lake()) },
  { until: 0.97, role: 'compactor', act: ({ site, told }) => later(site, told, GRACE_US) },
  { until: 1, role: 'compactor', act: ({ site, told }) => later(site, told, 4 * DAY_US) },
]

interface AtWork {
  site: Site
  journal: JournalWriter
  told: Told
  chance: Chance
}

export async function workOn(
  site: Site,
  { told, chance, turns, gone, before }: Work,
): Promise<void> {
  const journal = await site.journal()
  const never = gone ?? new Promise<never>(() => {})
  try {
    for (let i = 0; i < turns; i++) {
      told.nowUs += 1e6
      const roll = chance.next()
      const { role, act } = TURNS.find(({ until }) => roll < until) as (typeof TURNS)[number]
      before?.(role)
      await Promise.race([act({ site, journal, told, chance }), never])
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
async function append({ journal, site, told, chance }: AtWork): Promise<void> {
  const { tenant } = site.lake()
  const appends = Array.from({ length: chance.int(1, 3) }, async () => {
    const message = 'x'.repeat(chance.int(0, 2000))
    const rows = Array.from({ length: chance.int(1, 4) }, () =>
      stampEvent({ kind: 'flow', event_time: told.nowUs, message }, tenant, told.nowUs),
    )
    for (const { event_id } of rows) told.appended.add(event_id)
    await journal.append(rows)
    for (const { event_id } of rows) told.acknowledged.add(event_id)
  })
  const failed = (await Promise.allSettled(appends)).find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
}

export interface Found {
  lost: number
  twice: number
  /** Rows that nobody appended. */
  foreign: number
  /** Segments that were blamed. */
  faults: string[]
  /** Files that no restart may leave behind. */
  leftOver: string[]
}

/** Opens the lake again, lets it finish, compares its rows with what was told; removes it. */
export async function reopened(
  place: Place,
  { appended, acknowledged, nowUs }: { appended: Set<string>; acknowledged: Set<string>; nowUs: number }, // biome-ignore format: one line
): Promise<Found> {
  const site = await makeSite({ place, nowUs: () => nowUs, compactFiles: 3 })
  try {
    const { faults } = await settle(site.lake())
    while (await compact(site.lake()));
    const { catalog, journal } = site.lake()
    const rows =
      catalog.files().length > 0 ? await readLake(site, 'SELECT event_id FROM events') : []
    const ids = rows.map(([id]) => String(id))
    const there = new Set(ids)
    return {
      lost: [...acknowledged].filter((id) => !there.has(id)).length,
      twice: ids.length - there.size,
      foreign: [...there].filter((id) => !appended.has(id)).length,
      faults,
      leftOver: [...catalog.strays(), ...readdirSync(journal).filter((name) => !name.startsWith('opened-after'))], // biome-ignore format: one line
    }
  } finally {
    site.remove()
  }
}

export const WHOLE: Found = { lost: 0, twice: 0, foreign: 0, faults: [], leftOver: [] }
