/**
 * Picket and Suricata on a wire: a veth pair, one worker each with a ring of the same size, the mix sent at a rate after a short one
 * that warms both, and then another of the same kind; 1,000 rules, EVE alerts alone. What is told is drops and CPU a frame. Then how fast they
 * are: each stands still while the same is sent, until the rings hold it all, and works it off with nothing beside it, and so on with three more of
 * the kind, with one worker and with two. Then ours with and without 1,000 other rules that come into force meanwhile.
 *
 * PICKET_ENGINE_KPPS (400), _SWAP_KPPS (300), PICKET_ENGINE_RING_MIB (64), and PICKET_ENGINE_PACKETS, _TURNS, _DIR, _SEED as in engine.bench.ts, which is to have run
 * before in the same folder: its rules are used. Needs root and mmdebstrap, a core for the sender beside those of the workers, and 5 GB
 * of memory for rings.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'vitest'
import { corpus } from '../traffic/corpus.ts'
import { capture } from '../traffic/mix/main.ts'
import { type LiveTaken, type Sent, Wire } from './engine/live.ts'
import { makePeer, peerLacks } from './engine/suricata.ts'
import { keepResults } from './lake/results.ts'
import { spreadOf } from './lake/spread.ts'

const asked = (name: string, usual: string) => process.env[`PICKET_ENGINE_${name}`] ?? usual
const FOLDER = asked('DIR', fileURLToPath(new URL('../../.state/bench-engine', import.meta.url)))
const PACKETS = Number(asked('PACKETS', '1000000'))
const TURNS = Number(asked('TURNS', '3'))
const SEED = Number(asked('SEED', '1'))
const KPPS = Number(asked('KPPS', '400'))
const RING_MIB = Number(asked('RING_MIB', '64'))
const HOME = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']
const SWAP_KPPS = Number(asked('SWAP_KPPS', '300'))
const RULES = 'rules-1000.rules'
/** The same in a later edition: each is compiled anew. */
const OTHER_RULES = 'rules-1000-later.rules'
const WARMING_PACKETS = 50_000
const SHARDS = [1, 2]
/** Of two workers each sees half: what they do compiled shows from the third on. */
const HELD_CAPTURES = 4
/** Slower than either works: how fast it is sent does not matter then. */
const HELD = { kpps: 200, ringMiB: Math.ceil(PACKETS / 550), held: true }

const lacks = peerLacks() ?? (existsSync(join(FOLDER, RULES)) ? undefined : 'the rules that engine.bench.ts makes') // biome-ignore format: one line
if (lacks !== undefined) process.stdout.write(`skipped: the bench on a wire needs ${lacks}\n`)

test.skipIf(lacks !== undefined)('on a wire', { timeout: 3_600_000 }, async () => {
  const peer = makePeer(FOLDER, (text) => void process.stdout.write(`${text}\n`))
  const ruleFiles = ['et-open-2025-BSD.rules', 'et-open-2020-BSD.rules'].map((name) => join(corpus('rules') as string, name)) // biome-ignore format: one list
  const alike = Array.from({ length: HELD_CAPTURES }, (_, i) => basename(capture({ folder: FOLDER, kind: 'mix', seed: SEED + 2 * i, packets: PACKETS, ruleFiles }).path)) // biome-ignore format: one call
  const warming = capture({ folder: FOLDER, kind: 'mix', seed: SEED + 1, packets: WARMING_PACKETS, ruleFiles }) // biome-ignore format: one call
  const later = readFileSync(join(FOLDER, RULES), 'latin1').replace(/rev:\s*(\d+)/g, (_, rev) => `rev:${Number(rev) + 1}`) // biome-ignore format: one line
  writeFileSync(join(FOLDER, OTHER_RULES), later, 'latin1')
  const wire = new Wire(peer)
  const lines: unknown[] = []
  try {
    const same = (engine: 'suricata' | 'picket') => ({ engine, files: FOLDER, work: join(FOLDER, `work-${process.pid}`, engine), captures: alike.slice(0, 1), warming: basename(warming.path), rules: RULES, home: HOME, shards: 1, kpps: KPPS, ringMiB: RING_MIB }) // biome-ignore format: one run
    const beside = [{}, ...SHARDS.map((shards) => ({ ...HELD, shards }))]
    for (const how of beside) {
      const captures = alike.slice(0, 'held' in how ? HELD_CAPTURES : 2)
      const taken = { suricata: [] as LiveTaken[], picket: [] as LiveTaken[] }
      for (let turn = 0; turn < TURNS; turn++)
        for (const engine of ['suricata', 'picket'] as const)
          taken[engine].push(await wire.run({ ...same(engine), captures, ...how }))
      for (const engine of ['suricata', 'picket'] as const)
        lines.push(told({ engine, ...how }, taken[engine]))
    }
    for (const swapTo of [undefined, OTHER_RULES]) {
      const how = { kpps: SWAP_KPPS, ...(swapTo && { swapTo }) }
      const taken: LiveTaken[] = []
      for (let turn = 0; turn < TURNS; turn++)
        taken.push(await wire.run({ ...same('picket'), ...how }))
      lines.push(told({ engine: 'picket', ...how }, taken))
    }
  } finally {
    wire.close()
    rmSync(join(FOLDER, `work-${process.pid}`), { recursive: true, force: true })
  }
  keepResults('live', { suricata: peer.version, turns: TURNS, kpps: KPPS, ringMiB: RING_MIB, rules: 1000, lines }) // biome-ignore format: one line
})

function told(how: object, taken: LiveTaken[]): unknown {
  const of = (figure: (one: LiveTaken) => number) => spreadOf(taken.map(figure))
  const sent = (taken[0]?.sent ?? []).map(({ frames }, i) => {
    const ofSent = (figure: (one: Sent) => number) => of((one) => figure(one.sent[i] as Sent))
    return { frames, kpps: ofSent(({ kpps }) => kpps), cpuNsAFrame: ofSent((each) => (each.cpuSeconds * 1e9) / each.frames) } // biome-ignore format: one line
  })
  const dropped = of((one) => (one.dropped / one.all) * 100)
  const line = { shards: 1, ...how, sent, droppedPercent: dropped, alerts: of(({ alerts }) => alerts) } // biome-ignore format: one line
  process.stdout.write(`live ${JSON.stringify(line)}\n`)
  return line
}
