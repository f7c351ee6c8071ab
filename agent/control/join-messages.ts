/** What travels at a join, a renewal and a leaving: strict, bounded, and read before anything is believed. */
import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { type Json, parseCanonical } from '../base/canonical.ts'
import { Failure } from '../base/failure.ts'
import { SLUG, UID } from '../base/ids.ts'
import { type Envelope, type SignedType, verifyJson } from '../base/signing.ts'
import { visible } from '../base/text.ts'
import { knownKeys } from '../keys/signer.ts'
import { EnvelopeShape } from '../summary/summary.ts'

const Uid = v.pipe(v.string(), v.regex(UID))
const Slug = v.pipe(v.string(), v.regex(SLUG))
const Hex64 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
const Base64 = (max: number) => v.pipe(v.string(), v.maxLength(max), v.base64())
const Pem = v.pipe(v.string(), v.maxLength(8192))
const TimeUs = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
/** As people name a site: no controls, so that a name cannot draw on a terminal. */
export const Site = v.pipe(
  v.string(),
  v.trim(),
  v.regex(/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,64}$/u),
  v.regex(/[\p{L}\p{N}]/u),
  v.check((name) => visible(name) === name),
)
const Address = (scheme: string) =>
  v.pipe(v.string(), v.maxLength(300), v.regex(new RegExp(`^${scheme}://[\\w.:[\\]-]+$`)))

/** Signed by the joining box as type `claim`. */
export const JoinRequest = v.strictObject({
  version: v.literal(1),
  kind: v.picklist(['join', 'file']),
  tenant_id: Slug,
  tenant_uid: Uid,
  fleet_id: Slug,
  appliance_id: Uid,
  site: Site,
  /** The box's identity, Ed25519. */
  spki: Base64(64),
  /** The key for its certificate, P-256. */
  tlsSpki: Base64(128),
  /** The exporter of the TLS connection; by file 32 random bytes. */
  binding: Hex64,
  at: TimeUs,
})
export type JoinRequest = v.InferOutput<typeof JoinRequest>

export const JoinBody = v.strictObject({ proof: EnvelopeShape, mac: Base64(44) })
export type JoinBody = v.InferOutput<typeof JoinBody>

export const Receiver = v.strictObject({
  tenant_uid: Uid,
  appliance_id: Uid,
  site: Site,
  sealKey: Base64(44),
  spki: Base64(64),
})

export const JoinReply = v.strictObject({
  version: v.literal(1),
  fleet_id: Slug,
  fleet_uid: Uid,
  ca: Pem,
  certificate: Pem,
  url: Address('mqtts'),
  door: Address('https'),
  receiver: Receiver,
})
export type JoinReply = v.InferOutput<typeof JoinReply>

/** `reply` as text, so that the proof is over these very bytes. */
export const DoorReply = v.strictObject({
  reply: v.pipe(v.string(), v.maxLength(16_384)),
  mac: Base64(44),
})

/** Signed by the primary as type `claim`, for a request that came by file. */
export const Acceptance = v.strictObject({
  version: v.literal(1),
  kind: v.literal('accept'),
  /** SHA-256 of the request's text. */
  request: Hex64,
  reply: JoinReply,
})

/** Signed by a member as type `cert-renew`. */
export const Renewal = v.strictObject({
  tenant_uid: Uid,
  appliance_id: Uid,
  tlsSpki: Base64(128),
  at: TimeUs,
  nonce: Uid,
})

/** Signed by a member as type `revocation`: of itself. */
export const Leaving = v.strictObject({
  kind: v.literal('leave'),
  fleet_uid: Uid,
  tenant_uid: Uid,
  appliance_id: Uid,
  at: TimeUs,
  nonce: Uid,
})

/** The value when text is canonical JSON of that shape; else nothing. It is not verified yet. */
export function peek<S extends v.GenericSchema>(
  schema: S,
  text: string,
): v.InferOutput<S> | undefined {
  try {
    const result = v.safeParse(schema, parseCanonical(Buffer.from(text)))
    return result.success ? result.output : undefined
  } catch {
    return undefined
  }
}

/** The id that a key has (D4), from base64 SPKI. */
export function keyIdOf(spki: string): string {
  return sha256(Buffer.from(spki, 'base64')).slice(0, 32)
}

/** What this one key signed as that type; a refusal otherwise, and for keys that prove nothing. */
export function verifyBy(spki: string, envelope: Envelope, type: SignedType, nowUs: number): Json {
  const known = knownKeys([{ key_id: keyIdOf(spki), spki, owner: 'member', types: [type] }])
  return verifyJson(envelope, type, known, nowUs)
}

export function readEnvelope(body: unknown): Envelope {
  const result = v.safeParse(EnvelopeShape, body)
  if (!result.success) throw new Failure('invalid', 'This is no signed message.')
  return result.output
}

export function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}
