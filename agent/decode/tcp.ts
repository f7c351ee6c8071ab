/** TCP headers (RFC 9293 §3.1). */
import type { Fault } from '../base/fault.ts'
import { readU16, readU32 } from './bytes.ts'
import { type Packet, TCP } from './packet.ts'

const HEADER_BYTES = 20
const WINDOW_SCALE_MAX = 14 // RFC 7323 §2.3

export function decodeTcp(packet: Packet, at: number, limit: number): Fault | undefined {
  const { bytes } = packet
  if (at + HEADER_BYTES > limit) return packet.odd('tcp.pkt_too_small', 'truncated')
  const headerBytes = ((bytes[at + 12] as number) >> 4) * 4
  if (headerBytes < HEADER_BYTES) return packet.odd('tcp.hlen_too_small', 'bad-offset')
  if (at + headerBytes > limit)
    return packet.payloadCut > 0 ? 'truncated' : packet.odd('tcp.hlen_too_small', 'bad-offset')
  packet.srcPort = readU16(bytes, at)
  packet.destPort = readU16(bytes, at + 2)
  packet.seq = readU32(bytes, at + 4)
  packet.ack = readU32(bytes, at + 8)
  packet.tcpFlags = bytes[at + 13] as number
  packet.window = readU16(bytes, at + 14)
  packet.urgent = readU16(bytes, at + 18)
  packet.payloadOffset = at + headerBytes
  packet.payloadBytes = limit - packet.payloadOffset
  if ((packet.tcpFlags & TCP.SYN) !== 0 && headerBytes > HEADER_BYTES)
    synOptions(packet, at + HEADER_BYTES, packet.payloadOffset)
  return undefined
}

/** Where the timestamps (RFC 7323 §3) of the segment stand: value, then echo; -1 where it has none. */
export function timestampsAt(packet: Packet): number {
  const { bytes, payloadOffset } = packet
  let at = packet.l4Offset + HEADER_BYTES
  while (at < payloadOffset) {
    const kind = bytes[at] as number
    if (kind === 0) return -1
    if (kind === 1) {
      at++
      continue
    }
    const length = at + 1 < payloadOffset ? (bytes[at + 1] as number) : 0
    if (length < 2 || at + length > payloadOffset) return -1
    if (kind === 8 && length === 10) return at + 2
    at += length
  }
  return -1
}

/** Maximum segment size and window scale; only a SYN carries them. A malformed list ends the reading. */
function synOptions(packet: Packet, from: number, end: number): void {
  const { bytes } = packet
  let at = from
  while (at < end) {
    const kind = bytes[at] as number
    if (kind === 0) return
    if (kind === 1) {
      at++
      continue
    }
    if (at + 2 > end) return
    const length = bytes[at + 1] as number
    if (length < 2 || at + length > end) return
    if (kind === 2 && length === 4) packet.mss = readU16(bytes, at + 2)
    if (kind === 3 && length === 3)
      packet.windowScale = Math.min(bytes[at + 2] as number, WINDOW_SCALE_MAX)
    at += length
  }
}
