/**
 * What a receiver believes of a message: the signature over the received bytes first, by a key that is known for
 * this appliance (D4, D20), then the schema, then that it speaks of nobody else. A word says why not.
 */
import { createHash } from 'node:crypto'
import * as v from 'valibot'
import type { Json } from '../base/canonical.ts'
import { type Envelope, type KnownKey, type SignedType, verifyJson } from '../base/signing.ts'
import { knownKeys } from '../keys/signer.ts'
import {
  Ack,
  EnvelopeShape,
  LastWill,
  type Rejection,
  Summary,
  type VerifiedSummary,
} from './summary.ts'

const TYPES = ['summary', 'ack', 'lwt'] as const satisfies readonly SignedType[]

/** The part of a fleet's member that decides whether it is believed. */
export interface MemberIdentity {
  tenant_id: string
  tenant_uid: string
  fleet_id: string
  appliance_id: string
  /** base64 SPKI, Ed25519, and its id. */
  spki: string
  key_id: string
  /** Summaries of this epoch from this sequence on are refused, and all of later epochs. */
  revoked: { epoch: number; sequence: number } | null
}

/** A member with its key made ready: made once, used for each of its messages. */
export interface Speaker extends MemberIdentity {
  known: ReadonlyMap<string, KnownKey>
}

/** Who may acknowledge, and to whom. */
export interface AckParties {
  receiver: { appliance_id: string; known: ReadonlyMap<string, KnownKey> }
  sender: { tenant_uid: string; appliance_id: string }
}

export function speaker(member: MemberIdentity): Speaker {
  const { tenant_id, tenant_uid, fleet_id, appliance_id, spki, key_id, revoked } = member
  const known = keyOf({ spki, key_id, owner: appliance_id })
  return { tenant_id, tenant_uid, fleet_id, appliance_id, spki, key_id, revoked, known }
}

/** One key for summaries, acks and last wills. Refuses a point for which a signature proves nothing. */
export function keyOf(of: { spki: string; key_id: string; owner: string }): Map<string, KnownKey> {
  return knownKeys([{ ...of, types: [...TYPES] }])
}

export function verifySummary(envelope: unknown, from: Speaker): VerifiedSummary | Rejection {
  const read = readSigned(envelope, { type: 'summary', schema: Summary, known: from.known })
  if (typeof read === 'string') return read
  const { value: summary } = read
  if (isForeign(summary, from) || isOtherName(summary, from)) return 'foreign'
  if (isRevoked(summary, from)) return 'revoked'
  const unread = fieldsOf(read.json) - Object.keys(summary.health).length
  return { summary, envelope: read.envelope, hash: bodyHash(read.envelope.body), ...(unread > 0 && { unread }) } // biome-ignore format: one line
}

export function verifyAck(envelope: unknown, { receiver, sender }: AckParties): Ack | Rejection {
  const read = readSigned(envelope, { type: 'ack', schema: Ack, known: receiver.known })
  if (typeof read === 'string') return read
  const isOurs = read.value.receiver_id === receiver.appliance_id && !isForeign(read.value, sender)
  return isOurs ? read.value : 'foreign'
}

export function verifyLastWill(envelope: unknown, from: Speaker): LastWill | Rejection {
  const read = readSigned(envelope, { type: 'lwt', schema: LastWill, known: from.known })
  if (typeof read === 'string') return read
  if (isForeign(read.value, from)) return 'foreign'
  return from.revoked ? 'revoked' : read.value
}

/** SHA-256 of a signed body, hex: its identity, and what the next summary names as `previous`. */
export function bodyHash(body: string): string {
  return createHash('sha256').update(body).digest('hex')
}

interface Wanted<S extends v.GenericSchema> {
  type: SignedType
  schema: S
  known: ReadonlyMap<string, KnownKey>
}

function readSigned<S extends v.GenericSchema>(
  given: unknown,
  { type, schema, known }: Wanted<S>,
): { value: v.InferOutput<S>; json: Json; envelope: Envelope } | Rejection {
  const shape = v.safeParse(EnvelopeShape, given)
  if (!shape.success) return 'malformed'
  const envelope = shape.output
  let json: Json
  try {
    json = verifyJson(envelope, type, known, 0)
  } catch (error) {
    return (error as { kind?: string }).kind === 'invalid' ? 'malformed' : 'forged'
  }
  const parsed = v.safeParse(schema, json)
  return parsed.success ? { value: parsed.output, json, envelope } : 'malformed'
}

/** In that part of a summary where later releases say more. */
function fieldsOf(json: Json): number {
  return Object.keys((json as { health?: object }).health ?? {}).length
}

interface Named {
  tenant_uid: string
  appliance_id: string
}

function isForeign(said: Named, known: Named): boolean {
  return said.tenant_uid !== known.tenant_uid || said.appliance_id !== known.appliance_id
}

/** D23: a slug that disagrees with its uid. */
function isOtherName(said: Summary, known: Speaker): boolean {
  return said.tenant_id !== known.tenant_id || said.fleet_id !== known.fleet_id
}

function isRevoked({ epoch, sequence }: Summary, { revoked }: Speaker): boolean {
  if (!revoked) return false
  return epoch > revoked.epoch || (epoch === revoked.epoch && sequence >= revoked.sequence)
}
