/** The headers of a packet that rules may look into as bytes. */
import type { Packet } from '../../decode/packet.ts'

const TCP = 6
const UDP = 17
const ICMP = 1
const ICMP6 = 58

export const PACKET_PARTS = [
  'ipv4.hdr',
  'ipv6.hdr',
  'tcp.hdr',
  'udp.hdr',
  'icmpv4.hdr',
  'icmpv6.hdr',
] as const
export type PacketPartName = (typeof PACKET_PARTS)[number]

export function isPacketPart(name: string): name is PacketPartName {
  return (PACKET_PARTS as readonly string[]).includes(name)
}

/** Where the part begins in packet.bytes; -1 where the packet has none. */
export function partStart(part: PacketPartName, packet: Packet): number {
  const { ipVersion, protocol, fragment } = packet
  switch (part) {
    case 'ipv4.hdr':
      return ipVersion === 4 ? packet.ipOffset : -1
    case 'ipv6.hdr':
      return ipVersion === 6 ? packet.ipOffset : -1
    case 'tcp.hdr':
      return protocol === TCP && !fragment ? packet.l4Offset : -1
    case 'udp.hdr':
      return protocol === UDP && !fragment ? packet.l4Offset : -1
    case 'icmpv4.hdr':
      return protocol === ICMP && !fragment ? packet.l4Offset : -1
    case 'icmpv6.hdr':
      return protocol === ICMP6 && !fragment ? packet.l4Offset : -1
  }
}

export function partEnd(part: PacketPartName, packet: Packet): number {
  switch (part) {
    case 'ipv4.hdr':
    case 'ipv6.hdr':
      return packet.ipOffset + packet.ipHeaderBytes
    case 'tcp.hdr':
    case 'udp.hdr':
      return packet.payloadOffset
    // The whole message: what it answers is part of it.
    default:
      return packet.payloadOffset + packet.payloadBytes
  }
}
