/** Headers that few send, fragments, and first words that are guessed at: each takes a branch of its own. */
import { TCP } from '../../../agent/decode/packet.ts'
import { dtlsHello } from '../../golden/messages.ts'
import { SNMP_GET } from '../../golden/small-messages.ts'
import type { Chance } from '../chance.ts'
import { ethernet, ip, ipv4Header, tcpSegment, udp } from '../frames.ts'
import { cryptoFrames, quicInitial } from '../quic-initial.ts'
import { clientHello } from '../tls-hello.ts'
import { Both, CONNECTIONS, DATA } from './connections.ts'
import { back, hex, type Neighbours } from './spoken.ts'

/** Near the end of the numbers: the next segments begin at 0. */
const WRAPS = 0xffff_fff0
const V4 = { src: '10.0.0.6', dest: '192.0.2.10', srcPort: 40_001, destPort: 8081 }
const V6 = { src: 'fd00::6', dest: '2001:db8::10', srcPort: 40_001, destPort: 8081 }
const VERSION_2 = 0x6b33_43cf
const FRAGMENT_BYTES = 64
/** More segments than an unknown talk is watched for. */
const MANY = 40

export function rareFrames(chance: Chance, ends: Neighbours, times: number): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (let i = 0; i < times; i++) {
    for (const begin of [0, WRAPS, chance.int(0, 2 ** 32 - 1)])
      for (const made of CONNECTIONS) frames.push(...made(ends.next(8081, begin === 0), begin))
    frames.push(...HEADERS, ...whole(chance), ...firstWords(ends), ...datagrams(ends, i))
  }
  return frames
}

/** Datagrams in fragments of every protocol that is read when they are whole, some over IPv6. */
function whole(chance: Chance): Uint8Array[] {
  const segment = tcpSegment(V4, { seq: 9, ack: 1, flags: DATA, payload: 'x'.repeat(200) })
  const ping = Buffer.concat([hex('0800000000010001'), Buffer.alloc(120)])
  const carried: [v6: boolean, protocol: number, data: Buffer][] = [
    [false, 6, segment],
    [true, 6, segment],
    [false, 1, ping],
    [true, 58, ping],
    [true, 17, udp(V4, 'x'.repeat(200)).subarray(34)],
    [false, 41, inner6],
    [false, 47, Buffer.concat([hex('00000800'), inner4])],
    [true, 43, Buffer.concat([hex('1100000000000000'), plain6])],
    [false, 17, udp({ ...V4, destPort: 3544 }, inner6).subarray(34)],
  ]
  return carried.flatMap(
    ([v6, protocol, data]) =>
    v6 ? pieces6(protocol, data, chance.int(1, 2 ** 31)) : fragments(protocol, data, chance.int(0, 65_535)), // biome-ignore format: one line
  )
}

function pieces6(protocol: number, data: Buffer, id: number): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (let at = 0; at < data.length; at += FRAGMENT_BYTES) {
    const head = Buffer.of(protocol, 0, 0, 0, 0, 0, 0, 0)
    head.writeUInt16BE(at | (at + FRAGMENT_BYTES < data.length ? 1 : 0), 2)
    head.writeUInt32BE(id, 4)
    frames.push(ip(V6, 44, Buffer.concat([head, data.subarray(at, at + FRAGMENT_BYTES)])))
  }
  return frames
}

export function fragments(protocol: number, datagram: Uint8Array, id: number): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (let at = 0; at < datagram.length; at += FRAGMENT_BYTES) {
    const part = datagram.subarray(at, at + FRAGMENT_BYTES)
    const moreFragments = at + FRAGMENT_BYTES < datagram.length
    const head = ipv4Header(V4, protocol, part.length, { id, fragmentOffset: at, moreFragments })
    frames.push(ethernet(0x0800, Buffer.concat([head, part])))
  }
  return frames
}

const inner4 = udp(V4, 'x').subarray(14)
const inner6 = udp(V6, 'x').subarray(14)
const plain6 = inner6.subarray(40)
const v6With = (next: number, headers: string, rest: Uint8Array = plain6) =>
  ip(V6, next, Buffer.concat([hex(headers), rest]))

/** A datagram that its sender left to its card to cut says no length. */
function uncut(): Buffer {
  const frame = ip(V4, 17, Buffer.alloc(2000))
  frame.writeUInt16BE(0, 16)
  return frame
}

