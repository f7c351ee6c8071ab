import { expect, test } from 'vitest'
import type { StripStep } from '../base/ports.ts'
import { dayPaths, sharesOf, telling } from './day.ts'

const MIN = 60e6
const AT = Date.UTC(2026, 10, 23, 10) * 1000
const LONG_AGO = AT - 86_400e6

function step(more: Partial<StripStep> = {}): StripStep {
  return {
    ...{ at: AT, worst: null, counts: { low: 0, medium: 0, high: 0, critical: 0 } },
    ...{ told: 1800, blind: 0, dropped: 0, selfTests: 0, selfTestsFailed: 0 },
    ...more,
  }
}
const at = (minutes: number, from = LONG_AGO) => ({ from, to: AT + minutes * MIN })

test.each([
  ['all told, all seen', step(), at(60), { seen: 1, blind: 0, untold: 0 }],
  ['windows never meet to the second', step({ told: 1770 }), at(60), { seen: 1, untold: 0 }],
  ['half of it blind', step({ blind: 900 }), at(60), { seen: 0.5, blind: 0.5 }],
  ['nobody told', step({ told: 0 }), at(60), { seen: 0, blind: 0, untold: 1 }],
  ['a third is missing', step({ told: 1200 }), at(60), { seen: 2 / 3, untold: 1 / 3 }],
  ['now: the last summary is on its way', step({ told: 900 }), at(20), { seen: 0.5, untold: 0 }],
  ['now: silent for longer than that', step({ told: 0 }), at(25), { seen: 0, untold: 0.5 }],
  ['just begun', step({ told: 0 }), at(3), { seen: 0, blind: 0, untold: 0 }],
  ['before it joined', step({ told: 0 }), at(60, AT + 30 * MIN), { before: 1, seen: 0, untold: 0 }],
  [
    'joined in the middle',
    step({ told: 900 }),
    at(60, AT + 15 * MIN),
    { before: 0.5, seen: 0.5, untold: 0 },
  ],
])('%s', (_, given, heard, wanted) => {
  const shares = sharesOf(given, heard)
  for (const [name, share] of Object.entries(wanted))
    expect(shares[name as keyof typeof shares], name).toBeCloseTo(share, 5)
})

test('a quiet day is one line; an untold hour is a hole in it', () => {
  const steps = Array.from({ length: 48 }, (_, n) => step({ at: AT + (n - 47) * 30 * MIN }))
  const heard = at(60, LONG_AGO - 86_400e6)
  expect(dayPaths(steps, heard)).toMatchObject({ seen: 'M0 33H288v2H0z', blind: '', untold: '' })
  const hole = steps.map((each, n) => (n === 20 || n === 21 ? { ...each, told: 0 } : each))
  const paths = dayPaths(hole, heard)
  expect(paths.seen).toBe('M0 33H120v2H0zM132 33H288v2H132z')
  expect(paths.untold).toBe('M120 34H132')
  expect(telling(hole, heard)).toHaveLength(2)
})
