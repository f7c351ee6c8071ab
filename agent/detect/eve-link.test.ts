import { expect, test } from 'vitest'
import { type Ends, ethernet, ip, tcp, udp } from '../../test/traffic/frames.ts'
import { decodeFrame, decodeInside } from '../decode/frame.ts'
import { Packet } from '../decode/packet.ts'
import { flowEther, packetLink, packetSource, packetVlan } from './eve-link.ts'

const OUTER: Ends = { src: '192.0.2.1', dest: '192.0.2.2', srcPort: 50_000, destPort: 4789 }
const INNER: Ends = { src: '10.0.0.5', dest: '10.0.1.53', srcPort: 40_000, destPort: 53 }
const frame = udp(INNER, 'hello')

function decoded(bytes: Uint8Array): Packet {
  const packet = new Packet()
  packet.bytes = bytes
  packet.end = bytes.length
  packet.wireBytes = bytes.length
  decodeFrame(packet, 1, -1)
  return packet
}

test('ERSPAN names the VLAN, its header counts, and the packet knows the tunnel it came out of', () => {
  const head = Buffer.from('100088be000000011017000000000000', 'hex')
  const packet = decoded(ip(OUTER, 47, Buffer.concat([head, frame])))
  expect(decodeInside(packet)).toBe(true)
  expect([packetVlan(packet), packet.wireBytes, packet.depth]).toEqual([
    [0x17],
    frame.length + 8,
    1,
  ])
  expect(packetLink(packet)).toEqual({
    ether: { dest_mac: '02:00:00:00:00:0b', src_mac: '02:00:00:00:00:0a' },
    tunnel: {
      src_ip: '192.0.2.1',
      dest_ip: '192.0.2.2',
      proto: 'GRE',
      depth: 1,
      pkt_src: 'wire/pcap',
    },
  })
  expect(packetSource(packet)).toBe('gre tunnel')
})

test('a tunnel over UDP has ports, and a packet outside of any has none of this', () => {
  const head = Buffer.from('0800000000000900', 'hex')
  const packet = decoded(udp(OUTER, Buffer.concat([head, frame])))
  expect(packetLink(packet)).toEqual({
    ether: { dest_mac: '02:00:00:00:00:0b', src_mac: '02:00:00:00:00:0a' },
  })
  expect(packetLink(packet, false)).toEqual({
    ether: { dest_mac: '02:00:00:00:00:0a', src_mac: '02:00:00:00:00:0b' },
  })
  expect(packetSource(packet)).toBe('wire/pcap')
  decodeInside(packet)
  expect(packetLink(packet).tunnel).toMatchObject({
    src_port: 50_000,
    dest_port: 4789,
    proto: 'UDP',
  })
  expect(packetSource(packet)).toBe('vxlan encapsulation')
})

test('three VLAN tags are told, and a network service header is looked behind', () => {
  const tagged = ethernet(0x0800, tcp(INNER, { seq: 1, flags: 2 }).subarray(14), [200, 300, 400])
  expect(packetVlan(decoded(tagged))).toEqual([200, 300, 400])
  const service = Buffer.from('0fc6010300000001', 'hex')
  const nsh = decoded(ethernet(0x894f, Buffer.concat([service, Buffer.alloc(16), frame])))
  expect([nsh.fault, nsh.destPort]).toEqual([undefined, 53])
  const odd = decoded(ethernet(0xfbb7, Buffer.from('x')))
  expect(odd.events.slice(0, odd.eventCount)).toEqual(['ethernet.unknown_ethertype'])
})

test('a flow without Ethernet has no addresses of it', () => {
  expect(flowEther({ clientMac: -1, serverMac: -1 })).toBe(undefined)
  expect(flowEther({ clientMac: 0x0200_0000_000a, serverMac: 0 })).toEqual({
    dest_macs: ['00:00:00:00:00:00'],
    src_macs: ['02:00:00:00:00:0a'],
  })
})
