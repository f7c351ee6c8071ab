import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  type KnownKey,
  keyId,
  publicKeyFromRaw,
  signedBytes,
  signJson,
  verifyJson,
} from './signing.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const known = new Map<string, KnownKey>([
  [
    keyId(publicKey),
    { key: publicKey, owner: 'box', types: ['decision', 'catalog'], notAfter: 1000 },
  ],
])

test('what was signed as one type verifies as that type only', () => {
  const envelope = signJson(privateKey, 'decision', { verb: 'approve' })
  expect(verifyJson(envelope, 'decision', known, 1)).toEqual({ verb: 'approve' })
  expect(() => verifyJson(envelope, 'catalog', known, 1)).toThrow('not a catalog')
  expect(() => verifyJson({ ...envelope, type: 'catalog' }, 'catalog', known, 1)).toThrow(
    'does not fit',
  )
})

test('a changed body, a stranger and a key past its time are refused', () => {
  const envelope = signJson(privateKey, 'decision', { verb: 'approve' })
  const changed = { ...envelope, body: '{"verb":"undo"}' }
  expect(() => verifyJson(changed, 'decision', known, 1)).toThrow('does not fit')
  const stranger = signJson(generateKeyPairSync('ed25519').privateKey, 'decision', {})
  expect(() => verifyJson(stranger, 'decision', known, 1)).toThrow('a key we know')
  expect(() => verifyJson(envelope, 'decision', known, 1001)).toThrow('outside its time')
})

test('a body that verifies but is not canonical is refused', () => {
  const body = '{ "verb":"approve"}'
  const signature = sign(null, signedBytes('decision', body), privateKey).toString('base64')
  const envelope = { type: 'decision', body, key_id: keyId(publicKey), signature } as const
  expect(() => verifyJson(envelope, 'decision', known, 1)).toThrow('not canonical')
})

test('refuses public keys of small order, which one constant signature would satisfy', () => {
  const identity = Buffer.alloc(32)
  identity[0] = 1
  expect(() => publicKeyFromRaw(identity)).toThrow('small order')
  expect(() => publicKeyFromRaw(Buffer.alloc(32, 0xff))).toThrow('small order')
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x as string, 'base64url')
  expect(keyId(publicKeyFromRaw(raw))).toBe(keyId(publicKey))
})

test('agrees with RFC 8032 §7.1 test 2', () => {
  const seed = '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'
  const der = Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex')
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  expect(sign(null, Buffer.from('72', 'hex'), key).toString('hex')).toBe(
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
      '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  )
})
