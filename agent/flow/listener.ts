/** What the flow stage tells the stages after it. Flows are row numbers of the FlowTable. */
import type { Fault } from '../base/fault.ts'
import type { PacketEvent } from '../decode/events.ts'
import type { Packet } from '../decode/packet.ts'

/** Why a flow ended. EVE's words for `flow.reason`. */
export type EndReason = 'timeout' | 'closed' | 'evicted' | 'shutdown'

export interface FlowListener {
  /** Each decoded packet, once, after its flow was found (packet.flow) and before its bytes are streamed. */
  packet(packet: Packet): void
  /** New in-order bytes of one TCP direction: [start, end) of `bytes`, valid during the call only. */
  stream(flow: number, toServer: boolean, bytes: Uint8Array, start: number, end: number): void
  /** A TCP segment with bytes that are of no stream, for settings say not to follow its connection. */
  unfollowed?(packet: Packet): void
  /** `missing` bytes of a TCP direction will never come (loss, or a bound was met). */
  gap(flow: number, toServer: boolean, missing: number): void
  /** Both directions of the TCP handshake were seen: evidence class "proven". */
  established(flow: number): void
  /** The server answered the SYN with a reset. */
  refused(flow: number): void
  /** The row is about to be reused: write the flow record, forget what you kept for it. */
  ended(flow: number, reason: EndReason): void
  /** Something malformed; `flow` is -1 where there is none. */
  fault(fault: Fault, packet: Packet, flow: number): void
  /** After `packet`: whether it goes no further. */
  drops?(packet: Packet): boolean
  /** All is said of this packet. */
  handled?(packet: Packet): void
  /** Something that rules have a name for, after `packet` and its bytes. */
  event?(event: PacketEvent, packet: Packet): void
}
