/**
 * What happens inside the namespaces: builds the networks of three sites, starts their appliances and actors, plays
 * the story. First process of its own process namespace, so that nothing outlives it. Ends when its standard
 * input does: that is its launcher's life.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Chance } from '../traffic/chance.ts'
import { BACKBONE, buildBackbone } from './backbone.ts'
import { Branch } from './branch.ts'
import {
  allHeard,
  checkedElsewhere,
  complianceFell,
  cutAndMend,
  intrude,
  joinAll,
  turnsBlind,
} from './fleet.ts'
import { Namespaces, ROOMS } from './namespaces.ts'
import { type Outcome, outcome, type Proof } from './outcome.ts'
import type { Attack, Plan } from './plan.ts'
import { scenarioOf } from './scenario.ts'
import { attack, attacks, blockAndUndo, telnetAppears } from './story.ts'

const BETWEEN_WAVES_MS = 45_000
/** In rules/controls. */
const TELNET_CONTROL = 'telnet'
/** The first inherited socket; one a site. */
const LISTEN_FD = 3

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    seed: { type: 'string' },
    address: { type: 'string', multiple: true },
    once: { type: 'boolean' },
    calm: { type: 'boolean' },
    keep: { type: 'boolean' },
    json: { type: 'string' },
    record: { type: 'string' },
  },
})
const started = performance.now()
const data = values.data as string
const scenario = scenarioOf(Number(values.seed))

function say(line: string): void {
  const at = ((performance.now() - started) / 1000).toFixed(1).padStart(5)
  process.stdout.write(`${at} s  ${line}\n`)
}

function leave(code: number): never {
  try {
    if (!values.keep) rmSync(data, { recursive: true, force: true })
  } catch {
    // somebody still writes there, who ends with us; our launcher takes away what is left
  }
  process.exit(code)
}

async function main(): Promise<void> {
  const { sites } = scenario
  const rooms = await Namespaces.open([
    ...sites.flatMap(({ tenant_id }) => ROOMS.map((room) => `${tenant_id}/${room}`)),
    BACKBONE,
  ])
  buildBackbone(rooms, sites)
  const branches = await Promise.all(
    sites.map((site, i) => {
      const folder = join(data, site.tenant_id)
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      const { record } = values
      return Branch.open(rooms, site, {
        data: folder,
        listenFd: LISTEN_FD + i,
        record,
        seed: scenario.seed,
        say,
      })
    }),
  )
  say('three appliances are up: keys, guard, lake, agent, link, web of each')
  for (const [i, { scenario: site, appliance }] of branches.entries())
    say(
      `${site.name.padEnd(9)} ${values.address?.[i]}   one-time login: ${await appliance.login()}`,
    )
  onStop(async () => {
    await Promise.race([Promise.all(branches.map((each) => each.stop())), wait(8_000)])
    await Promise.all(branches.map((each) => each.recorder?.stop()))
    leave(0)
  })
  try {
    for (const branch of branches) branch.plug()
    await Promise.all([joinAll(branches), ...branches.map(({ crew }) => crew.begin())])
    say('people, machines and controllers work: web, DNS, TLS, SSH, Modbus')
    if (values.once) leave(await once(rooms, branches))
    else await forever(rooms, branches)
  } catch (error) {
    for (const { appliance } of branches)
      process.stderr.write(`=== ${appliance.tenant_id}\n${appliance.complaint()}\n`)
    throw error
  }
}

