import { expect, test } from 'vitest'
import { FlowRecorder } from '../../test/traffic/flow-recorder.ts'
import { type Ends, ethernet, ip, ipv4Header, tcpSegment, udp } from '../../test/traffic/frames.ts'
import { TCP } from '../decode/packet.ts'

const V4: Ends = { src: '10.0.0.1', dest: '10.0.0.2', srcPort: 40_000, destPort: 53 }
const V6: Ends = { src: '2001:db8::1', dest: '2001:db8::2', srcPort: 40_000, destPort: 53 }
const T0 = 1_700_000_000_000_000
const BODY = 'the quick brown fox jumps over the lazy dog'

function v4(payload: Uint8Array, at: number, more: boolean, id = 7, protocol = 17): Buffer {
  const header = ipv4Header(V4, protocol, payload.length, {
    id,
    fragmentOffset: at,
    moreFragments: more,
  })
  return ethernet(0x0800, Buffer.concat([header, payload]))
}

function v6(payload: Uint8Array, at: number, more: boolean, id = 7): Buffer {
  const header = Buffer.alloc(8)
  header[0] = 17
  header.writeUInt16BE(at | (more ? 1 : 0), 2)
  header.writeUInt32BE(id, 4)
  return ip(V6, 44, Buffer.concat([header, payload]))
}

const whole4 = udp(V4, BODY).subarray(34)
const whole6 = udp(V6, BODY).subarray(54)
const parts = (bytes: Buffer): [Buffer, number, boolean][] => [
  [bytes.subarray(0, 16), 0, true],
  [bytes.subarray(16, 32), 16, true],
  [bytes.subarray(32), 32, false],
]

test('the link header of the first stays before the whole', () => {
  const [first, second] = [v4(whole4.subarray(0, 16), 0, true), v4(whole4.subarray(16), 16, false)]
  const { packet } = new FlowRecorder().send([second, first]).path
  const { bytes, start, end, ipOffset, linkOffset, wireBytes } = packet
  expect(Buffer.from(bytes.subarray(start, ipOffset))).toEqual(first.subarray(0, 14))
  expect([linkOffset, wireBytes]).toEqual([start, 14 + 20 + whole4.length])
  expect(end - ipOffset).toBe(20 + whole4.length)
})

test('in every order, IPv4 and IPv6', () => {
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
    [2, 0, 1],
  ])
    for (const make of [v4, v6]) {
      const pieces = parts(make === v4 ? whole4 : whole6)
      const frames = order.map((i) => make(...(pieces[i] as [Buffer, number, boolean])))
      const recorder = new FlowRecorder().send(frames)
      expect(recorder.faults).toEqual([])
      expect(recorder.packets.map(({ fragment }) => fragment)).toEqual([true, true, true, false])
      expect(recorder.packets[3]).toMatchObject({ payload: BODY, flow: 0 })
      expect(recorder.engine.counters).toMatchObject({ fragments: 3, datagramsReassembled: 1 })
    }
})

test('the flow of a reassembled datagram is that of whole ones', () => {
  const recorder = new FlowRecorder()
    .send([udp(V4, 'whole'), ...parts(whole4).map((part) => v4(...part))])
    .end()
  expect(recorder.ended_.map(({ packetsToServer }) => packetsToServer)).toEqual([2])
})

test('a doubled fragment is nothing; one that differs is a fault, and the first wins', () => {
  const [a, b, c] = parts(whole4).map((part) => v4(...part)) as [Buffer, Buffer, Buffer]
  const doubled = new FlowRecorder().send([a, b, b, c])
  expect([doubled.faults, doubled.packets.at(-1)?.payload]).toEqual([[], BODY])
  const other = v4(Buffer.alloc(16, 0x58), 16, true)
  const forged = new FlowRecorder().send([a, b, other, c])
  expect([forged.faults, forged.packets.at(-1)?.payload]).toEqual([['fragment-overlap'], BODY])
  const shifted = v4(Buffer.concat([whole4.subarray(24, 32), Buffer.alloc(8, 0x58)]), 24, true)
  const late = new FlowRecorder().send([a, shifted, b, c])
  expect(late.faults).toEqual(['fragment-overlap'])
})

test('two ends of one datagram', () => {
  const [a, b] = parts(whole4).map((part) => v4(...part)) as [Buffer, Buffer]
  const recorder = new FlowRecorder().send([
    v4(Buffer.alloc(8), 64, false),
    v4(Buffer.alloc(3), 32, false),
    a,
    b,
  ])
  expect(recorder.faults).toEqual(['fragment-overlap'])
})

test('the ping of death, and other shapes no sender makes', () => {
  const faultOf = (frame: Buffer) => new FlowRecorder().send([frame]).faults
  expect(faultOf(v4(Buffer.alloc(100), 65_500, false))).toEqual(['fragment-too-big'])
  expect(faultOf(v4(Buffer.alloc(13), 0, true))).toEqual(['bad-length'])
  expect(faultOf(v4(Buffer.alloc(0), 8, false))).toEqual(['bad-length'])
})

test('what never becomes whole is given up after 30 s', () => {
  const [a, , c] = parts(whole4).map((part) => v4(...part)) as [Buffer, Buffer, Buffer]
  const recorder = new FlowRecorder().send([a, c])
  recorder.engine.tick(T0 + 31_000_000)
  expect(recorder.engine.counters).toMatchObject({ fragmentTimeouts: 1 })
  expect(recorder.engine.counters.faults()).toEqual({ 'fragment-timeout': 1 })
})

test('a flood of first fragments costs the oldest, not memory', () => {
  const first = parts(whole4)[0] as [Buffer, number, boolean]
  const flood = Array.from({ length: 1000 }, (_, id) => v4(...first, id))
  const recorder = new FlowRecorder().send(flood)
  expect(recorder.engine.counters.fragmentsEvicted).toBe(744)
})

test('fragments inside a reassembled datagram are refused', () => {
  const inner = v6(Buffer.alloc(16), 0, true).subarray(54) // a fragment header again
  const outer = (bytes: Buffer, at: number, more: boolean) => {
    const frame = v6(bytes, at, more)
    frame[54] = 44
    return frame
  }
  const recorder = new FlowRecorder().send([
    outer(inner.subarray(0, 16), 0, true),
    outer(inner.subarray(16), 16, false),
  ])
  expect(recorder.faults).toEqual(['too-many-layers'])
  // The datagram is there all the same, and rules on IP may ask of it.
  expect(recorder.packets.map(({ flow, fragment }) => [flow, fragment])).toEqual([[-1, true], [-1, true], [-1, true]]) // biome-ignore format: three
})

test('a TCP segment cut into tiny fragments is streamed', () => {
  const segment = tcpSegment(V4, { seq: 1, flags: TCP.ACK, payload: 'GET /evil' })
  const frames: Buffer[] = []
  for (let at = 0; at < segment.length; at += 8)
    frames.push(v4(segment.subarray(at, at + 8), at, at + 8 < segment.length, 9, 6))
  expect(new FlowRecorder().send(frames.reverse()).streams.get('0>')).toBe('GET /evil')
})
