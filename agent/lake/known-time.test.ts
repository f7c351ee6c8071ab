/** Nothing is deleted because a clock jumped: ahead, back, across restarts, in small steps. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeSite, readLake, type Site, START_US } from '../../test/lake/site.ts'
import { compact } from './compact.ts'
import { clockSentence } from './known-time.ts'
import { retire } from './retention.ts'
import { settle } from './settle.ts'

const DAY_US = 86_400_000_000
const HOUR_US = DAY_US / 24

let offUs = 0
let passedUs = 0
let site: Site
const clocks = {
  nowUs: () => START_US + passedUs + offUs,
  steadyMs: () => passedUs / 1000,
}
beforeEach(async () => {
  offUs = 0
  passedUs = 0
  site = await makeSite({ compactFiles: 2, retentionDays: 10, ...clocks })
})
afterEach(() => site.remove())

const lake = () => site.lake()
async function day(host: string): Promise<void> {
  await site.write([{ host }])
  await settle(lake())
}
/** Running time, looked at each hour as picket-lake does. */
function run(us: number): void {
  for (let left = us; left > 0; left -= HOUR_US) {
    passedUs += Math.min(left, HOUR_US)
    lake().time.earliestUs()
  }
}
/** The box is off: the steady clock of its next run starts anew. */
async function off(us: number): Promise<void> {
  offUs += us
  await restart()
}
async function restart(): Promise<void> {
  const { data, tenants, seed } = site
  site.close()
  site = await makeSite({ place: { data, tenants, seed }, compactFiles: 2, retentionDays: 10, ...clocks }) // biome-ignore format: one line
}
const hosts = async () =>
  (await readLake(site, 'SELECT host FROM events ORDER BY host')).map(([host]) => host)

test('a clock that jumps a year ahead deletes nothing, and says so; put right, all goes on', async () => {
  await day('one')
  run(HOUR_US)
  offUs = 365 * DAY_US
  expect(await retire(lake())).toBeUndefined()
  const doubted = lake().time.doubted()
  expect(doubted && clockSentence(doubted)).toMatch(/^The clock says 2027-11-01, days ahead of 2026-11-01.*7 more days\.$/) // biome-ignore format: one line
  offUs = 0
  expect(lake().time.doubted()).toBeUndefined()
  run(11 * DAY_US)
  await day('two')
  expect(await retire(lake())).toMatchObject({ rows: 1 })
  expect(await hosts()).toEqual(['two'])
})

test('a doubt outlives a restart, and running time goes on through it', async () => {
  await day('one')
  offUs = 400 * DAY_US
  expect(await retire(lake())).toBeUndefined()
  await restart()
  expect(await retire(lake())).toBeUndefined()
  expect(lake().time.doubted()).toMatchObject({ believedAtUs: START_US + 7 * DAY_US })
  await day('stamped ahead') // no evidence for the clock that stamped it
  await restart()
  expect(lake().time.doubted()).toMatchObject({ believedAtUs: START_US + 7 * DAY_US })
  run(6 * DAY_US)
  await restart()
  expect(await retire(lake())).toBeUndefined()
  expect(await hosts()).toEqual(['one', 'stamped ahead'])
})

test('a clock that stays where it was put for seven days of running is believed', async () => {
  await day('one')
  await off(100 * DAY_US) // in a store room
  expect(await retire(lake())).toBeUndefined()
  run(6 * DAY_US)
  expect(await retire(lake())).toBeUndefined()
  await day('two')
  run(1.1 * DAY_US)
  expect(lake().time.doubted()).toBeUndefined()
  expect(await retire(lake())).toMatchObject({ rows: 1 })
  expect(await hosts()).toEqual(['two'])
})

test('rows stamped by a clock a year back do not go the moment it is put right', async () => {
  await day('before')
  offUs = -400 * DAY_US
  await day('stamped long ago')
  expect(await retire(lake())).toBeUndefined()
  offUs = 0
  expect(await retire(lake())).toBeUndefined()
  expect(await compact(lake())).toMatchObject({ rows: 2, ingest_to_us: START_US })
  expect(await retire(lake())).toBeUndefined()
  expect(await hosts()).toEqual(['before', 'stamped long ago'])
})

test('rows stamped by a clock a year ahead stay that much longer, and only they', async () => {
  await day('true')
  offUs = 365 * DAY_US
  await day('ahead')
  offUs = 0
  run(11 * DAY_US)
  expect(await retire(lake())).toMatchObject({ files: 1 })
  expect(await hosts()).toEqual(['ahead'])
})

test('a clock put ahead in steps of less than a day is doubted at the second', async () => {
  await day('one')
  run(HOUR_US)
  for (let i = 1; i <= 30; i++) {
    offUs = i * 23 * HOUR_US
    run(60e6)
    expect(await retire(lake()), `step ${i}`).toBeUndefined()
  }
  expect(lake().time.doubted()).toBeDefined()
})

test('off for the night is not a doubt, and neither is a clock that is set by minutes', async () => {
  for (let i = 0; i < 5; i++) {
    run(10 * HOUR_US)
    await off(14 * HOUR_US)
    offUs += 120e6
    expect(lake().time.doubted()).toBeUndefined()
  }
})

test('without its file, or with half of one, the newest row says what time it was', async () => {
  await day('one')
  for (const content of [undefined, '{"known']) {
    if (content === undefined) rmSync(join(site.data, 'lake', 'known-time.json'))
    else writeFileSync(join(site.data, 'lake', 'known-time.json'), content)
    offUs = 50 * DAY_US
    await restart()
    expect(await retire(lake())).toBeUndefined()
    expect(lake().time.doubted()).toMatchObject({ knownUs: START_US })
  }
})

test.each([-1, 1])(
  'with the clock %i day off the lake opens, takes rows and gives them',
  async (days) => {
    await day('before')
    offUs = days * 1.01 * DAY_US
    await restart()
    await day('after')
    expect(await retire(lake())).toBeUndefined()
    expect(await hosts()).toEqual(['after', 'before'])
  },
)
