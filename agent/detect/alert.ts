/** What a signature says when it fires: plain values only, since it crosses from a shard to the main thread. */
import type { Severity } from '../base/event.ts'

export type RuleAction = 'alert' | 'pass' | 'drop' | 'reject'

/** `threshold` and `detection_filter`, applied where all shards meet. */
export interface ThresholdRule {
  kind: 'limit' | 'threshold' | 'both' | 'detection_filter'
  track: 'by_src' | 'by_dst' | 'by_rule' | 'by_both' | 'by_flow'
  count: number
  seconds: number
}

/** What the rule file says; the same object for each hit of a rule. */
export interface AlertFacts {
  gid: number
  sid: number
  rev: number
  msg: string
  /** Short name, '' when the rule has none; `category` is Suricata's sentence for it. */
  classtype: string
  category: string
  priority: number
  severity: Severity
  /** `sid:N`. */
  rule_id: string
  attack_ids: readonly string[]
  action: RuleAction
  metadata: Readonly<Record<string, readonly string[]>>
  references: readonly string[]
  /** Which end the rule says is attacked. */
  target: 'src_ip' | 'dest_ip' | undefined
  threshold: ThresholdRule | undefined
}

export interface AlertHit extends AlertFacts {
  /** Packet time, microseconds since 1970. */
  timeUs: number
  /** Whether the bytes that fired went from the client to the server of the flow. */
  toServer: boolean
  /** Where it was found; decides what EVE may add. */
  found: 'packet' | 'stream' | 'transaction'
}
