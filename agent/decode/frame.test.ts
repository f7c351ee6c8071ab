import { expect, test } from 'vitest'
import {
  type Ends,
  ethernet,
  icmpEcho,
  ip,
  ipv4Header,
  tcp,
  tcpSegment,
  udp,
} from '../../test/traffic/frames.ts'
import { addressText } from '../base/address.ts'
import { frameMemory, memoryOf } from '../capture/frame-memory.ts'
import { readArp } from './arp.ts'
import { ipv4ChecksumOk, transportChecksumOk } from './checksum.ts'
import { decodeFrame } from './frame.ts'
import { Packet, TCP } from './packet.ts'
import { sumKernelOver } from './sum-kernel.ts'

const V4: Ends = { src: '10.1.2.3', dest: '192.0.2.9', srcPort: 40_000, destPort: 502 }
const V6: Ends = { src: '2001:db8::1', dest: '2001:db8::2', srcPort: 40_000, destPort: 53 }

function decode(frame: Uint8Array, linkType = 1, tci = -1, wireBytes = frame.length): Packet {
  const packet = new Packet()
  packet.bytes = frame
  packet.end = frame.length
  packet.wireBytes = wireBytes
  decodeFrame(packet, linkType, tci)
  return packet
}

/** Parts of a firewall's log: those that are given, then the datagram. */
function nflog(parts: string, datagram: Uint8Array): Buffer {
  const size = Buffer.alloc(2)
  size.writeUInt16LE(datagram.length + 4)
  const before = Buffer.from(`02000000${parts.replaceAll(' ', '')}`, 'hex')
  return Buffer.concat([before, size, Buffer.from([9, 0]), datagram])
}

function payload(packet: Packet): string {
  const { bytes, payloadOffset, payloadBytes } = packet
  return Buffer.from(bytes.subarray(payloadOffset, payloadOffset + payloadBytes)).toString()
}

test('a TCP segment: every field', () => {
  const options = Buffer.from('0204057801030307', 'hex')
  const packet = decode(
    tcp(V4, { seq: 0xfedcba98, ack: 7, flags: TCP.SYN | TCP.ACK, window: 512, options }),
  )
  expect(packet).toMatchObject({
    fault: undefined,
    etherType: 0x0800,
    ipVersion: 4,
    ttl: 64,
    protocol: 6,
    srcPort: 40_000,
    destPort: 502,
    seq: 0xfedcba98,
    ack: 7,
    tcpFlags: TCP.SYN | TCP.ACK,
    window: 512,
    mss: 1400,
    windowScale: 7,
    payloadBytes: 0,
    fragment: false,
  })
  expect([addressText(packet.src), addressText(packet.dest)]).toEqual(['10.1.2.3', '192.0.2.9'])
})

test('payload ends where the datagram says, not where the padding does', () => {
  const padded = Buffer.concat([udp(V4, 'hi'), Buffer.alloc(16, 0xee)])
  expect(payload(decode(padded))).toBe('hi')
})

test('VLAN tags, outermost first; one taken off by the kernel is put before them', () => {
  expect(decode(udp(V4, 'x', [12]))).toMatchObject({ vlanCount: 1, vlan0: 12, destPort: 502 })
  expect(decode(udp(V4, 'x', [12, 34]))).toMatchObject({ vlanCount: 2, vlan0: 12, vlan1: 34 })
  expect(decode(udp(V4, 'x', [34]), 1, 0xa00c)).toMatchObject({
    vlanCount: 2,
    vlan0: 12,
    vlan1: 34,
    destPort: 502,
  })
  expect(decode(udp(V4, 'x', [1, 2, 3, 4, 5])).fault).toBe('too-many-layers')
})

test('a fabric of switches puts a tag, or a frame, around a frame', () => {
  const inner = udp(V4, 'x', [12])
  const tagged = ethernet(0x8926, Buffer.concat([Buffer.alloc(4), inner.subarray(12)]))
  expect(decode(tagged)).toMatchObject({ fault: undefined, vlan0: 12, destPort: 502 })
  const path = (frame: Uint8Array) =>
    ethernet(0x8903, Buffer.concat([Buffer.from('0020', 'hex'), frame]))
  expect(decode(path(inner))).toMatchObject({ fault: undefined, vlan0: 12, destPort: 502 })
  expect(decode(path(inner).subarray(0, 26)).fault).toBe('truncated')
  expect(decode(tagged.subarray(0, 18)).fault).toBe('truncated')
})

