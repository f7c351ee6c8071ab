/**
 * What a member that was taken over may say, signed with its own good key: through verify and fold to the picture and
 * the pages. It may lie about itself; it must not break, blind or mislead the view of others.
 */
import { expect, test } from 'vitest'
import { FleetPicture } from '../../agent/health/fleet-status.ts'
import { SiteFold } from '../../agent/summary/fold.ts'
import type { Digest, Summary } from '../../agent/summary/summary.ts'
import { speaker, verifySummary } from '../../agent/summary/verify.ts'
import { fleetStory } from '../browser/fleet-story.ts'
import { client } from '../browser/story/client.ts'
import { createStory } from '../browser/story.ts'
import { NOON_US, PERIOD_US, SummarySource } from '../traffic/summary-source.ts'
import { watchedSite as site, type WatchedSite } from '../traffic/watched-site.ts'

const MOST = Number.MAX_SAFE_INTEGER
/** Stands in every text of the liar. */
const WORD = 'zq7x'
const MARKUP = '"><script>alert(1)</script><img src=x onerror=alert(1)>'

/** As a receiver does it: `accepted`, or the word it is refused with. */
function say({ source, fold }: WatchedSite, change: Partial<Summary>, at = NOON_US): string {
  const { envelope } = source.next(change)
  const verified = verifySummary(envelope, speaker(source.member))
  if (typeof verified === 'string') return verified
  const outcome = fold.accept(verified, { at, bytes: 4096 })
  return outcome.accepted ? 'accepted' : outcome.because
}

const calm = () => new SummarySource().make().summary
const view = (sites: WatchedSite[], now = NOON_US + 1e6) =>
  new FleetPicture().view({ fleet_id: 'acme', sites, rejected: {}, now })

test('summary-08 numbers that no box can say truly are refused, and the fleet’s sums do not move', () => {
  const [good, liar] = [site('london', 'London'), site('cape-town', 'Cape Town')]
  expect([say(good, {}), say(liar, {})]).toEqual(['accepted', 'accepted'])
  const before = view([good, liar]).basis
  const { capture, window, findings, actions } = calm()
  const day = (from: number, to: number) => ({ window: { ...window, from, to } })
  for (const change of [
    { capture: { ...capture, seen: MOST, processed: MOST } },
    { capture: { ...capture, dropped: 5 } }, // seen ≠ processed + dropped
    { capture: { ...capture, dropped: -5, seen: 995 } },
    { capture: { ...capture, blind_seconds: 86_400 } }, // of five minutes
    { findings: { ...findings, critical: MOST } },
    { findings_24h: { ...findings, low: MOST } },
    { actions: { ...actions, proposed: MOST } },
    day(NOON_US, NOON_US - 1), // it ends before it begins
    day(NOON_US - 400 * 86_400e6, NOON_US),
    day(0, NOON_US),
    { compliance: { score: 1000, controls: 16, failing: [] } },
    { sequence: 0 },
    { epoch: 1.5 },
  ])
    expect(say(liar, change), JSON.stringify(change)).toBe('malformed')
  expect(view([good, liar]).basis).toEqual(before)
})

test('clocks: years in the past or the future, periods of 0, 1 and for ever', () => {
  const times = [0, 1, NOON_US - 50 * 365 * 86_400e6, NOON_US + 50 * 365 * 86_400e6, MOST]
  for (const to of times)
    for (const period_seconds of [0, 1, MOST]) {
      const [good, liar] = [site('london', 'London'), site('cape-town', 'Cape Town')]
      say(good, {})
      const from = Math.max(0, to - PERIOD_US)
      const { clock, lake } = calm()
      const told = say(liar, {
        window: { from, to, period_seconds },
        states: { blind: { since: to, because: 'x' }, stale: { since: MOST, because: 'y' } },
        self_test: { at: MOST, ok: true },
        clock: { ...clock, wall: MOST, offset_ms: -MOST, monotonic_us: MOST, boot_count: MOST },
        lake: { ...lake, oldest_tier1: MOST, full_at: 0 },
        rules: { loaded: 12, refused: 0, age_seconds: MOST },
        outbox_from: MOST,
      })
      expect(told).toBe('accepted')
      const now = view([good, liar])
      expect(now.sites[0]).toMatchObject({
        state: 'quiet',
        says: 'nothing found; all traffic seen',
      })
      expect(now.sites[1]?.state).not.toBe('quiet')
      for (const { says } of now.sites) expect(says).not.toMatch(/NaN|Infinity|undefined|e\+/)
      // However long it says its period is: silence is called silence within three hours.
      const later = view([good, liar], NOON_US + 3 * 3600e6)
      expect(later.sites[1]?.state, `${to} ${period_seconds}`).toBe('cut-off')
    }
})

