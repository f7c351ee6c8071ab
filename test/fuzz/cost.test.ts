/**
 * What a talk costs whose maker wants it to cost, on the whole path with the shipped rules. Nothing is held against a clock: one long
 * talk is held against the same bytes in eight short ones, and the dearest talk against an ordinary one, in the same rounds.
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parsePrefix } from '../../agent/base/address.ts'
import { ObservationBatch } from '../../agent/detect/baselines/observation-batch.ts'
import { RuleSet } from '../../agent/detect/signatures/rule-set.ts'
import { Inspector } from '../../agent/inspector.ts'
import { shippedRuleFiles } from '../../agent/rules-on-disk.ts'
import { batchOf } from '../traffic/flow-recorder.ts'
import { tcpConversation } from '../traffic/frames.ts'
import { HOSTILE_TALKS, type HostileTalk } from '../traffic/hostile-talks.ts'

const HOME = [parsePrefix('10.0.0.0/8')]
const BYTES = 250_000
const PARTS = 8
/** What grows with the square of its bytes is PARTS times as dear in one piece. */
const ONE_PIECE_MAX = 2.5
const ORDINARY = HOSTILE_TALKS['requests of HTTP'] as HostileTalk
/** The dearest (a row for every six bytes) costs some 25 times the ordinary. */
const TIMES_ORDINARY_MAX = 80
/** Whatever else runs makes some rounds dear; a fault is in each. */
const ROUNDS_MAX = 15
/** The kernel counts a thread's time by its ticks: what is nothing to it counts as one. */
const TICK_US = 4000
const BATCH_FRAMES = 64

const texts = shippedRuleFiles().map((path) => ({ path, text: readFileSync(path, 'utf8') }))
const { ruleSet } = RuleSet.load(texts)

/** Microseconds of this thread's processor for a kilobyte of frames, sent as so many talks one after the other. */
async function cost({ port, turns }: HostileTalk, talks: number): Promise<number> {
  const frames = Array.from({ length: talks }, (_, i) =>
    tcpConversation(
      { src: '10.0.0.5', dest: '10.0.1.10', srcPort: 40_000 + i, destPort: port },
      turns(BYTES / talks),
    ),
  ).flat()
  const inspector = new Inspector(
    { home: HOME, rules: ruleSet, run: 0, shard: 0, seed: 1, selfTestSecret: undefined },
    {
      event: () => {},
      alert: () => {},
      observations: new ObservationBatch((batch) => batch.clear()),
      sighting: () => {},
      selfTestFound: () => {},
    },
  )
  const before = process.threadCpuUsage()
  for (let at = 0; at < frames.length; at += BATCH_FRAMES) {
    inspector.run(batchOf(frames.slice(at, at + BATCH_FRAMES), 1_700_000_000_000_000 + at * 10, 10))
    // As the capture loop does: node:zlib gives memory back only then.
    await new Promise((resolve) => setImmediate(resolve))
  }
  inspector.end()
  const { user, system } = process.threadCpuUsage(before)
  expect(inspector.processed).toBe(frames.length)
  const sent = frames.reduce((sum, frame) => sum + frame.length, 0)
  return Math.max(TICK_US, user + system) / (sent / 1e3)
}

test.each(Object.entries(HOSTILE_TALKS))('%s costs by its bytes', async (_name, talk) => {
  let least = { ordinary: Infinity, short: Infinity, long: Infinity }
  const told = () => ({ onePiece: least.long / least.short, times: least.long / least.ordinary })
  for (let round = 0; round < ROUNDS_MAX; round++) {
    least = {
      ordinary: Math.min(least.ordinary, await cost(ORDINARY, PARTS)),
      short: Math.min(least.short, await cost(talk, PARTS)),
      long: Math.min(least.long, await cost(talk, 1)),
    }
    if (told().onePiece < ONE_PIECE_MAX && told().times < TIMES_ORDINARY_MAX) break
  }
  expect(told().onePiece).toBeLessThan(ONE_PIECE_MAX)
  expect(told().times).toBeLessThan(TIMES_ORDINARY_MAX)
})
