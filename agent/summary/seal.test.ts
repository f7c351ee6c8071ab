import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { SummarySource } from '../../test/traffic/summary-source.ts'
import type { Envelope } from '../base/signing.ts'
import {
  ENVELOPE_BYTES_MAX,
  ephemeralOf,
  pointOf,
  SEALED_BYTES,
  seal,
  sharedSecret,
  unseal,
} from './seal.ts'

const receiver = generateKeyPairSync('x25519')
const receiverKey = pointOf(receiver.publicKey)
const topic = 'p/v1/f/t/a/sum'
const { envelope } = new SummarySource().next()

function open(payload: Buffer, change: { topic?: string; as?: typeof receiver } = {}) {
  const { as = receiver } = change
  const ephemeral = ephemeralOf(payload)
  const shared = ephemeral && sharedSecret(as.privateKey, ephemeral)
  if (!shared) return undefined
  return unseal(payload, {
    shared,
    receiverKey: pointOf(as.publicKey),
    topic: change.topic ?? topic,
  })
}

test('what is sealed for a receiver opens there, and twice the same looks different', () => {
  const one = seal(envelope, { receiverKey, topic })
  expect(open(one)).toEqual(envelope)
  expect(seal(envelope, { receiverKey, topic }).subarray(4, 100)).not.toEqual(one.subarray(4, 100))
})

test('a broker sees one of five sizes; what fits none is refused', () => {
  const around = JSON.stringify({ ...envelope, body: '' }).length
  const ofBytes = (bytes: number): Envelope => ({ ...envelope, body: 'x'.repeat(bytes - around) })
  for (const size of SEALED_BYTES) {
    const most = size - (SEALED_BYTES.at(-1) ?? 0) + ENVELOPE_BYTES_MAX
    expect(seal(ofBytes(most), { receiverKey, topic })).toHaveLength(size)
  }
  expect(() => seal(ofBytes(ENVELOPE_BYTES_MAX + 1), { receiverKey, topic })).toThrow('too long')
})

test('any flipped bit, any cut, another receiver, another topic: nothing opens', () => {
  const sealed = seal(envelope, { receiverKey, topic })
  const flip = (at: number, bit: number) => {
    const flipped = Buffer.from(sealed)
    flipped[at] = (flipped[at] as number) ^ (1 << bit)
    return flipped
  }
  for (let at = 0; at < sealed.length; at += at < 64 || at > sealed.length - 64 ? 1 : 97)
    expect(open(flip(at, at % 8)), `byte ${at}`).toBeUndefined()
  // X25519 does not read the top bit of a point; the salt of the key does.
  expect(open(flip(35, 7))).toBeUndefined()
  for (const cut of [0, 4, 36, 52, 4095, sealed.length - 1])
    expect(open(sealed.subarray(0, cut))).toBeUndefined()
  expect(open(Buffer.concat([sealed, Buffer.alloc(4096)]))).toBeUndefined()
  expect(open(sealed, { as: generateKeyPairSync('x25519') })).toBeUndefined()
  expect(open(sealed, { topic: 'p/v1/f/t/b/sum' })).toBeUndefined()
})

test('a point of small order gives no secret', () => {
  const low = Buffer.alloc(32)
  expect(sharedSecret(receiver.privateKey, low)).toBeUndefined()
  const sealed = seal(envelope, { receiverKey, topic })
  low.copy(sealed, 4)
  expect(open(sealed)).toBeUndefined()
})

test('something else than an envelope inside opens to nothing', () => {
  const odd = { ...envelope, extra: 1 } as unknown as Envelope
  expect(open(seal(odd, { receiverKey, topic }))).toBeUndefined()
})
