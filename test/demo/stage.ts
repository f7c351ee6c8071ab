/**
 * What happens inside the namespaces: builds the network, starts the appliance and the actors, plays the
 * story. First process of its own process namespace, so that nothing outlives it. Ends when its standard
 * input does: that is its launcher's life.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Chance } from '../traffic/chance.ts'
import { Appliance } from './appliance.ts'
import { Crew } from './crew.ts'
import { Namespaces } from './namespaces.ts'
import { buildNetwork, plug, unplug } from './network.ts'
import { type Outcome, outcome, type Proof } from './outcome.ts'
import { type Attack, type Plan, planOf } from './plan.ts'
import { type Recorder, record } from './recorder.ts'
import { allFound, attack, blockAndUndo, type Stage, until } from './story.ts'

const COUNTED_MS_MAX = 15_000
const BETWEEN_WAVES_MS = 45_000
/** Two counts this far apart that agree: nothing is on the wire any more. */
const SILENCE_MS = 600

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    seed: { type: 'string' },
    address: { type: 'string' },
    once: { type: 'boolean' },
    calm: { type: 'boolean' },
    keep: { type: 'boolean' },
    json: { type: 'string' },
    record: { type: 'string' },
  },
})
const started = performance.now()
const data = values.data as string
const plan = planOf(Number(values.seed))

function say(line: string): void {
  const at = ((performance.now() - started) / 1000).toFixed(1).padStart(5)
  process.stdout.write(`${at} s  ${line}\n`)
}

function leave(code: number): never {
  if (!values.keep) rmSync(data, { recursive: true, force: true })
  process.exit(code)
}

async function main(): Promise<void> {
  const rooms = await Namespaces.open()
  buildNetwork(rooms, plan)
  const recorder = values.record
    ? await record(rooms, values.record, `seed-${plan.seed}`)
    : undefined
  const crew = new Crew(rooms, plan)
  const [appliance] = await Promise.all([Appliance.start(rooms, plan, data), crew.open()])
  const stage: Stage = { plan, crew, appliance, say }
  say('the appliance is up: keys, guard, lake, agent, web')
  say(`look: ${values.address}   one-time login: ${await appliance.login()}`)
  plug(rooms, plan)
  const end = async () => {
    await crew.rest()
    await appliance.stop()
  }
  onStop(async () => {
    await Promise.race([end(), wait(8_000)])
    await recorder?.stop()
    leave(0)
  })
  try {
    await crew.begin()
    say('people, machines and controllers work: web, DNS, TLS, SSH, Modbus')
    if (values.once) leave(await once(stage, rooms, recorder))
    else await forever(stage)
  } catch (error) {
    process.stderr.write(`${appliance.complaint()}\n`)
    throw error
  }
}