/** RFC 8200, 4302, 6946, 2784, 2890, 2637, 2516, 3032, IEEE 802.2, 802.1ad, a ping and what an unreachable one is answered. */
const HEADERS: Uint8Array[] = [
  v6With(0, '1100010400000000'),
  v6With(60, '1100010400000000'),
  v6With(43, '1100000000000000'),
  v6With(135, '1100000000000000'),
  v6With(0, '3c000104000000001100010400000000'),
  v6With(51, '1104000000000001000000010000000000000000000000000000'.padEnd(48, '0')),
  v6With(44, '1100000000000007'),
  v6With(44, '1100000100000008'),
  v6With(44, '1100001000000008'),
  v6With(44, '2c000000000000091100000000000009'),
  v6With(58, '8000000000010001', new Uint8Array(0)),
  v6With(59, '', new Uint8Array(0)),
  ip(V6, 41, inner6),
  ip(V6, 4, inner4),
  ip(V6, 47, Buffer.concat([hex('000086dd'), inner6])),
  ip(V4, 4, inner4),
  ip(V4, 47, Buffer.concat([hex('b00008000000000000000001 00000002'), inner4])),
  ip(V4, 47, Buffer.concat([hex('3081880b00050001000000010000000200210000'), inner4])),
  ip(V4, 47, Buffer.concat([hex('100088be00000001 0000000000000000'), udp(V4, 'x')])),
  ip(V4, 50, Buffer.alloc(40, 7)),
  ip(V4, 89, Buffer.alloc(44, 1)),
  ip(V4, 2, hex('1600fa0400000000')),
  ethernet(0x8864, Buffer.concat([hex('11000001003a0057'), inner6])),
  ethernet(0x8863, hex('110900000004010100000103')),
  ethernet(0x8847, Buffer.concat([hex('0001003f000210ff'.replace('3f', '3e')), inner4])),
  ethernet(0x8847, Buffer.concat([hex('0001013f'), inner6])),
  ethernet(0x002a, Buffer.concat([hex('aaaa030000000800'), inner4])),
  ethernet(0x0026, hex('424203'.padEnd(76, '0'))),
  ethernet(0x88a8, Buffer.concat([hex('000a81000014 86dd'), inner6])),
  udp(V6, 'x', [5, 6]),
  uncut(),
  ethernet(0x0800, Buffer.concat([hex('65'), inner4.subarray(1)])),
  ethernet(0x86dd, Buffer.concat([hex('45'), inner6.subarray(1)])),
  ip(V4, 1, Buffer.concat([hex('0301fcfe00000000'), inner4])),
  ip(V4, 1, Buffer.concat([hex('0b00f4ff00000000'), inner4])),
  ip(V6, 58, Buffer.concat([hex('0100000000000000'), inner6])),
  ethernet(0x0806, hex('0001080006040002020000000005 0a000005 020000000006 0a000006')),
]

const WORDS: [port: number, parts: string[]][] = [
  [443, ['\x16', '\x03', '\x01', '\x00\x05\x01\x00\x00\x01\x00']],
  [8443, ['\x16\x03', '\x01\x00\x05\x01\x00\x00\x01\x00']],
  [9443, ['\x80', '\x2e', '\x01', '\x03', '\x01\x00\x15\x00\x00\x00\x10']],
  [9444, ['\x80\x2e\x01\x03\x01\x00\x03\x00\x00\x00\x10abc0123456789abcdef']],
  [80, ['\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n']],
  [8088, ['\r', '\n', 'G', 'E', 'T', ' / HTTP/1.0\r\n\r\n']],
  [8089, ['PURGE / HTTP/1.1\r\n\r\n']],
  [80, ['PURGE / HTTP/1.1\r\n\r\n']],
  [139, ['\x81\x00\x00\x04abcd']],
  [9139, ['\x81\x00\x00\x04abcd']],
  [2404, ['\x68', '\x04', '\x07\x00\x00\x00']],
  [9404, ['\x68\x00', '\x68\x04\x07\x00\x00\x00']],
  [44_818, ['\x65', '\x00\x04\x00']],
  [9502, ['\x00\x01', '\x00\x00\x00\x06\x01\x03\x00\x00\x00\x01']],
  [9020, ['\x05', '\x0064', '\x01\xc4']],
  [9102, ['\x03\x00', '\x00\x16\x11\xe0']],
  [7777, ['a', 'bc', 'def', '\0\0', '\xff'.repeat(60), 'x', 'y', 'z', 'x', 'y', 'z', 'end']],
  [2222, ['SSH', '-2.0-', 'some_client\r\n', 'x'.repeat(40)]],
  [9600, ['\x16', '\x03', ...Array<string>(MANY).fill('xy')]],
  [9601, Array<string>(MANY).fill('ab')],
  [9602, ['\x16', ...Array<string>(MANY).fill('\x16')]],
  [8090, ['GET / HTTP/1.1\r\n\r\n']],
  [8090, ['GET /a#b HTTP/1.1\r\nHost: a\r\n folded: yes\r\n \r\nX: y\n \nbody']],
  [8090, ['GET /a?b#c HTTP/1.1\nHost: a\n\nGET /next\r\n\r\n']],
]

