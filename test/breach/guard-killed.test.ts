/** The guard dies at forty random moments while blocks are made and undone; nothing that it said may be untrue after. */
import { expect, test } from 'vitest'
import { Failure } from '../../agent/base/failure.ts'
import type { Action } from '../../agent/control/guard-client.ts'
import { aPlan, GuardedSite } from '../traffic/guarded-site.ts'
import { AT, canUnshare } from '../traffic/three-networks.ts'

const KILLS = 40
const seed = Number(process.env.PICKET_SEED ?? Date.now() % 1e9)
const able = canUnshare()
if (!able) process.stderr.write('guard-killed: skipped, user namespaces are off on this machine\n')

test.skipIf(!able)(`kill -9 at ${KILLS} moments, seed ${seed}`, async () => {
  const random = generator(seed)
  await using stack = new AsyncDisposableStack()
  const site = await GuardedSite.open({ liveMax: 4096 })
  stack.defer(() => site.close())
  const asset = await site.networks.talk('assets', 'udp-listen', '5000')
  await site.networks.talk('hosts', 'udp-send', AT.asset, '5000', '20', AT.attacker)
  await site.approve(await site.agent.propose(aPlan()))
  // Who begins once the block stands is heard behind all that came before it.
  await site.networks.talk('hosts', 'udp-send', AT.asset, '5000', '20', AT.other)
  await asset.hears(AT.other, 1)
  const heard = asset.count(AT.attacker)

  const known: Known = { said: new Map(), undoing: new Set() }
  const { said, undoing } = known
  for (let round = 0; round < KILLS; round++) {
    const answered = Promise.withResolvers<void>()
    const work = busy(site, { ...known, answered: answered.resolve }, random)
    // Three of four die in the middle of their work, however slow it is here; the others at any moment.
    if (random() < 0.75) await Promise.race([answered.promise, work])
    await new Promise((done) => setTimeout(done, random() * 80))
    await site.killGuard()
    await work
    const orphaned = await site.ruleset()
    for (const { state, target, action_id } of said.values())
      if (state === 'active' && !undoing.has(action_id))
        expect(orphaned, `round ${round}`).toContain(`${target} `)

    await site.startGuard()
    const listed = await site.web.list()
    const ruleset = await site.ruleset()
    for (const { action_id, state, target } of said.values()) {
      const now = listed.find((action) => action.action_id === action_id)
      expect(AFTER[state], `round ${round} ${target} was ${state}`).toContain(now?.state)
    }
    for (const { target, state } of listed)
      expect(ruleset.includes(`${target} `), `round ${round} ${target} is ${state}`).toBe(
        state === 'active',
      )
    undoing.clear()
    for (const action of listed) if (said.has(action.action_id)) said.set(action.action_id, action)
  }
  await asset.hears(AT.other)
  expect(asset.count(AT.attacker)).toBe(heard) // not one datagram in all that time
  expect(said.size).toBeGreaterThan(KILLS / 2)
})

interface Known {
  /** The last state the guard acknowledged, by action. */
  said: Map<string, Action>
  /** Where an undo was asked for and not answered yet. */
  undoing: Set<string>
}

/** What may have become of a state when the answer to the next step got lost. */
const AFTER: Record<string, string[]> = {
  proposed: ['proposed', 'active'],
  active: ['active', 'undone'],
  undone: ['undone'],
}

/** Proposes, approves and undoes until the guard is gone; keeps what was acknowledged. */
async function busy(
  site: GuardedSite,
  { said, undoing, answered }: Known & { answered: () => void },
  random: () => number,
) {
  const keep = (action: Action) => {
    said.set(action.action_id, action)
    answered()
    return action
  }
  for (let n = said.size; ; n++) {
    try {
      const plan = aPlan({ target: `10.10.${4 + (n >> 8)}.${n & 255}` })
      const action = keep(await site.agent.propose(plan))
      if (random() < 0.2) continue
      const active = keep(await site.approve(action))
      if (random() < 0.6) continue
      undoing.add(active.action_id)
      keep(await site.undo(active))
    } catch (error) {
      if (Failure.kindOf(error) === 'unavailable') return // the kill
      expect(error).toMatchObject({ kind: 'too-many' }) // its budget of a minute
      const live = [...said.values()].find(({ state }) => state === 'active')
      if (live) undoing.add(live.action_id)
      if (live) await site.undo(live).then(keep, () => {})
    }
  }
}

function generator(start: number): () => number {
  let state = start >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
