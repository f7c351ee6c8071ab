/** What a baseline says when behaviour left its bounds. One a (rule, src, dest) a window, then updates. */
import type { Severity } from '../../base/event.ts'

export interface BaselineFinding {
  /** `base:<name>` */
  rule_id: string
  severity: Severity
  attack_ids: readonly string[]
  /** A plain sentence made of evidence: who, what, how many, in how long. */
  title: string
  src: string
  dest?: string
  port?: number
  proto?: 'TCP' | 'UDP'
  /** 'proven': completed handshakes, so the source is not forged; only this may act alone (D34). */
  evidence: 'spoofable' | 'proven'
  /** When the last of what is counted happened, and the first. */
  timeUs: number
  firstUs: number
  /** Of what the title counts. */
  count: number
  /** True when an earlier finding of the same (rule, src, dest) and window is brought up to date. */
  update: boolean
}
