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
  expect(kept.held).toBe(61_440)
})

test('keeps the bytes, whole, fewer than announced, more, or unannounced; cleared it is empty', () => {
  for (const announced of [expected, expected + 9, 5000, 0, Number.POSITIVE_INFINITY]) {
    const kept = fed(new KeptBytes(MAX, announced), body)
    expect(kept.view()).toEqual(body)
    kept.clear()
    expect([kept.length, kept.held]).toEqual([0, 0])
  }
})

test('what comes drop by drop is copied a few times only, and past the bound it is counted', () => {
  for (const max of [100, 4096, 5000, MAX, 300_000]) {
    const kept = new KeptBytes(max)
    const sizes = new Set<number>()
    for (let i = 0; i < max + 7; i++) {
      kept.append(body.subarray(i % 256, (i % 256) + 1))
      sizes.add(kept.held)
    }
    expect([kept.length, kept.dropped, kept.full]).toEqual([max, 7, true])
    expect(sizes.size).toBeLessThanOrEqual(12)
    expect(kept.view().every((byte, i) => byte === (i & 255))).toBe(true)
  }
})

test('memory that was let go is used again, of each size up to that of the longest messages', () => {
  for (const bytes of [200, 5000, 60_000, 65_536, 65_537, 150_000, 270_336, 524_288]) {
    const kept = new KeptBytes(bytes, bytes)
    kept.append(Buffer.alloc(bytes))
    const { buffer } = kept.view()
    expect(kept.held).toBeGreaterThanOrEqual(bytes)
    kept.clear()
    const next = fed(new KeptBytes(bytes, bytes), Buffer.alloc(bytes, 7))
    expect(next.view().buffer).toBe(buffer)
    next.clear()
  }
})

test('what two keep at a time lies apart, also in memory that served others', () => {
  for (let round = 0; round < 3; round++) {
    const all = [1, 2, 3].map((value) => fed(new KeptBytes(MAX), Buffer.alloc(30_000, value)))
    all[1]?.become(Buffer.alloc(expected, 9))
    expect(all.map((kept) => [...new Set(kept.view())])).toEqual([[1], [9], [3]])
    for (const kept of all) kept.clear()
  }
})