test.each([
  ['FabricPath', 0x8903, 16, ''],
  ['NSH', 0x894f, 22, '0002ff0300000000'],
])(
  'frames within frames to the end of the longest frame have an end: %s',
  (_, type, step, head) => {
    const frame = Buffer.alloc(262_144)
    for (let at = 0; at + step <= frame.length; at += step) {
      frame.writeUInt16BE(type, at + 12)
      frame.write(head, at + 14, 'hex')
    }
    expect(decode(frame).fault).toBe('too-many-layers')
  },
)

test('IPv6 with extension headers', () => {
  const inner = udp(V6, 'deep').subarray(14 + 40)
  const hop = Buffer.from('3c00010400000000', 'hex') // hop by hop, then destination options
  const destination = Buffer.from('1101010c000000000000000000000000', 'hex')
  const packet = decode(ip(V6, 0, Buffer.concat([hop, destination, inner])))
  expect(packet).toMatchObject({
    fault: undefined,
    ipVersion: 6,
    protocol: 17,
    ipHeaderBytes: 64,
    destPort: 53,
  })
  expect(payload(packet)).toBe('deep')
  expect(addressText(packet.dest)).toBe('2001:db8::2')
})

test('an endless chain of extension headers has an end', () => {
  const chain = Buffer.concat(Array<Buffer>(20).fill(Buffer.from('3c00010400000000', 'hex')))
  expect(decode(ip(V6, 60, chain)).fault).toBe('too-many-layers')
})

test('IPv4 options are stepped over', () => {
  const header = Buffer.concat([ipv4Header(V4, 6, 24), Buffer.from('01010101', 'hex')])
  header[0] = 0x46
  const frame = ethernet(
    0x0800,
    Buffer.concat([header, tcpSegment(V4, { seq: 1, flags: 2, payload: '' })]),
  )
  expect(decode(frame)).toMatchObject({ ipHeaderBytes: 24, srcPort: 40_000, fault: undefined })
})

test('fragments say so and are not looked into', () => {
  const part = (fields: object, body: string) =>
    ethernet(0x0800, Buffer.concat([ipv4Header(V4, 17, body.length, fields), Buffer.from(body)]))
  expect(decode(part({ moreFragments: true, id: 9 }, 'abcdefgh'))).toMatchObject({
    fragment: true,
    moreFragments: true,
    fragmentOffset: 0,
    ipId: 9,
    srcPort: 0,
    payloadBytes: 8,
  })
  expect(decode(part({ fragmentOffset: 1480 }, 'z'))).toMatchObject({
    fragment: true,
    moreFragments: false,
    fragmentOffset: 1480,
  })
})

test('ARP', () => {
  const message = Buffer.from('0001080006040002020000000001c0a80001020000000002c0a80002', 'hex')
  const frame = ethernet(0x0806, message)
  const packet = decode(frame)
  expect(packet).toMatchObject({ fault: undefined, ipVersion: 0, arpOffset: 14 })
  const arp = readArp(frame, packet.arpOffset)
  expect(arp).toMatchObject({
    op: 2,
    senderMac: '02:00:00:00:00:01',
    targetMac: '02:00:00:00:00:02',
  })
  expect(addressText(arp.senderAddress)).toBe('192.168.0.1')
  expect(addressText(arp.targetAddress)).toBe('192.168.0.2')
  expect(decode(frame.subarray(0, 40)).fault).toBe('truncated')
})

