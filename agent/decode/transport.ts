/** What a datagram carries: TCP, UDP, ICMP, SCTP; anything else is payload. */
import type { Fault } from '../base/fault.ts'
import { readU16 } from './bytes.ts'
import { decodeIcmp } from './icmp.ts'
import type { Packet } from './packet.ts'
import { decodeTcp } from './tcp.ts'
import { decodeUdp } from './udp.ts'

export const PROTOCOL = { ICMP: 1, TCP: 6, UDP: 17, ICMP6: 58, SCTP: 132 } as const
const SCTP_HEADER_BYTES = 12

/** The transport header at `at`; the datagram's captured bytes end at `limit`. */
export function decodeTransport(packet: Packet, at: number, limit: number): Fault | undefined {
  const { protocol } = packet
  if (protocol === PROTOCOL.TCP) return decodeTcp(packet, at, limit)
  if (protocol === PROTOCOL.UDP) return decodeUdp(packet, at, limit)
  if (protocol === PROTOCOL.ICMP || protocol === PROTOCOL.ICMP6)
    return decodeIcmp(packet, at, limit)
  if (protocol === PROTOCOL.SCTP) return decodeSctp(packet, at, limit)
  return undefined
}

/** The common header (RFC 9260 §3.1); chunks are payload. */
function decodeSctp(packet: Packet, at: number, limit: number): Fault | undefined {
  if (at + SCTP_HEADER_BYTES > limit) return 'truncated'
  packet.srcPort = readU16(packet.bytes, at)
  packet.destPort = readU16(packet.bytes, at + 2)
  packet.payloadOffset = at + SCTP_HEADER_BYTES
  packet.payloadBytes = limit - packet.payloadOffset
  return undefined
}
