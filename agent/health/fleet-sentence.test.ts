import { expect, test } from 'vitest'
import { calmSummary, NOON_US } from '../../test/traffic/summary-source.ts'
import type { Summary } from '../summary/summary.ts'
import {
  type FleetSiteFacts,
  fleetClause,
  fleetSentence,
  fleetState,
  fleetTopic,
} from './fleet-sentence.ts'
import { lateAt, lateness } from './lateness.ts'

const now = NOON_US + 60e6
const calm: FleetSiteFacts = {
  now,
  joinedAt: NOON_US - 3600e6,
  revokedAt: null,
  summary: calmSummary(NOON_US),
  late: null,
  aheadUs: 0,
  forks: 0,
  alarm: null,
  frames: 1_790_000,
  dropped: 0,
  blindSeconds: 0,
  unsaidStarts: 0,
  missing: 0,
  missingSince: null,
  lost: 0,
  scoreBefore: 94,
  newlyFailing: [],
}
const none = { low: 0, medium: 0, high: 0, critical: 0 }
const summary = (change: Partial<Summary>): Partial<FleetSiteFacts> => ({ summary: { ...calmSummary(NOON_US), ...change } }) // biome-ignore format: one line
const lake = (change: Partial<Summary['lake']>) => summary({ lake: { ...calmSummary(NOON_US).lake, ...change } }) // biome-ignore format: one line
const clock = (change: Partial<Summary['clock']>) => summary({ clock: { ...calmSummary(NOON_US).clock, ...change } }) // biome-ignore format: one line
const digest = {
  ...{ id: 'd', rule_id: 'base:ot-new-writer', severity: 'critical' as const, host: 'plc-2' },
  ...{ title: '214 Modbus writes from 10.40.7.23, never seen before', attack_ids: [] },
  ...{ first: 1, last: 2, count: 214, state: 'proposed' as const },
}
const writes = {
  findings_24h: { ...none, critical: 1 },
  digests: [digest],
  actions: { ...calmSummary(0).actions, proposed: 3 },
}
const blind = { blind: { since: NOON_US - 8.8 * 3600e6, because: 'no frame on 2 of 2 capture ports' }, stale: null } // biome-ignore format: one line
const stale = { blind: null, stale: { since: null, because: 'rules are 41 d old' } }
const late = { since: NOON_US, because: 'nothing heard for 12 min' }
const telnet = { id: 'telnet', sentence: 'No device is administered by telnet', weight: 6, unknown: false, evidence: '2 devices with telnet in 24 h' } // biome-ignore format: one line
const fell = { ...summary({ compliance: { score: 88, controls: 16, failing: [telnet] } }), newlyFailing: [telnet] } // biome-ignore format: one line

