import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { keyId } from '../base/signing.ts'
import { readPublicKeys } from './decision.ts'

const folder = mkdtempSync(join(tmpdir(), 'picket-keys-'))
const path = join(folder, 'public.json')
afterAll(() => rmSync(folder, { recursive: true }))

const der = { type: 'spki', format: 'der' } as const
const { publicKey } = generateKeyPairSync('ed25519')
const good = {
  key_id: keyId(publicKey),
  spki: publicKey.export(der).toString('base64'),
  owner: 'picket-keys',
  types: ['decision', 'no-such-type'],
}

test('a key stands for the types that are listed, and only under its own id', () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
  const lines = [
    good,
    { ...good, key_id: 'f'.repeat(32) },
    { ...good, spki: ec.export(der).toString('base64'), key_id: keyId(ec) },
    { ...good, spki: Buffer.from('302a300506032b6570032100', 'hex').toString('base64') },
  ]
  writeFileSync(path, JSON.stringify(lines))
  const known = readPublicKeys(path)
  expect([...known.keys()]).toEqual([good.key_id])
  expect(known.get(good.key_id)?.types).toEqual(['decision'])
})

test('a point for which one signature fits every message is no key', () => {
  const identity = Buffer.concat([
    Buffer.from('302a300506032b6570032100', 'hex'),
    Buffer.from([1]),
    Buffer.alloc(31),
  ])
  writeFileSync(path, JSON.stringify([{ ...good, spki: identity.toString('base64') }]))
  expect(readPublicKeys(path).size).toBe(0)
})

test.each([
  ['absent', undefined],
  ['damaged', '[{"key_id": 7}]'],
  ['no JSON', 'hello'],
])('a file that is %s decides nothing', (_, text) => {
  rmSync(path, { force: true })
  if (text !== undefined) writeFileSync(path, text)
  expect(() => readPublicKeys(path)).toThrow(/public keys/)
})
