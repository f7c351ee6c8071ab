/**
 * What a datagram carries when it is a tunnel's: IP in IP (RFC 2003, RFC 4213), GRE (RFC 2784, 2890; 2637 for PPTP; ERSPAN); over
 * UDP (`tunnel-udp.ts`) VXLAN, Geneve, GTP-U, Teredo and AYIYA. Only these: nothing else says on the wire that a datagram follows.
 */
import { readU16 } from './bytes.ts'
import { ETHER } from './link.ts'
import type { Packet } from './packet.ts'
import { PROTOCOL } from './transport.ts'
import { findUdpTunnel, UDP_TUNNEL } from './tunnel-udp.ts'

const IP_IN_IP = 4
const IP6_IN_IP = 41
const GRE = 47

const CHECKSUM = 0x8000
const ROUTING = 0x4000
const KEY = 0x2000
const SEQUENCE = 0x1000
const ACKNOWLEDGED = 0x0080
const VERSION = 7
const PPTP = 1

const CARRIES = { ethernet: 0x6558, ppp: 0x880b, erspan: 0x88be, erspan3: 0x22eb } as const
const ERSPAN_BYTES = 8
const ERSPAN3_BYTES = 12
const ERSPAN3_MORE_BYTES = 8

/** What is inside: a frame of this kind, or a datagram of this EtherType. */
export interface Inside {
  at: number
  kind: 'ethernet' | 'ppp' | 'datagram'
  etherType: number
  /** Of ERSPAN: the VLAN it names, 0 when none, and the bytes of its header, which count as the frame's. */
  vlan: number
  headBytes: number
}

/** Filled anew by each call: no object a packet. */
const inside: Inside = { at: 0, kind: 'datagram', etherType: 0, vlan: 0, headBytes: 0 }

/** Where the inner frame or datagram begins; undefined where the packet is no tunnel's, or is cut before it. */
export function findInside(packet: Packet): Inside | undefined {
  switch (packet.protocol) {
    case IP_IN_IP:
      return found(packet, packet.payloadOffset, 'datagram', ETHER.IPV4)
    case IP6_IN_IP:
      return found(packet, packet.payloadOffset, 'datagram', ETHER.IPV6)
    case GRE:
      return findGre(packet)
    case PROTOCOL.UDP:
      return findInUdp(packet)
    default:
      return undefined
  }
}

function found(
  { payloadOffset, payloadBytes }: Packet,
  at: number,
  kind: Inside['kind'],
  etherType = 0,
): Inside | undefined {
  if (at >= payloadOffset + payloadBytes) return undefined
  inside.at = at
  inside.kind = kind
  inside.etherType = etherType
  inside.vlan = 0
  inside.headBytes = 0
  return inside
}

function findInUdp(packet: Packet): Inside | undefined {
  const at = findUdpTunnel(packet)
  if (at < 0) return undefined
  return UDP_TUNNEL.ethernet
    ? found(packet, at, 'ethernet')
    : found(packet, at, 'datagram', UDP_TUNNEL.etherType)
}

function findGre(packet: Packet): Inside | undefined {
  const { bytes, payloadOffset: at, payloadBytes } = packet
  if (payloadBytes < 4) return undefined
  const flags = readU16(bytes, at)
  const type = readU16(bytes, at + 2)
  // Source routes were taken back (RFC 2784 §2.2), and no other version is known.
  if ((flags & ROUTING) !== 0 || (flags & VERSION) > PPTP) return undefined
  let size = 4
  if (flags & CHECKSUM) size += 4
  if (flags & KEY) size += 4
  if (flags & SEQUENCE) size += 4
  if ((flags & VERSION) === PPTP && flags & ACKNOWLEDGED) size += 4
  const here = at + size
  switch (type) {
    case ETHER.IPV4:
    case ETHER.IPV6:
    case ETHER.ARP:
      return found(packet, here, 'datagram', type)
    case CARRIES.ethernet:
      return found(packet, here, 'ethernet')
    case CARRIES.ppp:
      return found(packet, here, 'ppp')
    case CARRIES.erspan:
      // Its first kind has no header of its own, and no sequence number either.
      return flags & SEQUENCE ? findErspan(packet, here) : found(packet, here, 'ethernet')
    case CARRIES.erspan3:
      return findErspan3(packet, here)
    default:
      return undefined
  }
}

/** The second kind says in which VLAN the frame was seen. */
function findErspan(packet: Packet, at: number): Inside | undefined {
  const { bytes, payloadOffset, payloadBytes } = packet
  if (at + ERSPAN_BYTES > payloadOffset + payloadBytes) return undefined
  const vlan = readU16(bytes, at) & 0xfff
  const carried = found(packet, at + ERSPAN_BYTES, 'ethernet')
  if (carried) {
    carried.vlan = vlan
    carried.headBytes = ERSPAN_BYTES
  }
  return carried
}

function findErspan3(packet: Packet, at: number): Inside | undefined {
  const { bytes, payloadOffset, payloadBytes } = packet
  if (at + ERSPAN3_BYTES > payloadOffset + payloadBytes) return undefined
  const more = ((bytes[at + 11] as number) & 1) === 1 ? ERSPAN3_MORE_BYTES : 0
  return found(packet, at + ERSPAN3_BYTES + more, 'ethernet')
}
