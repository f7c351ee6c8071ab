/** A sender of a later release and a receiver of this one: what is read over, and what is too much. */
import { expect, test } from 'vitest'
import { SummarySource } from '../../test/traffic/summary-source.ts'
import type { Json } from '../base/canonical.ts'
import { signJson } from '../base/signing.ts'
import { LATER_BYTES_MAX, LATER_FIELDS_MAX } from './later-fields.ts'
import { speaker, verifySummary } from './verify.ts'

const source = new SummarySource()
const from = speaker(source.member)
const good = source.next()

/** A summary of this release with more in `health`, as the later one would sign it. */
function judge(later: Record<string, Json>) {
  const json = JSON.parse(good.envelope.body) as { health: object; [name: string]: Json | object }
  const body = { ...json, health: { ...json.health, ...later } } as unknown as Json
  return verifySummary(signJson(source.privateKey, 'summary', body), from)
}

const many = (count: number, value: Json = 1) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`field_${i}`, value]))

test('what a later release says more of a site is read over, kept as it was signed, and counted', () => {
  const later = { fans: { slowest: 900, failed: ['left', 'right'] }, battery: null, mains: true, site_note: 'rack 3' } // biome-ignore format: one line
  const verified = judge(later)
  if (typeof verified === 'string') throw new Error(verified)
  expect(verified.summary).toEqual(good.summary)
  expect(verified.unread).toBe(4)
  expect((JSON.parse(verified.envelope.body) as { health: object }).health).toMatchObject(later)
  expect(judge({})).not.toHaveProperty('unread')
})

test('what this release knows is judged as before, beside what it does not', () => {
  expect(judge({ processors_throttled: 3, fans: 1 })).toMatchObject({ summary: { health: { processors_throttled: 3 } }, unread: 1 }) // biome-ignore format: one line
  expect(judge({ processors_throttled: -1 })).toBe('malformed')
  expect(judge({ restarts: 'many' })).toBe('malformed')
  expect(judge({ drives: { used_percent: 1 } })).toBe('malformed')
})

test('as much as there may be, and no more', () => {
  expect(judge(many(LATER_FIELDS_MAX))).toHaveProperty('unread', LATER_FIELDS_MAX)
  for (const too of [
    many(LATER_FIELDS_MAX + 1),
    many(LATER_FIELDS_MAX, 'x'.repeat(LATER_BYTES_MAX / LATER_FIELDS_MAX)),
    { words: 'x'.repeat(201) },
    { list: Array.from({ length: 17 }, () => 1) },
    { group: many(17) },
    { deep: { deeper: { deepest: 1 } } },
    { deep: [[1]] },
    { hidden: 'a\u202eb' },
    { ['n'.repeat(33)]: 1 },
    { 'no name': 1 },
    { Upper: 1 },
  ] satisfies Record<string, Json>[])
    expect(judge(too)).toBe('malformed')
})

test('it is that one part: anywhere else a field more is refused', () => {
  const json = JSON.parse(good.envelope.body)
  for (const part of ['window', 'capture', 'lake', 'clock', 'versions', 'anchors', 'actions']) {
    const body = { ...json, [part]: { ...json[part], later: 1 } }
    expect(verifySummary(signJson(source.privateKey, 'summary', body), from)).toBe('malformed')
  }
})
