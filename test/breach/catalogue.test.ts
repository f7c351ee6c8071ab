/** The catalogue, what is attempted of it, and what is not: each with one place and a reason. Then `picket breach` itself. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { picket } from '../cli/picket.ts'
import { judge, type Layer, Run, unproven } from './attempt.ts'
import { canary } from './canary.ts'

const read = <T>(name: string) =>
  JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as T
type Entry = Record<'id' | 'layer' | 'actor' | 'name' | 'attempt' | 'expected' | 'severity', string>
const catalogue = read<Entry[]>('./catalogue.json')
const own = read<Entry[]>('./own.json')
const notYet = read<{ layers: Record<string, string>; attempts: Record<string, string> }>('./not-yet.json') // biome-ignore format: one line
const sources = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => readFileSync(new URL(name, import.meta.url), 'utf8'))
  .join('\n')

test('each id stands once, with all that is said of an attempt', () => {
  const ids = [...catalogue, ...own].map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(own.map(({ id }) => id).filter((id) => !id.startsWith('own-'))).toEqual([])
  for (const { id, layer, actor, name, attempt, expected, severity } of [...catalogue, ...own])
    expect([layer, actor, name, attempt, expected, severity].every(Boolean), id).toBe(true)
})

test('what is "not yet" is not attempted, and is known', () => {
  const attempted = (id: string) => sources.includes(`'${id}'`)
  const layers = new Map(catalogue.map(({ id, layer }) => [id, layer]))
  for (const id of Object.keys(notYet.attempts)) {
    expect(layers.has(id), id).toBe(true)
    expect(attempted(id), id).toBe(false)
  }
  const known = new Set(layers.values())
  for (const layer of Object.keys(notYet.layers)) expect(known.has(layer), layer).toBe(true)
  const begun = catalogue.filter(({ id, layer }) => layer in notYet.layers && attempted(id))
  expect(begun).toEqual([])
  expect(own.filter(({ id }) => !attempted(id))).toEqual([])
})

const [outer, inner]: [Layer, Layer] = [
  { name: 'outer', shows: /no entry/ },
  { name: 'inner', shows: /no key/ },
]
const bird = canary('a row')
const played = (text: string) => {
  const run = new Run()
  run.saw('the answer', text)
  return run
}

test('who won is told by canaries and harm, not by words', () => {
  const both = [outer, inner]
  expect(judge(played('no entry'), [bird], both)).toEqual({ outcome: 'stopped', by: 'outer' })
  expect(judge(played(`no entry ${bird.text}`), [bird], both)).toEqual({
    outcome: 'through',
    by: 'a row in the answer, as it is',
  })
  const run = played('no entry')
  run.keeps('the lake', [bird], ['other rows'])
  expect(judge(run, [], both)).toEqual({ outcome: 'through', by: 'a row is gone from the lake' })
  const kept = played('no entry')
  kept.keeps('the lake', [bird], [bird.text])
  expect(judge(kept, [], both).outcome).toBe('stopped')
})

test('a control that does not show its layer fails', () => {
  const through = { outcome: 'through', by: 'a row' } as const
  expect(unproven(through, undefined)).toBe(undefined)
  expect(unproven({ outcome: 'stopped', by: 'inner' }, inner)).toBe(undefined)
  expect(unproven({ outcome: 'stopped', by: '' }, undefined)).toMatch(/by nothing that is named/)
  expect(unproven({ outcome: 'stopped', by: '' }, inner)).toMatch(/does not show/)
  expect(unproven(through, inner)).toMatch(/stops nothing/)
})

test('picket breach runs one attempt and reports it as JSON; others are not asked', async () => {
  const { code, out, err } = await picket(['breach', '--id', 'cell-11', '--json'])
  const report = JSON.parse(out)
  expect(report).toMatchObject({ attempts: 1, blocked: 1, escaped: 0, controls: 2, notYet: [] })
  expect(report.results[0]).toMatchObject({ id: 'cell-11', layer: 'cell', outcome: 'blocked' })
  expect(err).toMatch(/^blocked +cell-11/m)
  expect(code).toBe(0)
})

test('what is not built is listed with its reason; what nobody knows is refused', async () => {
  const text = await picket(['breach', '--layer', 'shred'])
  expect([text.code, text.err]).toEqual([0, ''])
  expect(text.out).toContain('Shredding a tenant is not built yet.')
  expect(text.out).toContain('0 attempts, 0 blocked, 0 escaped; 0 controls shown, 9 not yet.')
  const unknown = await picket(['breach', '--layer', 'nothing'])
  expect([unknown.code, unknown.out]).toEqual([2, ''])
})
