/** The whole of a receiver (seal, signature, log on disk, fold) beside the two things that nobody can do without. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import { formatTopic, type Topic } from '../../agent/link/topics.ts'
import { seal } from '../../agent/summary/seal.ts'
import { bodyHash, type Speaker, speaker, verifySummary } from '../../agent/summary/verify.ts'
import { type BoxKeys, closeLogs, memberOf, openReceiver, summaryAt } from '../link/fleet.ts'
import { makeFleet } from '../link/fleet-ca.ts'

const SITES = 50
const EACH = 40
const RUNS = 3
const NAMES = Array.from({ length: SITES }, (_, i) => `site-${i}`)

const { keys: fleet } = await makeFleet(NAMES)
const receiverKey = Buffer.from(fleet.sealKey, 'base64')
const messages = fleet.sites.flatMap((site) => chainOf(site))
const speakers = new Map(fleet.sites.map((site) => [site, speaker(memberOf(site))]))

/** Sealed as they come, chained. */
function chainOf(site: BoxKeys) {
  const { tenant_uid, appliance_id } = site
  const topic: Topic = { fleet_uid: fleet.fleet_uid, tenant_uid, appliance_id, kind: 'sum' }
  let previous = '0'.repeat(64)
  return Array.from({ length: EACH }, (_, i) => {
    const place = { epoch: 1, sequence: i + 1, previous, outbox_from: 1 }
    const envelope = summaryAt(site, place, 1e15 + i * 3e8)
    previous = bodyHash(envelope.body)
    return { site, topic, envelope, payload: seal(envelope, { receiverKey, topic: formatTopic(topic) }) } // biome-ignore format: one line
  })
}

test(`${messages.length} summaries of ${SITES} sites`, async () => {
  for (let run = 0; run < RUNS; run++) {
    const verified = await timed(messages.length, async () => {
      for (const { site, envelope } of messages)
        if (typeof verifySummary(envelope, speakerOf(site)) === 'string') throw new Error('refused')
    })
    const { receiver } = await openReceiver(mkdtempSync(join(tmpdir(), 'picket-bench-')), fleet)
    const received = await timed(messages.length, async () => {
      const verdicts = await Promise.all(
        messages.map(({ topic, payload }) => receiver.take(topic, payload)),
      )
      if (verdicts.some((verdict) => verdict !== 'accepted')) throw new Error(String(verdicts))
    })
    await receiver.close()
    await closeLogs()
    say('summaries a second (and a core-second)', { verified, received })
  }
})

test('one after the other: a sync of the disk each', async () => {
  const { receiver } = await openReceiver(mkdtempSync(join(tmpdir(), 'picket-bench-')), fleet)
  const some = messages.slice(0, 200)
  const one = await timed(some.length, async () => {
    for (const { topic, payload } of some) await receiver.take(topic, payload)
  })
  await receiver.close()
  await closeLogs()
  say('one at a time', { received: one })
})

function speakerOf(site: BoxKeys): Speaker {
  const known = speakers.get(site)
  if (!known) throw new Error('no such site')
  return known
}

async function timed(count: number, act: () => Promise<void>) {
  const cpu = process.cpuUsage()
  const began = performance.now()
  await act()
  const { user, system } = process.cpuUsage(cpu)
  return {
    perSecond: Math.round((count / (performance.now() - began)) * 1000),
    perCoreSecond: Math.round((count / (user + system)) * 1e6),
  }
}

function say(what: string, numbers: object): void {
  process.stdout.write(`${what} ${JSON.stringify(numbers)}\n`)
}
