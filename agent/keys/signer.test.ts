import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { verifyJson } from '../base/signing.ts'
import { createFileCustodian, openFileCustodian } from './file-custodian.ts'
import { Keyring } from './keyring.ts'
import { knownKeys, readPublicKeys, Signer } from './signer.ts'

test('what the box signs, a verifier with its public file accepts, now and after a restart', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'signer-'))
  const first = await Signer.open(
    await Keyring.open({ folder, custodian: createFileCustodian(folder) }),
  )
  first.publish(folder)
  const envelope = first.sign('decision', { action_id: 'x' })
  const known = readPublicKeys(folder)
  expect(verifyJson(envelope, 'decision', known, 0)).toEqual({ action_id: 'x' })
  expect(() => verifyJson(envelope, 'catalog', known, 0)).toThrow('not a catalog')
  const again = await Signer.open(
    await Keyring.open({ folder, custodian: openFileCustodian(folder) }),
  )
  expect(again.records).toEqual(first.records)
  expect(() => again.sign('pack', {})).toThrow('does not sign')
  const types = again.records.flatMap((record) => record.types)
  expect(new Set(types).size).toBe(types.length) // one type, one key
})

test('a key under another id, or in another form, is not registered', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'signer-'))
  const signer = await Signer.open(
    await Keyring.open({ folder, custodian: createFileCustodian(folder) }),
  )
  const [record] = signer.records
  if (!record) throw new Error('there is a key')
  expect(() => knownKeys([{ ...record, key_id: '0'.repeat(32) }])).toThrow('the id')
  const x25519 = Buffer.from(record.spki, 'base64')
  x25519[8] = 0x6e // id-X25519
  expect(() => knownKeys([{ ...record, spki: x25519.toString('base64') }])).toThrow(
    'not an Ed25519',
  )
})
