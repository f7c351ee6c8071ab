/** What a signature says when it matched: the input of EVE's alert record and of the finding. */
import type { Severity } from '../base/event.ts'
import type { AppProto, Transaction } from '../decode/records.ts'

export interface AlertHit {
  gid: number
  sid: number
  rev: number
  msg: string
  classtype: string
  /** The classtype's sentence, as EVE's `alert.category`; '' when the rule has none. */
  category: string
  /** Suricata's priority: 1 is worst. EVE calls it `alert.severity`. */
  priority: number
  severity: Severity
  /** `sid:2012345` */
  rule_id: string
  attack_ids: readonly string[]
  action: 'allowed' | 'blocked'
  /** Of the rule's `metadata` keyword. */
  metadata: Readonly<Record<string, readonly string[]>>
  /** Where to read more, as addresses. */
  references: readonly string[]
  app_proto?: AppProto
  /** What it matched in, where it matched a transaction. */
  tx?: Transaction
}
