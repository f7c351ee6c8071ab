/** The scanner finds what it looks for however it is written, and nothing that is not there: "not found" means something. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { Failure } from '../../agent/base/failure.ts'
import { canary, canaryOf, filesBelow, place, scan, scanMemory } from './canary.ts'

const bird = canary('a row of zulu')
/** Among so much of few letters that a packer writes all of them anew. */
const among = `${randomBytes(4000).toString('hex')}${bird.text}`
const utf16 = Buffer.from(bird.text, 'utf16le')

/** One letter in the middle written another way. */
const escapedAt = (at: number, mark: string) =>
  `${bird.text.slice(0, at)}${mark}${bird.bytes.toString('hex', at, at + 1)}${bird.text.slice(at + 1)}`

test.each<[string, Buffer | string]>([
  ['as it is', `before${bird.text}behind`],
  ['reversed', [...bird.text].reverse().join('')],
  ['capitals', bird.text.toUpperCase()],
  ['hex', bird.bytes.toString('hex')],
  ['hex', bird.bytes.toString('hex').toUpperCase()],
  ['UTF-16, little', utf16],
  ['UTF-16, big', Buffer.from(utf16).swap16()],
  ['escaped', bird.bytes.toString('hex').replace(/../g, '%$&')],
  ['escaped', bird.bytes.toString('hex').replace(/../g, '\\u00$&')],
  ['escaped', escapedAt(12, '%')],
  ['escaped', escapedAt(12, '\\u00')],
  ['packed', gzipSync(among)],
  ['packed', zstdCompressSync(among)],
  ...['', '1', '22', '333'].flatMap((before): [string, string][] =>
    ['', '1', '22'].flatMap(
      (behind): [string, string][] =>
      (['base64', 'base64url'] as const).map((how) => ['base64', Buffer.from(before + bird.text + behind).toString(how)]), // biome-ignore format: one line
    ),
  ),
])('found %s', (form, bytes) => {
  const where = 'an answer'
  expect(scan([bird], [place(where, bytes)])).toEqual([{ what: 'a row of zulu', where, form }])
})

test('keys are bytes, and found in text all the same', () => {
  const key = canaryOf('a key', Buffer.from('00ff80fe7f0a0d2290817263544536271809', 'hex'))
  for (const bytes of [key.bytes, key.bytes.toString('base64'), key.bytes.toString('hex')])
    expect(scan([key], [place('x', bytes)])).toHaveLength(1)
})

test('what is not there is not found, nor is a part of it', () => {
  const other = canary('another')
  const places = [place('x', other.text), place('y', bird.text.slice(1)), place('z', undefined)]
  expect(scan([bird], places)).toEqual([])
})

test('errors are looked at with all they carry; a report names places, never what was found', () => {
  const cause = new Error(`inside: ${bird.text}`)
  const seen = place('a refusal', new Failure('invalid', 'No.', {}, cause))
  expect(scan([bird], [seen])).toHaveLength(1)
  expect(scan([bird], [place('about', new Failure('invalid', 'No.', { at: bird.text }))])).toHaveLength(1) // biome-ignore format: one line
  expect(JSON.stringify(scan([bird], [seen]))).not.toContain(bird.text)
})

test('files: what is in them, what they are called, in folders below', () => {
  const folder = mkdtempSync(join(tmpdir(), 'canary-'))
  mkdirSync(join(folder, 'below'))
  writeFileSync(join(folder, 'below', 'file'), `x${bird.text}`)
  writeFileSync(join(folder, bird.text), '')
  const found = scan([bird], filesBelow(folder, join(folder, 'gone')))
  expect(found.map(({ where }) => where).sort()).toEqual(
    [join(folder, 'below', 'file'), `the name of ${join(folder, bird.text)}`].sort(),
  )
  rmSync(folder, { recursive: true })
})

test('memory of a process that holds it, and of one that does not', () => {
  const held = canary('held here')
  expect(scanMemory(process.pid, [held]).map(({ what }) => what)).toEqual(['held here'])
  expect(scanMemory(process.ppid, [held])).toEqual([])
})
