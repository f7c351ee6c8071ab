import { expect, test } from 'vitest'
import { AckedStreams } from './acked-streams.ts'

test('bytes wait until they are acknowledged, part by part', () => {
  const streams = new AckedStreams()
  let given = ''
  const give = (bytes: Uint8Array, start: number, end: number) => {
    given += Buffer.from(bytes.subarray(start, end)).toString()
  }
  const frame = Buffer.from('..abcdef')
  streams.add(3, frame, 2, 5, give)
  streams.add(3, frame, 5, 8, give)
  frame.fill(0) // the frame's memory is the next frame's
  expect(given).toBe('')
  streams.release(3, 4, give)
  expect(given).toBe('ab')
  streams.release(7, 0, give)
  streams.release(3, Number.POSITIVE_INFINITY, give)
  expect(given).toBe('ab')
  streams.release(3, 0, give)
  expect(given).toBe('abcdef')
})

test('what waits is bounded', () => {
  const streams = new AckedStreams()
  let given = 0
  for (let i = 0; i < 20; i++)
    streams.add(1, Buffer.alloc(100_000), 0, 100_000, (_, from, to) => {
      given += to - from
    })
  expect(given).toBe(2_000_000 - 1_048_576)
})

test('what all streams wait with is bounded, and their bytes stay in order', () => {
  const streams = new AckedStreams(1000)
  let given = ''
  const give = (bytes: Uint8Array, start: number, end: number) => {
    given += Buffer.from(bytes.subarray(start, end)).toString()
  }
  for (const letter of 'abcdefgh') streams.add(1, Buffer.from(letter), 0, 1, give)
  expect([given, streams.notHeld]).toEqual(['abcdefgh', 1])
  for (const letter of 'ijkl') streams.add(2, Buffer.from(letter), 0, 1, give)
  streams.release(2, 1, give)
  streams.release(2, 0, give)
  expect([given, streams.all]).toEqual(['abcdefghijkl', 0])
})

test('many small parts past the bound cost no more than those before it', () => {
  const streams = new AckedStreams()
  let given = 0
  const word = Buffer.alloc(4)
  const add = (count: number) => {
    const { user } = process.cpuUsage()
    for (let i = 0; i < count; i++)
      streams.add(1, word, 0, 4, () => {
        given++
      })
    return process.cpuUsage().user - user
  }
  const before = add(200_000)
  add(100_000)
  const after = add(20_000)
  expect(given).toBeGreaterThan(0)
  expect(after).toBeLessThan(before + 200_000)
})
