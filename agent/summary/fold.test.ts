import { expect, test } from 'vitest'
import { Chance } from '../../test/traffic/chance.ts'
import { NOON_US, PERIOD_US, SummarySource } from '../../test/traffic/summary-source.ts'
import { type Outcome, SiteFold } from './fold.ts'
import { GAPS_MAX } from './gaps.ts'
import { rememberedBy } from './recent-hashes.ts'
import type { Summary, VerifiedSummary } from './summary.ts'

const chainOf = (count: number, change: (i: number) => Partial<Summary> = () => ({})) => {
  const source = new SummarySource()
  return { source, all: Array.from({ length: count }, (_, i) => source.next(change(i + 1))) }
}
const said = (outcome: Outcome) => (outcome.accepted ? 'accepted' : outcome.because)
const at = (minute: number) => ({ at: NOON_US + minute * 60e6, bytes: 8192 })
const holesOf = (fold: SiteFold) =>
  fold.epochs.at(-1)?.holes.map(({ first, last }) => [first, last]) ?? []
const pick = (all: readonly VerifiedSummary[], sequence: number) =>
  all[sequence - 1] as VerifiedSummary

test('in order: whole, no gap, each once', () => {
  const fold = new SiteFold()
  for (const each of chainOf(5).all) {
    expect(fold.accept(each, at(each.summary.sequence))).toEqual({ accepted: true, isNewest: true, forked: false }) // biome-ignore format: one line
    expect(said(fold.accept(each, at(9)))).toBe('replayed')
  }
  const [chain] = fold.epochs
  expect([chain?.wholeUpTo, chain?.highest, holesOf(fold)]).toEqual([5, 5, []])
  expect(fold.rejected).toEqual({ replayed: 5 })
})

test('newest first, then back-fill: the gap is a state with an age until it closes, and the newest stays', () => {
  const { all } = chainOf(9)
  const fold = new SiteFold()
  fold.accept(pick(all, 1), at(0))
  fold.accept(pick(all, 9), at(40))
  expect(holesOf(fold)).toEqual([[2, 8]])
  expect(fold.accept(pick(all, 5), at(41))).toEqual({ accepted: true, isNewest: false, forked: false }) // biome-ignore format: one line
  expect(holesOf(fold)).toEqual([
    [2, 4],
    [6, 8],
  ])
  expect(fold.epochs[0]?.holes.every((hole) => hole.since === at(40).at)).toBe(true)
  expect(fold.epochs[0]?.rangesAbove(9)).toEqual([
    [5, 5],
    [9, 9],
  ])
  for (const sequence of [2, 3, 4, 8, 7, 6]) fold.accept(pick(all, sequence), at(42))
  expect([holesOf(fold), fold.epochs[0]?.wholeUpTo]).toEqual([[], 9])
  expect(fold.newest?.summary.sequence).toBe(9)
  expect(fold.newest?.receivedAt).toBe(at(40).at)
  expect(fold.forks).toEqual([])
})

test('a gap older than what the sender still has is not held, and is seen for 30 days', () => {
  const { source, all } = chainOf(10, (i) => ({ outbox_from: i === 10 ? 6 : 1 }))
  const fold = new SiteFold()
  fold.accept(pick(all, 1), at(0))
  fold.accept(pick(all, 5), at(1))
  fold.accept(pick(all, 8), at(1))
  fold.accept(pick(all, 10), at(2))
  const [chain] = fold.epochs
  expect(chain?.holes.map((hole) => chain.isHeld(hole))).toEqual([false, true, true])
  source.next()
  const muchLater = { at: NOON_US + 31 * 86_400e6, bytes: 1 }
  fold.accept(source.next(), muchLater) // opens another, and forgets the lost one
  expect(holesOf(fold)).toEqual([
    [6, 7],
    [9, 9],
    [11, 11],
  ])
  expect([chain?.givenUp, chain?.wholeUpTo]).toEqual([3, 5])
})

test('one sequence with two contents is a fork: both known, one counted', () => {
  const { source, all } = chainOf(3)
  const fold = new SiteFold()
  for (const each of all) fold.accept(each, at(1))
  const other = source.make({ sequence: 2, previous: pick(all, 1).hash, sentence: 'All is well.' })
  expect(said(fold.accept(other, at(2)))).toBe('forked')
  expect(said(fold.accept(other, at(3)))).toBe('forked')
  expect(fold.forks).toEqual([{ epoch: 1, sequence: 2, hash: other.hash, why: 'twice', at: at(2).at }]) // biome-ignore format: one line
  expect([fold.forksSince(0), fold.forksSince(at(4).at)]).toEqual([1, 0])
  expect(said(fold.accept(pick(all, 2), at(5)))).toBe('replayed')
})

