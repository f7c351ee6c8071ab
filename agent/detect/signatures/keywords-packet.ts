/** Fields of the packet's own headers. */
import { ipv4ChecksumOk, transportChecksumOk } from '../../decode/checksum.ts'
import { DECODE_EVENTS, type PacketEvent, STREAM_EVENTS } from '../../decode/events.ts'
import { type Packet, TCP } from '../../decode/packet.ts'
import { type NumberTest, parseNumberTest, passes } from './condition.ts'
import type { Draft } from './draft.ts'
import { bare, type KeywordTable, parts, valued } from './keyword.ts'
import type { PacketTest } from './rule.ts'
import { Refused } from './rule-text.ts'

const FLAG_LETTERS: Readonly<Record<string, number>> = {
  F: TCP.FIN,
  S: TCP.SYN,
  R: TCP.RST,
  P: TCP.PSH,
  A: TCP.ACK,
  U: TCP.URG,
  E: TCP.ECE,
  C: TCP.CWR,
  1: TCP.CWR,
  2: TCP.ECE,
  0: 0,
}

const PROTOCOL_NAMES: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  gre: 47,
  esp: 50,
  ah: 51,
  'ipv6-icmp': 58,
  sctp: 132,
}

const ofClass = (test: (packet: Packet) => boolean): PacketTest =>
  Object.assign(test, { ofClass: true as const })
/** Of a fragment no header but IP's has been read. */
const isTcp = ofClass((packet) => packet.protocol === 6 && !packet.fragment)
const isIcmp = ofClass(
  (packet) => (packet.protocol === 1 || packet.protocol === 58) && !packet.fragment,
)

/** The greatest number that passes. */
function mostOf({ how, first, last }: NumberTest): number {
  if (how === '=' || how === '<=') return first
  if (how === '<') return first - 1
  return how === '<>' ? last - 1 : Number.POSITIVE_INFINITY
}

export const PACKET_KEYWORDS: KeywordTable = {
  dsize: valued((draft, value, name) => {
    const test = testOf(name, value)
    // "Not N" is asked of packets that carry something, as in Suricata.
    const least = test.how === '!=' ? 1 : 0
    draft.sizeMost = Math.min(draft.sizeMost, mostOf(test))
    draft.packetTests.push(
      ({ payloadBytes }) => payloadBytes >= least && passes(test, payloadBytes),
    )
  }),
  flags: valued((draft, value, name) => draft.packetTests.push(isTcp, tcpFlags(name, value))),
  'tcp.flags': valued((draft, value, name) => draft.packetTests.push(isTcp, tcpFlags(name, value))),
  seq: field((packet) => packet.seq, isTcp),
  'tcp.seq': field((packet) => packet.seq, isTcp),
  ack: field((packet) => packet.ack, isTcp),
  'tcp.ack': field((packet) => packet.ack, isTcp),
  window: field((packet) => packet.window, isTcp),
  'tcp.window': field((packet) => packet.window, isTcp),
  itype: field((packet) => packet.icmpType, isIcmp),
  icode: field((packet) => packet.icmpCode, isIcmp),
  icmp_id: field((packet) => icmpWord(packet, 4), isIcmpEcho),
  icmp_seq: field((packet) => icmpWord(packet, 6), isIcmpEcho),
  ttl: field((packet) => packet.ttl, isIp),
  // As Suricata has it: what IPv6 has for it is no answer.
  tos: field((packet) => packet.tos, isIpv4),
  id: field((packet) => packet.ipId, isIpv4),
  sameip: bare((draft) =>
    draft.packetTests.push(
      ({ ipVersion, src, dest }) => ipVersion !== 0 && src.every((word, i) => word === dest[i]),
    ),
  ),
  ip_proto: valued((draft, value, name) => {
    const [, sign = '', text = ''] = /^([!<>]?)\s*([\w-]+)$/.exec(value) ?? []
    const known = PROTOCOL_NAMES[text.toLowerCase()]
    const test = testOf(name, `${sign}${known ?? text}`)
    draft.protocolTests++
    draft.packetTests.push(
      ofClass((packet) => packet.ipVersion !== 0 && passes(test, packet.protocol)),
    )
  }),
  'decode-event': valued((draft, value, name) => setEvent(draft, name, DECODE_EVENTS, value)),
  'stream-event': valued((draft, value, name) => setEvent(draft, name, STREAM_EVENTS, value)),
  'ipv4-csum': checksum(4, undefined),
  'tcpv4-csum': checksum(4, 6),
  'tcpv6-csum': checksum(6, 6),
  'udpv4-csum': checksum(4, 17),
  'udpv6-csum': checksum(6, 17),
  'icmpv4-csum': checksum(4, 1),
  'icmpv6-csum': checksum(6, 58),
  'vlan.layers': field(
    (packet) => packet.vlanCount,
    () => true,
  ),
  'vlan.id': valued((draft, value, name) => draft.packetTests.push(vlanId(name, value))),
  fragbits: valued((draft, value, name) => {
    const match = /^([*+!]?)([MDR]+)([*+!]?)$/.exec(value.replaceAll(' ', ''))
    if (!match) throw new Refused(name, `"${value}" is not made of M, D, R and * + !`)
    const mode = match[1] || match[3] || ''
    let wanted = 0
    for (const letter of match[2] as string) wanted |= letter === 'M' ? 1 : letter === 'D' ? 2 : 4
    draft.packetTests.push((packet) => {
      if (packet.ipVersion !== 4) return false
      const bits = (packet.bytes[packet.ipOffset + 6] as number) >>> 5
      if (mode === '*') return (bits & wanted) !== 0
      if (mode === '+') return (bits & wanted) === wanted
      return (bits === wanted) !== (mode === '!')
    })
  }),
}

