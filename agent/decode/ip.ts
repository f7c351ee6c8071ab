/** IPv4 (RFC 791) and IPv6 (RFC 8200). */
import type { Fault } from '../base/fault.ts'
import { readU16, readU32, V4_WORD } from './bytes.ts'
import type { Packet } from './packet.ts'
import { decodeTransport } from './transport.ts'

const EXTENSIONS_MAX = 12
const MTU_USUAL = 1500

const HOP_BY_HOP = 0
const ROUTING = 43
const FRAGMENT = 44
const AUTHENTICATION = 51
const DESTINATION = 60
const MOBILITY = 135

/** The datagram at `at`; gives the word for what is wrong with it. */
export function decodeIpv4(packet: Packet, at: number): Fault | undefined {
  const { bytes, end } = packet
  if (at + 20 > end) return packet.odd('ipv4.pkt_too_small', 'truncated')
  const first = bytes[at] as number
  if (first >> 4 !== 4) return packet.odd('ipv4.wrong_ip_version', 'bad-version')
  const headerBytes = (first & 15) * 4
  if (headerBytes < 20) return packet.odd('ipv4.hlen_too_small', 'bad-length')
  if (at + headerBytes > end) return 'truncated'
  let total = readU16(bytes, at + 2)
  // A segment that the sender left to its network card to cut (more than 64 KiB) says 0.
  if (total === 0 && end - at > MTU_USUAL && packet.readsOffloaded) total = end - at
  if (total < headerBytes) return packet.odd('ipv4.iplen_smaller_than_hlen', 'bad-length')
  packet.ipVersion = 4
  packet.ipOffset = at
  packet.ipHeaderBytes = headerBytes
  packet.tos = bytes[at + 1] as number
  packet.ipId = readU16(bytes, at + 4)
  packet.ttl = bytes[at + 8] as number
  packet.protocol = bytes[at + 9] as number
  setV4(packet.src, readU32(bytes, at + 12))
  setV4(packet.dest, readU32(bytes, at + 16))
  const limit = bounded(packet, at, total)
  if (limit < 0) return packet.fault
  const field = readU16(bytes, at + 6)
  packet.moreFragments = (field & 0x2000) !== 0
  packet.fragmentOffset = (field & 0x1fff) * 8
  return finish(packet, at + headerBytes, limit)
}

function setV4(words: Uint32Array, address: number): void {
  words[0] = 0
  words[1] = 0
  words[2] = V4_WORD
  words[3] = address
}

export function decodeIpv6(packet: Packet, at: number): Fault | undefined {
  const { bytes, end } = packet
  if (at + 40 > end) return packet.odd('ipv6.pkt_too_small', 'truncated')
  if ((bytes[at] as number) >> 4 !== 6) return packet.odd('ipv6.wrong_ip_version', 'bad-version')
  let payload = readU16(bytes, at + 4)
  // A jumbogram, or as above.
  if (payload === 0 && end - at - 40 > MTU_USUAL && packet.readsOffloaded) payload = end - at - 40
  packet.ipVersion = 6
  packet.ipOffset = at
  packet.tos = (readU16(bytes, at) >> 4) & 0xff
  packet.ttl = bytes[at + 7] as number
  for (let i = 0; i < 4; i++) {
    packet.src[i] = readU32(bytes, at + 8 + i * 4)
    packet.dest[i] = readU32(bytes, at + 24 + i * 4)
  }
  const limit = bounded(packet, at, 40 + payload)
  if (limit < 0) return packet.fault
  const next = extensions(packet, at, limit)
  return next < 0 ? packet.fault : finish(packet, next, limit)
}

/** Walks the extension headers; gives the offset after them. */
function extensions(packet: Packet, at: number, limit: number): number {
  const { bytes } = packet
  let next = bytes[at + 6] as number
  let here = at + 40
  let atomic = false
  packet.ipHeaderBytes = 40
  for (let count = 0; ; count++) {
    packet.protocol = next
    const plain =
      next === HOP_BY_HOP || next === ROUTING || next === DESTINATION || next === MOBILITY
    if (!plain && next !== FRAGMENT && next !== AUTHENTICATION) break
    if (count >= EXTENSIONS_MAX) return failed(packet, 'too-many-layers')
    if (here + 8 > limit) {
      packet.note('ipv6.trunc_exthdr')
      return failed(packet, 'truncated')
    }
    const words = bytes[here + 1] as number
    next = bytes[here] as number
    if (packet.protocol === FRAGMENT) {
      const field = readU16(bytes, here + 2)
      packet.fragmentOffset = field & 0xfff8
      packet.moreFragments = (field & 1) === 1
      packet.ipId = readU32(bytes, here + 4)
      packet.protocol = next
      here += 8
      if (packet.fragmentOffset > 0 || packet.moreFragments) {
        if (next === FRAGMENT) packet.note('ipv6.exthdr_dupl_fh')
        break
      }
      packet.note(atomic ? 'ipv6.exthdr_dupl_fh' : 'ipv6.exthdr_useless_fh')
      atomic = true
      continue // an atomic fragment is a whole datagram (RFC 6946)
    }
    here += packet.protocol === AUTHENTICATION ? (words + 2) * 4 : (words + 1) * 8
    if (here > limit) return failed(packet, 'truncated')
  }
  packet.ipHeaderBytes = here - at
  return here
}

function failed(packet: Packet, fault: 'truncated' | 'too-many-layers'): -1 {
  packet.fault = fault
  return -1
}

/** Where the datagram ends in the captured bytes; -1 when it claims more than the frame had on the wire. */
function bounded(packet: Packet, at: number, total: number): number {
  const claimed = at + total
  if (claimed > packet.start + packet.wireBytes) {
    packet.note(packet.ipVersion === 4 ? 'ipv4.trunc_pkt' : 'ipv6.trunc_pkt')
    return failed(packet, 'truncated')
  }
  const limit = Math.min(claimed, packet.end)
  packet.ipBytes = limit - at
  packet.payloadCut = claimed - limit
  return limit
}

function finish(packet: Packet, at: number, limit: number): Fault | undefined {
  packet.l4Offset = at
  packet.payloadOffset = at
  packet.payloadBytes = limit - at
  packet.fragment = packet.moreFragments || packet.fragmentOffset > 0
  return packet.fragment ? undefined : decodeTransport(packet, at, limit)
}
