/** What a talk costs whose maker wants it to cost: processor time by the bytes it sends, on the whole path with the shipped rules. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parsePrefix } from '../../agent/base/address.ts'
import { RuleSet } from '../../agent/detect/signatures/rule-set.ts'
import { Inspector } from '../../agent/inspector.ts'
import { shippedRuleFiles } from '../../agent/rules-on-disk.ts'
import { batchOf } from '../traffic/flow-recorder.ts'
import { tcpConversation } from '../traffic/frames.ts'
import { HOSTILE_TALKS, type HostileTalk } from '../traffic/hostile-talks.ts'

const HOME = [parsePrefix('10.0.0.0/8')]
const BYTES = 250_000
/** The dearest (one row for six bytes) takes 1,500. */
const MS_A_MEGABYTE_MAX = 3500
const TRIES = 3
const BATCH_FRAMES = 64

const texts = shippedRuleFiles().map((path) => ({ path, text: readFileSync(path, 'utf8') }))
const { ruleSet } = RuleSet.load(texts)

/** Milliseconds of the processor for a megabyte of frames. */
async function cost({ port, turns }: HostileTalk, bytes: number): Promise<number> {
  const ends = { src: '10.0.0.5', dest: '10.0.1.10', srcPort: 40_000, destPort: port }
  const frames = tcpConversation(ends, turns(bytes))
  const inspector = new Inspector(
    { home: HOME, rules: ruleSet, run: 0, shard: 0, seed: 1, selfTestSecret: undefined },
    {
      event: () => {},
      alert: () => {},
      observation: () => {},
      sighting: () => {},
      selfTestFound: () => {},
    },
  )
  const before = process.cpuUsage()
  for (let at = 0; at < frames.length; at += BATCH_FRAMES) {
    inspector.run(batchOf(frames.slice(at, at + BATCH_FRAMES), 1_700_000_000_000_000 + at * 10, 10))
    // As the capture loop does: node:zlib gives memory back only then.
    await new Promise((resolve) => setImmediate(resolve))
  }
  inspector.end()
  const { user, system } = process.cpuUsage(before)
  expect(inspector.processed).toBe(frames.length)
  const sent = frames.reduce((sum, frame) => sum + frame.length, 0)
  return (user + system) / 1000 / (sent / 1e6)
}

/** A busy machine makes one try slow; what grows with the square is slow in each. */
async function leastCost(talk: HostileTalk, bytes: number, enough: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < TRIES && least > enough; i++) least = Math.min(least, await cost(talk, bytes))
  return least
}

test.each(Object.entries(HOSTILE_TALKS))('%s costs by its bytes', async (_name, talk) => {
  const small = await leastCost(talk, BYTES / 4, 0)
  const large = await leastCost(talk, BYTES, Math.min(small * 1.5, MS_A_MEGABYTE_MAX))
  expect(large).toBeLessThan(MS_A_MEGABYTE_MAX)
  expect(large).toBeLessThan(small * 2.5)
})