test.each<[string, Partial<FleetSiteFacts>, string, string, string]>([
  ['quiet', {}, 'quiet', 'nothing found; all traffic seen', 'London found nothing.'],
  [
    'unheard',
    { summary: null },
    'unheard',
    'joined 61 min ago and has not been heard yet',
    'London has not been heard yet.',
  ],
  [
    'findings that wait',
    summary(writes),
    'findings',
    '214 Modbus writes from 10.40.7.23, never seen before; 3 actions wait for you; all traffic seen',
    'London needs a decision.',
  ],
  [
    'several findings, a block in force',
    summary({
      findings_24h: { ...none, high: 2, medium: 1 },
      digests: [{ ...digest, severity: 'high', title: 'SSH guessing' }],
      actions: { ...calmSummary(0).actions, active: 1 },
    }),
    'findings',
    'SSH guessing; 3 findings in 24 h, worst high; 1 block in force; all traffic seen',
    'London has findings.',
  ],
  [
    'findings whose digest was left out',
    summary({ findings_24h: { ...none, medium: 4 } }),
    'findings',
    '4 findings in 24 h, worst medium; all traffic seen',
    'London has findings.',
  ],
  [
    'low findings are a row, not a sentence',
    summary({ findings_24h: { ...none, low: 9 } }),
    'quiet',
    'nothing found; all traffic seen',
    'London found nothing.',
  ],
  [
    'an action waits and nothing is found any more',
    summary({ actions: { ...calmSummary(0).actions, proposed: 1 } }),
    'findings',
    'nothing found; 1 action waits for you; all traffic seen',
    'London needs a decision.',
  ],
  [
    'blind, with its time',
    { ...summary({ states: blind }), blindSeconds: 400 },
    'blind',
    'blind since 03:12 UTC: no frame on 2 of 2 capture ports',
    'London is blind.',
  ],
  [
    'blind for days, start known by date; what was found is not hidden',
    summary({
      ...writes,
      states: { blind: { since: NOON_US - 5 * 86_400e6, because: 'no frame' }, stale: null },
    }),
    'blind',
    'blind since 2026-10-28 12:00 UTC: no frame; 214 Modbus writes from 10.40.7.23, never seen before; 3 actions wait for you',
    'London is blind.',
  ],
  [
    'blind, start unknown, and stale',
    summary({
      states: { ...stale, blind: { since: null, because: 'picket-agent did not answer' } },
    }),
    'blind',
    'blind: picket-agent did not answer; stale: rules are 41 d old',
    'London is blind.',
  ],
  [
    'stale',
    summary({ states: stale }),
    'stale',
    'stale: rules are 41 d old; nothing found; all traffic seen',
    'London is stale.',
  ],
  [
    'cut off',
    { late },
    'cut-off',
    'cut off: nothing heard for 12 min; last it said: nothing found, all traffic seen',
    'London is cut off.',
  ],
  [
    'cut off while blind',
    { late, ...summary({ states: blind }) },
    'cut-off',
    'cut off: nothing heard for 12 min; last it said: blind since 03:12 UTC: no frame on 2 of 2 capture ports',
    'London is cut off.',
  ],
  [
    'dropping',
    { dropped: 538 },
    'quiet',
    'nothing found; 538 frames of 1,790,000 lost in 24 h',
    'London did not see all traffic.',
  ],
  [
    'unwatched for a while',
    { blindSeconds: 900 },
    'quiet',
    'nothing found; unwatched for 15 min of 24 h',
    'London did not see all traffic.',
  ],
  [
    'no frame at all',
    { frames: 0 },
    'quiet',
    'nothing found; no frame in 24 h',
    'London found nothing.',
  ],
  [
    'disk',
    lake({ full_at: NOON_US + 9.5 * 86_400e6 }),
    'quiet',
    'nothing found; all traffic seen; disk full in 9 days',
    'London found nothing.',
  ],
  [
    'disk within a day, lake broken, a program down',
    {
      ...summary({
        lake: {
          ...calmSummary(NOON_US).lake,
          full_at: NOON_US + 3600e6,
          fault: 'catalog unreadable',
        },
        health: { down: ['picket-guard'], restarts: 1, uptime_seconds: 1 },
      }),
    },
    'quiet',
    'nothing found; all traffic seen; picket-guard is down; lake: catalog unreadable; disk full within a day',
    'London found nothing.',
  ],
  [
    'clock off',
    clock({ offset_ms: -90_000 }),
    'quiet',
    'nothing found; all traffic seen; clock 90 s off',
    'London found nothing.',
  ],
  [
    'clock ahead of ours',
    { aheadUs: 12 * 60e6 },
    'quiet',
    'nothing found; all traffic seen; its clock is 12 min ahead of ours',
    'London found nothing.',
  ],
  [
    'compliance fell',
    fell,
    'quiet',
    'nothing found; compliance fell from 94 to 88: 2 devices with telnet in 24 h; all traffic seen',
    'London fell in compliance.',
  ],
  [
    'compliance fell for evidence that is not there, and for none that is new',
    { ...fell, newlyFailing: [{ ...telnet, unknown: true, evidence: 'not known: no key' }] },
    'quiet',
    'nothing found; compliance fell from 94 to 88: "No device is administered by telnet" is not known: no key; all traffic seen',
    'London fell in compliance.',
  ],
  [
    'compliance fell, with medium findings whose titles are two sentences',
    {
      ...summary({
        compliance: { score: 88, controls: 16, failing: [telnet] },
        findings_24h: { ...none, medium: 2 },
        digests: [
          { ...digest, severity: 'medium', title: 'A printer answers telnet. So it did before.' },
        ],
      }),
      newlyFailing: [telnet],
    },
    'findings',
    'A printer answers telnet; 2 findings in 24 h, worst medium; compliance fell from 94 to 88: 2 devices with telnet in 24 h; all traffic seen',
    'London fell in compliance.',
  ],
  [
    'a copy of an older disk',
    { forks: 2, alarm: 'boot count went from 2 to 1' },
    'equivocating',
    'contradicts itself: 2 summaries differ from what it sent before, its boot count went from 2 to 1; nothing found; all traffic seen',
    'London contradicts itself.',
  ],
  [
    'compliance rose',
    { scoreBefore: 80 },
    'quiet',
    'nothing found; all traffic seen',
    'London found nothing.',
  ],
  [
    'back-fill under way: no claim to have seen all',
    { missing: 15, missingSince: now - 75 * 60e6 },
    'quiet',
    'nothing found; 15 summaries still to be back-filled, missing for 75 min',
    'London did not see all traffic.',
  ],
  [
    'lost for good',
    { lost: 1 },
    'quiet',
    'nothing found; 1 summary lost for good',
    'London did not see all traffic.',
  ],
  [
    'contradicted, whatever it says',
    { forks: 1, ...summary(writes) },
    'equivocating',
    'contradicts itself: 1 summary differs from what it sent before; 214 Modbus writes from 10.40.7.23, never seen before; 3 actions wait for you; all traffic seen',
    'London contradicts itself.',
  ],
  [
    'an older disk',
    { alarm: 'catalog generation went from 41 to 12' },
    'equivocating',
    'contradicts itself: its catalog generation went from 41 to 12; nothing found; all traffic seen',
    'London contradicts itself.',
  ],
  [
    'revoked',
    { revokedAt: NOON_US - 60e6 },
    'cut-off',
    'revoked since 11:59 UTC; nothing found; all traffic seen',
    'London is cut off.',
  ],
])('%s', (_, change, state, says, fleet) => {
  const facts = { ...calm, ...change }
  expect(fleetState(facts)).toBe(state)
  expect(fleetClause(facts)).toBe(says)
  const topic = fleetTopic(fleetState(facts), facts)
  expect(fleetSentence([{ site: 'London', topic }])).toBe(fleet)
})

