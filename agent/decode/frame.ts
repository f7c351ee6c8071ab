/** One frame into one Packet: link, then IP, then transport. */
import type { Fault } from '../base/fault.ts'
import { ARP_BYTES } from './arp.ts'
import { readU16 } from './bytes.ts'
import { decodeIpv4, decodeIpv6 } from './ip.ts'
import { addVlan, decodeLink, ETHER, LINK_ETHERNET, LINK_PPP } from './link.ts'
import type { Packet } from './packet.ts'
import { findInside } from './tunnel.ts'
import { decodeUsual } from './usual-frame.ts'

const ETHERNET = LINK_ETHERNET

/**
 * Decodes [packet.start, packet.end) of packet.bytes, which the caller has set with wireBytes, timeUs and
 * number. `tci` is the VLAN tag that the kernel had taken off, or -1. Never throws; packet.fault is the
 * word for what is wrong, and then payloadBytes is 0.
 */
export function decodeFrame(packet: Packet, linkType: number, tci: number): void {
  if (packet.depth > 0) packet.leave()
  if (linkType !== ETHERNET || tci >= 0 || !decodeUsual(packet)) decodeLayers(packet, linkType, tci)
}

/** The same, one layer after the other. */
export function decodeLayers(packet: Packet, linkType: number, tci: number): void {
  clear(packet)
  if (tci >= 0) addVlan(packet, tci)
  const at = decodeLink(packet, linkType)
  if (at >= 0) packet.fault = decodeNetwork(packet, at)
  if (packet.fault !== undefined) packet.payloadBytes = 0
}

/**
 * A datagram put together from fragments, from `at` to packet.end, behind the link header of its first: addresses,
 * protocol and VLANs stay as the last fragment had them, everything above is decoded anew.
 */
export function decodeDatagram(packet: Packet, at: number): void {
  const { vlanCount, vlan0, vlan1, vlan2, etherType, eventCount, linkOffset } = packet
  clear(packet)
  packet.eventCount = eventCount
  packet.vlanCount = vlanCount
  packet.vlan0 = vlan0
  packet.vlan1 = vlan1
  packet.vlan2 = vlan2
  packet.etherType = etherType
  packet.linkOffset = linkOffset
  packet.wireBytes = packet.end - packet.start
  packet.fault = decodeNetwork(packet, at)
  if (packet.fault !== undefined) packet.payloadBytes = 0
}

/**
 * When the datagram is a tunnel's, decodes in its place what it carries, and says so; start, end and wireBytes become those of
 * the inside. False leaves the packet as it was, or with no IP in it where the inside has none.
 */
export function decodeInside(packet: Packet): boolean {
  if (packet.ipVersion === 0 || packet.fragment || packet.payloadBytes === 0) return false
  const inside = findInside(packet)
  if (!inside) return false
  const { at, kind, etherType, vlan, headBytes } = inside
  const { payloadOffset, payloadBytes, payloadCut, vlanCount, vlan0, vlan1, vlan2 } = packet
  packet.enter()
  clear(packet)
  packet.start = at
  packet.end = payloadOffset + payloadBytes
  packet.wireBytes = payloadBytes + payloadCut - (at - payloadOffset)
  let network = at
  if (kind === 'datagram') {
    packet.etherType = etherType
    packet.vlanCount = vlanCount
    packet.vlan0 = vlan0
    packet.vlan1 = vlan1
    packet.vlan2 = vlan2
  } else if (vlan > 0) addVlan(packet, vlan)
  if (kind !== 'datagram') network = decodeLink(packet, kind === 'ppp' ? LINK_PPP : LINK_ETHERNET)
  if (network >= 0) packet.fault = decodeNetwork(packet, network)
  packet.wireBytes += headBytes
  if (packet.fault !== undefined) packet.payloadBytes = 0
  return packet.ipVersion !== 0 || packet.fault !== undefined
}

function decodeNetwork(packet: Packet, at: number): Fault | undefined {
  if (packet.etherType === ETHER.IPV4) return decodeIpv4(packet, at)
  if (packet.etherType === ETHER.IPV6) return decodeIpv6(packet, at)
  return packet.etherType === ETHER.ARP ? findArp(packet, at) : undefined
}

/** ARP that speaks of something else than IPv4 over Ethernet is left alone. */
function findArp(packet: Packet, at: number): Fault | undefined {
  const { bytes, end } = packet
  if (at + 8 > end) return 'truncated'
  const ours =
    readU16(bytes, at) === 1 &&
    readU16(bytes, at + 2) === ETHER.IPV4 &&
    bytes[at + 4] === 6 &&
    bytes[at + 5] === 4
  if (!ours) return undefined
  if (at + ARP_BYTES > end) return 'truncated'
  packet.arpOffset = at
  return undefined
}

function clear(packet: Packet): void {
  packet.fault = undefined
  packet.eventCount = 0
  packet.linkOffset = -1
  packet.arpOffset = -1
  packet.vlanCount = 0
  packet.vlan0 = 0
  packet.vlan1 = 0
  packet.vlan2 = 0
  packet.etherType = 0
  packet.ipVersion = 0
  packet.ipOffset = 0
  packet.ipHeaderBytes = 0
  packet.ipBytes = 0
  packet.ttl = 0
  packet.tos = 0
  packet.ipId = 0
  packet.fragment = false
  packet.fragmentOffset = 0
  packet.moreFragments = false
  packet.protocol = 0
  packet.srcPort = 0
  packet.destPort = 0
  packet.icmpType = 0
  packet.icmpCode = 0
  packet.l4Offset = 0
  packet.payloadOffset = 0
  packet.payloadBytes = 0
  packet.payloadCut = 0
  packet.tcpFlags = 0
  packet.seq = 0
  packet.ack = 0
  packet.window = 0
  packet.urgent = 0
  packet.mss = 0
  packet.windowScale = -1
  packet.flow = -1
  packet.toServer = true
}
