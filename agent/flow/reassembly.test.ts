import { expect, test } from 'vitest'
import { FlowRecorder } from '../../test/traffic/flow-recorder.ts'
import { type Ends, tcp } from '../../test/traffic/frames.ts'
import { FrameBatch } from '../capture/source.ts'
import { TCP } from '../decode/packet.ts'

const CLIENT: Ends = { src: '10.0.0.1', dest: '10.0.0.2', srcPort: 40_000, destPort: 80 }
const SERVER: Ends = { src: '10.0.0.2', dest: '10.0.0.1', srcPort: 80, destPort: 40_000 }
const ISN = 0xfffffff0 // so that every test crosses the wrap

const c = (at: number, payload: string, ack = 1, flags: number = TCP.ACK) =>
  tcp(CLIENT, { seq: ISN + at, ack: 5000 + ack, flags, payload })
const s = (at: number, payload: string, ack = 1, flags: number = TCP.ACK) =>
  tcp(SERVER, { seq: 5000 + at, ack: (ISN + ack) >>> 0, flags, payload })
const HANDSHAKE = [
  tcp(CLIENT, { seq: ISN, flags: TCP.SYN }),
  tcp(SERVER, { seq: 5000, ack: (ISN + 1) >>> 0, flags: TCP.SYN | TCP.ACK }),
  c(1, ''),
]

/** The client's stream, after the handshake and these frames; with `end`, at the flow's end. */
function heard(frames: Uint8Array[], options = {}, end = true): FlowRecorder {
  const recorder = new FlowRecorder(options).send([...HANDSHAKE, ...frames])
  return end ? recorder.end() : recorder
}
const up = (recorder: FlowRecorder) => recorder.streams.get('0>')

test('in order, over the wrap of sequence numbers', () => {
  expect(up(heard([c(1, 'hello '), c(7, 'cruel '), c(13, 'world, wrapped')]))).toBe(
    'hello cruel world, wrapped',
  )
})

test('out of order, doubled, overlapping', () => {
  const { streams, engine } = heard([
    c(13, 'world'),
    c(7, 'cruel '),
    c(13, 'world'),
    c(1, 'hello '),
    c(1, 'hello '),
    c(10, 'el world!'),
  ])
  expect(streams.get('0>')).toBe('hello cruel world!')
  expect(engine.counters).toMatchObject({ gaps: 0, streamOverlaps: 0, segmentsOutOfOrder: 3 })
})

test('two segments that disagree: the policy says who wins, and it is a fault', () => {
  const frames = [c(3, 'XX'), c(3, 'YY'), c(1, 'ab'), c(5, 'z')]
  const first = heard(frames)
  expect([up(first), first.faults]).toEqual(['abXXz', ['stream-overlap']])
  const last = heard(frames, { overlap: 'last' })
  expect([up(last), last.faults]).toEqual(['abYYz', ['stream-overlap']])
  // One segment that fills the hole and lies over what waits.
  const over = heard([c(3, 'XX'), c(1, 'abYYcd')])
  expect([up(over), over.faults]).toEqual(['abXXcd', ['stream-overlap']])
  const overLast = heard([c(3, 'XX'), c(1, 'abYYcd')], { overlap: 'last' })
  expect([up(overLast), overLast.faults]).toEqual(['abYYcd', ['stream-overlap']])
})

test('a hole that the receiver acknowledges is a gap at once', () => {
  const recorder = heard([c(11, 'after'), s(1, '', 16)], {}, false)
  expect(up(recorder)).toBe('[10]after')
  const early = heard([s(1, '', 16), c(11, 'after')], {}, false)
  expect(up(early)).toBe('[10]after')
})

test('a hole that nobody speaks of waits for the end of the flow', () => {
  expect(up(heard([c(11, 'after')], {}, false))).toBe(undefined)
  expect(up(heard([c(11, 'after')]))).toBe('[10]after')
})

test('a bound on what may wait: the hole is given up and the flow says so', () => {
  const frames = Array.from({ length: 300 }, (_, i) => c(3 + i * 2, String(i % 10)))
  const recorder = heard(frames, {}, false)
  expect(recorder.faults).toEqual(['stream-full'])
  expect(recorder.engine.table.incomplete[0]).toBe(1)
  expect(recorder.engine.counters).toMatchObject({ flowsIncomplete: 1, segmentsRefused: 1 })
  expect(up(recorder)?.startsWith('[2]0[1]1[1]2')).toBe(true)
})

test('the pool is shared; a flow that finds it full is told', () => {
  const recorder = heard([c(100, 'x'), c(200, 'y'), c(300, 'z')], { streamBytesMax: 4096 }, false)
  expect(recorder.faults).toEqual(['stream-full'])
  expect(up(recorder)).toBe('[99]x[99]y[99]z')
})

test('many one-byte segments that touch share memory', () => {
  const letters = Array.from({ length: 1000 }, (_, i) => c(2 + i, 'abcdefghij'[i % 10] as string))
  const recorder = heard([...letters, c(1, '!')])
  expect(recorder.faults).toEqual([])
  expect(up(recorder)).toBe(`!${'abcdefghij'.repeat(100)}`)
})

test('keep-alives and old data change nothing', () => {
  expect(up(heard([c(1, 'abc'), c(3, 'c'), c(3, ''), c(1, 'ab'), c(4, 'd')]))).toBe('abcd')
})

test('segments far outside the window are left out, until they are all there is', () => {
  const recorder = heard([c(1, 'a'), c(900_000, 'evil'), c(2, 'b')], {}, false)
  expect(up(recorder)).toBe('ab')
  expect(recorder.engine.counters.segmentsOutOfWindow).toBe(1)
  const lost = heard(
    [c(1, 'a'), ...Array.from({ length: 8 }, (_, i) => c(900_000 + i, 'x'))],
    {},
    false,
  )
  expect(up(lost)).toBe('a[900005]x')
})

test('what the capture cut off is a gap', () => {
  const frame = c(1, 'whole segment')
  const recorder = new FlowRecorder().send(HANDSHAKE)
  const { path } = recorder
  const one = frame.subarray(0, frame.length - 8)
  path.run(batchWith(one, frame.length))
  recorder.send([c(14, 'next')])
  expect(up(recorder)).toBe('whole[8]next')
})

function batchWith(bytes: Uint8Array, wire: number): FrameBatch {
  const batch = new FrameBatch(1)
  batch.bytes = bytes
  batch.count = 1
  batch.captured[0] = bytes.length
  batch.wire[0] = wire
  batch.timeUs[0] = 1_700_000_000_500_000
  batch.vlan[0] = -1
  return batch
}

test('data with the SYN (RFC 7413) and with the FIN', () => {
  const recorder = new FlowRecorder().send([
    tcp(CLIENT, { seq: ISN, flags: TCP.SYN, payload: 'fast' }),
    tcp(SERVER, { seq: 5000, ack: (ISN + 5) >>> 0, flags: TCP.SYN | TCP.ACK }),
    c(5, ' open', 1, TCP.ACK | TCP.FIN),
  ])
  expect(up(recorder)).toBe('fast open')
})
