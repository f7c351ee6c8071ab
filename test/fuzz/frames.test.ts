/** One frame, of any link type: every offset lies inside it, and nothing around it is read. */
import { LINK } from '../../agent/capture/source.ts'
import { ARP_BYTES, readArp } from '../../agent/decode/arp.ts'
import { ipv4ChecksumOk, transportChecksumOk } from '../../agent/decode/checksum.ts'
import { decodeFrame, decodeInside } from '../../agent/decode/frame.ts'
import { Packet, TCP } from '../../agent/decode/packet.ts'
import { ethernet, icmpEcho, ip, tcp, udp } from '../traffic/frames.ts'
import { fuzzBytes, recordOrFault } from './fuzz.ts'
import { realTraffic } from './seeds.ts'

const V4 = { src: '10.0.0.5', dest: '192.0.2.9', srcPort: 40_000, destPort: 80 }
const V6 = { src: 'fd00::5', dest: 'fd00::9', srcPort: 40_000, destPort: 80 }
const LINKS = [...Object.values(LINK), 65_000]
const MARGIN = 32

const options = Buffer.from('020405b40103030801010402', 'hex')
const arp = Buffer.from('000108000604000102000000000a0a000005000000000000c0000209', 'hex')
const extended = Buffer.from('3c00050200000000060000000000000000005000', 'hex')
const { conversations } = await realTraffic()
const seeds = [
  tcp(V4, { seq: 1, flags: TCP.SYN, options }),
  tcp(V6, { seq: 1, flags: TCP.ACK, payload: 'hello' }, [5, 6]),
  udp(V4, 'hello', [7]),
  udp(V6, 'hello'),
  icmpEcho(V4, 1, 1),
  ethernet(0x0806, arp),
  ip(V6, 0, extended),
  ethernet(0x8847, Buffer.concat([Buffer.from('0001003f', 'hex'), udp(V4, 'x').subarray(14)])),
  ethernet(0x8864, Buffer.concat([Buffer.from('110000010024', 'hex'), Buffer.from('0021', 'hex')])),
  ip(
    V4,
    47,
    Buffer.concat([Buffer.from('20006558 00000007'.replace(' ', ''), 'hex'), udp(V4, 'x')]),
  ),
  ip(V4, 41, udp(V6, 'x').subarray(14)),
  udp(
    { ...V4, destPort: 4789 },
    Buffer.concat([Buffer.from('0800000000000900', 'hex'), udp(V6, 'x')]),
  ),
  ...conversations.flatMap(({ frames }) => frames.slice(0, 3)),
]

const inner = udp(V4, 'x')
const tunnelled = (port: number, header: string, inside: Uint8Array) =>
  udp({ ...V4, destPort: port }, Buffer.concat([Buffer.from(header, 'hex'), inside]))
const gre = (header: string, inside: Uint8Array) =>
  ip(V4, 47, Buffer.concat([Buffer.from(header, 'hex'), inside]))
seeds.push(
  tunnelled(6081, '0200080000000900'.padEnd(32, '0'), inner.subarray(14)), // Geneve
  tunnelled(6081, '0000655800000900', inner),
  tunnelled(2152, '34ff00250000000100000085 01000000'.replace(' ', ''), inner.subarray(14)), // GTP-U
  tunnelled(3544, `00010000${'00'.repeat(9)}0000123401020304`, udp(V6, 'x').subarray(14)), // Teredo
  tunnelled(5072, `455211294a000000${'00'.repeat(36)}`, udp(V6, 'x').subarray(14)), // AYIYA
  gre('b0000800000000000000000700000001', inner.subarray(14)),
  gre('3081880b002100070000000100000001', Buffer.concat([Buffer.from('ff030021', 'hex'), inner.subarray(14)])), // biome-ignore format: PPTP
  gre('100088be000000011001000000000000', inner), // ERSPAN
  ethernet(0x894f, Buffer.concat([Buffer.from('0fc6010300000101' + '00'.repeat(16), 'hex'), inner])), // biome-ignore format: NSH
)

const packet = new Packet()

function decode(memory: Buffer, linkType: number, wireBytes: number): string {
  packet.bytes = memory
  packet.start = MARGIN
  packet.end = memory.length - MARGIN
  packet.wireBytes = wireBytes
  decodeFrame(packet, linkType, -1)
  const said = [look(packet)]
  // Each step goes further in: more than a frame has room for is a loop.
  while (packet.fault === undefined && decodeInside(packet)) {
    said.push(look(packet))
    if (said.length > packet.end) throw new Error('tunnels without end')
  }
  return said.join()
}

/** What is true of every packet; gives all that was decoded, as text. */
function look({ bytes, events, ...rest }: Packet): string {
  const said = { ...rest, events: events.slice(0, rest.eventCount) } // beyond them lie those of earlier packets
  const { start, end, fault, payloadOffset, payloadBytes, payloadCut, arpOffset } = said
  recordOrFault(fault)
  if (fault !== undefined && payloadBytes !== 0) throw new Error('a fault with a payload')
  if (payloadBytes < 0 || payloadCut < 0) throw new Error('a negative payload')
  if (payloadBytes > 0 && (payloadOffset < start || payloadOffset + payloadBytes > end))
    throw new Error('a payload outside its frame')
  if (arpOffset >= 0 && arpOffset + ARP_BYTES > end) throw new Error('an ARP message outside')
  const more: unknown[] = []
  if (arpOffset >= 0) more.push(readArp(bytes, arpOffset))
  if (fault === undefined && said.ipVersion !== 0 && !said.fragment)
    more.push(said.ipVersion === 4 && ipv4ChecksumOk(packet), transportChecksumOk(packet))
  return JSON.stringify([said, more])
}

fuzzBytes('frames', seeds, (bytes) => {
  const memory = Buffer.alloc(bytes.length + 2 * MARGIN)
  bytes.copy(memory, MARGIN)
  for (const linkType of LINKS)
    for (const wire of [bytes.length, bytes.length + 1000]) {
      memory.fill(0, 0, MARGIN).fill(0, MARGIN + bytes.length)
      const a = decode(memory, linkType, wire)
      memory.fill(0xff, 0, MARGIN).fill(0xff, MARGIN + bytes.length)
      const b = decode(memory, linkType, wire)
      if (a !== b) throw new Error(`link type ${linkType}: bytes outside were read: ${a} but ${b}`)
    }
})
