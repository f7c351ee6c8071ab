/** UDP headers (RFC 768). */
import type { Fault } from '../base/fault.ts'
import { readU16 } from './bytes.ts'
import type { Packet } from './packet.ts'

const HEADER_BYTES = 8

export function decodeUdp(packet: Packet, at: number, limit: number): Fault | undefined {
  const { bytes } = packet
  if (at + HEADER_BYTES > limit) return packet.odd('udp.pkt_too_small', 'truncated')
  packet.srcPort = readU16(bytes, at)
  packet.destPort = readU16(bytes, at + 2)
  packet.payloadOffset = at + HEADER_BYTES
  const room = limit - at
  // 0 is a jumbogram's (RFC 2675 §4), or a sender's that leaves the cutting to its network card.
  const said = readU16(bytes, at + 4)
  const length = said === 0 && packet.readsOffloaded ? room + packet.payloadCut : said
  if (length < HEADER_BYTES || length > room + packet.payloadCut)
    return packet.odd('udp.len_invalid', 'bad-length')
  packet.payloadCut = Math.max(0, length - room)
  packet.payloadBytes = Math.min(length, room) - HEADER_BYTES
  return undefined
}
