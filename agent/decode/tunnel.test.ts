import { expect, test } from 'vitest'
import { FlowRecorder } from '../../test/traffic/flow-recorder.ts'
import { type Ends, ip, udp } from '../../test/traffic/frames.ts'

const OUTER: Ends = { src: '192.0.2.1', dest: '192.0.2.2', srcPort: 50_000, destPort: 4789 }
const OUTER6: Ends = { ...OUTER, src: '2001:db8::1', dest: '2001:db8::2' }
const INNER: Ends = { src: '10.0.0.5', dest: '10.0.1.53', srcPort: 40_000, destPort: 53 }
const INNER6: Ends = { ...INNER, src: 'fd00::5', dest: 'fd00::53' }
const ETHERNET_BYTES = 14

const frame = udp(INNER, 'hello')
const datagram = frame.subarray(ETHERNET_BYTES)
const datagram6 = udp(INNER6, 'hello').subarray(ETHERNET_BYTES)
const gre = (header: string, inside: Uint8Array) =>
  ip(OUTER, 47, Buffer.concat([Buffer.from(header.replaceAll(' ', ''), 'hex'), inside]))

const ppp = Buffer.concat([Buffer.from('ff030021', 'hex'), datagram])
const vxlan = (inside: Uint8Array, flags = 8) =>
  udp(OUTER, Buffer.concat([Buffer.from([flags, 0, 0, 0, 0, 0, 9, 0]), inside]))

/** Flows by their ends, the outer first. */
function flows(...frames: Uint8Array[]) {
  const recorder = new FlowRecorder().send(frames)
  recorder.engine.flush('shutdown')
  return {
    ends: recorder.ended_.map(({ client, server }) => `${client} ${server}`),
    faults: recorder.faults,
    payload: recorder.packets.at(-1)?.payload,
    processed: recorder.path.processed,
  }
}

const over = (port: number, header: string, inside: Uint8Array) =>
  udp(
    { ...OUTER, destPort: port },
    Buffer.concat([Buffer.from(header.replaceAll(' ', ''), 'hex'), inside]),
  )
const size = (bytes: number) => bytes.toString(16).padStart(4, '0')
const ayiya = `45 52 11 29 4a000000 ${'00'.repeat(16)} ${'11'.repeat(20)}`

test.each([
  ['Geneve', over(6081, '0000 6558 00000900', frame)],
  ['Geneve, from its port', udp({ ...OUTER, srcPort: 6081, destPort: 12_345 }, Buffer.concat([Buffer.from('0000655800000900', 'hex'), frame]))], // biome-ignore format: one line
  ['Geneve with options', over(6081, '0200 0800 00000900 0102800100000000', datagram)],
  ['GTP-U', over(2152, `30ff ${size(datagram.length)} 00000001`, datagram)],
  [
    'GTP-U with a sequence',
    over(2152, `32ff ${size(datagram.length + 4)} 00000001 00010000`, datagram),
  ],
  [
    'GTP-U with an extension',
    over(2152, `34ff ${size(datagram.length + 8)} 00000001 00000085 01000000`, datagram),
  ],
  ['Teredo', over(3544, '', datagram6)],
  [
    'Teredo behind its proofs',
    over(3544, `0001 0000 ${'00'.repeat(9)} 0000 1234 01020304`, datagram6),
  ],
  ['AYIYA', over(5072, ayiya, datagram6)],
  ['IP in IP', ip(OUTER, 4, datagram)],
  ['IPv6 in IP', ip(OUTER, 41, datagram6)],
  ['IP in IPv6', ip(OUTER6, 4, datagram)],
  ['GRE', gre('0000 0800', datagram)],
  ['GRE with checksum, key and sequence', gre('b000 0800 00000000 00000007 00000001', datagram)],
  ['GRE with Ethernet', gre('2000 6558 00000007', frame)],
  ['PPTP', gre('3081 880b 0031 0007 00000001 00000001', ppp)],
  ['ERSPAN', gre('1000 88be 00000001 1001000000000000', frame)],
  ['VXLAN', vxlan(frame)],
])('%s: the tunnel and what it carries are a flow each', (_, bytes) => {
  const { ends, faults, payload, processed } = flows(bytes)
  expect(ends).toHaveLength(2)
  expect(ends[0]).toMatch(/192\.0\.2\.1|2001:db8::1/)
  expect(ends[1]).toMatch(/10\.0\.0\.5|fd00::5/)
  expect({ faults, payload, processed }).toEqual({ faults: [], payload: 'hello', processed: 1 })
})

test.each([
  ['VXLAN without its flag', vxlan(frame, 0)],
  ['Geneve of another version', over(6081, '4000 6558 00000900', frame)],
  ['Geneve whose options are all there is', over(6081, '3f00 6558 00000900', frame)],
  ['GTP-U that is an echo', over(2152, `3001 ${size(datagram.length)} 00000001`, datagram)],
  [
    'GTP-U with an extension without an end',
    over(2152, `34ff ${size(datagram.length + 8)} 00000001 00000085 00000000`, datagram),
  ],
  [
    'words to the port of Teredo',
    over(3544, '', Buffer.from('hello, is anybody there? '.repeat(4))),
  ],
  ['AYIYA that carries nothing', over(5072, '45 52 10 29 4a000000', datagram6)],
  ['GRE of another version', gre('0002 0800', datagram)],
  ['GRE with routes', gre('4000 0800 00000000', datagram)],
  ['GRE with a protocol that is none of ours', gre('0000 88f7', datagram)],
  ['an empty tunnel', gre('0000 0800', Buffer.alloc(0))],
])('%s is a flow and no more', (_, bytes) => {
  const { ends, faults } = flows(bytes)
  expect(ends).toHaveLength(1)
  expect(faults).toEqual([])
})

test('what claims more than its tunnel holds is truncated, and the tunnel is still a flow', () => {
  const { ends, faults } = flows(ip(OUTER, 4, datagram.subarray(0, datagram.length - 3)))
  expect(ends).toHaveLength(1)
  expect(faults).toEqual(['truncated'])
})

test('tunnels in tunnels end at a bound', () => {
  let inside: Buffer = datagram
  for (let i = 0; i < 8; i++) inside = ip(OUTER, 4, inside).subarray(ETHERNET_BYTES)
  const { faults, processed } = flows(ip(OUTER, 4, inside))
  expect(faults).toEqual(['too-many-layers'])
  expect(processed).toBe(1)
})

test('what is inside a tunnel is no flow with the same ends outside it', () => {
  expect(flows(frame, vxlan(frame)).ends).toHaveLength(3)
})