function hostile(text: string): Partial<Summary> {
  const { compliance, capture, findings, health, versions } = calm()
  const fit = (max: number) => (WORD + text.repeat(Math.ceil(max / text.length))).slice(0, max)
  const digest = (i: number): Digest => ({
    ...{ id: fit(60) + i, rule_id: fit(80), title: fit(240), severity: 'critical', host: fit(120) },
    ...{ attack_ids: [fit(16)], first: 0, last: MOST, count: MOST, state: 'proposed' },
  })
  return {
    site: fit(64),
    sentence: fit(600),
    findings_24h: { ...findings, critical: 40 },
    digests: Array.from({ length: 20 }, (_, i) => digest(i)),
    digests_left_out: 1e9,
    top_rules: [{ rule_id: fit(80), title: fit(240), count: MOST }],
    top_hosts: [{ host: fit(120), count: MOST }],
    compliance: {
      ...compliance,
      failing: [
        { id: fit(40), sentence: fit(200), weight: MOST, unknown: true, evidence: fit(200) },
      ],
    },
    states: { blind: { since: null, because: fit(200) }, stale: null },
    capture: { ...capture, ports: [{ name: fit(32), seen: MOST, dropped: MOST }] },
    health: { ...health, down: [fit(32)] },
    versions: { ...versions, picket: fit(32), kernel: fit(64) },
  }
}

test('summary-11 markup, names of others and long words stay text on the liar’s own rows', async () => {
  for (const text of [
    MARKUP,
    'London is blind. London: nothing found. ',
    'W',
    '</pre>',
    '&amp;',
    '\u{1f4a3}e\u0301',
  ]) {
    const [good, liar] = [site('london', 'London'), site('cape-town', 'Cape Town')]
    say(good, {})
    expect(say(liar, hostile(text)), text).toBe('accepted')
    const told = view([good, liar])
    expect(told.sentence).toBe('Cape Town is blind. London found nothing.')
    expect(told.sites.map((each) => each.site)).toEqual(['London', 'Cape Town'])
    expect(told.sites[0]).toMatchObject({ says: 'nothing found; all traffic seen' })
    const story = createStory()
    story.ports.fleet = fleetStory(told.sites)
    const { get } = client('admin', {}, story)
    for (const path of [
      '/fleet',
      '/fleet/findings',
      '/fleet/compare',
      '/fleet/compliance',
      '/fleet/sites/cape-town',
      '/fleet/sites/london',
    ]) {
      const reply = await get(path)
      const page = await reply.text()
      expect(reply.status, path).toBe(200)
      expect(page, path).not.toMatch(/<script>alert|<img|undefined|NaN/)
      for (const [, href = ''] of page.matchAll(/href="([^"]*)"/g)) expect(href).toMatch(/^[/#]/)
      if (path.endsWith('london')) expect(page.includes(WORD), path).toBe(false)
    }
  }
})

test('summary-11 what nobody sees is not let in at all', () => {
  for (const c of [
    '\u202e',
    '\u200b',
    '\u3164',
    '\u2800',
    '\u0000',
    '\n',
    'e\u0301\u0301\u0301\u0301',
  ])
    for (const change of [
      { sentence: `a${c}b` },
      { site: c },
      { top_hosts: [{ host: c, count: 1 }] },
      { states: { blind: { since: null, because: c }, stale: null } },
    ])
      expect(say(site('cape-town', 'Cape Town'), change), JSON.stringify(change)).toBe('malformed')
})

test('summary-10 an epoch or a sequence at the end of all numbers harms only who sent it', () => {
  const [good, liar] = [site('london', 'London'), site('cape-town', 'Cape Town')]
  say(good, {})
  expect(say(liar, { sequence: MOST })).toBe('malformed')
  expect(say(liar, { epoch: MOST, sequence: 2 ** 32 - 1 })).toBe('accepted')
  const restored = SiteFold.restore(JSON.parse(JSON.stringify(liar.fold.snapshot())))
  expect(restored?.newest?.summary.epoch).toBe(MOST)
  expect(view([good, liar]).sites[0]).toMatchObject({ state: 'quiet' })
})
