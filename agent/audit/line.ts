/** One line of the audit trail: canonical JSON, naming ids, atoms and counts, never tenant data. */
import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { canonical, type Json, parseCanonical } from '../base/canonical.ts'
import { type Envelope, SIGNED_TYPES } from '../base/signing.ts'
import { VERBS, type VerbName } from './verb.ts'

export const FIRST_PREV = '0'.repeat(64)
/** What box-wide lines carry where others carry a tenant: they concern each tenant of the box. */
export const EVERY_TENANT = '*'
export const LINE_BYTES_MAX = 65_536

const Hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
// An id or atom. The charset keeps sentences, SQL and terminal escapes out of a chain that is never erased.
const Word = v.pipe(v.string(), v.regex(/^[\w.:*/@-]{1,128}$/))

const Line = v.strictObject({
  v: v.literal(1),
  seq: v.pipe(v.number(), v.integer(), v.minValue(1)),
  prev: Hash,
  /** Microseconds since 1970, by the box's wall clock; the order comes from seq. */
  at: v.pipe(v.number(), v.integer()),
  tenant_id: Word,
  tenant_uid: Word,
  verb: v.picklist(Object.keys(VERBS) as VerbName[]),
  outcome: v.picklist(['intent', 'done', 'failed', 'refused']),
  /** `user:<id>`, `console`, or `process:<name>`. A name stands beside the chain and can be erased. */
  actor: Word,
  subject: Word,
  count: v.optional(v.pipe(v.number(), v.integer())),
  /** Keyed digest of a text that is tenant data (SQL, a host name). */
  digest: v.optional(Hash),
  /** Facts that later starts compare: heads of accounts, the root generation. */
  carry: v.optional(v.record(Word, Word)),
  /** Of a checkpoint. */
  envelope: v.optional(
    v.strictObject({
      type: v.picklist(SIGNED_TYPES),
      body: v.string(),
      key_id: v.string(),
      signature: v.string(),
    }),
  ),
})
export type Line = v.InferOutput<typeof Line>

export interface LineDraft {
  tenant_id?: string
  tenant_uid?: string
  verb: VerbName
  outcome: Line['outcome']
  actor: string
  subject?: string
  count?: number
  digest?: string
  carry?: Readonly<Record<string, string>>
  envelope?: Envelope
}

export function lineBytes(line: Line): Buffer {
  return Buffer.from(canonical(v.parse(Line, line) as Json))
}

/** The line, or nothing when the bytes are no whole canonical line. */
export function parseLine(bytes: Uint8Array): Line | undefined {
  try {
    const parsed = v.safeParse(Line, parseCanonical(bytes))
    return parsed.success ? parsed.output : undefined
  } catch {
    return undefined
  }
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
