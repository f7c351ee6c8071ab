/** What the engine asks of those around it, and tells them. */
import type { Packet } from '../../decode/packet.ts'
import type { AppProto } from '../../decode/records.ts'
import type { AlertHit } from '../alert.ts'
import type { FlowTableLike } from './flows.ts'

export type IncompleteReason = 'candidates' | 'steps' | 'match-limit' | 'flowbits'

/** Where a rule fired. */
export interface AlertPlace {
  flow: number
  toServer: boolean
  timeUs: number
  found: 'packet' | 'stream' | 'transaction'
  /** The packet in hand, when it belongs to the flow: read it during the call only. */
  packet: Packet | undefined
}

export interface EngineOptions {
  flows: FlowTableLike
  /** What the application decoders have made of a flow. */
  appProto(flow: number): AppProto
  onAlert(hit: AlertHit, place: AlertPlace): void
  /** A bound was met while judging this flow (-1: none). What was not looked at is where an evasion hides. */
  onIncomplete(reason: IncompleteReason, flow: number): void
}