test.each([
  ['at the end', [1, 2, 3]],
  ['when a gap closes from below', [1, 3, 2]],
  ['when a gap closes from above', [3, 2, 1]],
])('a previous hash that does not hold is a fork: %s', (_, order) => {
  const source = new SummarySource()
  const [one, two] = [source.next(), source.next()]
  const three = source.next({ previous: one.hash })
  const fold = new SiteFold()
  const outcomes = order.map((sequence) => fold.accept(pick([one, two, three], sequence), at(1)))
  expect(outcomes.every(({ accepted }) => accepted)).toBe(true)
  expect(fold.forks.map(({ why }) => why)).toEqual(['broken'])
})

test('a first summary that names a predecessor is a fork', () => {
  const fold = new SiteFold()
  fold.accept(new SummarySource().make({ sequence: 1, previous: 'a'.repeat(64) }), at(0))
  expect(fold.forks).toHaveLength(1)
})

test('a fork of long ago is a fork where the fleet is small; what is remembered nowhere is a replay', () => {
  const { source, all } = chainOf(1100)
  const other = source.make({ sequence: 3, previous: pick(all, 2).hash, sentence: 'x' })
  for (const [sites, verdict] of [
    [10_000, 'replayed'],
    [3, 'forked'],
  ] as const) {
    const fold = new SiteFold(rememberedBy(sites))
    for (const each of all) fold.accept(each, at(1))
    const again = SiteFold.restore(structuredClone(fold.snapshot()), rememberedBy(sites))
    for (const each of [fold, again as SiteFold]) {
      expect(said(each.accept(other, at(2)))).toBe(verdict)
      expect(said(each.accept(pick(all, 3), at(2)))).toBe('replayed')
      const late = source.make({ sequence: 1000, sentence: 'x' })
      expect(said(each.accept(late, at(2)))).toBe('forked')
    }
  }
})

test('what all sites remember together is bounded: a month each of 128, three and a half days of 1,024', () => {
  expect([1, 128, 129, 500, 1024, 10_000].map(rememberedBy)).toEqual([
    8192, 8192, 4096, 2048, 1024, 1024,
  ])
})

test('a back-filled sequence does not make a newer one forgotten', () => {
  const { source, all } = chainOf(1100)
  const fold = new SiteFold()
  for (const each of all.slice(1)) fold.accept(each, at(1))
  fold.accept(pick(all, 1), at(1)) // would take the place of 1025
  expect(said(fold.accept(source.make({ sequence: 1025, sentence: 'x' }), at(2)))).toBe('forked')
})

test('a new epoch is the newest whatever its number of messages; old ones still fill', () => {
  const { source, all } = chainOf(3)
  const fold = new SiteFold()
  fold.accept(pick(all, 3), at(0))
  source.startEpoch()
  const fresh = source.next()
  expect(fold.accept(fresh, at(1))).toMatchObject({ accepted: true, isNewest: true, forked: false })
  expect(fold.accept(pick(all, 1), at(2))).toMatchObject({ accepted: true, isNewest: false })
  expect(fold.newest?.hash).toBe(fresh.hash)
  expect(fold.epochs.map(({ epoch }) => epoch)).toEqual([1, 2])
  for (let i = 0; i < 5; i++) {
    source.startEpoch()
    fold.accept(source.next(), at(3))
  }
  expect(fold.epochs.map(({ epoch }) => epoch)).toEqual([4, 5, 6, 7])
  expect(said(fold.accept(pick(all, 2), at(4)))).toBe('replayed')
})

test('bounds: holes, and a sequence that no chain reaches', () => {
  const source = new SummarySource()
  const fold = new SiteFold()
  for (let i = 1; i <= GAPS_MAX; i++) fold.accept(source.make({ sequence: i * 4 }), at(0))
  expect(said(fold.accept(source.make({ sequence: 5000 }), at(0)))).toBe('flooding')
  expect(said(fold.accept(source.make({ sequence: 6 }), at(0)))).toBe('flooding') // would split one
  expect(said(fold.accept(source.make({ sequence: 5 }), at(0)))).toBe('accepted')
  expect(said(fold.accept(source.make({ sequence: 2 ** 40 }), at(0)))).toBe('malformed')
  expect(holesOf(fold)).toHaveLength(GAPS_MAX)
})

test('anchors that fall are an alarm, told once; the same number with two hashes too', () => {
  const source = new SummarySource()
  const anchors = (generation: number, head = 'a') => ({
    anchors: { ...source.make().summary.anchors, catalog_generation: generation, catalog_head: head.repeat(64) }, // biome-ignore format: one line
  })
  const [g40, g41] = [source.next(anchors(40)), source.next(anchors(41))]
  const [g12, g13] = [source.next(anchors(12)), source.next(anchors(13))]
  const inOrder = new SiteFold()
  for (const each of [g40, g41, g12, g13]) inOrder.accept(each, at(1))
  const late = new SiteFold()
  for (const each of [g13, g40, g41, g12]) late.accept(each, at(1))
  expect(inOrder.alarms.map(({ sentence }) => sentence)).toEqual(['catalog generation went from 41 to 12']) // biome-ignore format: one line
  expect(late.alarms.map(({ sentence }) => sentence)).toEqual(['catalog generation went from 41 to 13']) // biome-ignore format: one line
  late.accept(source.next(anchors(13, 'b')), at(2))
  expect(late.alarms.at(-1)?.sentence).toBe('catalog generation 13 has two different hashes')
  const asleep = { anchors: { ...source.make().summary.anchors, catalog_generation: 0, catalog_head: null } } // biome-ignore format: one line
  inOrder.accept(source.next(asleep), at(2)) // picket-lake was down
  expect(inOrder.alarms).toHaveLength(1)
})

