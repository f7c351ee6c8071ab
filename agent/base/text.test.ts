import { expect, test } from 'vitest'
import { isoFromUs, usFromIso } from './clock.ts'
import { uuidV7 } from './ids.ts'
import { brief, csvCell, visible } from './text.ts'

test('what a reader could not see is shown', () => {
  expect(visible('a\u202eexe.txt\u0000\u200b\u{e0041}\x1b[31m')).toBe(
    'a\\u{202e}exe.txt\\u{0}\\u{200b}\\u{e0041}\\u{1b}[31m',
  )
  expect(visible('Größe 测试 🛡')).toBe('Größe 测试 🛡')
})

test('cutting counts the mark', () => {
  expect(brief('abcdef', 4)).toBe('abc…')
  expect(brief('abcd', 4)).toBe('abcd')
  expect(brief('ab🛡🛡', 4)).toBe('ab…') // a half of a pair could not be signed
})

test.each([
  ['=cmd|x', "'=cmd|x"],
  ['+1', "'+1"],
  ['@a,b', '"\'@a,b"'],
  ['say "hi"', '"say ""hi"""'],
  ['plain', 'plain'],
])('csv %s becomes %s', (cell, written) => expect(csvCell(cell)).toBe(written))

test('times keep their microseconds both ways', () => {
  const us = 1_700_000_000_123_456
  expect(isoFromUs(us)).toBe('2023-11-14T22:13:20.123456Z')
  expect(usFromIso('2023-11-14T22:13:20.123456Z')).toBe(us)
  expect(usFromIso('2023-11-14 22:13:20.5+01:00')).toBe(us - 123_456 + 500_000 - 3_600_000_000)
  expect(usFromIso('soon')).toBeNaN()
})

test('times of many seconds, one after the other: each its own text', () => {
  const start = Date.UTC(2026, 1, 28, 23, 58, 0) / 1000
  for (const second of [start, start + 256, start, start + 59, start + 120, start - 4e8, -1, 0])
    for (const rest of [0, 1, 999, 1000, 90_000, 999_999]) {
      const text = `${new Date(second * 1000).toISOString().slice(0, 19)}.${String(rest).padStart(6, '0')}Z`
      expect(isoFromUs(second * 1e6 + rest)).toBe(text)
    }
  expect(() => isoFromUs(Number.NaN)).toThrow(RangeError)
})

test('ids of one process sort in the order they were made, also within a millisecond', () => {
  const ids = Array.from({ length: 10_000 }, () => uuidV7(1_700_000_000_000))
  expect([...ids].sort()).toEqual(ids)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})