/** What a client says first, in pieces, to a server that answers with some bytes. */
function firstWords(ends: Neighbours): Uint8Array[] {
  return WORDS.flatMap(([port, parts]) => {
    const both = new Both(ends.next(port), 1000).open()
    let seq = 1
    for (const part of parts) {
      const payload = Buffer.from(part, 'latin1')
      both.client(seq, 1, DATA, { payload })
      seq += payload.length
      both.server(1, seq, TCP.ACK)
    }
    const end = TCP.FIN | TCP.ACK
    return both
      .server(1, seq, DATA, { payload: 'so?' })
      .client(seq, 4, end)
      .server(4, seq + 1, end)
      .client(seq + 1, 5, TCP.ACK).frames
  })
}

/** SNMP whose lengths take so many bytes. */
function longLengths(bytes: number): Buffer {
  const body = SNMP_GET.subarray(2)
  const size = Buffer.alloc(bytes)
  size.writeUIntBE(body.length, 0, bytes)
  return Buffer.concat([Buffer.of(0x30, 0x80 | bytes), size, body])
}

/** One question, and records of many types in all three sections. */
const DNS_RECORDS = Buffer.concat([
  hex('123481800001000500020003'),
  hex('036e616d076578616d706c65000001 0001'.replaceAll(' ', '')),
  hex('c00c00010001000000200004c0000201'),
  hex('c00c001c00010000002000 1020010db8000000000000000000000001'),
  hex('c00c0010000100000020000605 68656c6c6f'),
  hex('c00c000f000100000020 0004000ac00c'),
  hex('c00c0021000100000020 0008000100020050c00c'),
  hex('c00c00020001000000200002c00c'),
  hex('c00c000600010000002000 18c00cc00c0000000100000002000000030000000400000005'),
  hex('c00c00010001800000200004c0000202'),
  hex('c00c0063000100000020000301 6162'),
  hex('00002904d0000080000000'),
])

function datagrams(ends: Neighbours, turn: number): Uint8Array[] {
  const hello = clientHello('long.example')
  const pieces = cryptoFrames([
    [40, hello.subarray(40)],
    [0, hello.subarray(0, 20)],
    [10, hello.subarray(10, 40)],
  ])
  const acked = Buffer.concat([hex('0200000000 01 00'), cryptoFrames([[0, hello]])])
  const client = ends.next(53)
  const asked: [port: number, data: Uint8Array][] = [
    [443, quicInitial(pieces)],
    [443, quicInitial(acked, { number: 1 })],
    [443, quicInitial(cryptoFrames([[0, hello]]), { version: VERSION_2 })],
    [443, Buffer.concat([hex('c0ff00001d0812345678123456780000'), Buffer.alloc(1200)])],
    [443, Buffer.concat([hex('0d0123456789abcdef51303433'), Buffer.alloc(60, turn)])],
    [4433, dtlsHello('desk.example', [60])[0] as Buffer],
    [161, longLengths(1)],
    [161, longLengths(2)],
    [161, longLengths(3)],
    [161, longLengths(4)],
    [5353, DNS_RECORDS],
  ]
  return [
    ...asked.map(([port, data]) => udp(ends.next(port), data)),
    udp(back(client), DNS_RECORDS),
    udp(client, DNS_RECORDS),
  ]
}
