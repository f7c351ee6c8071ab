/** What a receiver believes, put together from its steps so that a control can leave one out. With none off it is the real one. */
import { createDecipheriv, hkdfSync, type KeyObject, sign, verify } from 'node:crypto'
import * as v from 'valibot'
import { type Json, parseCanonical } from '../../agent/base/canonical.ts'
import { type Envelope, keyId, type SignedType, signedBytes } from '../../agent/base/signing.ts'
import { FleetPicture } from '../../agent/health/fleet-status.ts'
import type { Opening } from '../../agent/summary/seal.ts'
import { Summary, type VerifiedSummary } from '../../agent/summary/summary.ts'
import { bodyHash, type Speaker, verifySummary } from '../../agent/summary/verify.ts'
import { NOON_US } from '../traffic/summary-source.ts'
import type { WatchedSite } from '../traffic/watched-site.ts'
import type { Layer, Run } from './attempt.ts'

export const SIGNATURE: Layer = { name: 'the signature', shows: /forged/ }
export const CANONICAL: Layer = { name: 'the canonical form', shows: /malformed/ }
export const SCHEMA: Layer = { name: 'the shape of a summary', shows: /malformed/ }
export const NAMES: Layer = { name: 'the names that a key speaks for', shows: /foreign/ }
/** Ed25519 says S < L (RFC 8032 §5.1.7); a verifier that does not look takes two signatures of one text. */
export const RANGE: Layer = { name: 'the range of S', shows: /forged/ }
const ALL = [SIGNATURE, CANONICAL, SCHEMA, NAMES, RANGE]

export const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

/** `signedAs`: the type that the signature is held against, where that is not looked at. */
export function believed(
  run: Run,
  envelope: Envelope,
  { from, signedAs = 'summary' }: { from: Speaker; signedAs?: SignedType },
): VerifiedSummary | string {
  if (signedAs === 'summary' && ALL.every((layer) => !run.without(layer))) return verifySummary(envelope, from) // biome-ignore format: one line
  const { body } = envelope
  const signature = run.without(RANGE) ? inRange(envelope.signature) : Buffer.from(envelope.signature, 'base64') // biome-ignore format: one line
  const key = from.known.get(envelope.key_id)?.key
  const good = key !== undefined && verify(null, signedBytes(signedAs, body), key, signature)
  if (!good && !run.without(SIGNATURE)) return 'forged'
  let summary: Summary
  try {
    const json = run.without(CANONICAL) ? (JSON.parse(body) as Json) : parseCanonical(Buffer.from(body)) // biome-ignore format: one line
    summary = run.without(SCHEMA) ? (json as unknown as Summary) : v.parse(Summary, json)
  } catch {
    return 'malformed'
  }
  const names = ['tenant_id', 'tenant_uid', 'fleet_id', 'appliance_id'] as const
  if (!run.without(NAMES) && names.some((name) => summary[name] !== from[name])) return 'foreign'
  return { summary, envelope, hash: bodyHash(body) }
}

/** S of a signature: its last 32 bytes, the least first. */
export function scalarOf(signature: string): bigint {
  const bytes = Buffer.from(signature, 'base64').subarray(32).reverse()
  return BigInt(`0x${bytes.toString('hex')}`)
}

export function withScalar(signature: string, scalar: bigint): Buffer {
  const bytes = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex').reverse()
  return Buffer.concat([Buffer.from(signature, 'base64').subarray(0, 32), bytes])
}

function inRange(signature: string): Buffer {
  return withScalar(signature, scalarOf(signature) % ORDER)
}

/** Any text at all, signed as it stands. */
export function signText(key: KeyObject, publicKey: KeyObject, body: string): Envelope {
  const signature = sign(null, signedBytes('summary', body), key).toString('base64')
  return { type: 'summary', body, key_id: keyId(publicKey), signature }
}

/** What is inside a seal by the same cipher, whose tag nobody looks at. */
export function unsealUnchecked(payload: Buffer, { shared, receiverKey }: Opening): unknown {
  const salt = Buffer.concat([payload.subarray(4, 36), receiverKey])
  const key = Buffer.from(hkdfSync('sha256', shared, salt, 'picket/v1/seal/summary', 32))
  const counter = Buffer.from('00000000000000000000000000000002', 'hex') // GCM counts from 2
  const plain = createDecipheriv('aes-256-ctr', key, counter).update(payload.subarray(36, -16))
  try {
    return JSON.parse(plain.toString('utf8', 4, 4 + plain.readUInt32BE()))
  } catch {
    return undefined
  }
}

/** As a receiver does it: taken in, or the word it is refused with. */
export function fold({ fold }: WatchedSite, told: VerifiedSummary | string): string {
  if (typeof told === 'string') return told
  const outcome = fold.accept(told, { at: Math.max(NOON_US, told.summary.window.to), bytes: 4096 })
  return outcome.accepted ? 'accepted' : outcome.because
}

export function view(sites: WatchedSite[]) {
  const heard = sites.map(({ fold }) => fold.newest?.receivedAt ?? NOON_US)
  const now = Math.max(...heard) + 1e6
  return new FleetPicture().view({ fleet_id: 'acme', sites, rejected: {}, now })
}