test('no mixture of facts makes a late, blind or contradicted site quiet', () => {
  const parts: Partial<FleetSiteFacts>[] = [{ late }, summary({ states: blind }), { forks: 2 }, { alarm: 'boot count went from 2 to 1' }] // biome-ignore format: one line
  const others: Partial<FleetSiteFacts>[] = [{}, { dropped: 3 }, { missing: 1 }, { lost: 1 }, { aheadUs: 1e9 }, { frames: 0 }] // biome-ignore format: one line
  for (const part of parts)
    for (const other of others) {
      const facts = { ...calm, ...other, ...part }
      const topic = fleetTopic(fleetState(facts), facts)
      expect(['blind', 'cut-off', 'equivocating']).toContain(topic)
      expect(fleetClause(facts)).toMatch(/^(blind|cut off|contradicts itself)/)
    }
})

test('the fleet: the urgent first, names up to three, then how many', () => {
  const of = (site: string, topic: Parameters<typeof fleetSentence>[0][number]['topic']) => ({ site, topic }) // biome-ignore format: one line
  expect(fleetSentence([])).toBe('No site has joined yet.')
  expect(
    fleetSentence([of('London', 'quiet'), of('Sydney', 'fell'), of('Cape Town', 'decision')]),
  ).toBe('Cape Town needs a decision. Sydney fell in compliance. London found nothing.')
  expect(fleetSentence([of('A', 'quiet'), of('B', 'quiet'), of('C', 'quiet')])).toBe('A, B and C found nothing.') // biome-ignore format: one line
  const many = Array.from({ length: 1200 }, (_, i) => of(`S${i}`, i < 2 ? 'blind' : 'quiet'))
  expect(fleetSentence(many)).toBe('S0 and S1 are blind. 1,198 of 1,200 sites found nothing.')
  expect(fleetSentence(many.slice(2))).toBe('All 1,198 sites found nothing.')
})

const heard = {
  now,
  receivedAt: NOON_US,
  windowTo: NOON_US - 1e6,
  periodSeconds: 300,
  goneAt: null,
}
const after = (seconds: number, change = {}) => lateness({ ...heard, now: NOON_US + seconds * 1e6, ...change })?.because // biome-ignore format: one line

test('late after two and a half periods of our time, by a last will at once, and by its own time', () => {
  expect(after(750)).toBeUndefined()
  expect(after(751)).toBe('nothing heard for 12 min')
  expect(after(30, { goneAt: NOON_US + 20e6 })).toBe(
    'its connection is lost; nothing heard for 30 s',
  )
  expect(after(30, { windowTo: NOON_US - 3600e6 })).toBe('its newest summary tells of 60 min ago')
  expect(after(30, { windowTo: NOON_US + 3600e6 })).toBeUndefined()
  expect(after(9001, { periodSeconds: 1e9 })).toBe('nothing heard for 2 h')
  expect(lateAt(heard)).toBe(NOON_US + 750e6)
})
