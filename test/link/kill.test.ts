/** Both ends of an uplink killed by -9 at random moments: nothing is lost, nothing is there twice, nothing forks. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { silentLog } from '../../agent/base/log.ts'
import { ReceivedLog } from '../../agent/link/received.ts'
import { KIND_SUMMARY } from '../../agent/link/record.ts'
import { Chance } from '../traffic/chance.ts'
import { type BoxKeys, type FleetKeys, openReceiver, saveFleet } from './fleet.ts'
import { makeFleet } from './fleet-ca.ts'
import { freePort } from './free-port.ts'

const SEEDS = 40
const LANES = 2
const SUMMARIES = 80
const SEED_MS_MAX = 60_000
/** A minute on two processors of their own, five on half a one. */
const ALL_MS_MAX = 450_000
const programs = { primary: './primary-process.ts', site: './site-process.ts' }
type Name = keyof typeof programs

const first = Number(process.env.PICKET_SEED ?? Math.floor(Math.random() * 1e9))
const cache = mkdtempSync(join(tmpdir(), 'picket-cache-'))
let fleet: FleetKeys
beforeAll(async () => {
  fleet = (await makeFleet(['sydney'])).keys
})

class Run {
  readonly folder = mkdtempSync(join(tmpdir(), 'picket-kill-'))
  readonly #children = new Map<Name, ChildProcess>()
  readonly #port: number
  siteEnded = false
  readonly done: Promise<void>
  #finish = () => {}

  constructor(port: number) {
    this.#port = port
    saveFleet(join(this.folder, 'fleet.json'), fleet)
    this.done = new Promise((done) => {
      this.#finish = done
    })
  }

  /** Resolves when it is up; where it ends by itself at once, then too. */
  async start(name: Name): Promise<void> {
    const path = fileURLToPath(new URL(programs[name], import.meta.url))
    const args = [
      path,
      this.folder,
      `${this.#port}`,
      ...(name === 'site' ? [`${SUMMARIES}`] : ['50']),
    ]
    const env = { ...process.env, NODE_COMPILE_CACHE: cache }
    const child = spawn(process.execPath, args, {
      env,
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    })
    this.#children.set(name, child)
    if (name === 'site')
      child.once('exit', (code) => {
        this.siteEnded = code === 0
        if (code === 0) this.#finish()
      })
    await new Promise<void>((done) => {
      child.once('exit', () => done())
      child.stdout?.once('data', () => done())
    })
  }

  async kill(name: Name): Promise<void> {
    const child = this.#children.get(name)
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((done) => child.once('exit', done))
    child.kill('SIGKILL')
    await gone
  }

  /** What the disk of the primary holds, and what a receiver makes of it at its next start. */
  async judge(): Promise<{ sequences: number[]; whole: number; forks: number }> {
    const log = await ReceivedLog.open({ folder: join(this.folder, 'received'), log: silentLog })
    const sequences = [...log.read()]
      .filter(({ head }) => head.kind === KIND_SUMMARY)
      .map(({ head }) => head.sequence)
    const epochs = new Set([...log.read()].map(({ head }) => head.epoch))
    await log.close()
    expect(epochs.size).toBe(1)
    const again = await openReceiver(this.folder, fleet)
    const site = again.receiver.sites().get((fleet.sites[0] as BoxKeys).tenant_uid)
    const [epoch = 0] = epochs
    const whole = site?.held(epoch, 9).whole ?? 0
    expect(site?.fold.epochs[0]?.wholeUpTo).toBe(whole)
    const forks = site?.fold.forks.length ?? -1
    await again.receiver.close()
    await again.log.close()
    return { sequences: sequences.sort((a, b) => a - b), whole, forks }
  }
}

async function oneSeed(seed: number): Promise<void> {
  const chance = new Chance(seed)
  const run = new Run(await freePort())
  try {
    await run.start('primary')
    await run.start('site')
    for (let kills = chance.int(1, 3); kills > 0 && !run.siteEnded; kills--) {
      await new Promise((done) => setTimeout(done, chance.int(0, 250)))
      const name = chance.pick(['primary', 'site'] as const)
      await run.kill(name)
      if (!run.siteEnded) await run.start(name)
    }
    const late = new Promise<never>((_, fail) =>
      setTimeout(() => fail(new Error('not all were acknowledged')), SEED_MS_MAX).unref(),
    )
    await Promise.race([run.done, late])
    await run.kill('primary')
    const { sequences, whole, forks } = await run.judge()
    expect(sequences).toEqual(Array.from({ length: SUMMARIES }, (_, i) => i + 1))
    expect({ whole, forks }).toEqual({ whole: SUMMARIES, forks: 0 })
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
  } finally {
    await run.kill('site')
    await run.kill('primary')
    rmSync(run.folder, { recursive: true, force: true })
  }
}

test(
  `${SEEDS} seeds from ${first}`,
  async ({ signal }) => {
    process.stderr.write(`kill: seeds ${first} to ${first + SEEDS - 1} (PICKET_SEED=${first})\n`)
    const seeds = Array.from({ length: SEEDS }, (_, i) => first + i)
    const lane = async () => {
      for (let seed = seeds.shift(); seed !== undefined && !signal.aborted; seed = seeds.shift()) await oneSeed(seed) // biome-ignore format: one line
    }
    await Promise.all(Array.from({ length: LANES }, lane))
  },
  ALL_MS_MAX,
)
