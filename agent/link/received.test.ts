import { randomBytes } from 'node:crypto'
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs' // biome-ignore format: one line
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLog } from '../base/log.ts'
import { type Position, ReceivedLog } from './received.ts'
import { encodeRecord, KIND_FORK, KIND_SUMMARY, openRecord, recordAt } from './record.ts'

const KEY = randomBytes(32)
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'picket-received-'))
})

const opened: ReceivedLog[] = []
afterEach(async () => {
  for (const log of opened.splice(0)) await log.close()
})

async function open(options: { segmentBytes?: number; diskFreeMin?: number } = {}) {
  const log = await ReceivedLog.open({ folder, log: silentLog, ...options })
  opened.push(log)
  return log
}

async function put(log: ReceivedLog, sequence: number, kind = KIND_SUMMARY): Promise<void> {
  const who = { tenant_uid: '1'.repeat(32), appliance_id: '2'.repeat(32) }
  const head = { kind, ...who, epoch: 3, sequence, receivedAt: 1e15 + sequence, bytes: 4096 }
  const envelope = {
    type: 'summary',
    body: `{"n":${sequence}}`,
    key_id: '',
    signature: '',
  } as const
  log.append(encodeRecord({ ...head, envelope }, KEY), head)
  await log.flush()
}
const sequences = (log: ReceivedLog, from?: Position) =>
  [...log.read(from)].map(({ head }) => head.sequence)

test('what was flushed is there after a restart, in order, from any position', async () => {
  const log = await open({ segmentBytes: 600 })
  const places = []
  for (let n = 1; n <= 9; n++) {
    places.push(log.position)
    await put(log, n)
  }
  const again = await open()
  expect(sequences(again)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(sequences(again, places[5])).toEqual([6, 7, 8, 9])
  expect(readdirSync(folder).filter((name) => name.endsWith('.log')).length).toBeGreaterThan(2)
  const first = [...again.read()][0]
  expect(first && openRecord(first, KEY)?.body).toBe('{"n":1}')
  expect(first && openRecord(first, randomBytes(32))).toBeUndefined()
})

test('an unfinished end is put aside and the log goes on; nothing before it is touched', async () => {
  const log = await open()
  for (let n = 1; n <= 3; n++) await put(log, n)
  await log.close()
  const path = join(folder, '0000000001.log')
  const whole = readFileSync(path)
  const third = recordAt(whole, (recordAt(whole, 0)?.end ?? 0) * 2)
  for (const tail of [third?.bytes.subarray(0, 30), Buffer.alloc(100), randomBytes(200)]) {
    writeFileSync(path, whole)
    appendFileSync(path, tail as Buffer)
    const again = await open()
    expect(again.cutBytes).toBe(tail?.length)
    expect(sequences(again)).toEqual([1, 2, 3])
    await put(again, 4)
    expect(sequences(again)).toEqual([1, 2, 3, 4])
    await again.close()
  }
  expect(readdirSync(join(folder, 'aside'))).toHaveLength(1)
})

test('a damaged record costs itself: what lies behind it is read, and written on from', async () => {
  const log = await open()
  const places = []
  for (let n = 1; n <= 5; n++) {
    places.push(log.position.offset)
    await put(log, n)
  }
  const path = join(folder, '0000000001.log')
  const bytes = readFileSync(path)
  for (const at of [places[2] ?? 0, (places[2] ?? 0) + 90]) {
    writeFileSync(
      path,
      bytes.map((byte, i) => (i === at ? byte ^ 0x40 : byte)),
    )
    const again = await open()
    expect(sequences(again)).toEqual([1, 2, 4, 5])
    expect([again.damaged, again.cutBytes]).toEqual([1, 0])
    await put(again, 6)
    expect(sequences(await open())).toEqual([1, 2, 4, 5, 6])
  }
})

test('old segments go whole; forks in them stay, both contents', async () => {
  const log = await open({ segmentBytes: 600 })
  for (let n = 1; n <= 8; n++) await put(log, n)
  await put(log, 2, KIND_FORK)
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.log')))
    utimesSync(join(folder, name), 1, 1)
  const { segment } = log.position
  const dropped = await log.retain({ sinceUs: 1e15, from: { segment: segment - 1, offset: 0 } })
  expect(dropped).toBe(segment - 2)
  const again = await open()
  expect(sequences(again)).not.toContain(1)
  const kept = [...again.keptForks()].map(({ head }) => [head.sequence, head.kind])
  expect(kept).toContainEqual([2, KIND_SUMMARY])
})

test('with a full disk nothing is taken in; with room again it is', async () => {
  const full = await open({ diskFreeMin: Number.MAX_SAFE_INTEGER })
  expect(await full.takes()).toBe(false)
  expect(full.fault).toBe('the disk is full')
  const roomy = await open({ diskFreeMin: 0 })
  expect(await roomy.takes()).toBe(true)
})

test('many at once are one write', async () => {
  const log = await open()
  await Promise.all(Array.from({ length: 500 }, (_, i) => put(log, i + 1)))
  expect(sequences(log)).toHaveLength(500)
  await log.close()
})
