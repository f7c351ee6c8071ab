import { expect, test } from 'vitest'
import { KeptBytes } from './app-bytes.ts'

const MAX = 65_536
const expected = 20_000
const body = Buffer.from(Array.from({ length: expected }, (_, i) => i & 255))

function fed(kept: KeptBytes, bytes: Buffer): KeptBytes {
  for (let at = 0; at < bytes.length; at += 1460) kept.append(bytes.subarray(at, at + 1460))
  return kept
}

test('what is announced takes memory only once an eighth of it has come', () => {
  const kept = new KeptBytes(MAX, 60_000)
  kept.append(body.subarray(0, 1000))
  expect(kept.held).toBeLessThan(8 * 1000)
  kept.append(body.subarray(1000, 8000))
  expect(kept.held).toBe(60_000)
})

test('hands the bytes over, whole, fewer than announced, more, or unannounced; then it is empty', () => {
  for (const announced of [expected, expected + 9, 5000, 0, Number.POSITIVE_INFINITY]) {
    const kept = fed(new KeptBytes(MAX, announced), body)
    expect(Buffer.from(kept.handOver())).toEqual(body)
    expect([kept.length, kept.held]).toEqual([0, 0])
  }
})

test('what was handed over is not written over by what comes later', () => {
  const first = fed(new KeptBytes(MAX), Buffer.alloc(MAX, 1))
  const given = first.handOver()
  fed(new KeptBytes(MAX), Buffer.alloc(MAX, 2))
  fed(first, Buffer.alloc(100, 3))
  expect(given.every((byte) => byte === 1)).toBe(true)
})
