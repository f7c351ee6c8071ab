/** Signatures over packets, streams and transactions. */
import type { Packet } from '../../decode/packet.ts'
import type { Transaction } from '../../decode/records.ts'
import type { AlertHit } from '../alert.ts'
import type { FlowTableLike } from './flows.ts'
import type { RuleSet } from './rule-set.ts'

export interface EngineEvents {
  /** `packet` is there while a packet is in hand: read it during the call only. */
  alert(hit: AlertHit, flow: number, packet: Packet | undefined): void
  /** A bound was met while judging this flow (-1: none): what was not looked at is an evasion's place. */
  incomplete(reason: IncompleteReason, flow: number, packet: Packet | undefined): void
}

export type IncompleteReason = 'candidates' | 'steps' | 'match-limit' | 'tails' | 'flowbits'

/**
 * Order of calls for one packet, all before the next packet: `packet`, then `stream` for the bytes it
 * made readable, both before the application decoders see it, then `transaction` for what they found.
 */
export declare class SignatureEngine {
  constructor(rules: RuleSet, flows: FlowTableLike, events: EngineEvents)
  packet(packet: Packet): void
  stream(flow: number, toServer: boolean, bytes: Uint8Array, start: number, end: number): void
  gap(flow: number, toServer: boolean, missing: number): void
  transaction(flow: number, transaction: Transaction, timeUs: number): void
  ended(flow: number): void
  /** Takes effect with the next call; flows keep their flow bits by name. */
  swap(rules: RuleSet): void
  get generation(): number
}
