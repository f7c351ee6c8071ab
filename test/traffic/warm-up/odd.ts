/** What is rarer: other links, tunnels, fragments, connections that end oddly or began before us, and traffic that is made to cost. */
import { TCP } from '../../../agent/decode/packet.ts'
import { mutated } from '../../fuzz/mutation.ts'
import type { Chance } from '../chance.ts'
import { ethernet, icmpEcho, ip, tcp, udp } from '../frames.ts'
import { TRAFFIC } from '../rule-traffic.ts'
import { WORST_CASES } from '../worst-cases.ts'
import { fragments } from './rare.ts'
import { back, hex, type Neighbours } from './spoken.ts'

const V4 = { src: '10.0.0.5', dest: '192.0.2.9', srcPort: 40_000, destPort: 80 }
const V6 = { src: 'fd00::5', dest: 'fd00::9', srcPort: 40_000, destPort: 80 }
const CHANGED = 10
const COSTLY = ['overlapping-fragments', 'overlapping-segments', 'holes', 'tunnels', 'garbage', 'first-fragments', 'pipelined'] // biome-ignore format: one list
const COSTLY_FRAMES = 16
/** Each holds a datagram's room until it is whole. */
const FRAGMENTS = 2
const DATA = TCP.PSH | TCP.ACK

const inner = udp(V4, 'x')
const carried = inner.subarray(14)
const inUdp = (port: number, head: string, inside: Uint8Array) =>
  udp({ ...V4, destPort: port }, Buffer.concat([hex(head), inside]))

/** RFC 894, 826, 8200, 3032, 2516, 2784, 4213, 7348, 8926, 3GPP TS 29.281, RFC 4380, 792, 4443, IEEE 802.1AB, RFC 9260. */
const SEEDS: Uint8Array[] = [
  tcp(V4, { seq: 1, flags: TCP.SYN, options: hex('020405b40103030801010402') }),
  tcp(V6, { seq: 1, flags: TCP.ACK, payload: 'hello' }, [5, 6]),
  udp(V4, 'hello', [7]),
  udp(V6, 'hello'),
  icmpEcho(V4, 1, 1),
  icmpEcho(back(V4), 1, 1, true),
  ethernet(0x0806, hex('000108000604000102000000000a0a000005000000000000c0000209')),
  ip(V6, 0, hex('3c00050200000000060000000000000000005000')),
  ethernet(0x8847, Buffer.concat([hex('0001003f'), carried])),
  ethernet(0x8864, hex('1100000100240021')),
  ip(V4, 47, Buffer.concat([hex('2000655800000007'), inner])),
  ip(V4, 47, Buffer.concat([hex('00000800'), carried])),
  ip(V4, 41, udp(V6, 'x').subarray(14)),
  inUdp(4789, '0800000000000900', udp(V6, 'x')),
  inUdp(6081, '0200080000000900'.padEnd(32, '0'), carried),
  inUdp(6081, '0000655800000900', inner),
  inUdp(2152, '30ff002000000001', carried),
  inUdp(3544, '', udp(V6, 'x').subarray(14)),
  ip(V4, 1, Buffer.concat([hex('0301000000000000'), carried])),
  ip(V6, 58, hex('8700000000000000fd000000000000000000000000000009')),
  ethernet(0x88cc, Buffer.alloc(46)),
  ip(V4, 132, Buffer.alloc(20)),
]

export function oddFrames(chance: Chance, ends: Neighbours, times: number): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (let i = 0; i < times; i++) {
    const parts = fragments(17, udp(V4, 'x'.repeat(900)).subarray(34), chance.int(0, 65_535))
    frames.push(...SEEDS, ...(i % 2 === 0 ? parts : chance.shuffled(parts)))
    for (let k = 0; k < CHANGED; k++) frames.push(mutated(chance, SEEDS).subarray(0, 1500))
    frames.push(...cutShort(ends, i), ...begunBefore(ends), ...refused(ends))
  }
  for (const name of COSTLY) {
    const next = WORST_CASES[name]?.frames(1)
    if (!next) throw new Error(`there is no case ${name}`)
    const count = times * (name.endsWith('fragments') ? FRAGMENTS : COSTLY_FRAMES)
    for (let i = 0; i < count; i++) frames.push(Buffer.from(next(i)))
  }
  for (const make of Object.values(TRAFFIC)) {
    const { hit, miss } = make()
    frames.push(...hit, ...miss)
  }
  return frames
}

/** Segments early, late, over each other and lost; then a reset of one side, and what comes after it. */
function cutShort(ends: Neighbours, turn: number): Uint8Array[] {
  const client = ends.next(8080)
  const server = back(client)
  const reset = TCP.RST | (turn % 3 === 0 ? 0 : TCP.ACK)
  return [
    tcp(client, { seq: 10, flags: TCP.SYN }),
    tcp(server, { seq: 20, ack: 11, flags: TCP.SYN | TCP.ACK }),
    tcp(client, { seq: 11, ack: 21, flags: TCP.ACK }),
    tcp(client, { seq: 2011, ack: 21, flags: DATA, payload: 'late' }),
    tcp(client, { seq: 11, ack: 21, flags: DATA, payload: 'abcdefgh' }),
    tcp(client, { seq: 13, ack: 21, flags: DATA, payload: 'cXefghij' }),
    tcp(server, { seq: 21, ack: 2015, flags: TCP.ACK }),
    tcp(server, { seq: 20, ack: 2015, flags: TCP.ACK, payload: 'k' }),
    turn % 2 === 0
      ? tcp(client, { seq: 2015, ack: 21, flags: reset })
      : tcp(server, { seq: 21, ack: 2015, flags: reset }),
    tcp(client, { seq: 2015, ack: 21, flags: DATA, payload: 'after' }),
  ]
}

function begunBefore(ends: Neighbours): Uint8Array[] {
  const client = ends.next(9100)
  return [
    tcp(client, { seq: 5, ack: 9, flags: DATA, payload: 'GET / HTTP/1.1\r\n\r\n' }),
    tcp(back(client), { seq: 9, ack: 50, flags: DATA, payload: 'HTTP/1.1 200 OK\r\n\r\n' }),
  ]
}

function refused(ends: Neighbours): Uint8Array[] {
  const client = ends.next(81)
  return [
    tcp(client, { seq: 5, flags: TCP.SYN }),
    tcp(client, { seq: 5, flags: TCP.SYN }),
    tcp(back(client), { seq: 0, ack: 6, flags: TCP.RST | TCP.ACK }),
  ]
}
