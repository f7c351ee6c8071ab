import { expect, test } from 'vitest'
import { RateBreaker } from './rate-breaker.ts'

test('shows 100 a minute of one rule and tells the rest with its count', () => {
  const breaker = new RateBreaker()
  const shown = Array.from({ length: 250 }, (_, i) => breaker.admit('sid:1', 'low', 'h', i)).filter(
    Boolean,
  )
  expect(shown.length).toBe(100)
  expect(breaker.ended(59e6)).toEqual([])
  expect(breaker.ended(60e6)).toEqual([
    { rule_id: 'sid:1', severity: 'low', count: 150, firstUs: 100, lastUs: 249 },
  ])
  expect(breaker.admit('sid:1', 'low', 'h', 61e6)).toBe(true)
})

test('folding never crosses severity', () => {
  const breaker = new RateBreaker()
  for (let i = 0; i < 300; i++) breaker.admit('sid:1', 'low', 'h', i)
  expect(breaker.admit('sid:1', 'critical', 'h', 300)).toBe(true)
})

test('a high one is shown for the first 20 of each host even past the bound', () => {
  const breaker = new RateBreaker()
  for (let i = 0; i < 200; i++) breaker.admit('sid:1', 'high', 'noisy', i)
  expect(breaker.admit('sid:1', 'high', 'noisy', 200)).toBe(false)
  expect(breaker.admit('sid:1', 'high', 'quiet', 201)).toBe(true)
})