/** Unattended: the whole story, the wire pulled, everything counted. Gives the exit code. */
async function once(
  stage: Stage,
  rooms: Namespaces,
  recorder: Recorder | undefined,
): Promise<number> {
  const { crew, appliance } = stage
  await wait(plan.calmMs)
  let proofs = new Map<string, Proof>()
  if (values.calm) await wait(plan.calmMs)
  else {
    for (const next of plan.attacks) await attack(stage, next)
    await allFound(stage)
    proofs = await blockAndUndo(stage)
  }
  const did = await crew.did()
  const rounds = did.reduce((sum, each) => sum + each.rounds, 0)
  const failures = did.reduce((sum, each) => sum + each.failures, 0)
  await crew.rest()
  say(`everybody rests: ordinary programs made ${rounds} rounds, ${failures} failed`)
  await counted(stage, rooms)
  const result = await outcome(appliance, plan, proofs)
  await appliance.stop()
  const recorded = await recorder?.stop()
  if (values.json) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`)
  for (const line of [result.sites[0]?.sentence ?? '', `counts: ${counts(result)}`]) say(line)
  return verdict(result, recorded, recorder)
}

/** Nothing moves: the plug is pulled, and the box has counted all that came before. */
async function counted({ appliance }: Stage, rooms: Namespaces): Promise<void> {
  const frames = async () => (await appliance.status()).capture.interfaces[0]?.frames ?? 0
  let last = -1
  await until('silence on the wire', COUNTED_MS_MAX, async () => {
    await wait(SILENCE_MS)
    const now = await frames()
    const silent = now === last
    last = now
    return silent
  })
  unplug(rooms)
  await until('processed + dropped = frames', COUNTED_MS_MAX, async () => {
    const { capture } = await appliance.status()
    return capture.interfaces.every((port) => port.processed + port.dropped === port.frames)
  })
}

function counts({ sites, lake }: Outcome): string {
  const [site] = sites
  const rows = lake.reduce((sum, each) => sum + each.rows, 0)
  return `${site?.frames} frames = ${site?.processed} processed + ${site?.dropped} dropped, ${rows} rows in the lake`
}

function verdict(
  { sites }: Outcome,
  recorded: { captured: number; dropped: number } | undefined,
  recorder: Recorder | undefined,
): number {
  const [site] = sites
  const faults: string[] = []
  if (!site || site.processed + site.dropped !== site.frames || site.frames === 0)
    faults.push('frames are not accounted for')
  if (recorded && recorder) {
    say(`tcpdump recorded ${recorded.captured} frames in ${basename(recorder.path)}`)
    if (recorded.dropped > 0) faults.push(`tcpdump itself lost ${recorded.dropped} frames`)
    if (recorded.captured !== site?.frames)
      faults.push(`tcpdump recorded ${recorded.captured} frames, the box counted ${site?.frames}`)
  }
  if (values.calm && site) {
    const loud = site.findings.filter(({ severity }) => severity !== 'low')
    if (loud.length > 0) faults.push(`findings on a calm day: ${JSON.stringify(loud)}`)
    if (site.actions.length > 0) faults.push(`actions on a calm day: ${site.actions.length}`)
  }
  for (const fault of faults) process.stderr.write(`demo: ${fault}\n`)
  return faults.length > 0 ? 1 : 0
}

/** While somebody looks: a wave of attacks now and again, by others each time; the guesser never stops. */
async function forever(stage: Stage): Promise<never> {
  const { crew, appliance } = stage
  await appliance.watch((message) => say(`found, ${message}`))
  say('Ctrl-C ends everything.')
  await wait(plan.calmMs)
  for (let wave = 0; ; wave++) {
    if (!values.calm) {
      const attacks = wave === 0 ? plan.attacks : laterWave(plan, wave)
      for (const next of attacks) await attack(stage, next)
      const guesser = attacks.find(({ kind }) => kind === 'passwords') as Attack
      await crew.keepGuessing(guesser.from)
      say(
        `${guesser.from} goes on guessing; approve its block in the page and watch it fall silent`,
      )
      watchGuesser(stage, guesser.from)
    }
    await wait(BETWEEN_WAVES_MS)
  }
}

function laterWave({ attacks, strangers, seed }: Plan, wave: number): Attack[] {
  const chance = new Chance(seed + wave)
  return chance.shuffled(attacks).map((each) => ({
    ...each,
    from:
      strangers.includes(each.from) || /^203\./.test(each.from)
        ? chance.pick(strangers)
        : each.from,
    seed: chance.int(1, 2 ** 31),
  }))
}

/** Says when the SSH server hears the guesser no more, and when it does again. */
function watchGuesser({ crew, plan: { shell } }: Stage, from: string): void {
  let reaches = true
  setInterval(async () => {
    const { lastAt } = await crew.heard(shell, from)
    const now = Date.now() - lastAt < 2_500
    if (now !== reaches) say(`the SSH server ${now ? 'hears' : 'no longer hears'} ${from}`)
    reaches = now
  }, 1000).unref()
}

/** Our launcher speaks by ending: whether it closes the pipe or dies, this is the same. */
function onStop(stop: () => Promise<void>): void {
  process.stdin.removeAllListeners('end')
  process.stdin.once('end', () => void stop())
}

process.stdin.resume()
process.stdin.once('end', () => leave(0))
main().catch((error: unknown) => {
  process.stderr.write(`demo: ${(error as Error).message}\n`)
  leave(1)
})