test('other links than Ethernet', () => {
  const datagram = udp(V4, 'hello').subarray(14)
  const v6 = udp(V6, 'hello').subarray(14)
  const pppoe = Buffer.concat([Buffer.from('110000010024', 'hex'), Buffer.from('0021', 'hex')])
  const cases: [string, number, Uint8Array][] = [
    ['raw', 101, datagram],
    ['raw IPv4', 228, datagram],
    ['raw IPv6', 229, v6],
    ['raw BSD', 12, v6],
    ['null little', 0, Buffer.concat([Buffer.from('02000000', 'hex'), datagram])],
    ['null big, IPv6', 0, Buffer.concat([Buffer.from('0000001e', 'hex'), v6])],
    ['loop', 108, Buffer.concat([Buffer.from('00000002', 'hex'), datagram])],
    ['ppp', 9, Buffer.concat([Buffer.from('ff030021', 'hex'), datagram])],
    ['ppp short', 9, Buffer.concat([Buffer.from('21', 'hex'), datagram])],
    ['nflog', 239, nflog('0800 0100 08000300 0800 0500 00000001', datagram)],
    ['sll', 113, Buffer.concat([Buffer.alloc(14), Buffer.from('0800', 'hex'), datagram])],
    ['sll2', 276, Buffer.concat([Buffer.from('86dd', 'hex'), Buffer.alloc(18), v6])],
    ['c-hdlc', 104, Buffer.concat([Buffer.from('0f000800', 'hex'), datagram])],
    [
      'pppoe short',
      1,
      ethernet(0x8864, Buffer.concat([pppoe.subarray(0, 6), Buffer.from('21', 'hex'), datagram])),
    ],
    ['pppoe', 1, ethernet(0x8864, Buffer.concat([pppoe, datagram]))],
    [
      'mpls',
      1,
      ethernet(0x8847, Buffer.concat([Buffer.from('0000200000003101', 'hex'), datagram])),
    ],
    ['snap', 1, ethernet(41, Buffer.concat([Buffer.from('aaaa030000000800', 'hex'), datagram]))],
  ]
  for (const [name, linkType, frame] of cases) {
    const packet = decode(frame, linkType)
    expect([name, packet.fault, packet.protocol, payload(packet)]).toEqual([
      name,
      undefined,
      17,
      'hello',
    ])
  }
  expect(decode(datagram, 105).fault).toBe('unknown-link-type')
})

test('faults are words', () => {
  const frame = tcp(V4, { seq: 1, flags: TCP.ACK, payload: 'data' })
  const changed = (at: number, value: number) => {
    const copy = Buffer.from(frame)
    copy[at] = value
    return decode(copy).fault
  }
  expect(changed(14, 0x65)).toBe('bad-version')
  expect(changed(14, 0x44)).toBe('bad-length')
  expect(changed(17, 19)).toBe('bad-length')
  expect(changed(17, 200)).toBe('truncated')
  expect(changed(46, 0x40)).toBe('bad-offset')
  expect(changed(46, 0xf0)).toBe('bad-offset')
  const long = Buffer.from(frame)
  long[46] = 0xf0
  expect(decode(long)).toMatchObject({ eventCount: 1, events: ['tcp.hlen_too_small'] })
  const datagram = udp(V4, 'data')
  datagram.writeUInt16BE(7, 38)
  expect(decode(datagram).fault).toBe('bad-length')
  datagram.writeUInt16BE(400, 38)
  expect(decode(datagram)).toMatchObject({ fault: 'bad-length', payloadBytes: 0 })
})

test('a frame cut by the snap length keeps what is there and says what is not', () => {
  const frame = tcp(V4, { seq: 1, flags: TCP.ACK, payload: 'x'.repeat(100) })
  const packet = decode(frame.subarray(0, 60), 1, -1, frame.length)
  expect(packet).toMatchObject({ fault: undefined, payloadBytes: 6, payloadCut: 94 })
  const short = decode(frame.subarray(0, 40), 1, -1, frame.length)
  expect(short).toMatchObject({ fault: 'truncated', payloadBytes: 0 })
})

