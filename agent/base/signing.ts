/**
 * Signatures over canonical JSON with a type prefix (D1–D4). Signed bytes are
 * `"picket/v1/" + type + "\n" + JSON`; a verifier names the type it wants and never takes another.
 * Ed25519 (RFC 8032), by node:crypto on both sides: tweetnacl would accept S + L.
 */
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { canonical, type Json, parseCanonical } from './canonical.ts'
import { Failure } from './failure.ts'

/**
 * The closed list of D3; `decision` is an operator's approve, reject or undo of one action, `accounts`
 * the head over a tenant's accounts and grants (D12).
 */
export const SIGNED_TYPES = [
  'summary',
  'ack',
  'lwt',
  'catalog',
  'checkpoint',
  'decision',
  'accounts',
  'receipt-shred',
  'receipt-breach',
  'grant',
  'delegation',
  'view-as',
  'hunt',
  'hunt-reply',
  'consent',
  'pack',
  'bundle',
  'revocation',
  'claim',
  'cert-renew',
  'lease',
  'settings',
  'backup',
] as const
export type SignedType = (typeof SIGNED_TYPES)[number]

/** What travels and is stored: the signed JSON as received text, the key id, the signature. */
export interface Envelope {
  type: SignedType
  body: string
  key_id: string
  /** base64 of 64 bytes. */
  signature: string
}

/** A public key as a verifier knows it: bound to owner, types and time, never taken from a message. */
export interface KnownKey {
  key: KeyObject
  owner: string
  types: readonly SignedType[]
  /** Microseconds since 1970. */
  notBefore?: number
  notAfter?: number
}

/** Small-order and non-canonical points: one constant signature would verify for every message. */
const LOW_ORDER = new Set([
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '0000000000000000000000000000000000000000000000000000000000000000',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
])
const FIELD_PRIME = (1n << 255n) - 19n

export function signedBytes(type: SignedType, body: string): Buffer {
  return Buffer.from(`picket/v1/${type}\n${body}`)
}

/** First 16 bytes of SHA-256 over the SPKI, as hex (D4). */
export function keyId(publicKey: KeyObject): string {
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest('hex').slice(0, 32)
}

export function signJson(privateKey: KeyObject, type: SignedType, value: Json): Envelope {
  const body = canonical(value)
  const signature = sign(null, signedBytes(type, body), privateKey).toString('base64')
  return { type, body, key_id: idOfSigner(privateKey), signature }
}

/** Deriving the public half costs more than the signature. */
const signerIds = new WeakMap<KeyObject, string>()

function idOfSigner(privateKey: KeyObject): string {
  const known = signerIds.get(privateKey)
  if (known !== undefined) return known
  const id = keyId(createPublicKey(privateKey))
  signerIds.set(privateKey, id)
  return id
}

/** The value inside, or a refusal. Verifies the received bytes first, then that they are canonical. */
export function verifyJson(
  envelope: Envelope,
  type: SignedType,
  known: ReadonlyMap<string, KnownKey>,
  nowUs: number,
): Json {
  const key = known.get(envelope.key_id)
  if (envelope.type !== type || !key?.types.includes(type))
    throw new Failure('refused', `This is not a ${type} signed by a key we know.`)
  if (nowUs < (key.notBefore ?? 0) || nowUs > (key.notAfter ?? Number.POSITIVE_INFINITY))
    throw new Failure('refused', `The key of this ${type} is outside its time.`)
  const signature = Buffer.from(envelope.signature, 'base64')
  if (!verify(null, signedBytes(type, envelope.body), key.key, signature))
    throw new Failure('refused', `The signature of this ${type} does not fit its content.`)
  return parseCanonical(Buffer.from(envelope.body))
}

/** A key to be registered; refuses points for which a signature proves nothing (D4). */
export function publicKeyFromRaw(raw: Uint8Array): KeyObject {
  const hex = Buffer.from(raw).toString('hex')
  const y = BigInt(`0x${Buffer.from(raw).reverse().toString('hex')}`) & ((1n << 255n) - 1n)
  if (raw.length !== 32 || LOW_ORDER.has(hex) || y >= FIELD_PRIME || y === 1n)
    throw new Failure('refused', 'This public key proves nothing: its point is of small order.')
  return createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(raw).toString('base64url') },
    format: 'jwk',
  })
}
