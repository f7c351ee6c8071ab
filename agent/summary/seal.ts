/**
 * A signed summary, sealed for one receiver so that a broker carries nothing but bytes (D17):
 * `"PKS1" | ephemeral X25519 (32) | AES-256-GCM ciphertext | tag (16)`. Each message has an ephemeral key of
 * its own, so its AES key is used once and a nonce of zeros is fine. Sizes are padded to five steps.
 */
import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'
import * as v from 'valibot'
import { Failure } from '../base/failure.ts'
import type { Envelope } from '../base/signing.ts'
import { EnvelopeShape } from './summary.ts'

const MAGIC = Buffer.from('PKS1')
const POINT_BYTES = 32
const TAG_BYTES = 16
const LENGTH_BYTES = 4
const HEAD_BYTES = MAGIC.length + POINT_BYTES
const AROUND_BYTES = HEAD_BYTES + TAG_BYTES + LENGTH_BYTES
const NONCE = Buffer.alloc(12)
const INFO = 'picket/v1/seal/summary'

/** Of the whole payload: a broker learns one of five sizes. */
export const SEALED_BYTES = [4, 8, 16, 32, 40].map((kib) => kib << 10)
export const SEALED_BYTES_MAX = 40 << 10
/** Of the envelope as JSON: what fits the largest. */
export const ENVELOPE_BYTES_MAX = SEALED_BYTES_MAX - AROUND_BYTES

/** What the opener needs: the secret from picket-keys, its own public point, and where the message came by. */
export interface Opening {
  shared: Buffer
  receiverKey: Buffer
  topic: string
}

export function seal(envelope: Envelope, to: { receiverKey: Buffer; topic: string }): Buffer {
  const plain = padded(Buffer.from(JSON.stringify(envelope)))
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  const ephemeral = pointOf(publicKey)
  const shared = diffieHellman({ privateKey, publicKey: sealKeyFromRaw(to.receiverKey) })
  const key = messageKey(shared, ephemeral, to.receiverKey)
  const cipher = createCipheriv('aes-256-gcm', key, NONCE)
  cipher.setAAD(about(to.topic))
  const sealed = [MAGIC, ephemeral, cipher.update(plain), cipher.final(), cipher.getAuthTag()]
  shared.fill(0)
  key.fill(0)
  return Buffer.concat(sealed)
}

/** The sender's point, to ask picket-keys for the shared secret; nothing when this is no seal of ours. */
export function ephemeralOf(payload: Uint8Array): Buffer | undefined {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  if (!SEALED_BYTES.includes(bytes.length) || !isSealed(bytes)) return undefined
  return bytes.subarray(MAGIC.length, HEAD_BYTES)
}

export function isSealed(bytes: Buffer): boolean {
  return bytes.length > HEAD_BYTES && bytes.subarray(0, MAGIC.length).equals(MAGIC)
}

/** The envelope inside, or nothing when a bit, the receiver or the topic is not what it was. */
export function unseal(
  payload: Uint8Array,
  { shared, receiverKey, topic }: Opening,
): Envelope | undefined {
  const ephemeral = ephemeralOf(payload)
  if (!ephemeral) return undefined
  const cut = payload.length - TAG_BYTES
  const key = messageKey(shared, ephemeral, receiverKey)
  const cipher = createDecipheriv('aes-256-gcm', key, NONCE, { authTagLength: TAG_BYTES })
  key.fill(0)
  cipher.setAAD(about(topic))
  cipher.setAuthTag(payload.subarray(cut))
  const plain = cipher.update(payload.subarray(HEAD_BYTES, cut))
  try {
    cipher.final()
  } catch {
    return undefined
  }
  return readEnvelope(plain)
}

/** For picket-keys alone, which keeps the private half. Nothing for a point of small order. */
export function sharedSecret(privateKey: KeyObject, ephemeral: Buffer): Buffer | undefined {
  try {
    return diffieHellman({ privateKey, publicKey: sealKeyFromRaw(ephemeral) })
  } catch {
    return undefined
  }
}

export function sealKeyFromRaw(raw: Buffer): KeyObject {
  if (raw.length !== POINT_BYTES)
    throw new Failure('invalid', `A seal key has ${POINT_BYTES} bytes, not ${raw.length}.`)
  return createPublicKey({
    key: { kty: 'OKP', crv: 'X25519', x: raw.toString('base64url') },
    format: 'jwk',
  })
}

/** The 32 bytes of an X25519 public key. */
export function pointOf(publicKey: KeyObject): Buffer {
  return Buffer.from(String(publicKey.export({ format: 'jwk' }).x), 'base64url')
}

function padded(text: Buffer): Buffer {
  const size = SEALED_BYTES.find((bytes) => text.length + AROUND_BYTES <= bytes)
  if (size === undefined)
    throw new Failure('too-many', `A message of ${text.length} bytes is too long to be sealed.`)
  const plain = Buffer.alloc(size - HEAD_BYTES - TAG_BYTES)
  plain.writeUInt32BE(text.length)
  text.copy(plain, LENGTH_BYTES)
  return plain
}

function messageKey(shared: Buffer, ephemeral: Buffer, receiverKey: Buffer): Buffer {
  const salt = Buffer.concat([ephemeral, receiverKey])
  return Buffer.from(hkdfSync('sha256', shared, salt, INFO, 32))
}

function about(topic: string): Buffer {
  return Buffer.from(`picket/v1/seal${topic}`)
}

function readEnvelope(plain: Buffer): Envelope | undefined {
  const length = plain.readUInt32BE()
  if (length > plain.length - LENGTH_BYTES) return undefined
  try {
    const text = plain.toString('utf8', LENGTH_BYTES, LENGTH_BYTES + length)
    return v.parse(EnvelopeShape, JSON.parse(text))
  } catch {
    return undefined // sealed by somebody who knows our public key, as anybody may
  }
}
