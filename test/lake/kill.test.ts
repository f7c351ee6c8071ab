/**
 * A whole box under constant traffic; each of its processes is killed (SIGKILL) at random moments, forty seeds in
 * all. Each comes back by the supervisor; no row that was acknowledged is lost or there twice; the block
 * stands all along; the time nobody looked is a number.
 */
import { expect, test } from 'vitest'
import { Failure } from '../../agent/base/failure.ts'
import type { UnitName } from '../../agent/control/units.ts'
import { Chance } from '../traffic/chance.ts'
import { AT, canUnshare, until } from '../traffic/three-networks.ts'
import { type Killed, WholeBox } from './whole-box.ts'

const PROCESSES: readonly UnitName[] = ['keys', 'guard', 'lake', 'agent', 'web']
const KILLS_EACH = 8
const MOMENT_MS_MAX = 1200
const SETTLED_MS_MAX = 30_000
const COUNT = 'SELECT count(*), count(DISTINCT event_id) FROM events'
const base = Number(process.env.PICKET_SEED ?? Date.now() % 1e9)

const able = canUnshare()
if (!able) process.stderr.write('kill: skipped, user namespaces are off on this machine\n')

const say = (line: string) => process.stderr.write(`kill: ${line}\n`)

test.skipIf(!able)(
  `forty kills, base seed ${base}`,
  async () => {
    await using stack = new AsyncDisposableStack()
    const box = await WholeBox.open({ settleSeconds: 0.4, compactFiles: 5 })
    stack.defer(() => box.close())
    const { networks } = box
    const asset = await networks.talk('assets', 'udp-listen', '5000')
    await networks.talk('hosts', 'udp-send', AT.asset, '5000', '20', AT.attacker)
    await networks.talk('hosts', 'dns-ask', AT.asset, '53', '25', AT.other)
    const { state, action_id } = await box.block(AT.attacker)
    expect(state).toBe('active')
    // Who begins once the block stands is heard behind all that came before it.
    await networks.talk('hosts', 'udp-send', AT.asset, '5000', '20', AT.other)
    await asset.hears(AT.other, 1)
    const heard = asset.count(AT.attacker)
    await until(() => box.acknowledged.size > 500, 'rows are acknowledged', SETTLED_MS_MAX)

    const seen = { rows: 0, blindSeconds: 0, missedFrames: 0 }
    const order = new Chance(base).shuffled(PROCESSES.flatMap((name) => Array<UnitName>(KILLS_EACH).fill(name))) // biome-ignore format: one line
    for (const [i, name] of order.entries()) {
      const seed = base + i
      const afterMs = new Chance(seed).next() * MOMENT_MS_MAX
      await new Promise((done) => setTimeout(done, afterMs))
      const acknowledged = box.acknowledged.size
      const killed = await box.kill(name)
      const back = killed.backMs.toFixed(0)
      say(`seed ${seed}: ${name} after ${afterMs.toFixed(0)} ms, back in ${back} ms`)
      await stillWhole(box, { killed, seen, action_id })
      await until(() => box.acknowledged.size > acknowledged, 'rows are acknowledged again', SETTLED_MS_MAX) // biome-ignore format: one line
    }
    await everythingIsThere(box)
    await asset.hears(AT.other)
    expect(asset.count(AT.attacker)).toBe(heard) // not one datagram in all that time
  },
  450_000, // 102 s on two processors, and four times as long on half a one
)

interface Known {
  killed: Killed
  seen: { rows: number; blindSeconds: number; missedFrames: number }
  action_id: string
}

/** What must hold after every single kill. */
async function stillWhole(box: WholeBox, { killed, seen, action_id }: Known): Promise<void> {
  expect(await box.ruleset()).toContain(`${AT.attacker} `)
  const action = (await box.guard.list()).find((each) => each.action_id === action_id)
  expect(action?.state).toBe('active')
  const [rows, distinct] = (await ask(box, COUNT))[0] as [number, number]
  expect(rows).toBe(distinct)
  expect(rows, 'rows that were in the lake').toBeGreaterThanOrEqual(seen.rows)
  seen.rows = rows
  const received = await box.received()
  const { blindSeconds, missedFrames, capture } = await box.status()
  if (killed.name === 'agent') {
    const more = blindSeconds - seen.blindSeconds
    expect(more, 'the gap is named').toBeGreaterThan(0.1)
    expect(more).toBeLessThan(killed.backMs / 1000 + 5) // notes are a second apart
    const frames = capture.interfaces.reduce((sum, port) => sum + port.frames, 0)
    const counted = frames + missedFrames - seen.missedFrames
    expect(counted, 'seen or missed').toBeGreaterThanOrEqual(received - killed.receivedBefore)
  } else {
    const { blindSeconds: blind, missedFrames: missed } = seen
    expect({ blindSeconds, missedFrames }).toEqual({ blindSeconds: blind, missedFrames: missed })
  }
  Object.assign(seen, { blindSeconds, missedFrames })
}

/** A process that this question needs may have been the one: then the question is asked again, no more. */
async function ask(box: WholeBox, sql: string): Promise<unknown[][]> {
  let rows: unknown[][] = []
  await until(
    async () => {
      try {
        rows = await box.ask(sql)
        return true
      } catch (error) {
        if (Failure.kindOf(error) !== 'unavailable') throw error
        return false
      }
    },
    'the lake answers',
    SETTLED_MS_MAX,
  )
  return rows
}

async function everythingIsThere(box: WholeBox): Promise<void> {
  const acknowledged = [...box.acknowledged]
  const missing = async () => {
    await box.lake((lake) => lake.settle())
    const ids = new Set((await ask(box, 'SELECT event_id FROM events')).map(([id]) => id))
    return acknowledged.filter((id) => !ids.has(id)).length
  }
  await until(
    async () => (await missing()) === 0,
    'every acknowledged row is there',
    SETTLED_MS_MAX,
  )
  expect(box.toldTwice).toBe(0)
  const [rows, distinct] = (await ask(box, COUNT))[0] as [number, number]
  expect(rows).toBe(distinct)
  const { tenants } = await box.lake((lake) => lake.status())
  expect(tenants).toMatchObject([{ aside: 0 }])
  expect(tenants[0]).not.toHaveProperty('fault')
  const { tier1Files, tier2Files } = tenants[0] ?? {}
  say(
    `${acknowledged.length} rows acknowledged, ${rows} in the lake, ${tier1Files} + ${tier2Files} files`,
  )
}
