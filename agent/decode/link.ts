/** Link layers: what carries the datagram, which VLAN, and where it begins. */
import { readU16, readU32 } from './bytes.ts'
import type { Packet } from './packet.ts'

// The numbers of capture files (tcpdump.org/linktypes.html); BSD raw is 12 or 14 by platform.
const LINK_NULL = 0
export const LINK_ETHERNET = 1
export const LINK_PPP = 9
const LINK_RAW_BSD = 12
const LINK_RAW_OPENBSD = 14
const LINK_PPP_HDLC = 50
const LINK_RAW = 101
const LINK_C_HDLC = 104
const LINK_LOOP = 108
const LINK_SLL = 113
const LINK_IPV4 = 228
const LINK_IPV6 = 229
const LINK_NFLOG = 239
const LINK_SLL2 = 276

export const ETHER = {
  IPV4: 0x0800,
  ARP: 0x0806,
  VLAN: 0x8100,
  QINQ: 0x88a8,
  QINQ_OLD: 0x9100,
  IPV6: 0x86dd,
  MPLS: 0x8847,
  MPLS_MULTICAST: 0x8848,
  PPPOE_DISCOVERY: 0x8863,
  PPPOE: 0x8864,
  NSH: 0x894f,
  FABRIC_PATH: 0x8903,
  VN_TAG: 0x8926,
} as const

const VLANS_MAX = 4
/** Frames within frames, by headers that are no tunnel's. */
const NESTED_MAX = 8
const LABELS_MAX = 16
const NFLOG_PARTS_MAX = 32
const NFLOG_PAYLOAD = 9

/**
 * Reads the link header. Gives the offset after it and sets packet.etherType; -1 with packet.fault when
 * the frame is malformed. An etherType of 0 means "nothing we look into", which is no fault.
 */
export function decodeLink(packet: Packet, linkType: number): number {
  const { bytes, start, end } = packet
  switch (linkType) {
    case LINK_ETHERNET:
      return decodeEthernet(packet)
    case LINK_RAW:
    case LINK_RAW_BSD:
    case LINK_RAW_OPENBSD:
    case LINK_IPV4:
    case LINK_IPV6:
      packet.etherType = versionType(packet, start)
      return start
    case LINK_NULL:
    case LINK_LOOP:
      if (start + 4 > end) return truncated(packet)
      packet.etherType = familyType(readU32(bytes, start))
      return start + 4
    case LINK_PPP:
    case LINK_PPP_HDLC:
      return decodePpp(packet)
    case LINK_C_HDLC:
      if (start + 4 > end) return truncated(packet)
      return decodeTags(packet, start + 2)
    case LINK_SLL:
      if (start + 16 > end) return truncated(packet)
      return decodeTags(packet, start + 14)
    case LINK_NFLOG:
      return decodeNflog(packet)
    case LINK_SLL2:
      if (start + 20 > end) return truncated(packet)
      packet.etherType = readU16(bytes, start)
      return isTag(packet.etherType) ? tagged(packet, start + 20) : start + 20
    default:
      packet.fault = 'unknown-link-type'
      return -1
  }
}

function truncated(packet: Packet): -1 {
  packet.fault = 'truncated'
  return -1
}

function decodeEthernet(packet: Packet): number {
  if (packet.start + 14 > packet.end) return truncated(packet)
  packet.linkOffset = packet.start
  return decodeTags(packet, packet.start + 12)
}

/** From the two bytes of a type at `at`, through VLAN tags, LLC/SNAP, PPPoE, MPLS and what Cisco and NSH put around a frame. */
function decodeTags(packet: Packet, at: number, nested = 0): number {
  const { bytes, end } = packet
  packet.etherType = readU16(bytes, at)
  if (isTag(packet.etherType)) return tagged(packet, at + 2, nested)
  return decodeType(packet, at + 2, end, nested)
}

function isTag(type: number): boolean {
  return type === ETHER.VLAN || type === ETHER.QINQ || type === ETHER.QINQ_OLD
}

/** `at` is the first tag's TCI; packet.etherType said that it is one. */
function tagged(packet: Packet, at: number, nested = 0): number {
  const { bytes, end } = packet
  let here = at
  while (isTag(packet.etherType)) {
    if (here + 4 > end) return truncated(packet)
    if (packet.vlanCount >= VLANS_MAX) {
      packet.fault = 'too-many-layers'
      return -1
    }
    addVlan(packet, readU16(bytes, here))
    packet.etherType = readU16(bytes, here + 2)
    here += 4
  }
  return decodeType(packet, here, end, nested)
}

/** Notes a VLAN tag, outermost first; beyond three only their number is kept. */
export function addVlan(packet: Packet, tci: number): void {
  const id = tci & 0xfff
  if (packet.vlanCount === 0) packet.vlan0 = id
  else if (packet.vlanCount === 1) packet.vlan1 = id
  else if (packet.vlanCount === 2) packet.vlan2 = id
  packet.vlanCount++
}

