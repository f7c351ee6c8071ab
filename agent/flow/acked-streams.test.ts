import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { Chance } from '../../test/traffic/chance.ts'
import { AckedStreams } from './acked-streams.ts'

const hash = (text: string) => createHash('sha256').update(text).digest('hex')

/** Streams and what they gave, by stream. */
function kept(allBytesMax?: number) {
  const given: string[] = []
  const acked = (stream: number, bytes: Uint8Array, start: number, end: number) => {
    given[stream] = (given[stream] ?? '') + Buffer.from(bytes.subarray(start, end)).toString()
  }
  const streams = new AckedStreams(
    { acked },
    { streams: 16, ...(allBytesMax !== undefined && { allBytesMax }) },
  )
  return { streams, given }
}

test.each([true, false])('bytes wait until they are acknowledged, part by part', (stays) => {
  const { streams, given } = kept()
  const frame = Buffer.from('..abcdef')
  streams.add(3, frame, 2, 5, stays)
  streams.add(3, frame, 5, 8, stays)
  if (stays) streams.settle()
  frame.fill(0) // the frame's memory is the next frame's
  expect(given[3]).toBe(undefined)
  streams.release(3, 4)
  expect(given[3]).toBe('ab')
  streams.release(7, 0)
  streams.release(3, Number.POSITIVE_INFINITY)
  expect(given[3]).toBe('ab')
  streams.release(3, 0)
  expect(given[3]).toBe('abcdef')
})

test('at the end of a stream what its receiver refused is given to nobody, and its memory comes back', () => {
  const { streams, given } = kept()
  const frame = Buffer.from('abcdef')
  for (const stays of [true, false]) streams.add(2, frame, 0, 6, stays)
  streams.end(2, 8)
  streams.end(2, 0)
  expect([given[2], streams.all, streams.waits(2)]).toEqual(['abcd', 0, false])
  streams.add(2, frame, 0, 6, true)
  streams.settle()
  streams.end(2, 100)
  expect([given[2], streams.all]).toEqual(['abcd', 0])
  streams.add(2, frame, 0, 6, false)
  streams.end(2, 0)
  expect([given[2], streams.all]).toEqual(['abcdabcdef', 0])
})

test('what is acknowledged is handed on when it is worth it, or when nothing more is under way', () => {
  const said: [bytes: number, more: boolean][] = []
  const acked = (_: number, __: Uint8Array, from: number, to: number, more: boolean) =>
    void said.push([to - from, more])
  const streams = new AckedStreams({ acked }, { streams: 2 })
  const frame = Buffer.alloc(1400)
  for (let i = 0; i < 4; i++) streams.add(0, frame, 0, 1400, true)
  streams.acknowledged(0, 3 * 1400)
  expect(said).toEqual([])
  streams.acknowledged(0, 2 * 1400)
  expect(said).toEqual([
    [1400, true],
    [1400, false],
  ])
  streams.acknowledged(0, 1400)
  streams.acknowledged(0, 0)
  expect(said.slice(2)).toEqual([
    [1400, true],
    [1400, false],
  ])
  streams.add(0, frame, 0, 1, true)
  streams.acknowledged(0, 0)
  expect(said.at(-1)).toEqual([1, false])
})

test('what is acknowledged waits for more at most from one call to the next but one', () => {
  const { streams, given } = kept()
  const frame = Buffer.from('abcdef')
  streams.add(3, frame, 0, 4, true)
  streams.acknowledged(3, 2)
  streams.giveLate()
  streams.settle()
  streams.add(3, frame, 4, 6, true)
  expect(given[3]).toBe(undefined)
  streams.giveLate()
  expect(given[3]).toBe('ab')
  streams.giveLate()
  expect(given[3]).toBe('ab')
  streams.acknowledged(3, 3)
  streams.giveLate()
  streams.acknowledged(3, 0)
  expect(given[3]).toBe('abcdef')
  streams.giveLate()
  streams.add(3, frame, 0, 2, true)
  streams.acknowledged(3, 1)
  streams.giveLate()
  expect(given[3]).toBe('abcdef')
  streams.giveLate()
  expect(given[3]).toBe('abcdefa')
})

test('what comes drop by drop waits no longer for that', () => {
  const { streams, given } = kept()
  const drop = Buffer.from('x')
  let behind = 0
  for (let i = 0; i < 100; i++) {
    streams.add(5, drop, 0, 1, false)
    streams.acknowledged(5, 1)
    streams.giveLate()
    behind = Math.max(behind, i + 1 - (given[5] ?? '').length)
  }
  expect(behind).toBeLessThan(5)
})

test('what is acknowledged in time is not copied', () => {
  const given: Uint8Array[] = []
  const streams = new AckedStreams({ acked: (_, bytes) => void given.push(bytes) }, { streams: 2 })
  const frame = Buffer.from('abcdef')
  streams.add(0, frame, 0, 3, true)
  streams.add(0, frame, 3, 6, true)
  streams.release(0, 3)
  streams.settle()
  streams.release(0, 0)
  expect(given.map((bytes) => bytes === frame)).toEqual([true, false])
})

test('streams in any order give what was sent, across many batches', () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1e6)
  const chance = new Chance(seed)
  const { streams, given } = kept()
  const sent: string[] = Array.from({ length: 16 }, () => '')
  for (let batch = 0; batch < 200; batch++) {
    const frame = Buffer.alloc(20_000)
    for (let at = 0; at < 16_000; ) {
      const stream = chance.int(0, 15)
      const size = chance.int(1, chance.int(1, 10) === 1 ? 4000 : 60)
      frame.fill(chance.int(97, 122), at, at + size)
      sent[stream] += frame.toString('latin1', at, at + size)
      streams.add(stream, frame, at, at + size, chance.int(0, 7) > 0)
      at += size
      if (chance.int(1, 3) === 1) streams.release(chance.int(0, 15), chance.int(0, 499))
    }
    streams.settle()
    frame.fill(0)
  }
  for (let stream = 0; stream < 16; stream++) streams.release(stream, 0)
  expect(given.map(hash), `seed ${seed}`).toEqual(sent.map(hash))
  expect(streams.all).toBe(0)
})

test('what waits is bounded', () => {
  const { streams, given } = kept()
  for (let i = 0; i < 20; i++) streams.add(1, Buffer.alloc(100_000, 'x'), 0, 100_000, false)
  expect(given[1]?.length).toBe(2_000_000 - 1_048_576)
})

test('what all streams wait with is bounded, and their bytes stay in order', () => {
  const { streams, given } = kept(1000)
  for (const letter of 'abcdefgh') streams.add(1, Buffer.from(letter), 0, 1, true)
  expect([given[1], streams.notHeld]).toEqual(['abcdefgh', 1])
  for (const letter of 'ijkl') streams.add(2, Buffer.from(letter), 0, 1, true)
  streams.release(2, 1)
  streams.release(2, 0)
  expect([given[2], streams.all]).toEqual(['ijkl', 0])
})

test('many small parts past the bound cost no more than those before it', () => {
  const { streams, given } = kept()
  const word = Buffer.alloc(4, 'x')
  const add = (count: number) => {
    const { user } = process.threadCpuUsage()
    for (let i = 0; i < count; i++) streams.add(1, word, 0, 4, true)
    return process.threadCpuUsage().user - user
  }
  const before = add(200_000)
  add(100_000)
  const after = add(20_000)
  expect(given[1]?.length).toBeGreaterThan(0)
  expect(after).toBeLessThan(before + 200_000)
})
