/**
 * A person's decision, as picket-keys signed it: for one action, one plan, one verb, once, now. The process that
 * asks (web, command line) is not believed; its envelope is (D2, D3).
 */
import { readFileSync, statSync } from 'node:fs'
import * as v from 'valibot'
import { Failure } from '../base/failure.ts'
import {
  type Envelope,
  type KnownKey,
  keyId,
  publicKeyFromRaw,
  SIGNED_TYPES,
  verifyJson,
} from '../base/signing.ts'
import { visible } from '../base/text.ts'
import { NONCES_MAX, type SeenNonce } from './ledger.ts'

const AGE_US_MAX = 5 * 60 * 1e6
const AHEAD_US_MAX = 60 * 1e6 // two clocks of one machine, one of them just corrected
const KEYS_BYTES_MAX = 1 << 20
const SPKI_ED25519_BYTES = 44

export const VERBS = ['approve', 'reject', 'undo'] as const
export type Verb = (typeof VERBS)[number]

export interface DecisionRequest {
  action_id: string
  hash: string
  decision: Envelope
}

export interface Decided {
  by: string
  nonce: SeenNonce
}

const Body = v.strictObject({
  action_id: v.pipe(v.string(), v.maxLength(64)),
  hash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  verb: v.picklist(VERBS),
  by: v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
  at: v.pipe(v.number(), v.integer()),
  nonce: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
})

const Request = v.strictObject({
  action_id: v.pipe(v.string(), v.maxLength(64)),
  hash: v.pipe(v.string(), v.maxLength(64)),
  decision: v.strictObject({
    type: v.picklist(SIGNED_TYPES),
    body: v.pipe(v.string(), v.maxLength(4096)),
    key_id: v.pipe(v.string(), v.maxLength(64)),
    signature: v.pipe(v.string(), v.maxLength(128)),
  }),
})

export function readRequest(input: unknown): DecisionRequest {
  const result = v.safeParse(Request, input)
  if (result.success) return result.output
  throw new Failure('invalid', 'A decision names action_id, hash and the signed envelope.')
}

/** What `verifyDecision` holds a decision against. */
export interface Expected {
  verb: Verb
  known: ReadonlyMap<string, KnownKey>
  nowUs: number
  nonces: readonly SeenNonce[]
}

/** Who decided, and the nonce to keep. Throws `refused`. The hash is the guard's to compare. */
export function verifyDecision(request: DecisionRequest, expected: Expected): Decided {
  const { decision } = request
  const parsed = v.safeParse(Body, verifyJson(decision, 'decision', expected.known, expected.nowUs))
  if (!parsed.success) throw new Failure('refused', 'The signed decision is not complete.')
  const body = parsed.output
  if (
    body.verb !== expected.verb ||
    body.action_id !== request.action_id ||
    body.hash !== request.hash
  )
    throw new Failure('refused', 'The signed decision is about something else.')
  const age = expected.nowUs - body.at
  if (age > AGE_US_MAX || age < -AHEAD_US_MAX)
    throw new Failure('refused', 'The signed decision is not from the last five minutes.')
  if (expected.nonces.some(({ nonce }) => nonce === body.nonce))
    throw new Failure('refused', 'The signed decision was used before.')
  const oldest = expected.nonces.at(-NONCES_MAX)
  if (oldest && oldest.at > expected.nowUs - 2 * AGE_US_MAX)
    throw new Failure('too-many', 'Too many decisions in a few minutes; wait some.')
  return { by: visible(body.by), nonce: { nonce: body.nonce, at: body.at } }
}

const PublicKeys = v.array(
  v.object({
    key_id: v.string(),
    spki: v.pipe(v.string(), v.maxLength(1024)),
    owner: v.string(),
    types: v.array(v.string()),
  }),
)

/**
 * The public keys of `<data>/keys/public.json`, read at each decision: a key taken out of the file decides
 * nothing more. Only Ed25519, only under its own id, no point for which a signature proves nothing (D4).
 */
export function readPublicKeys(path: string): Map<string, KnownKey> {
  const known = new Map<string, KnownKey>()
  for (const { key_id, spki, owner, types } of keyRecords(path)) {
    const der = Buffer.from(spki, 'base64')
    if (der.length !== SPKI_ED25519_BYTES) continue
    try {
      const key = publicKeyFromRaw(der.subarray(-32))
      if (keyId(key) !== key_id || !key.export({ type: 'spki', format: 'der' }).equals(der))
        continue
      known.set(key_id, { key, owner, types: SIGNED_TYPES.filter((type) => types.includes(type)) })
    } catch (error) {
      if (!(error instanceof Failure)) throw error
    }
  }
  return known
}

function keyRecords(path: string): v.InferOutput<typeof PublicKeys> {
  let text: string
  try {
    if (statSync(path).size > KEYS_BYTES_MAX) throw new Error('too big')
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new Failure(
      'unavailable',
      'The public keys cannot be read, so no decision can be checked. Is picket-keys running?',
      { path },
      error,
    )
  }
  try {
    return v.parse(PublicKeys, JSON.parse(text))
  } catch (error) {
    throw new Failure('unavailable', 'The file of public keys is damaged.', { path }, error)
  }
}
