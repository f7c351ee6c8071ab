/**
 * Tunnels over UDP, known by their port and by what their headers must hold: anyone may send to a port. VXLAN (RFC 7348), Geneve
 * (RFC 8926), GTP-U (3GPP TS 29.281 §5), Teredo (RFC 4380 §5.1.1), AYIYA (draft-massar-v6ops-ayiya-02 §3).
 */
import { readU16 } from './bytes.ts'
import { ETHER } from './link.ts'
import type { Packet } from './packet.ts'

const PORT = { gtp: 2152, teredo: 3544, vxlan: 4789, ayiya: 5072, geneve: 6081 } as const
const NONE = -1
const ETHERNET = 0x6558
const IPV6_BYTES = 40
const VXLAN_BYTES = 8
const VXLAN_VALID = 0x08
const GENEVE_BYTES = 8
const GTP_BYTES = 8
const GTP_MORE_BYTES = 4
const GTP_EXTENSIONS_MAX = 8
const GPDU = 0xff
const TEREDO_ORIGIN_BYTES = 8
const TEREDO_AUTH_BYTES = 13
const AYIYA_BYTES = 8
const AYIYA_FORWARD = 1

/** What the last tunnel that was found carries; overwritten by the next call, so that no object is made a packet. */
export const UDP_TUNNEL = { ethernet: false, etherType: 0 }

/** Where the inner frame or datagram begins; -1 where the datagram is no tunnel's. */
export function findUdpTunnel(packet: Packet): number {
  const { srcPort, destPort } = packet
  switch (destPort) {
    case PORT.vxlan:
      return vxlan(packet)
    case PORT.geneve:
      return geneve(packet)
    case PORT.gtp:
      return gtp(packet)
    case PORT.teredo:
      return teredo(packet)
    case PORT.ayiya:
      return ayiya(packet)
    default: // the answers of those whose servers answer from their port
      if (srcPort === PORT.teredo) return teredo(packet)
      if (srcPort === PORT.geneve) return geneve(packet)
      if (srcPort === PORT.ayiya) return ayiya(packet)
      return srcPort === PORT.gtp ? gtp(packet) : NONE
  }
}

function ethernet(at: number): number {
  UDP_TUNNEL.ethernet = true
  return at
}

/** The datagram at `at`, if it says of itself that it is one. */
function datagram({ bytes, payloadOffset, payloadBytes }: Packet, at: number): number {
  if (at >= payloadOffset + payloadBytes) return NONE
  const version = (bytes[at] as number) >> 4
  if (version !== 4 && version !== 6) return NONE
  UDP_TUNNEL.ethernet = false
  UDP_TUNNEL.etherType = version === 4 ? ETHER.IPV4 : ETHER.IPV6
  return at
}

/** Without the flag that a network is named it is none. */
function vxlan({ bytes, payloadOffset, payloadBytes }: Packet): number {
  if (payloadBytes < VXLAN_BYTES || bytes[payloadOffset] !== VXLAN_VALID) return NONE
  return ethernet(payloadOffset + VXLAN_BYTES)
}

function geneve(packet: Packet): number {
  const { bytes, payloadOffset: at, payloadBytes } = packet
  if (payloadBytes < GENEVE_BYTES || (bytes[at] as number) >> 6 !== 0) return NONE
  if (bytes[at + 7] !== 0) return NONE // reserved
  const here = at + GENEVE_BYTES + ((bytes[at] as number) & 0x3f) * 4
  if (here >= at + payloadBytes) return NONE
  const type = readU16(bytes, at + 2)
  if (type === ETHERNET) return ethernet(here)
  return type === ETHER.IPV4 || type === ETHER.IPV6 ? datagram(packet, here) : NONE
}

function gtp(packet: Packet): number {
  const { bytes, payloadOffset: at, payloadBytes } = packet
  if (payloadBytes < GTP_BYTES || bytes[at + 1] !== GPDU) return NONE
  const flags = bytes[at] as number
  if (flags >> 4 !== 3 || readU16(bytes, at + 2) > payloadBytes - GTP_BYTES) return NONE
  const end = at + payloadBytes
  let here = at + GTP_BYTES
  if ((flags & 7) === 0) return datagram(packet, here)
  let next = flags & 4 ? (bytes[here + 3] ?? 0) : 0
  here += GTP_MORE_BYTES
  for (let i = 0; next !== 0 && i < GTP_EXTENSIONS_MAX; i++) {
    const size = here < end ? (bytes[here] as number) * 4 : 0
    if (size === 0 || here + size > end) return NONE
    next = bytes[here + size - 1] as number
    here += size
  }
  return next === 0 ? datagram(packet, here) : NONE
}

/** An IPv6 datagram that fills the rest, perhaps behind proofs of the server and of where it came from. */
function teredo(packet: Packet): number {
  const { bytes, payloadOffset, payloadBytes } = packet
  const end = payloadOffset + payloadBytes
  let at = payloadOffset
  if (payloadBytes >= TEREDO_AUTH_BYTES && readU16(bytes, at) === 1)
    at += TEREDO_AUTH_BYTES + (bytes[at + 2] as number) + (bytes[at + 3] as number)
  if (at + TEREDO_ORIGIN_BYTES <= end && readU16(bytes, at) === 0) at += TEREDO_ORIGIN_BYTES
  if (at + IPV6_BYTES > end || readU16(bytes, at + 4) > end - at - IPV6_BYTES) return NONE
  return (bytes[at] as number) >> 4 === 6 ? datagram(packet, at) : NONE
}

function ayiya(packet: Packet): number {
  const { bytes, payloadOffset: at, payloadBytes } = packet
  if (payloadBytes < AYIYA_BYTES || ((bytes[at + 2] as number) & 15) !== AYIYA_FORWARD) return NONE
  const next = bytes[at + 3] as number
  if (next !== 4 && next !== 41) return NONE
  const identity = 1 << ((bytes[at] as number) >> 4)
  const signature = ((bytes[at + 1] as number) >> 4) * 4
  return datagram(packet, at + AYIYA_BYTES + identity + signature)
}
