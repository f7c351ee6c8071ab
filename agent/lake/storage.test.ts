import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { budgetsOf, bytesIn, diskState, horizonOf, isRoomy, lakeBudget, wearOf } from './storage.ts'

const DAY = 86_400_000_000
const NOW = 1_700_000_000_000_000
const root = mkdtempSync(join(tmpdir(), 'picket-storage-'))
afterAll(() => rmSync(root, { recursive: true }))

test('each store is counted by itself, links lead nowhere', () => {
  const [uid, other] = ['a1'.repeat(16), 'b2'.repeat(16)]
  const put = (path: string, bytes: number) => {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), Buffer.alloc(bytes))
  }
  put(`ring/${uid}/one`, 1000)
  put(`ring/${other}/one`, 7000)
  put(`journal/${uid}/aside/one`, 200)
  put('audit/chain', 30)
  symlinkSync(join(root, 'ring', other), join(root, 'ring', uid, 'leads-elsewhere'))
  const settings = { ringBytes: 5000, journalBytes: 600, lakeBytes: 0 }
  const budgets = budgetsOf(root, { tenant_uid: uid, lakeBytes: 40 }, settings, 900)
  expect(budgets.map(({ store, bytes, bytesMax }) => [store, bytes, bytesMax])).toEqual([
    ['packet ring', 1000, 5000],
    ['journal', 200, 600],
    ['lake', 40, 900],
    ['audit', 30, 1 << 30],
  ])
  expect(bytesIn(join(root, 'nowhere'))).toBe(0)
})

test('budgets together leave a tenth of the disk, however many tenants there are', () => {
  const disk = { totalBytes: 1e12, freeBytes: 1e11 }
  const settings = { ringBytes: 1e9, journalBytes: 2e9, lakeBytes: 0 }
  for (const tenants of [1, 3, 47]) {
    const all = lakeBudget(disk, settings, tenants) * tenants + 3e9 + 2 ** 30
    expect(all).toBeLessThanOrEqual(0.9e12)
    expect(all).toBeGreaterThan(0.899e12)
  }
  expect(lakeBudget(disk, { ...settings, lakeBytes: 12_345 }, 3)).toBe(12_345)
  expect(diskState(root).totalBytes).toBeGreaterThan(0)
})

test('a fair part takes nothing away while the disk has room for all others; what was set always does', () => {
  const settings = { ringBytes: 1e9, journalBytes: 2e9, lakeBytes: 0 }
  const disk = (freeBytes: number) => ({ totalBytes: 1e12, freeBytes })
  expect(isRoomy(disk(0.9e12), settings)).toBe(true)
  expect(isRoomy(disk(0.1e12 + 3e9), settings)).toBe(false) // not for the trail
  expect(isRoomy(disk(0.9e12), { ...settings, lakeBytes: 1e9 })).toBe(false)
})

test('the horizon is a date at the rate of the last week, or none where the retention is shorter', () => {
  const day = (back: number, bytes: number) => ({
    ingest_from_us: NOW - (back + 1) * DAY,
    ingest_to_us: NOW - back * DAY,
    bytes,
  })
  // Ten days of 100 bytes: the week's rate is 100 a day, 1,000 are held.
  const files = Array.from({ length: 10 }, (_, i) => day(i, 100))
  const horizon = horizonOf(files, { nowUs: NOW, bytesMax: 3000, days: 90 })
  expect(horizon?.bytesPerDay).toBeCloseTo(100)
  expect(horizon?.overDays).toBe(7)
  expect(((horizon?.fullOnUs ?? 0) - NOW) / DAY).toBeCloseTo(20)
  expect(horizonOf(files, { nowUs: NOW, bytesMax: 3000, days: 29 })?.fullOnUs).toBeNull()
  // An old burst is no rate of today.
  const quiet = [...files.slice(0, 7), day(30, 1e9)]
  expect(horizonOf(quiet, { nowUs: NOW, bytesMax: 2e9, days: 1e9 })?.bytesPerDay).toBeCloseTo(100)
  expect(horizonOf([], { nowUs: NOW, bytesMax: 1, days: 1 })).toBeUndefined()
  const young = [{ ingest_from_us: NOW - 60e6, ingest_to_us: NOW, bytes: 5 }]
  expect(horizonOf(young, { nowUs: NOW, bytesMax: 1, days: 1 })).toBeUndefined()
})

test('wear: what /sys says of the disk below the folder, or that it is not readable', () => {
  const { dev } = statSync(root)
  const [major, minor] = [(dev >>> 8) & 0xfff, (dev & 0xff) | ((dev >>> 12) & 0xfff00)]
  const sys = join(root, 'sys')
  const disk = join(sys, 'devices/mmcblk0')
  mkdirSync(join(disk, 'mmcblk0p1'), { recursive: true })
  mkdirSync(join(sys, 'dev/block'), { recursive: true })
  writeFileSync(join(disk, 'mmcblk0p1/partition'), '1\n')
  writeFileSync(join(disk, 'stat'), ' 100 0 800 5 200 0 2000 9 0 1 2\n')
  symlinkSync(join(disk, 'mmcblk0p1'), join(sys, 'dev/block', `${major}:${minor}`))
  expect(wearOf(root, sys)).toEqual({
    device: 'mmcblk0',
    bytesWritten: 2000 * 512,
    because: 'its wear is not readable here',
  })
  mkdirSync(join(disk, 'device'))
  writeFileSync(join(disk, 'device/life_time'), '0x01 0x03\n')
  expect(wearOf(root, sys)).toMatchObject({ usedPercent: '20 to 30' })
  writeFileSync(join(disk, 'device/life_time'), '0x0b 0x01\n')
  expect(wearOf(root, sys)).toMatchObject({ usedPercent: 'over 100' })
  expect(wearOf(root, join(root, 'no-sys'))).toBeUndefined()
})
