import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { driveNotes, driveNotesFile, worstOf } from './drive-notes.ts'
import { type DriveHealth, parseSmart, readSmart } from './nvme-smart.ts'

/** The page of QEMU's NVMe as the ioctl brought it under Linux 6.12, without the zeros at its end. */
const QEMU = Buffer.concat(
  [
    Buffer.from(
      '0043010000000000000000000000000000000000000000000000000000000000010000000000000000000000000000000000000000000000000000000000000004',
      'hex',
    ),
  ],
  512,
)

let data = ''
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'picket-drives-'))
  mkdirSync(join(data, 'disks'))
})
afterEach(() => rmSync(data, { recursive: true }))

test('a page as a drive gave it', () => {
  expect(parseSmart('nvme0', QEMU)).toMatchObject({ warnings: [], celsius: 50, usedPercent: 0, throttled: 0 }) // biome-ignore format: one line
})

test('a worn, warm drive: each number is where the specification has it', () => {
  const page = Buffer.from(QEMU)
  page[0] = 0b1010
  page.writeUInt16LE(273 + 81, 1)
  page.set([7, 10, 104], 3)
  page.writeBigUInt64LE(2_000_000n, 48)
  page.writeBigUInt64LE(1n, 136) // power-on hours beyond 64 bits
  page.writeBigUInt64LE(9n, 144)
  page.writeBigUInt64LE(3n, 160)
  page.writeUInt32LE(5, 192)
  page.writeUInt32LE(6, 196)
  page.writeUInt32LE(40, 216)
  page.writeUInt32LE(2, 220)
  expect(parseSmart('nvme1', page)).toEqual({
    device: 'nvme1',
    warnings: ['too warm', 'read only'],
    ...{ celsius: 81, sparePercent: 7, spareThresholdPercent: 10, usedPercent: 104 },
    ...{ bytesWritten: 1.024e12, powerOnHours: 2 ** 64, unsafeShutdowns: 9, mediaErrors: 3 },
    ...{ warmMinutes: 11, throttled: 42 },
  })
})

test('half a page is none, and a device that is no drive is a word', () => {
  for (let size = 0; size < 512; size += 7) expect(parseSmart('nvme0', QEMU.subarray(0, size))).toBe('truncated') // biome-ignore format: one line
  expect(readSmart('/dev/nvme99')).toBe('ENOENT')
  expect(readSmart('/dev/null')).toMatch(/the driver refuses/)
})

test('notes of the last hours are the present; older ones, and what is not in their form, are none', () => {
  const drive = parseSmart('nvme0', QEMU) as DriveHealth
  const write = (notes: unknown) => writeFileSync(driveNotesFile(data), JSON.stringify(notes))
  expect(driveNotes(data)).toEqual([])
  write({ atMs: 1_000_000_000_000, drives: [drive] })
  expect(driveNotes(data, 1_000_000_000_000 + 3_600_000)).toEqual([drive])
  expect(driveNotes(data, 1_000_000_000_000 + 4 * 3_600_000)).toEqual([])
  for (const wrong of [
    {},
    { atMs: 0, drives: [{ ...drive, device: '../x' }] },
    { atMs: 0, drives: 'x' },
  ]) {
    write(wrong)
    expect(driveNotes(data, 0)).toEqual([])
  }
})

test('of several drives the worst is said', () => {
  const drive = parseSmart('nvme0', QEMU) as DriveHealth
  expect(worstOf([])).toBeUndefined()
  expect(worstOf([{ ...drive, usedPercent: 3, sparePercent: 100 }, { ...drive, usedPercent: 90, sparePercent: 20, warnings: ['too warm'], throttled: 4 }])).toEqual({ used_percent: 90, spare_percent: 20, celsius: 50, throttled: 4, media_errors: 0, warnings: ['too warm'] }) // biome-ignore format: one line
})
