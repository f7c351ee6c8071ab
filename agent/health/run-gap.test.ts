import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Rates } from './rates.ts'
import { gapSince, noteRun } from './run-gap.ts'

const path = () => join(mkdtempSync(join(tmpdir(), 'picket-gap-')), 'run.json')
const note = {
  bootId: 'b1',
  at: 10e6,
  blindSeconds: 5,
  missedFrames: 100,
  interfaces: { lan: 1000 },
}

test('the gap adds up over runs, and frames are those the interface counted meanwhile', () => {
  const file = path()
  expect(gapSince(file, note)).toEqual({ blindSeconds: 0, missedFrames: 0, last: undefined })
  noteRun(file, note)
  const gap = gapSince(file, { bootId: 'b1', at: 14e6, interfaces: { lan: 1040, dmz: 7 } })
  expect(gap).toEqual({ blindSeconds: 9, missedFrames: 140, last: { seconds: 4, frames: 40 } })
})

test('after a boot the counters say nothing; a torn note is a first run', () => {
  const file = path()
  noteRun(file, note)
  expect(gapSince(file, { bootId: 'b2', at: 14e6, interfaces: { lan: 3 } }).last).toEqual({
    seconds: 4,
    frames: 0,
  })
  writeFileSync(file, '{"bootId":"b')
  expect(gapSince(file, note).last).toBeUndefined()
})

test('rates are differences of totals over the step that passed', () => {
  const rates = new Rates()
  rates.add(100, 1000, 0)
  rates.add(105, 1500, 0)
  rates.add(110, 2000, 20)
  rates.add(130, 2200, 20)
  rates.add(90, 2200, 20)
  expect(rates.steps).toEqual([
    { at: 100, frames: 100, dropped: 2 },
    { at: 110, frames: 10, dropped: 0 },
  ])
})
