/** Traffic that is made to cost reaches bounds, not the end of memory: what is shed is counted, and every frame is accounted for. */
import { expect, test } from 'vitest'
import { STATES_MAX } from '../../agent/flow/app-layer.ts'
import { FLOWS_MAX } from '../../agent/flow/table.ts'
import { runCase } from '../bench/worst/one-case.ts'
import { WORST_CASES } from '../traffic/worst-cases.ts'
import { SEED } from './fuzz.ts'

/** Past the flow table where the case is about flows; else enough to reach the bound. */
const FRAMES: Readonly<Record<string, number>> = {
  'tiny-flows': FLOWS_MAX + 10_000,
  'syn-flood': FLOWS_MAX + 10_000,
  'dns-flood': FLOWS_MAX + 10_000,
  tunnels: FLOWS_MAX + 10_000,
  holes: 60_000,
  'common-literals': 500,
}
const FRAMES_ELSE = 5000
const GREW_MB_MAX = 400

test.each(Object.entries(WORST_CASES))('%s', async (name, { sheds }) => {
  const frames = FRAMES[name] ?? FRAMES_ELSE
  const figures = await runCase(name, frames, SEED)
  expect(figures.frames).toBe(frames)
  const { counters, faults } = figures
  if (sheds !== undefined) expect(counters[sheds] ?? faults[sheds] ?? 0, sheds).toBeGreaterThan(0)
  expect(counters.flowsLive ?? 0).toBeLessThanOrEqual(FLOWS_MAX)
  expect(counters.appStates ?? 0).toBeLessThanOrEqual(STATES_MAX)
  expect(figures.rssGrewMb).toBeLessThan(GREW_MB_MAX)
})
