/** ICMP (RFC 792) and ICMPv6 (RFC 4443): type and code; the rest is payload. */
import type { Fault } from '../base/fault.ts'
import type { Packet } from './packet.ts'

const HEADER_BYTES = 8

export function decodeIcmp(packet: Packet, at: number, limit: number): Fault | undefined {
  if (at + HEADER_BYTES > limit) return 'truncated'
  packet.icmpType = packet.bytes[at] as number
  packet.icmpCode = packet.bytes[at + 1] as number
  packet.payloadOffset = at + HEADER_BYTES
  packet.payloadBytes = limit - packet.payloadOffset
  return undefined
}
