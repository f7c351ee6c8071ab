/** A containment action: proposed, decided, in force, over. The guard owns these; others show them. */

import type { Severity } from '../base/event.ts'

export const ACTION_STATES = [
  'proposed', // waits for a person until lapsesAt
  'active', // in the kernel's table until endsAt
  'rejected', // a person said no
  'refused', // the guard said no: never-block, bound, placement
  'lapsed', // nobody decided in time
  'expired', // ran its time
  'undone', // a person took it back
] as const
export type ActionState = (typeof ACTION_STATES)[number]

/** D34: only `proven` may ever act alone. */
export type Evidence = 'spoofable' | 'proven'

/** What the plan stage proposes; pure data, whose hash an approval binds. */
export interface Plan {
  action_id: string
  kind: 'block'
  tenant_uid: string
  /** The one address that is blocked (RFC 5952). */
  target: string
  /** Blocks only towards this address, when set. */
  dest?: string
  /** Blocks only this destination port, when set. */
  port?: number
  proto?: 'tcp' | 'udp'
  durationMs: number
  /** Why, as a sentence: "SSH guessing: 41 tries in 60 s". */
  reason: string
  rule_id: string
  finding_id: string
  evidence: Evidence
  /** Of the finding. Without it a plan never acts alone. */
  severity?: Severity
  /** Microseconds since 1970: when the plan stage decided. */
  plannedAt: number
}

export interface Action extends Plan {
  /** SHA-256 of the canonical JSON of the plan, hex. */
  hash: string
  state: ActionState
  /** Why it is refused, or how it ended, as a sentence. */
  because?: string
  /** Microseconds since 1970. */
  proposedAt: number
  lapsesAt: number
  decidedAt?: number
  /** User name, or `policy`. */
  decidedBy?: string
  activeAt?: number
  endsAt?: number
  endedAt?: number
  /** Plan decided → libnftables returned. For a plan that waited for a person: approval received → returned. */
  decideToDropMs?: number
  /** What the block's counter saw. */
  packets?: number
  bytes?: number
  /** Microseconds since 1970: when its counter was first seen above 0. */
  firstDropAt?: number
}
