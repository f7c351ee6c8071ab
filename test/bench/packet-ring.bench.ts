/**
 * What the packet ring costs the agent: a whole box under constant real traffic, its agent started anew with the ring off
 * and on by turns, and the processor time of that process (all threads) while so many frames came.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'vitest'
import { usage } from '../../agent/lake/confined-child.ts'
import { WholeBox } from '../lake/whole-box.ts'
import { AT, canUnshare } from '../traffic/three-networks.ts'

const TURNS = 4
const WARM_MS = 2500
const MEASURE_MS = 8000

interface Turn {
  ring: boolean
  frames: number
  bytes: number
  cpuMs: number
  share: number
  usPerFrame: number
  lost: number
}

test.skipIf(!canUnshare())(
  'packet ring off and on, by turns',
  async () => {
    await using stack = new AsyncDisposableStack()
    const box = await WholeBox.open({ settleSeconds: 2 })
    stack.defer(() => box.close())
    const { networks } = box
    await networks.talk('assets', 'udp-listen', '5000')
    await networks.talk('hosts', 'dns-ask', AT.asset, '53', '5', AT.other)
    await networks.talk('hosts', 'dns-ask', AT.asset, '53', '5', AT.attacker)
    await networks.talk('hosts', 'udp-send', AT.asset, '5000', '2', AT.attacker)
    const turns: Turn[] = []
    for (let i = 0; i < TURNS * 2; i++) {
      const turn = await measure(box, i % 2 === 1)
      turns.push(turn)
      process.stdout.write(`packetRing ${JSON.stringify(turn)}\n`)
    }
    for (const ring of [false, true]) {
      const some = turns.filter((turn) => turn.ring === ring).map(({ usPerFrame }) => usPerFrame)
      const sorted = some.toSorted((a, b) => a - b)
      const [least, most] = [sorted[0], sorted.at(-1)]
      const median = ((sorted[1] ?? 0) + (sorted[2] ?? 0)) / 2
      process.stdout.write(`packetRing ${JSON.stringify({ ring, usPerFrame: { least, median, most } })}\n`) // biome-ignore format: one line
    }
  },
  300_000,
)

async function measure(box: WholeBox, ring: boolean): Promise<Turn> {
  const path = join(box.data, 'config.json')
  const config = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  writeFileSync(path, JSON.stringify({ ...config, ring: { bytes: ring ? 64 << 20 : 0 } }))
  await box.kill('agent')
  await new Promise((done) => setTimeout(done, WARM_MS))
  const pid = box.pid('agent')
  const seen = async () => (await box.status()).capture.interfaces[0]
  const [before, cpuBefore] = [await seen(), usage(pid)?.cpuMs ?? 0]
  await new Promise((done) => setTimeout(done, MEASURE_MS))
  const [after, cpuAfter] = [await seen(), usage(pid)?.cpuMs ?? 0]
  const frames = (after?.processed ?? 0) - (before?.processed ?? 0)
  const cpuMs = cpuAfter - cpuBefore
  const lost = (await box.status()).counters.packetsNotKept ?? 0
  const bytes = (after?.bytes ?? 0) - (before?.bytes ?? 0)
  return { ring, frames, bytes, cpuMs, share: cpuMs / MEASURE_MS, usPerFrame: (cpuMs * 1000) / frames, lost } // biome-ignore format: one line
}