test('the day in half hours, the sums, the scores: windows in, whatever their order', () => {
  const { all } = chainOf(48, (i) => ({
    findings: { low: 0, medium: 0, high: i === 6 ? 2 : 0, critical: 0 },
    capture: { ...new SummarySource().make().summary.capture, seen: 100, dropped: i === 7 ? 3 : 0, blind_seconds: i === 8 ? 120 : 0 }, // biome-ignore format: one line
    compliance: { score: i < 24 ? 94 : 88, controls: 16, failing: [] },
  }))
  const now = NOON_US + 47 * PERIOD_US + 1e6
  const fold = new SiteFold()
  for (const each of new Chance(5).shuffled(all)) fold.accept(each, { at: now, bytes: 4096 })
  const { strip } = fold
  expect(strip.sums(now)).toEqual({ frames: 4800, dropped: 3, blind: 120, summaries: 48, unsaidStarts: 0, bytes: 48 * 4096 }) // biome-ignore format: one line
  const view = strip.view(now)
  expect(view).toHaveLength(48)
  expect(view.at(-1)?.at).toBe(NOON_US + 7 * 1800e6)
  const told = view.reduce((sum, step) => sum + step.told, 0)
  expect(told).toBe(48 * 300)
  const step = view.find(({ worst }) => worst === 'high')
  expect([step?.at, step?.counts.high]).toEqual([NOON_US, 2])
  expect(strip.days.at(-1)?.score).toBe(88)
  expect(strip.scoreBefore(now)).toBe(94)
  expect(strip.scoreBefore(now + 2 * 86_400e6)).toBe(88)
})

test('a window over the edge of a half hour is shared by both', () => {
  const to = NOON_US + 100e6
  const source = new SummarySource('sydney', { firstTo: to })
  const { capture } = source.make().summary
  const fold = new SiteFold()
  fold.accept(source.next({ capture: { ...capture, blind_seconds: 150 } }), { at: to, bytes: 1 })
  const told = fold.strip.view(to).map((step) => [step.told, step.blind])
  expect(told.slice(-2)).toEqual([
    [200, 100],
    [100, 50],
  ])
})

test('times from another century change no sum and cost no memory', () => {
  const source = new SummarySource()
  const fold = new SiteFold()
  const window = (from: number, to: number) => ({ window: { from, to, period_seconds: 300 } })
  fold.accept(source.next(window(0, 1e6)), at(0))
  fold.accept(source.next(window(0, 9e15)), at(0))
  fold.accept(source.next(window(9e15, 1)), at(0))
  fold.accept(source.next(window(0, NOON_US)), at(0))
  expect(fold.strip.outside).toBe(3)
  expect(fold.strip.sums(NOON_US).summaries).toBe(4)
  expect(fold.snapshot().strip.steps.length).toBeLessThanOrEqual(54)
})

test('a last will counts for the connection that said it was here, until something newer is heard', () => {
  const { source, all } = chainOf(2)
  const { tenant_uid, appliance_id } = source.member
  const will = (state: 'here' | 'gone', nonce: string) =>
    ({ version: 1, tenant_uid, appliance_id, nonce: nonce.repeat(32), state, at: 1 }) as const
  const fold = new SiteFold()
  fold.accept(pick(all, 1), at(0))
  fold.hear(will('here', 'a'), at(1).at)
  fold.hear(will('gone', 'b'), at(2).at) // an old one, replayed
  expect(fold.goneAt).toBeNull()
  fold.hear(will('gone', 'a'), at(3).at)
  expect(fold.goneAt).toBe(at(3).at)
  fold.accept(pick(all, 2), at(4))
  expect(fold.goneAt).toBeNull()
})

test('a snapshot through JSON goes on as if nothing had been', () => {
  const { source, all } = chainOf(200)
  const fold = new SiteFold()
  for (const each of all.filter((_, i) => i % 7 !== 3)) fold.accept(each, at(1))
  fold.accept(source.make({ sequence: 1, sentence: 'x' }), at(2))
  const again = SiteFold.restore(JSON.parse(JSON.stringify(fold.snapshot()))) as SiteFold
  expect(again.snapshot()).toEqual(fold.snapshot())
  for (const each of all) {
    expect(again.accept(each, at(3))).toEqual(fold.accept(each, at(3)))
  }
  expect(again.snapshot()).toEqual(fold.snapshot())
})