/** `300`, `>100,all`, `200,0`, `400,-1`: of any, of all, or of one layer; -1 is the innermost. */
function vlanId(name: string, value: string): PacketTest {
  const [number = '', layer = 'any'] = parts(value)
  const test = testOf(name, number)
  if (layer !== 'any' && layer !== 'all' && !/^-?[0-2]$|^-3$/.test(layer))
    throw new Refused(name, `"${layer}" is not a layer of a VLAN tag`)
  const at = Number(layer)
  return ({ vlanCount, vlan0, vlan1, vlan2 }) => {
    const count = Math.min(vlanCount, 3)
    if (count === 0) return false
    if (Number.isNaN(at)) {
      const ids = [vlan0, vlan1, vlan2].slice(0, count)
      return layer === 'all'
        ? ids.every((id) => passes(test, id))
        : ids.some((id) => passes(test, id))
    }
    const place = at < 0 ? count + at : at
    if (place < 0 || place >= count) return false
    return passes(test, place === 0 ? vlan0 : place === 1 ? vlan1 : vlan2)
  }
}

function setEvent(draft: Draft, name: string, known: readonly PacketEvent[], value: string): void {
  const event = known.find((each) => each === value.toLowerCase())
  if (event === undefined) throw new Refused(name, `the event ${value} is not noticed here`)
  if (draft.event !== undefined) throw new Refused(name, 'a rule has one event')
  draft.event = event
}

/** `valid` or `invalid`: of the IPv4 header, or of the transport where `protocol` is given. */
function checksum(version: 4 | 6, protocol: number | undefined) {
  return valued((draft: Draft, value: string, name: string) => {
    const word = value.replaceAll('"', '').toLowerCase()
    if (word !== 'valid' && word !== 'invalid') throw new Refused(name, 'it is valid or invalid')
    draft.packetTests.push((packet) => {
      if (packet.ipVersion !== version) return false
      if (protocol !== undefined && packet.protocol !== protocol) return false
      const ok = protocol === undefined ? ipv4ChecksumOk(packet) : transportChecksumOk(packet)
      return ok === (word === 'valid')
    })
  })
}

function isIp(packet: Parameters<PacketTest>[0]): boolean {
  return packet.ipVersion !== 0
}

function isIpv4(packet: Parameters<PacketTest>[0]): boolean {
  return packet.ipVersion === 4
}

/** Echo, and the other messages that carry an identifier and a sequence number. */
function isIcmpEcho(packet: Parameters<PacketTest>[0]): boolean {
  if (packet.protocol === 58) return packet.icmpType === 128 || packet.icmpType === 129
  return packet.protocol === 1 && [0, 8, 13, 14, 15, 16, 17, 18].includes(packet.icmpType)
}

function icmpWord(packet: Parameters<PacketTest>[0], at: number): number {
  const offset = packet.l4Offset + at
  if (offset + 2 > packet.end) return -1
  return ((packet.bytes[offset] as number) << 8) | (packet.bytes[offset + 1] as number)
}

function testOf(name: string, value: string): NumberTest {
  const test = parseNumberTest(value.replace(/\s+/g, ''))
  if (!test) throw new Refused(name, `"${value}" is not a number or a range`)
  return test
}

function field(read: (packet: Parameters<PacketTest>[0]) => number, when: PacketTest) {
  return valued((draft: Draft, value: string, name: string) => {
    const test = testOf(name, value)
    draft.packetTests.push((packet) => when(packet) && passes(test, read(packet)))
  })
}

/** `[+*!]SA,12`: wanted flags, and which are not looked at. Suricata leaves none out by default. */
function tcpFlags(name: string, value: string): PacketTest {
  const match = /^([+*!]?)([FSRPAUEC120]+)([+*!]?)(?:,\s*!?([FSRPAUEC120]+))?$/.exec(
    value.toUpperCase().replaceAll(' ', ''),
  )
  if (!match) throw new Refused(name, `"${value}" is not made of TCP flags`)
  const bits = (letters: string) => [...letters].reduce((sum, c) => sum | (FLAG_LETTERS[c] ?? 0), 0)
  const mode = match[1] || match[3]
  const wanted = bits(match[2] as string)
  const kept = ~bits(match[4] ?? '') & 0xff
  return ofClass(({ tcpFlags: all }) => {
    const flags = all & kept
    if (mode === '*') return (flags & wanted) !== 0
    if (mode === '+') return (flags & wanted) === wanted
    return (flags === wanted) !== (mode === '!')
  })
}