test('a length of 0, as what a card is to cut has it: read to the end of the frame, or malformed', () => {
  const payload = 'x'.repeat(1600)
  const plain = { tcp4: tcp(V4, { seq: 1, flags: TCP.ACK, payload }), tcp6: tcp(V6, { seq: 1, flags: TCP.ACK, payload }), udp4: udp(V4, 'short'), udp6: udp(V6, 'short') } // biome-ignore format: one object
  const zeroed = (frame: Buffer, at: number) => {
    const copy = Buffer.from(frame)
    copy.writeUInt16BE(0, at)
    return copy
  }
  const { tcp4, tcp6, udp4, udp6 } = plain
  const told = (frame: Buffer, readsOffloaded: boolean) => {
    const packet = new Packet()
    packet.readsOffloaded = readsOffloaded
    // One packet after another: a frame before changes nothing.
    for (const bytes of [udp(V4, 'before'), frame]) {
      packet.bytes = bytes
      packet.end = packet.wireBytes = bytes.length
      decodeFrame(packet, 1, -1)
    }
    return [packet.fault, packet.payloadBytes, packet.events.slice(0, packet.eventCount)]
  }
  for (const [frame, size, fault, event] of [
    [zeroed(tcp4, 16), 1600, 'bad-length', 'ipv4.iplen_smaller_than_hlen'],
    [zeroed(tcp6, 18), 1600, 'truncated', 'tcp.pkt_too_small'],
    [zeroed(udp4, 38), 5, 'bad-length', 'udp.len_invalid'],
    [zeroed(udp6, 58), 5, 'bad-length', 'udp.len_invalid'],
  ] as const) {
    expect(told(frame, true)).toEqual([undefined, size, []])
    expect(told(frame, false)).toEqual([fault, 0, [event]])
  }
  for (const frame of Object.values(plain)) expect(told(frame, false)).toEqual(told(frame, true))
})

test('checksums', () => {
  const flipped = (frame: Buffer, at: number) => {
    frame[at] = (frame[at] as number) ^ 1
    return decode(frame)
  }
  for (const frame of [
    tcp(V4, { seq: 5, flags: TCP.ACK, payload: 'odd' }),
    udp(V4, 'even'),
    udp(V6, 'six'),
    tcp(V6, { seq: 5, flags: TCP.ACK }),
    icmpEcho(V4, 1, 2),
  ]) {
    expect([ipv4ChecksumOk(decode(frame)), transportChecksumOk(decode(frame))]).toEqual([
      true,
      true,
    ])
    expect(transportChecksumOk(flipped(frame, frame.length - 1))).toBe(false)
  }
  expect(ipv4ChecksumOk(flipped(udp(V4, 'x'), 22))).toBe(false)
})

const kinds = [
  ['of a batch', frameMemory(70_000)],
  ['of any kind', Buffer.alloc(70_000)],
] as const

test.each(kinds)('checksums in memory %s: any length, wherever the frame lies', (_, memory) => {
  for (const size of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 32, 33, 100, 1447, 1448, 9000, 65_000])
    for (let before = 0; before < 8; before++) {
      const payload = Uint8Array.from({ length: size }, (_, i) => (i * 7 + size) & 255)
      const frame = tcp(V4, { seq: 0xffff_ffff, ack: 1, flags: TCP.ACK, payload })
      const at = 40 + Math.floor((size * 3) / 4)
      for (const [flip, ok] of [
        [0, true],
        [1, false],
        [0x80, false],
      ] as const) {
        const packet = new Packet()
        packet.bytes = memory.fill(0xff)
        frame.copy(memory, before)
        memory[before + at] = (memory[before + at] as number) ^ flip
        packet.start = before
        packet.end = before + frame.length
        packet.wireBytes = frame.length
        decodeFrame(packet, 1, -1)
        expect([size, before, flip, transportChecksumOk(packet)]).toEqual([size, before, flip, ok])
      }
    }
})

test('the sum of the longest frame does not run over', () => {
  const bytes = frameMemory(262_144).fill(0xff)
  const kernel = sumKernelOver(memoryOf(bytes) as WebAssembly.Memory)
  expect(kernel.sum(0, 262_144)).toBe(0xffff)
  bytes[262_143] = 0
  expect(kernel.sum(0, 262_144)).toBe(0xff) // 131,072 times 0xffff is 0 (RFC 1071), less 0xff00
})
