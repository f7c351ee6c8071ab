import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import type { Custodian } from './custodian.ts'
import { createFileCustodian, openFileCustodian } from './file-custodian.ts'
import { Keyring } from './keyring.ts'
import { BYTES_MAX, MODULES_MAX } from './usage.ts'

const ALFA = 'a'.repeat(32)
const ZULU = 'b'.repeat(32)
const DAY_US = 86_400_000_000
let folder: string

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keyring-'))
  const ring = await Keyring.open({ folder, custodian: createFileCustodian(folder) })
  await ring.addTenant(ALFA, 0)
  await ring.addTenant(ZULU, 0)
})

const open = () => Keyring.open({ folder, custodian: openFileCustodian(folder) })
const tenantPath = (uid: string, file: string) => join(folder, 'wrapped', '1', 'tenants', uid, file)

test('keys are the same after a restart, and no two tenants or epochs share one', async () => {
  const ring = await open()
  const key = ring.layer(ALFA, 1, 'parquet')
  expect(ring.addEpoch(ALFA, 5)).toBe(2)
  const again = await open()
  expect(again.layer(ALFA, 1, 'parquet')).toEqual(key)
  expect(again.layer(ALFA, 2, 'parquet')).not.toEqual(key)
  expect(again.layer(ZULU, 1, 'parquet')).not.toEqual(key)
  expect(again.writingEpoch(ALFA, 5)).toBe(2)
})

test('an epoch of 90 days is read and no longer written', async () => {
  const ring = await open()
  const old = ring.layer(ALFA, 1, 'journal')
  expect(ring.writingEpoch(ALFA, 90 * DAY_US)).toBe(1)
  expect(ring.writingEpoch(ALFA, 90 * DAY_US + 1)).toBe(2)
  expect(ring.isWritable(ALFA, 1, 0)).toBe(false)
  expect(ring.layer(ALFA, 1, 'journal')).toEqual(old)
})

test('modules and bytes are counted ahead, across restarts; a full key makes way for a new epoch', async () => {
  const ring = await open()
  expect(ring.usage.reserve(ALFA, 1, { count: MODULES_MAX - 10, bytes: 5 })).toBe(true)
  const again = await open()
  expect(again.usage.of(ALFA, 1)).toEqual({ modules: MODULES_MAX - 10, bytes: 5 })
  expect(again.usage.reserve(ALFA, 1, { count: 11, bytes: 0 })).toBe(false)
  expect(again.writingEpoch(ALFA, 0)).toBe(2)
  expect(again.usage.reserve(ALFA, 2, { count: 1, bytes: BYTES_MAX })).toBe(true)
  expect(again.writingEpoch(ALFA, 0)).toBe(3)
  expect(again.writingEpoch(ZULU, 0)).toBe(1)
})

test('an epoch of one place does not open in another', async () => {
  const ring = await open()
  ring.addEpoch(ALFA, 0)
  copyFileSync(tenantPath(ALFA, 'dek-1.json'), tenantPath(ALFA, 'dek-2.json'))
  const again = await open()
  expect(() => again.layer(ALFA, 2, 'parquet')).toThrow(/dek-2.json does not open/)
  expect(again.layer(ALFA, 1, 'parquet')).toHaveLength(32)
  expect(() => again.writingEpoch(ALFA, 0)).toThrow(/dek-2.json does not open/)
})

test('a tenant whose KEK is gone is locked with a sentence; the other opens; nothing is re-wrapped', async () => {
  rmSync(tenantPath(ALFA, 'kek.json'))
  const ring = await open()
  expect(ring.inventory(ALFA).locked).toMatch(/kek.json does not open/)
  expect(() => ring.layer(ALFA, 1, 'parquet')).toThrow(/does not open/)
  expect(ring.layer(ZULU, 1, 'parquet')).toHaveLength(32)
  await expect(ring.rewrap()).rejects.toThrow(/kek.json/) // it would be lost
  expect(openFileCustodian(folder).describe().generation).toBe(1)
})

test('a re-wrap changes the root and no key', async () => {
  const ring = await open()
  const keys = [
    ring.layer(ALFA, 1, 'state'),
    ring.layer(ZULU, 1, 'ring'),
    await ring.box('platform'),
  ]
  expect(await ring.rewrap()).toBe(2)
  expect(readdirSync(join(folder, 'wrapped'))).toEqual(['2'])
  const again = await open()
  const after = [
    again.layer(ALFA, 1, 'state'),
    again.layer(ZULU, 1, 'ring'),
    await again.box('platform'),
  ]
  expect(after).toEqual(keys)
  expect(again.addEpoch(ALFA, 0)).toBe(2)
  expect((await open()).layer(ALFA, 2, 'state')).toHaveLength(32)
})

test('a root key and wrapped keys of different generations are told apart before anything is removed', async () => {
  copyFileSync(join(folder, 'root.key'), join(folder, 'root.old'))
  await (await open()).rewrap()
  copyFileSync(join(folder, 'root.old'), join(folder, 'root.key'))
  await expect(open()).rejects.toThrow(/generation 1, but .* holds only others/)
  expect(readdirSync(join(folder, 'wrapped'))).toEqual(['2'])
})

test('a custodian that lies or sleeps locks that tenant only', async () => {
  const real = openFileCustodian(folder)
  const lying = (answer: (uid: string, plain: Buffer) => Promise<Buffer>): Custodian => ({
    ...real,
    unwrap: async (wrapped, aad) => {
      const plain = await real.unwrap(wrapped, aad)
      return answer(String(aad).split('|')[1] ?? '', plain)
    },
  })
  const sleeper = new Promise<Buffer>(() => {})
  const lies = [
    lying(async (uid, plain) => (uid === ALFA ? Buffer.alloc(32, 7) : plain)), // another's key
    lying(async (uid, plain) => (uid === ALFA ? plain.subarray(0, 16) : plain)),
    lying((uid, plain) => (uid === ALFA ? sleeper : Promise.resolve(plain))),
  ]
  for (const custodian of lies) {
    const ring = await Keyring.open({ folder, custodian, unwrapMs: 50 })
    expect(ring.inventory(ALFA).locked).toMatch(/does not open|did not answer within 50 ms/)
    expect(ring.layer(ZULU, 1, 'parquet')).toHaveLength(32)
  }
})
