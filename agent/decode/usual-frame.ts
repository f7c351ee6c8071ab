/**
 * The frame that nearly all are: Ethernet, IPv4 and TCP without a tag, an IP option, a fragment or a SYN, and all of it captured. Read in one
 * pass, by words, what link, ip and tcp read step by step; any other is theirs, and so is all that may be wrong with one.
 */
import { V4_WORD } from './bytes.ts'
import type { Packet } from './packet.ts'

// The numbers of files beside this one, not by name: what is imported is looked up at each use.
const LINK_BYTES = 14
const IP_BYTES = 20
const TCP_BYTES = 20
const FRAME_BYTES = LINK_BYTES + IP_BYTES + TCP_BYTES
const IPV4 = 0x0800
/** That type, and the version and length of a header without options. */
const IPV4_PLAIN = 0x080045
const PROTOCOL_TCP = 6
const SYN = 2
const MAPPED = V4_WORD

/** Of the bytes last read from: packets of a batch share them. */
let seen: Uint8Array = new Uint8Array(0)
let view = new DataView(seen.buffer)

function look(bytes: Uint8Array): void {
  seen = bytes
  view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Whether it is such a frame; then each field of the packet is what the other decoders would have it be. If not, none is touched. */
export function decodeUsual(packet: Packet): boolean {
  const { start, end } = packet
  if (start + FRAME_BYTES > end) return false
  if (packet.bytes !== seen) look(packet.bytes)
  const words = view
  const first = words.getUint32(start + 12)
  if (first >>> 8 !== IPV4_PLAIN) return false
  const ip = start + LINK_BYTES
  const third = words.getUint32(ip + 6) // fragment, time to live, protocol
  // Neither more fragments nor an offset.
  if ((third & 0x3fff00ff) !== PROTOCOL_TCP) return false
  const second = words.getUint32(ip + 2)
  const total = second >>> 16
  const limit = ip + total
  if (limit > end || limit > start + packet.wireBytes) return false
  const l4 = ip + IP_BYTES
  const fourth = words.getUint32(l4 + 12)
  const flags = (fourth >>> 16) & 0xff
  const payload = l4 + (fourth >>> 28) * 4
  if ((flags & SYN) !== 0 || payload < l4 + TCP_BYTES || payload > limit) return false
  packet.fault = undefined
  packet.eventCount = 0
  packet.linkOffset = start
  packet.arpOffset = -1
  packet.vlanCount = 0
  packet.vlan0 = 0
  packet.vlan1 = 0
  packet.vlan2 = 0
  packet.etherType = IPV4
  packet.ipVersion = 4
  packet.ipOffset = ip
  packet.ipHeaderBytes = IP_BYTES
  packet.ipBytes = total
  packet.ttl = (third >>> 8) & 0xff
  packet.tos = first & 0xff
  packet.ipId = second & 0xffff
  packet.fragment = false
  packet.fragmentOffset = 0
  packet.moreFragments = false
  packet.protocol = PROTOCOL_TCP
  setV4(packet.src, words.getUint32(ip + 12))
  setV4(packet.dest, words.getUint32(ip + 16))
  const ports = words.getUint32(l4)
  packet.srcPort = ports >>> 16
  packet.destPort = ports & 0xffff
  packet.icmpType = 0
  packet.icmpCode = 0
  packet.l4Offset = l4
  packet.payloadOffset = payload
  packet.payloadBytes = limit - payload
  packet.payloadCut = 0
  packet.tcpFlags = flags
  packet.seq = words.getUint32(l4 + 4)
  packet.ack = words.getUint32(l4 + 8)
  packet.window = fourth & 0xffff
  packet.urgent = words.getUint16(l4 + 18)
  packet.mss = 0
  packet.windowScale = -1
  packet.flow = -1
  packet.toServer = true
  return true
}

function setV4(words: Uint32Array, address: number): void {
  words[0] = 0
  words[1] = 0
  words[2] = MAPPED
  words[3] = address
}
