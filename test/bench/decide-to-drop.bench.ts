/**
 * From a plan to the kernel that drops. `decideToDropMs` is what the guard itself measured: for an automatic block plan
 * decided → libnftables returned (the socket included), for an approved one approval received → returned. Each
 * sample is a real guard, a real table and a real fsync in namespaces of its own.
 */
import { test } from 'vitest'
import { aPlan, GuardedSite } from '../traffic/guarded-site.ts'
import { canUnshare } from '../traffic/three-networks.ts'

const PER_GUARD = 95 // of the 100 additions a minute that the configuration allows at most
const GUARDS = 3

test.skipIf(!canUnshare()).each(['automatic', 'propose'] as const)(
  'decide to drop, policy %s',
  async (policy) => {
    const milliseconds: number[] = []
    for (let n = 0; n < GUARDS; n++) milliseconds.push(...(await samples(policy)))
    milliseconds.sort((a, b) => a - b)
    const at = (share: number) => milliseconds[Math.floor(share * milliseconds.length)]
    const [p50, p95, p99, max] = [at(0.5), at(0.95), at(0.99), milliseconds.at(-1)]
    const line = { policy, samples: milliseconds.length, p50, p95, p99, max }
    process.stdout.write(`decideToDropMs ${JSON.stringify(line)}\n`)
  },
  120_000,
)

async function samples(policy: 'automatic' | 'propose'): Promise<number[]> {
  const site = await GuardedSite.open({ policy, liveMax: 4096 })
  const taken: number[] = []
  try {
    for (let n = 0; n < PER_GUARD; n++) {
      const answer = await site.agent.propose(aPlan({ target: `10.10.9.${n + 1}` }))
      const active = policy === 'automatic' ? answer : await site.approve(answer)
      taken.push(active.decideToDropMs as number)
    }
  } finally {
    site.close()
  }
  return taken
}
