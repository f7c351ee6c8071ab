import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { type BoxKeys, openOutbox, summaryAt } from '../../test/link/fleet.ts'
import { FleetCa } from '../../test/link/fleet-ca.ts'
import { NO_HASH, type Outbox } from './outbox.ts'

let folder = ''
let site: BoxKeys
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'picket-outbox-'))
  site = await (await FleetCa.make()).box('sydney')
})

const append = (outbox: Outbox, toUs = 1e15) =>
  outbox.append(async (place) => summaryAt(site, place, toUs))
const files = () => readdirSync(join(folder, 'outbox')).filter((name) => name.endsWith('.sum'))
const bodyOf = async (outbox: Outbox, epoch: number, sequence: number) =>
  JSON.parse((await outbox.read({ epoch, sequence }))?.body ?? 'null')

test('sequence and previous hash go on from the disk', async () => {
  const { outbox } = await openOutbox(folder, site)
  const { epoch } = await append(outbox)
  await append(outbox)
  const again = (await openOutbox(folder, site)).outbox
  expect([again.epoch, again.sequence]).toEqual([epoch, 2])
  await append(again)
  const bodies = await Promise.all([1, 2, 3].map((sequence) => bodyOf(again, epoch, sequence)))
  expect(bodies.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
  expect(bodies[0].previous).toBe(NO_HASH)
  expect(new Set(bodies.map(({ previous }) => previous)).size).toBe(3)
})

test('nothing of a summary can be read on the disk', async () => {
  const { outbox } = await openOutbox(folder, site)
  await append(outbox)
  const bytes = readFileSync(join(folder, 'outbox', files()[0] ?? ''))
  expect(bytes.includes('sydney') || bytes.includes('summary')).toBe(false)
})

test('a sequence that was not written is free', async () => {
  const { outbox } = await openOutbox(folder, site)
  await expect(outbox.append(() => Promise.reject(new Error('no signature')))).rejects.toThrow()
  const place = await append(outbox)
  expect(place.sequence).toBe(1)
})

test('a summary that was being made when a new epoch began is not written', async () => {
  const { outbox } = await openOutbox(folder, site)
  await append(outbox)
  const late = outbox.append(async (place) => {
    outbox.beginEpoch()
    return summaryAt(site, place, 1e15)
  })
  await expect(late).rejects.toThrow('new epoch')
  const { sequence } = await append(outbox)
  expect([sequence, (await bodyOf(outbox, outbox.epoch, 1)).previous]).toEqual([1, NO_HASH])
})

test('a lost outbox begins a new epoch, above the last; so does one whose newest does not open', async () => {
  const { outbox } = await openOutbox(folder, site)
  const first = await append(outbox)
  rmSync(join(folder, 'outbox'), { recursive: true })
  const lost = (await openOutbox(folder, site)).outbox
  expect([lost.epoch, lost.sequence]).toEqual([first.epoch + 1, 0])
  await append(lost)
  const name = files()[0] ?? ''
  const bytes = readFileSync(join(folder, 'outbox', name))
  bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40)
  writeFileSync(join(folder, 'outbox', name), bytes)
  const damaged = (await openOutbox(folder, site)).outbox
  expect([damaged.epoch, damaged.sequence, damaged.aside]).toEqual([first.epoch + 2, 0, 1])
  expect(readdirSync(join(folder, 'outbox', 'aside'))).toEqual([name])
  expect(readFileSync(join(folder, 'outbox', 'aside', name))).toEqual(bytes)
})

test('a file in the middle that does not open is put aside, counted, and the others go on', async () => {
  const { outbox } = await openOutbox(folder, site)
  for (let i = 0; i < 3; i++) await append(outbox)
  writeFileSync(join(folder, 'outbox', files()[1] ?? ''), 'nonsense')
  expect(await outbox.read({ epoch: outbox.epoch, sequence: 2 })).toBeUndefined()
  expect([outbox.aside, outbox.size, outbox.waiting('up-london')]).toEqual([1, 2, 2])
})

test('what every receiver has is removed; the newest stays to count from', async () => {
  const { outbox } = await openOutbox(folder, site, { uplinks: ['a', 'b'] })
  for (let i = 0; i < 5; i++) await append(outbox)
  outbox.acknowledge('a', outbox.epoch, [[1, 5]])
  expect(files()).toHaveLength(5)
  outbox.acknowledge('b', outbox.epoch, [[2, 3]])
  expect(files()).toHaveLength(3)
  outbox.acknowledge('b', outbox.epoch, [[1, 5]])
  expect(files()).toHaveLength(1)
  const again = (await openOutbox(folder, site, { uplinks: ['a', 'b'] })).outbox
  expect([again.sequence, again.waiting('a'), again.waiting('b')]).toEqual([5, 0, 0])
})

test('a receiver that joins later gets nothing from before, and what it gets begins an epoch', async () => {
  const { outbox, cursors } = await openOutbox(folder, site)
  await append(outbox)
  cursors.keep(['up-london', 'up-apex'], outbox.beginEpoch())
  expect(outbox.waiting('up-apex')).toBe(0)
  const place = await append(outbox)
  expect([place.sequence, outbox.waiting('up-apex'), outbox.waiting('up-london')]).toEqual([
    1, 1, 2,
  ])
  const again = await openOutbox(folder, site, { uplinks: ['up-london', 'up-apex'] })
  expect(again.outbox.next('up-apex', () => false)).toEqual(place)
})
