/**
 * Shapes of what callers send to picket-keys; fields that are not named here are dropped. A refusal names
 * the field, never its value: it may be a password.
 */
import * as v from 'valibot'
import { VERBS, type VerbName } from '../audit/verb.ts'
import { Failure } from '../base/failure.ts'
import { UID } from '../base/ids.ts'
import { ROLES } from '../tenancy/role.ts'
import { SCOPE_TENANTS_MAX } from '../tenancy/scope.ts'

const SQL_BYTES_MAX = 65_536
const PARAMS_BYTES_MAX = 65_536

export const Uid = v.pipe(v.string(), v.regex(UID))
export const Slug = v.pipe(v.string(), v.maxLength(64))
export const Token = v.pipe(v.string(), v.maxLength(128))
export const Hex64 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
export const Epoch = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000_000))
export const Count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 48))
export const Source = v.pipe(v.string(), v.maxLength(64))
export const Password = v.pipe(v.string(), v.maxLength(1024))
export const Name = v.pipe(v.string(), v.maxLength(256))
export const RoleName = v.picklist(ROLES)
export const Slugs = v.pipe(v.array(Slug), v.maxLength(SCOPE_TENANTS_MAX))
/** An id or atom; spaces become hyphens, so that a word stays a word of the chain. */
const Word = v.pipe(
  v.string(),
  v.transform((text) => text.replaceAll(' ', '-')),
  v.regex(/^[\w.:*/@-]{1,128}$/),
)

export const None = v.object({})
export const WithToken = v.object({ token: Token })
export const Verb = v.picklist(Object.keys(VERBS) as VerbName[])

/** Fields of an announcement for the audit trail. */
export const announcement = {
  verb: Verb,
  subject: Word,
  text: v.optional(v.pipe(v.string(), v.maxLength(SQL_BYTES_MAX))),
  count: v.optional(Count),
  tenant_id: v.optional(Slug),
  outcome: v.optional(v.picklist(['intent', 'done', 'failed'])),
}

export const decision = {
  action_id: v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/)),
  hash: Hex64,
  verb: v.picklist(['approve', 'reject', 'undo']),
}

export const question = {
  sql: v.optional(v.pipe(v.string(), v.maxBytes(SQL_BYTES_MAX))),
  named: v.optional(v.pipe(v.string(), v.regex(/^[a-z][\w.-]{0,63}$/i))),
  params: v.optional(
    v.pipe(
      v.record(v.string(), v.unknown()),
      v.check((params) => JSON.stringify(params).length <= PARAMS_BYTES_MAX),
    ),
  ),
  partial: v.optional(v.boolean()),
}

const TimeUs = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
export const packetsQuestion = {
  tenant_id: v.optional(Slug),
  finding_id: v.optional(
    v.pipe(v.string(), v.regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)),
  ),
  community_id: v.optional(v.pipe(v.string(), v.regex(/^1:[A-Za-z0-9+/]{27}=$/))),
  from_us: v.optional(TimeUs),
  to_us: v.optional(TimeUs),
}

export const auditPage = {
  limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(500)), 100),
  before: v.optional(Count),
}

export function parse<S extends v.GenericSchema>(schema: S, params: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, params)
  if (result.success) return result.output
  const field = v.getDotPath(result.issues[0]) ?? 'the request'
  throw new Failure('invalid', `${field} is not as it must be.`, { field })
}

/** One handler a call of a caller's table. */
export type Handlers<C> = {
  [K in keyof C]: C[K] extends [unknown, infer R] ? (params: unknown) => R | Promise<R> : never
}
