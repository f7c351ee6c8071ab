/** What a signature says when it matched: the input of EVE's alert record and of the finding. */
import type { Severity } from '../base/event.ts'
import type { AppProto, Transaction } from '../decode/records.ts'
import type { Tag } from './tags.ts'

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
  /** What its expressions have caught: of this alert, and of this packet. */
  context?: Readonly<Record<string, string>>
  pktvars?: readonly Readonly<Record<string, string>>[]
  /** A rule that drops: this packet, or the flow from it on. */
  drops?: 'packet' | 'flow'
  /** What it asks to keep of the packets that follow. */
  tags?: readonly Tag[]
  app_proto?: AppProto
  /** What it matched in, where it matched a transaction. */
  tx?: Transaction
}
