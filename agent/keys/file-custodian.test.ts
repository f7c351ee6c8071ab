import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { createFileCustodian, openFileCustodian } from './file-custodian.ts'

const AAD = Buffer.from('picket/v1/kek|x')
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'custodian-'))
})

test('what one start wrapped, the next unwraps; only under the same words', async () => {
  const wrapped = await createFileCustodian(folder).wrap(Buffer.from('secret'), AAD)
  const again = openFileCustodian(folder)
  expect(await again.unwrap(wrapped, AAD)).toEqual(Buffer.from('secret'))
  await expect(again.unwrap(wrapped, Buffer.from('other'))).rejects.toThrow('did not wrap')
  wrapped[3] = (wrapped[3] as number) ^ 1
  await expect(again.unwrap(wrapped, AAD)).rejects.toThrow('did not wrap')
})

test('a second root is never made over the first', () => {
  createFileCustodian(folder)
  expect(() => createFileCustodian(folder)).toThrow('exists already')
})

test('an adopted successor replaces the root, and the old one unwraps nothing', async () => {
  const first = createFileCustodian(folder)
  const wrapped = await first.wrap(Buffer.from('secret'), AAD)
  const successor = await first.succeed()
  const second = await successor.wrap(Buffer.from('new'), AAD)
  expect(openFileCustodian(folder).describe().generation).toBe(1) // not adopted: left-over removed
  const again = await openFileCustodian(folder).succeed()
  const third = await again.wrap(Buffer.from('third'), AAD)
  const adopted = await again.adopt()
  expect(adopted.describe().generation).toBe(2)
  expect(await openFileCustodian(folder).unwrap(third, AAD)).toEqual(Buffer.from('third'))
  await expect(openFileCustodian(folder).unwrap(wrapped, AAD)).rejects.toThrow()
  await expect(openFileCustodian(folder).unwrap(second, AAD)).rejects.toThrow()
})

test.each([0o640, 0o604, 0o660])('a root key of mode %o is refused, with what to do', (mode) => {
  createFileCustodian(folder)
  chmodSync(join(folder, 'root.key'), mode)
  expect(() => openFileCustodian(folder)).toThrow(/chmod 600/)
})

test('a link in its place is refused, and so is a folder that others can write', () => {
  createFileCustodian(folder)
  renameSync(join(folder, 'root.key'), join(folder, 'elsewhere'))
  symlinkSync(join(folder, 'elsewhere'), join(folder, 'root.key'))
  expect(() => openFileCustodian(folder)).toThrow('cannot be opened')
  chmodSync(folder, 0o777)
  expect(() => openFileCustodian(folder)).toThrow(/chmod 700/)
})

test('a damaged file is named without its content', () => {
  createFileCustodian(folder)
  const text = readFileSync(join(folder, 'root.key'), 'utf8')
  for (const damaged of ['', '{}', text.slice(0, -10), text.replace('"key":"', '"key":"AAAA')]) {
    writeFileSync(join(folder, 'root.key'), damaged)
    const { key } = JSON.parse(text) as { key: string }
    expect(() => openFileCustodian(folder)).toThrow(/is not a root key file/)
    try {
      openFileCustodian(folder)
    } catch (error) {
      expect(JSON.stringify([String(error), (error as Error).stack])).not.toContain(key)
    }
  }
})

test('a destroyed root is gone', async () => {
  const custodian = createFileCustodian(folder)
  const wrapped = await custodian.wrap(Buffer.from('secret'), AAD)
  await custodian.destroy()
  expect(() => openFileCustodian(folder)).toThrow('cannot be opened')
  await expect(custodian.unwrap(wrapped, AAD)).rejects.toThrow()
})
