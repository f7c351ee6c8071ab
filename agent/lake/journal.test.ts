import { createHash, hkdfSync, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { EventRow } from '../base/event.ts'
import { newUid } from '../base/ids.ts'
import { encodeLines, JournalWriter } from './journal.ts'
import { readSegment } from './journal-reader.ts'
import { HEADER_BYTES, type SegmentHeader, type SegmentKey } from './segment.ts'
import { stampEvent } from './stamp.ts'

const layer = randomBytes(32)
const tenant_uid = newUid()
const appliance_uid = newUid()
const subkey = (salt: Buffer) => Buffer.from(hkdfSync('sha256', layer, salt, 'test', 32))
const key = async (header: SegmentHeader) => subkey(header.salt)
const openSegment = async (): Promise<SegmentKey> => {
  const salt = randomBytes(32)
  return { segment_uid: newUid(), epoch: 1, salt, key: subkey(salt) }
}

let folder = ''
let closed: string[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'journal-'))
  closed = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const writer = (settleSeconds = 300) =>
  JournalWriter.open({
    folder,
    tenant_uid,
    appliance_uid,
    openSegment,
    settleSeconds,
    onClosed: (path) => closed.push(path),
  })

function row(message: string): EventRow {
  return stampEvent(
    { kind: 'finding', event_time: 1_700_000_000_000_000, message },
    { tenant_id: 'alfa', fleet_id: 'alfa', appliance_id: appliance_uid },
    1_700_000_000_000_001,
  )
}
const rows = (n: number) => Array.from({ length: n }, (_, i) => row(`event ${i}`))
const texts = (lines: Buffer[]) =>
  Buffer.concat(lines)
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as EventRow).message)

test('what was appended is read back in order, and the end is marked', async () => {
  const journal = await writer()
  await Promise.all(rows(100).map((each) => journal.append([each])))
  await journal.close()
  expect(closed).toHaveLength(1)
  const reading = await readSegment(closed[0] as string, { tenant_uid, key })
  expect(reading).toMatchObject({ end: 'whole', rows: 100 })
  expect(reading.frames).toBeLessThan(100) // concurrent appends shared a sync
  expect(texts(reading.lines)).toEqual(rows(100).map((each) => each.message))
  expect(readFileSync(closed[0] as string).includes('event 1')).toBe(false)
})

test('a segment closes by age, the next one has another key', async () => {
  const journal = await writer(0.05)
  await journal.append(rows(1))
  await expect.poll(() => closed.length).toBe(1)
  await journal.append(rows(2))
  await journal.close()
  const salts = closed.map((path) => readFileSync(path).subarray(60, 92).toString('hex'))
  expect(new Set(salts).size).toBe(2)
  expect(journal.status()).toMatchObject({ rowsWritten: 3, rowsDropped: 0, segmentsClosed: 2 })
})

test('a journal without a key waits, and gives up only when closed', async () => {
  let refuse = true
  const journal = await JournalWriter.open({
    folder,
    tenant_uid,
    appliance_uid,
    settleSeconds: 300,
    onClosed: () => {},
    openSegment: () => (refuse ? Promise.reject(new Error('keys are away')) : openSegment()),
  })
  const appended = journal.append(rows(1))
  await expect.poll(() => journal.status().fault).toBe('keys are away')
  refuse = false
  await appended
  expect(journal.status()).toEqual({
    rowsWritten: 1,
    rowsDropped: 0,
    rowsFailed: 0,
    queuedBytes: 0,
    segmentsClosed: 0,
    slowestSyncMs: expect.any(Number),
  })
  await journal.close()
})

test('a full queue drops with a count and says so', async () => {
  const journal = await JournalWriter.open({
    folder,
    tenant_uid,
    appliance_uid,
    settleSeconds: 300,
    onClosed: () => {},
    openSegment: () => Promise.reject(new Error('never')),
  })
  const big = rows(900).map((each) => ({ ...each, message: 'x'.repeat(4000) }))
  const waiting = Array.from({ length: 12 }, () => journal.append(big))
  const done = Promise.allSettled(waiting)
  expect(journal.status().rowsDropped).toBeGreaterThan(0)
  await journal.close()
  expect((await done).every(({ status }) => status === 'rejected')).toBe(true)
  const { rowsDropped, rowsFailed, queuedBytes } = journal.status()
  expect(rowsDropped + rowsFailed).toBe(12 * 900)
  expect(queuedBytes).toBe(0)
})

async function openFile(): Promise<{ path: string; bytes: Buffer }> {
  const journal = await writer()
  for (let i = 0; i < 5; i++) await journal.append(rows(3))
  const name = readdirSync(folder).find((each) => each.endsWith('.seg')) as string
  return { path: join(folder, name), bytes: readFileSync(join(folder, name)) }
}

