/** Words, times and filters: what people read, and what a URL may say. */
import { describe, expect, test } from 'vitest'
import { parseAsked, rangeWords, withQuery } from './filter.ts'
import { bytesText, count, listed, plural, rate, span, tied } from './words.ts'
import { parseZone, Zone } from './zone.ts'

const NOW = Date.UTC(2026, 10, 23, 11, 56) * 1000
const USUAL = { range: '24h', limit: 50 } as const
const NB = '\u00a0'
const spaced = (text: string) => text.replaceAll(NB, ' ')

test.for([
  [0.2, '1 ms'],
  [3.1, '3 ms'],
  [412, '0.4 s'],
  [9400, '9.4 s'],
  [95_000, '95 s'],
  [381_000, '6 min 21 s'],
  [46 * 60_000, '46 min'],
  [6.1 * 3600_000, '6 h 6 min'],
  [30 * 3600_000, '30 h'],
  [99 * 86_400_000, '99 days'],
  [-5, '0 s'],
] as const)('%d ms is %s', ([ms, words]) => {
  expect(spaced(span(ms))).toBe(words)
})

test('numbers with their units', () => {
  expect(count(74_812_440)).toBe('74,812,440')
  expect([0, 1, 2].map((n) => spaced(plural(n, 'finding')))).toEqual([
    '0 findings',
    '1 finding',
    '2 findings',
  ])
  expect([0, 999, 1500, 883e9, 1.82e12].map((n) => spaced(bytesText(n)))).toEqual([
    '0 B',
    '999 B',
    '1.5 KB',
    '883 GB',
    '1.8 TB',
  ])
  expect([5, 27_400, 2e6].map((n) => spaced(rate(n)))).toEqual(['5 /s', '27 k/s', '2 M/s'])
  expect(listed(['a', 'b', 'c'])).toBe('a, b and c')
  expect(tied('2 actions wait for 10 s')).toBe(`2${NB}actions wait for 10${NB}s`)
})

describe('times', () => {
  test('in the reader’s zone, UTC beside them, across the change of the clocks', () => {
    const zone = new Zone('Europe/London', NOW)
    expect(zone.short(NOW)).toBe('11:56')
    expect(spaced(zone.short(Date.UTC(2026, 9, 24, 10) * 1000))).toBe('24 Oct 11:00') // still summer time
    expect(zone.utc(NOW)).toBe('2026-11-23 11:56:00.000 UTC')
    expect(spaced(zone.short(Date.UTC(2025, 10, 22) * 1000))).toBe('22 Nov 2025')
  })

  test('a zone that is none is UTC', () => {
    for (const text of [undefined, '', 'Mars/Olympus', '<script>', 'x'.repeat(65), '../etc'])
      expect(parseZone(text)).toBe('UTC')
    expect(parseZone('Africa/Johannesburg')).toBe('Africa/Johannesburg')
  })
})

describe('filters', () => {
  test('one box: an address is an address, anything else is words', () => {
    expect(parseAsked({ q: ' 2001:DB8::0001 ' }, NOW, USUAL).filter.address).toBe('2001:db8::1')
    expect(parseAsked({ q: '10.0.0.256' }, NOW, USUAL).filter).toMatchObject({
      words: '10.0.0.256',
    })
  })

  test('a range, or two times that outrank it', () => {
    expect(parseAsked({}, NOW, USUAL).filter.from).toBe(NOW - 86_400e6)
    const times = { range: '7d', from: '2026-11-22', to: '2026-11-23T11:00' }
    expect(parseAsked(times, NOW, USUAL).filter).toEqual({
      from: Date.UTC(2026, 10, 22) * 1000,
      to: Date.UTC(2026, 10, 23, 11) * 1000,
      limit: 50,
    })
  })

  test.for([
    [{ from: '2026-11-23T12:00', to: '2026-11-23T11:00' }, 'later'],
    [{ from: 'yesterday' }, 'from'],
    [{ limit: '0' }, 'limit'],
    [{ limit: '1e3' }, 'limit'],
    [{ severity: 'awful' }, 'severity'],
    [{ state: 'a b' }, 'state'],
  ] as const)('%j is told, never guessed at', ([query, word]) => {
    expect(() => parseAsked(query, NOW, USUAL)).toThrow(word)
  })

  test('the same list by another query stays on its page', () => {
    expect(withQuery('/findings?q=a&after=x', { after: undefined, range: 'all' })).toBe(
      '/findings?q=a&range=all',
    )
    expect(withQuery('/findings?q=a', { q: 'b&c=d' })).toBe('/findings?q=b%26c%3Dd')
  })

  test('what was asked, in words', () => {
    expect(spaced(rangeWords(parseAsked({}, NOW, USUAL)))).toBe('last 24 h')
    expect(rangeWords(parseAsked({ from: '2026-11-23T11:00' }, NOW, USUAL))).toBe(
      'since 2026-11-23T11:00 UTC',
    )
  })
})
