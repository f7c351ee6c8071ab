import { expect, test } from 'vitest'
import { NOON_US, PERIOD_US } from '../../test/traffic/summary-source.ts'
import { watchedSite as site, type WatchedSite } from '../../test/traffic/watched-site.ts'
import { type FleetMember, FleetPicture } from './fleet-status.ts'

test('three sites: their states, sums, gaps and the sentence, from their folds alone', () => {
  const sites = [site('london', 'London'), site('cape-town', 'Cape Town'), site('sydney', 'Sydney')]
  const [london, capeTown, sydney] = sites as [WatchedSite, WatchedSite, WatchedSite]
  const picture = new FleetPicture()
  const view = (now: number) => picture.view({ fleet_id: 'acme', sites, rejected: {}, now })
  expect(view(NOON_US).sentence).toBe('London, Cape Town and Sydney have not been heard yet.')

  const now = NOON_US + 2 * PERIOD_US + 1e6
  const waiting = { actions: { ...london.source.make().summary.actions, proposed: 3 } }
  const telnet = { id: 'telnet', sentence: 's', weight: 6, unknown: false, evidence: '2 devices with telnet' } // biome-ignore format: one line
  for (let i = 0; i < 3; i++) {
    const at = { at: NOON_US + i * PERIOD_US, bytes: 4096 }
    london.fold.accept(london.source.next(), at)
    capeTown.fold.accept(capeTown.source.next(waiting), at)
    const fallen = i === 2 ? { compliance: { score: 88, controls: 16, failing: [telnet] } } : {}
    const next = sydney.source.next(fallen)
    if (i !== 1) sydney.fold.accept(next, at)
  }
  const { sentence, sites: shown, basis } = view(now)
  expect(sentence).toBe('Cape Town needs a decision. Sydney fell in compliance. London found nothing.') // biome-ignore format: one line
  expect(basis[0]).toBe('3 of 3 sites heard, each by its newest signed summary')
  expect(basis[1]).toBe('8 summaries received in 24 h, 1 missing')
  const [one, , three] = shown
  expect(one).toMatchObject({ state: 'quiet', says: 'nothing found; all traffic seen', frames24h: 3000, summaries24h: 3, uplinkBytes24h: 3 * 4096, sequence: 3, wholeUpTo: 3, primary: true }) // biome-ignore format: one line
  expect(one?.basis[0]).toBe('summary 3 of epoch 1, signed by this appliance, written 1 s ago, received 1 s ago') // biome-ignore format: one line
  expect(three?.says).toBe('nothing found; compliance fell from 94 to 88: 2 devices with telnet; 1 summary still to be back-filled, missing for 1 s') // biome-ignore format: one line
  expect(three?.gaps).toEqual([{ epoch: 1, first: 2, last: 2, since: now - 1e6, held: true }])
  expect(three?.compliance).toMatchObject({ score: 88, before: 94 })
  expect(view(now + 1e6).sites[0]).toBe(one) // nothing changed: nothing is made again
})

test('a site that falls silent turns cut off at its moment, without a message', () => {
  const one = site('london', 'London')
  one.fold.accept(one.source.next(), { at: NOON_US, bytes: 1 })
  const picture = new FleetPicture()
  const state = (now: number) => picture.view({ fleet_id: 'acme', sites: [one], rejected: {}, now }).sites[0]?.state // biome-ignore format: one line
  expect(state(NOON_US + 749e6)).toBe('quiet')
  expect(state(NOON_US + 751e6)).toBe('cut-off')
})

test('a fork marks the site until it joins anew; its name is the one it joined by', () => {
  const one = site('london', 'London')
  one.fold.accept(one.source.next({ site: 'Sydney' }), { at: NOON_US, bytes: 1 })
  one.fold.accept(one.source.make({ sequence: 1, sentence: 'x' }), { at: NOON_US, bytes: 1 })
  const of = (member: FleetMember) => new FleetPicture().view({ fleet_id: 'acme', sites: [{ ...one, member }], rejected: {}, now: NOON_US + 1 }).sites[0] // biome-ignore format: one line
  expect(of(one.member)).toMatchObject({ state: 'equivocating', forks: 1, site: 'London', rejected: { forked: 1 } }) // biome-ignore format: one line
  expect(of({ ...one.member, joinedAt: NOON_US + 1 })).toMatchObject({ state: 'quiet', forks: 0 })
})
