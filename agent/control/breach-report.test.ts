/** From the lines of a record to what is told: the worst way counts, and what broke off is no success. */
import { expect, test } from 'vitest'
import { type Line, reportOf, textOf } from './breach-report.ts'

const wanted = ['a-01', 'a-02', 'a-03', 'a-04', 'b-01'].map((id) => ({
  id,
  layer: id.slice(0, 1),
  name: `attempt ${id}`,
}))
const notYet = { layers: { b: 'B is not built yet.' }, attempts: {} }
const shown = { layer: 'the wall', outcome: 'through', by: 'a row' } as const

function lines(...of: Partial<Line>[]): Line[] {
  const line = { id: 'a-01', outcome: 'blocked', controls: [shown], ms: 5 } as const
  return of.flatMap((each) => [
    { ...line, ...each, begun: true },
    { ...line, ...each },
  ])
}

test('blocked, with its controls counted; the rest is not yet, with the reason', () => {
  const report = reportOf(wanted, lines({ stoppedBy: 'the wall' }, { by: 'another way', stoppedBy: 'the moat' }), notYet) // biome-ignore format: one line
  expect(report).toMatchObject({ attempts: 1, blocked: 1, escaped: 0, failed: 0, controls: 2 })
  expect(report.results).toMatchObject([{ ways: 2, stoppedBy: ['the wall', 'the moat'], ms: 10 }])
  expect(report.notYet.map(({ id, because }) => `${id} ${because}`)).toEqual([
    ...['a-02', 'a-03', 'a-04'].map((id) => `${id} The layer is built; nobody has written this attempt yet.`), // biome-ignore format: one line
    'b-01 B is not built yet.',
  ])
})

test('one way that escaped is an escape, and the text says how', () => {
  const report = reportOf(wanted, lines({}, { outcome: 'escaped', because: 'a row in the answer' }), notYet) // biome-ignore format: one line
  expect(report).toMatchObject({ attempts: 1, blocked: 0, escaped: 1 })
  expect(textOf(report)).toContain('ESCAPED a-01 attempt a-01: a row in the answer')
})

test('a control that shows nothing, and an attempt that broke off, are failures', () => {
  const unproven = { ...shown, outcome: 'unproven', by: 'nothing that is named' } as const
  const [begun] = lines({ id: 'a-03' }) as [Line]
  const report = reportOf(wanted, [...lines({ id: 'a-02', outcome: 'unproven', controls: [unproven] }), begun], notYet) // biome-ignore format: one line
  expect(report).toMatchObject({ attempts: 2, blocked: 0, escaped: 0, failed: 2, controls: 0 })
  expect(textOf(report)).toContain('UNPROVEN a-02 attempt a-02: nothing that is named')
  expect(textOf(report)).toContain('ERROR a-03 attempt a-03: it broke off')
})

test('what this machine cannot try is not yet, and says why', () => {
  const because = 'It takes root.'
  const report = reportOf(wanted, lines({ outcome: 'skipped', because, controls: [] }), notYet)
  expect(report).toMatchObject({ attempts: 0, results: [] })
  expect(report.notYet[0]).toEqual({ id: 'a-01', layer: 'a', name: 'attempt a-01', because })
  expect(textOf(report)).toMatch(/^1 +It takes root\. +a-01$/m)
})