test('every torn tail gives exactly the frames that were whole', async () => {
  const { path, bytes } = await openFile()
  const ends = [HEADER_BYTES]
  for (let at = HEADER_BYTES; at < bytes.length; ends.push(at)) at += 32 + bytes.readUInt32BE(at)
  for (let cut = HEADER_BYTES; cut <= bytes.length; cut += 7) {
    writeFileSync(path, bytes.subarray(0, cut))
    const reading = await readSegment(path, { tenant_uid, key })
    const whole = ends.filter((end) => end <= cut).length - 1
    expect(reading, `cut at ${cut}`).toMatchObject({ end: 'torn', frames: whole, rows: whole * 3 })
  }
})

test('a torn tail of zeros, as a disk leaves after power loss, is torn and not broken', async () => {
  const { path, bytes } = await openFile()
  writeFileSync(path, Buffer.concat([bytes, Buffer.alloc(4096)]))
  expect(await readSegment(path, { tenant_uid, key })).toMatchObject({ end: 'torn', rows: 15 })
})

test('a last frame of which the disk kept any pieces is torn and not broken', async () => {
  const { path, bytes } = await openFile()
  const ends = [HEADER_BYTES]
  for (let at = HEADER_BYTES; at < bytes.length; ends.push(at)) at += 32 + bytes.readUInt32BE(at)
  const last = ends.at(-2) as number
  for (let from = last; from < bytes.length; from += 61)
    for (const size of [16, 100, 512]) {
      const torn = Buffer.from(bytes)
      torn.subarray(from, from + size).fill(0)
      writeFileSync(path, torn)
      const of = `${size} bytes from ${from - last}`
      expect(await readSegment(path, { tenant_uid, key }), of).toMatchObject({ end: 'torn', rows: 12 }) // biome-ignore format: one line
    }
})

test('a changed bit anywhere before the last frame is broken, names file and frame', async () => {
  const { path, bytes } = await openFile()
  const ends = [HEADER_BYTES]
  for (let at = HEADER_BYTES; at < bytes.length; ends.push(at)) at += 32 + bytes.readUInt32BE(at)
  const last = ends.at(-2) as number
  for (let at = HEADER_BYTES; at < last; at += 11) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] as number) ^ 0x04
    writeFileSync(path, changed)
    const reading = await readSegment(path, { tenant_uid, key })
    const frame = ends.findLastIndex((end) => end <= at)
    expect(reading, `bit in byte ${at}`).toMatchObject({ end: 'broken', frames: frame })
    expect(reading.fault).toContain(`frame ${frame}`)
    expect(reading.fault).toContain('.seg')
  }
})

test('a header that was changed opens nothing', async () => {
  const { path, bytes } = await openFile()
  for (const at of [24, 40, 61, 95]) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] as number) ^ 1
    writeFileSync(path, changed)
    expect(await readSegment(path, { tenant_uid, key })).toMatchObject({ rows: 0, end: 'broken' })
  }
})

test('lines are JSON whatever a string holds', () => {
  const line = encodeLines([row('half \ud83d of a pair \u0000 and \\ud83d text')])
  expect(line).not.toMatch(/[^\\]\\ud83d/)
  expect((JSON.parse(line) as EventRow).message).toBe(
    'half \ufffd of a pair \u0000 and \\ud83d text',
  )
})

test('a record over the bound is cut and says so; numbers and times that cannot be are left out', () => {
  const stamp = { tenant_id: 'alfa', fleet_id: 'f', appliance_id: appliance_uid }
  const draft = {
    kind: 'host',
    event_time: Number.NaN,
    bytes: -1,
    record: { a: 'ß'.repeat(40_000) },
  }
  const stamped = stampEvent(draft as never, stamp, 5)
  expect(stamped).toMatchObject({ event_time: 5, tenant_id: 'alfa', fleet_id: 'f' })
  expect(stamped.bytes).toBeUndefined()
  expect(stamped.record).toMatchObject({ picket_cut: true, picket_bytes: 80_008 })
  expect(Buffer.byteLength(JSON.stringify(stamped.record))).toBeLessThanOrEqual(65_536)
})

/** Names in a row stand in the order of the columns; no reader asks for one. */
test('the format does not move: one segment with fixed bytes', async () => {
  const journal = await JournalWriter.open({
    folder,
    tenant_uid: '11'.repeat(16),
    appliance_uid: '22'.repeat(16),
    settleSeconds: 300,
    onClosed: (path) => closed.push(path),
    clock: { nowUs: () => 1_700_000_000_000_000, steadyMs: () => 0 },
    openSegment: async () => ({
      segment_uid: '33'.repeat(16),
      epoch: 7,
      salt: Buffer.alloc(32, 4),
      key: Buffer.alloc(32, 5),
    }),
  })
  const fixed = { ...row('fixed'), event_id: '00000000-0000-7000-8000-000000000000' }
  await journal.append([{ ...fixed, appliance_id: '22'.repeat(16) }])
  await journal.close()
  const hash = createHash('sha256')
    .update(readFileSync(closed[0] as string))
    .digest('hex')
  expect(hash).toMatchInlineSnapshot(
    `"f50afe7bd0ffb5268366b41bae2c61d3acad8e3feb95853dd20653a30f4299b8"`,
  )
})
