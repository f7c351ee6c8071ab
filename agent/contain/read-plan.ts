/** A plan as it comes over the socket, made strict: what is not understood is refused, never passed on. */
import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { addressText, type Prefix, parsePrefix } from '../base/address.ts'
import { canonical, type Json } from '../base/canonical.ts'
import { SEVERITIES } from '../base/event.ts'
import { Failure } from '../base/failure.ts'
import { UID } from '../base/ids.ts'
import { brief, visible } from '../base/text.ts'
import type { Plan } from './action.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const ADDRESS_CHARS_MAX = 64
const REASON_CHARS_MAX = 500
const DURATION_MS_MAX = 7 * 24 * 3_600_000

const Address = v.pipe(v.string(), v.maxLength(ADDRESS_CHARS_MAX))
const Id = v.pipe(v.string(), v.regex(UUID))

const PlanSchema = v.strictObject({
  action_id: Id,
  kind: v.literal('block'),
  tenant_uid: v.pipe(v.string(), v.regex(UID)),
  target: Address,
  dest: v.optional(Address),
  port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))),
  proto: v.optional(v.picklist(['tcp', 'udp'])),
  durationMs: v.pipe(v.number(), v.integer(), v.minValue(1000), v.maxValue(DURATION_MS_MAX)),
  reason: v.pipe(v.string(), v.maxLength(4 * REASON_CHARS_MAX)),
  rule_id: v.pipe(v.string(), v.regex(/^[\w:.\-/]{1,128}$/)),
  finding_id: Id,
  evidence: v.picklist(['spoofable', 'proven']),
  severity: v.optional(v.picklist(SEVERITIES)),
  plannedAt: v.pipe(v.number(), v.integer(), v.minValue(0)),
})

/** The plan in its one spelling, and what it aims at. Throws `invalid`. A prefix passes: it is refused with a reason. */
export function readPlan(input: unknown): { plan: Plan; target: Prefix } {
  const result = v.safeParse(PlanSchema, input)
  if (!result.success) {
    const issue = result.issues[0]
    const at = v.getDotPath(issue) ?? 'the plan'
    throw new Failure('invalid', `The plan is not valid: ${visible(at)} is not what it must be.`)
  }
  const { dest, port, proto, severity, ...rest } = result.output
  const target = parsePrefix(rest.target)
  if (proto !== undefined && port === undefined)
    throw new Failure('invalid', 'A block of one protocol names its port as well.')
  return {
    target,
    plan: {
      ...rest,
      target: prefixText(target),
      ...(dest !== undefined && { dest: single(dest) }),
      ...(port !== undefined && { port }),
      ...(proto !== undefined && { proto }),
      ...(severity !== undefined && { severity }),
      reason: brief(rest.reason, REASON_CHARS_MAX),
    },
  }
}

/** What an approval binds: SHA-256 of the canonical JSON of the plan. */
export function planHash(plan: Plan): string {
  return createHash('sha256')
    .update(canonical({ ...plan } as unknown as Json))
    .digest('hex')
}

export function isSingle(target: Prefix): boolean {
  return target.bits === 128
}

function single(text: string): string {
  const prefix = parsePrefix(text)
  if (!isSingle(prefix))
    throw new Failure('invalid', 'A block protects one address at a time, not a prefix.')
  return addressText(prefix.words)
}

function prefixText(prefix: Prefix): string {
  const text = addressText(prefix.words)
  if (isSingle(prefix)) return text
  return `${text}/${text.includes(':') ? prefix.bits : prefix.bits - 96}`
}