/** Unattended: the whole story, the wires pulled, everything counted. Gives the exit code. */
async function once(rooms: Namespaces, branches: readonly Branch[]): Promise<number> {
  const [london, capeTown, sydney] = branches as [Branch, Branch, Branch]
  const { calmMs } = london.scenario.plan
  const proofs = new Map<string, Proof>()
  await Promise.all([allHeard(branches), wait(calmMs)])
  if (values.calm) await wait(calmMs)
  else {
    const proven = await Promise.all([
      attacks(capeTown).then(() => blockAndUndo(capeTown, 'registers')),
      attacks(sydney)
        .then(() => telnetAppears(sydney))
        .then(() => blockAndUndo(sydney, 'passwords')),
    ])
    for (const { action, proof } of proven) proofs.set(action.action_id, proof)
    await complianceFell(london, sydney, TELNET_CONTROL)
    await Promise.all([cutAndMend(rooms, london, sydney), turnsBlind(london, london)])
    await intrude(london, sydney)
    await checkedElsewhere(london, sydney)
  }
  for (const branch of branches) {
    const did = await branch.crew.did()
    const sum = (of: 'rounds' | 'failures') => did.reduce((total, each) => total + each[of], 0)
    branch.say(
      `everybody rests: ordinary programs made ${sum('rounds')} rounds, ${sum('failures')} failed`,
    )
    await branch.crew.rest()
  }
  await Promise.all(branches.map((branch) => branch.counted()))
  const result = await outcome(scenario.seed, branches, {
    proofs,
    url: `${values.address?.[0]}fleet`,
  })
  await Promise.all(branches.map(({ appliance }) => appliance.stop()))
  const recorded = await Promise.all(branches.map(({ recorder }) => recorder?.stop()))
  if (values.json) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`)
  return verdict(result, branches, recorded)
}

function verdict(
  { sites, lake, fleet }: Outcome,
  branches: readonly Branch[],
  recorded: readonly ({ captured: number; dropped: number } | undefined)[],
): number {
  const faults: string[] = []
  for (const [i, site] of sites.entries()) {
    const { frames, processed, dropped, sentence, tenant_id } = site
    branches[i]?.say(sentence)
    branches[i]?.say(
      `${frames} frames = ${processed} processed + ${dropped} dropped, ${lake[i]?.rows} rows in the lake`,
    )
    if (processed + dropped !== frames || frames === 0)
      faults.push(`${tenant_id}: frames are not accounted for`)
    const wire = recorded[i]
    if (wire) {
      branches[i]?.say(
        `tcpdump recorded ${wire.captured} frames in ${basename(branches[i]?.recorder?.path ?? '')}`,
      )
      if (wire.dropped > 0) faults.push(`${tenant_id}: tcpdump itself lost ${wire.dropped} frames`)
      if (wire.captured !== frames)
        faults.push(
          `${tenant_id}: tcpdump recorded ${wire.captured} frames, the box counted ${frames}`,
        )
    }
    if (!values.calm) continue
    const loud = site.findings.filter(({ severity }) => severity !== 'low')
    if (loud.length > 0)
      faults.push(`${tenant_id}: findings on a calm day: ${JSON.stringify(loud)}`)
    if (site.actions.length > 0)
      faults.push(`${tenant_id}: ${site.actions.length} actions on a calm day`)
  }
  faults.push(...fleetFaults(fleet, sites))
  for (const fault of faults) process.stderr.write(`demo: ${fault}\n`)
  return faults.length > 0 ? 1 : 0
}

/** Every summary verified, each place once, no gap; refused was what the intruder sent, and nothing else. */
function fleetFaults(fleet: Outcome['fleet'], sites: Outcome['sites']): string[] {
  const faults: string[] = []
  say(`Fleet Command took in ${fleet.accepted} summaries, ${fleet.openGaps} gaps are open`)
  if (fleet.openGaps > 0) faults.push(`${fleet.openGaps} gaps are open`)
  for (const { tenant_id, summaries } of sites) {
    if (summaries.length === 0) faults.push(`${tenant_id}: no summary was received`)
    if (summaries.some(({ verified }) => !verified))
      faults.push(`${tenant_id}: a summary does not verify`)
    const places = new Set(summaries.map(({ seq }) => seq))
    if (places.size !== summaries.length || Math.max(...places) !== places.size)
      faults.push(`${tenant_id}: ${summaries.length} summaries for ${Math.max(...places)} places`)
  }
  // But what a site sent again, as it had not heard that it was received.
  const refused = fleet.rejected.filter(({ reason }) => reason !== 'replayed')
  if (values.calm && refused.length > 0)
    faults.push(`refused on a calm day: ${JSON.stringify(refused)}`)
  return faults
}

/** While somebody looks: a wave of attacks now and again, by others each time; the writer never stops. */
async function forever(rooms: Namespaces, branches: readonly Branch[]): Promise<never> {
  const [london, , sydney] = branches as [Branch, Branch, Branch]
  for (const branch of branches)
    await branch.appliance.watch((message) => branch.say(`found, ${message}`))
  say('Ctrl-C ends everything.')
  await wait(branches[0]?.scenario.plan.calmMs)
  for (let wave = 0; ; wave++) {
    if (!values.calm) {
      await Promise.all(branches.map((branch) => waveAt(branch, wave)))
      const told = (branch: Branch) => (error: Error) => branch.say(error.message)
      await Promise.all([
        cutAndMend(rooms, london, sydney).catch(told(sydney)),
        turnsBlind(london, london)
          .catch(told(london))
          .then(() => london.plug()),
      ])
      if (wave === 0) await intrude(london, sydney)
    }
    await wait(BETWEEN_WAVES_MS)
  }
}

async function waveAt(branch: Branch, wave: number): Promise<void> {
  const { plan } = branch.scenario
  const all = wave === 0 ? plan.attacks : laterWave(plan, wave)
  for (const next of all) await attack(branch, next)
  if (wave === 0) await telnetAppears(branch)
  const writer = all.find(({ kind }) => kind === 'registers')
  const [controller] = plan.controllers
  if (!writer || !controller || wave > 0) return
  await branch.crew.keepOn('write', writer.from, controller)
  branch.say(
    `${writer.from} goes on writing; approve its block in the page and watch it fall silent`,
  )
  watchWriter(branch, writer.from)
}

function laterWave({ attacks, strangers, seed }: Plan, wave: number): Attack[] {
  const chance = new Chance(seed + wave)
  return chance.shuffled(attacks).map((each) => ({
    ...each,
    from: /^203\./.test(each.from) ? chance.pick(strangers) : each.from,
    seed: chance.int(1, 2 ** 31),
  }))
}

/** Says when the controller hears the writer no more, and when it does again. */
function watchWriter(branch: Branch, from: string): void {
  const [controller] = branch.scenario.plan.controllers
  if (!controller) return
  let reaches = true
  setInterval(async () => {
    const { lastAt } = await branch.crew.heard(controller, from)
    const now = Date.now() - lastAt < 2_500
    if (now !== reaches) branch.say(`the controller ${now ? 'hears' : 'no longer hears'} ${from}`)
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
