import { expect, test } from 'vitest'
import { canonical, type Json, parseCanonical } from './canonical.ts'

const parse = (text: string) => parseCanonical(Buffer.from(text))

test('sorts keys by code units and keeps the ES form of numbers (RFC 8785 §3.2)', () => {
  const value: Json = {
    '\u20ac': 'Euro',
    '\r': 'CR',
    1: 'one',
    a: [1e-7, 0.5, -0, 1e21 / 1e20],
  }
  expect(canonical(value)).toBe('{"\\r":"CR","1":"one","a":[1e-7,0.5,0,10],"€":"Euro"}')
})

test.each([
  ['white space', '{"a": 1}'],
  ['a duplicate key', '{"a":1,"a":1}'],
  ['keys out of order', '{"b":1,"a":1}'],
  ['a number written otherwise', '{"a":1.0}'],
  ['__proto__', '{"__proto__":1}'],
  ['a lone surrogate', '{"a":"\\ud800"}'],
  ['an integer above 2^53', '{"a":9007199254740993}'],
  ['depth above 16', `${'['.repeat(18)}${']'.repeat(18)}`],
  ['no JSON', '{'],
])('refuses %s', (_, text) => {
  expect(() => parse(text)).toThrow()
})

test('refuses bytes that are not UTF-8, and a byte order mark', () => {
  expect(() => parseCanonical(Buffer.from([0x22, 0xff, 0x22]))).toThrow('not JSON in UTF-8')
  expect(() => parseCanonical(Buffer.from('\ufeff{}'))).toThrow()
})

test('what it writes it reads back', () => {
  const value = { list: [null, true, 'x\u{1f600}', { deep: 1.25 }] }
  expect(parse(canonical(value))).toEqual(value)
})
