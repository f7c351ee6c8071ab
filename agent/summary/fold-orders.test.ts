/** Random orders, duplicates, losses and forks: the fold's account of them equals that of a model that keeps everything. */
import { expect, test } from 'vitest'
import { Chance } from '../../test/traffic/chance.ts'
import { NOON_US, SummarySource } from '../../test/traffic/summary-source.ts'
import { SiteFold } from './fold.ts'
import type { VerifiedSummary } from './summary.ts'

const RUNS = 60
const SEQUENCES_MAX = 120

/** What was received, by sequence: as slow and as plain as can be. */
class Model {
  readonly #taken = new Map<number, VerifiedSummary>()

  take(each: VerifiedSummary): string {
    const { sequence } = each.summary
    const known = this.#taken.get(sequence)
    if (known) return known.hash === each.hash ? 'replayed' : 'forked'
    this.#taken.set(sequence, each)
    return 'accepted'
  }

  get highest(): number {
    return Math.max(0, ...this.#taken.keys())
  }

  get wholeUpTo(): number {
    let whole = 0
    while (this.#taken.has(whole + 1)) whole++
    return whole
  }

  get holes(): [number, number][] {
    const holes: [number, number][] = []
    for (let n = 1; n <= this.highest; n++) {
      if (this.#taken.has(n)) continue
      const last = holes.at(-1)
      if (last?.[1] === n - 1) last[1] = n
      else holes.push([n, n])
    }
    return holes
  }

  /** Neighbours of which the later one names another predecessor. */
  get broken(): number {
    let count = 0
    for (const [sequence, { summary }] of this.#taken) {
      const before = sequence === 1 ? '0'.repeat(64) : this.#taken.get(sequence - 1)?.hash
      if (before !== undefined && before !== summary.previous) count++
    }
    return count
  }

  get frames(): number {
    return [...this.#taken.values()].reduce((sum, { summary }) => sum + summary.capture.seen, 0)
  }

  get newest(): string | undefined {
    return this.#taken.get(this.highest)?.hash
  }
}

/** A chain with messages lost, doubled, contradicted and linked wrongly, in any order. */
function traffic(chance: Chance): VerifiedSummary[] {
  const source = new SummarySource('sydney', { firstTo: NOON_US - SEQUENCES_MAX * 300e6 })
  const sent: VerifiedSummary[] = []
  for (let i = chance.int(1, SEQUENCES_MAX); i > 0; i--) {
    const wrong = chance.next() < 0.02 ? { previous: 'f'.repeat(64) } : {}
    const other = source.make({ sequence: source.sequence + 1, sentence: 'Another story.' })
    const each = source.next(wrong)
    if (chance.next() < 0.85) sent.push(each)
    if (chance.next() < 0.1) sent.push(each)
    if (chance.next() < 0.03) sent.push({ ...other })
  }
  return chance.next() < 0.3 ? sent : chance.shuffled(sent)
}

test('any order of anything', () => {
  const seed = Date.now() >>> 0
  process.stdout.write(`fold orders: seed ${seed}\n`)
  const chance = new Chance(seed)
  for (let run = 0; run < RUNS; run++) {
    let fold = new SiteFold()
    const model = new Model()
    for (const each of traffic(chance)) {
      const outcome = fold.accept(each, { at: NOON_US, bytes: 1 })
      expect(outcome.accepted ? 'accepted' : outcome.because).toBe(model.take(each))
      const [chain] = fold.epochs
      expect(chain?.wholeUpTo).toBe(model.wholeUpTo)
      expect(chain?.holes.map(({ first, last }) => [first, last])).toEqual(model.holes)
      expect(fold.newest?.hash).toBe(model.newest)
      if (chance.next() < 0.05) fold = SiteFold.restore(structuredClone(fold.snapshot())) as SiteFold // biome-ignore format: one line
    }
    expect(fold.strip.sums(NOON_US).frames).toBe(model.frames)
    const hasBroken = fold.snapshot().forks.some(({ why }) => why === 'broken')
    if (fold.snapshot().forksMore === 0) expect(hasBroken).toBe(model.broken > 0)
  }
})