function decodeType(packet: Packet, at: number, end: number, nested: number): number {
  const type = packet.etherType
  if (type === ETHER.IPV4 || type === ETHER.IPV6) return at
  if (type < 0x0600) return decodeLlc(packet, at, end)
  if (type === ETHER.PPPOE) return decodePppoe(packet, at, end)
  if (type === ETHER.MPLS || type === ETHER.MPLS_MULTICAST) return decodeMpls(packet, at, end)
  if (type === ETHER.NSH) return decodeNsh(packet, at, end, nested)
  // What a fabric of switches puts before a frame: a tag of two bytes, then the frame; or one of four, then a type.
  if (type === ETHER.FABRIC_PATH) return within(packet, at + 14, nested)
  if (type === ETHER.VN_TAG) return within(packet, at + 4, nested)
  if (type !== ETHER.ARP && type !== ETHER.PPPOE_DISCOVERY)
    packet.note('ethernet.unknown_ethertype')
  return at
}

/** IEEE 802.3: a length where the type would be; SNAP (RFC 1042) then brings a type. */
function decodeLlc(packet: Packet, at: number, end: number): number {
  const { bytes } = packet
  packet.etherType = 0
  if (at + 8 > end || bytes[at] !== 0xaa || bytes[at + 1] !== 0xaa || bytes[at + 2] !== 3) return at
  packet.etherType = readU16(bytes, at + 6)
  return at + 8
}

/** RFC 2516 §4. */
function decodePppoe(packet: Packet, at: number, end: number): number {
  if (at + 8 > end) return truncated(packet)
  // The protocol may be one byte here too (RFC 1661 §6.5).
  const first = packet.bytes[at + 6] as number
  const short = (first & 1) === 1
  packet.etherType = pppType(short ? first : readU16(packet.bytes, at + 6))
  return at + (short ? 7 : 8)
}

/** What Linux's firewall logged: parts with a length each, in the byte order of the machine; one is the datagram. */
function decodeNflog(packet: Packet): number {
  const { bytes, end } = packet
  let at = packet.start + 4
  for (let i = 0; i < NFLOG_PARTS_MAX && at + 4 <= end; i++) {
    const size = (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
    if (size < 4 || at + size > end) break
    if (bytes[at + 2] === NFLOG_PAYLOAD && bytes[at + 3] === 0) {
      packet.etherType = versionType(packet, at + 4)
      return at + 4
    }
    at += (size + 3) & ~3
  }
  return truncated(packet)
}

/** RFC 1662: address and control may be left out, and the protocol may be one byte. */
function decodePpp(packet: Packet): number {
  const { bytes, end } = packet
  let at = packet.start
  if (at + 4 > end) return truncated(packet)
  if (bytes[at] === 0xff && bytes[at + 1] === 3) at += 2
  const first = bytes[at] as number
  const short = (first & 1) === 1
  packet.etherType = pppType(short ? first : readU16(bytes, at))
  return at + (short ? 1 : 2)
}

function pppType(protocol: number): number {
  if (protocol === 0x21) return ETHER.IPV4
  if (protocol === 0x57) return ETHER.IPV6
  return 0
}

/** RFC 3032: labels to the bottom of the stack; what follows tells itself by its first four bits. */
function decodeMpls(packet: Packet, at: number, end: number): number {
  let here = at
  for (let labels = 0; ; labels++) {
    if (here + 4 > end) return truncated(packet)
    if (labels >= LABELS_MAX) {
      packet.fault = 'too-many-layers'
      return -1
    }
    const last = ((packet.bytes[here + 2] as number) & 1) === 1
    here += 4
    if (last) break
  }
  packet.etherType = versionType(packet, here)
  return here
}

/** Network service header (RFC 8300): its length in words, and what follows it. */
function decodeNsh(packet: Packet, at: number, end: number, nested: number): number {
  const { bytes } = packet
  if (at + 8 > end) return truncated(packet)
  const here = at + (readU16(bytes, at) & 0x3f) * 4
  if (here < at + 8 || here > end) return truncated(packet)
  const next = bytes[at + 3] as number
  packet.etherType = next === 1 ? ETHER.IPV4 : next === 2 ? ETHER.IPV6 : 0
  return next === 3 ? within(packet, here + 12, nested) : here
}

/** Goes on at the type of a frame within. */
function within(packet: Packet, at: number, nested: number): number {
  if (at + 2 > packet.end) return truncated(packet)
  if (nested < NESTED_MAX) return decodeTags(packet, at, nested + 1)
  packet.fault = 'too-many-layers'
  return -1
}

function versionType(packet: Packet, at: number): number {
  if (at >= packet.end) return 0
  const version = (packet.bytes[at] as number) >> 4
  if (version === 4) return ETHER.IPV4
  return version === 6 ? ETHER.IPV6 : 0
}

/** BSD loopback: the address family, in the byte order of the machine that captured. */
function familyType(word: number): number {
  const family = word > 0xffff ? word >>> 24 : word
  if (family === 2) return ETHER.IPV4
  // AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, macOS
  return family === 10 || family === 24 || family === 28 || family === 30 ? ETHER.IPV6 : 0
}
