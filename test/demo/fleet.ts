/** The three sites as one fleet: how they join, what the primary knows of them, what an intruder tries. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type FleetSite, type FleetView, LinkClient } from '../../agent/control/link-client.ts'
import { picketIn } from './appliance.ts'
import { cutUplink, mendUplink } from './backbone.ts'
import { type Branch, until } from './branch.ts'
import type { Namespaces, Room, Rooms } from './namespaces.ts'

/** Two and a half windows of silence are a cut line; then some. */
const HEARD_MS_MAX = 60_000
const INTRUDER = fileURLToPath(new URL('./intruder.ts', import.meta.url))
const REFUSALS = ['forged', 'replayed', 'not-sealed'] as const

export interface SummaryOutcome {
  seq: number
  bytes: number
  verified: boolean
  /** After the end of its window. */
  receivedAfterMs: number
}

export interface FleetOutcome {
  url: string
  accepted: number
  rejected: { reason: string; count: number }[]
  openGaps: number
}

/** Each branch joins by a claim code, as a technician would type it: no list of processes shows it. */
export async function joinAll(branches: readonly Branch[]): Promise<void> {
  const [primary, ...others] = branches
  if (!primary) return
  const on = (branch: Branch, words: string[], stdin = '') =>
    command(branch, ['fleet', ...words, '--data', branch.appliance.data, '--json'], stdin)
  await on(primary, ['enable'])
  await Promise.all(
    others.map(async (branch) => {
      const { tenant_id, name } = branch.scenario
      const claim = (await on(primary, ['claim', '--tenant', tenant_id, '--site', name])) as {
        code: string
        door: { host: string; port: number }
      }
      const door = `${claim.door.host}:${claim.door.port}`
      const words = ['join', '--door', door, '--code', '-', '--site', name]
      const joined = (await on(branch, words, `${claim.code}\n`)) as { digits?: string }
      branch.say(
        `has joined ${primary.scenario.name} by claim code; both screens show ${joined.digits}`,
      )
    }),
  )
}

async function command(branch: Branch, words: string[], stdin = ''): Promise<unknown> {
  const { code, out } = await picketIn(branch.rooms, 'gateway', words, stdin)
  if (code !== 0) throw new Error(`picket ${words.join(' ')} failed at ${branch.scenario.name}.`)
  return JSON.parse(out)
}

async function fleetView(primary: Branch): Promise<FleetView> {
  return withLink(primary, (link) => link.fleet({}))
}

async function withLink<T>(branch: Branch, use: (link: LinkClient) => Promise<T>): Promise<T> {
  const link = await LinkClient.open(branch.appliance.data, 'cli')
  try {
    return await use(link)
  } finally {
    link.close()
  }
}

/** Until the primary's picture of a site is as described. */
async function seenAs(
  primary: Branch,
  tenant_id: string,
  what: string,
  holds: (site: FleetSite) => boolean,
): Promise<FleetSite> {
  return until(`${what} in Fleet Command`, HEARD_MS_MAX, async () => {
    const site = (await fleetView(primary)).sites.find((each) => each.tenant_id === tenant_id)
    return site !== undefined && holds(site) && site
  })
}

/** Every site has been heard, and its own words came over the line. */
export async function allHeard(branches: readonly Branch[]): Promise<void> {
  const [primary] = branches
  if (!primary) return
  for (const branch of branches) {
    const site = await seenAs(
      primary,
      branch.appliance.tenant_id,
      'a first summary',
      (each) => each.sequence > 0,
    )
    branch.say(`first signed summary received: ${site.says}`)
  }
}

/** The line is cut until Fleet Command says so, then mended; nothing is missing after. */
export async function cutAndMend(
  rooms: Namespaces,
  primary: Branch,
  branch: Branch,
): Promise<void> {
  const { tenant_id } = branch.appliance
  cutUplink(rooms, tenant_id)
  branch.say('its uplink is cut')
  const gone = await seenAs(primary, tenant_id, 'cut off', ({ state }) => state === 'cut-off')
  branch.say(`in Fleet Command: ${gone.says}`)
  mendUplink(rooms, tenant_id)
  branch.say('its uplink is back')
  const back = await seenAs(
    primary,
    tenant_id,
    'everything back-filled',
    (site) =>
      site.sequence > gone.sequence && site.wholeUpTo === site.sequence && site.gaps.length === 0,
  )
  branch.say(
    `${back.sequence - gone.sequence} summaries came late and none is missing (whole up to ${back.wholeUpTo})`,
  )
}

/** No frame reaches the capture port: the site says that it is blind, and is never called quiet. */
export async function turnsBlind(primary: Branch, branch: Branch): Promise<void> {
  branch.unplug()
  branch.say('its wire is pulled')
  const { tenant_id } = branch.appliance
  const blind = await seenAs(primary, tenant_id, 'blind', ({ state }) => state === 'blind')
  branch.say(`in Fleet Command: ${blind.says}`)
}

/** Compliance fell, by the control that names the reason. */
export async function complianceFell(
  primary: Branch,
  branch: Branch,
  control: string,
): Promise<void> {
  const { tenant_id } = branch.appliance
  const site = await seenAs(primary, tenant_id, `${control} failing`, ({ compliance }) =>
    compliance.failing.some(({ id }) => id === control),
  )
  const failing = site.compliance.failing.find(({ id }) => id === control)
  branch.say(`compliance is ${site.compliance.score} of 100; failing: ${failing?.sentence}`)
}

/** A forged, a replayed and a changed summary are sent in the branch's name; each is refused and shown. */
export async function intrude(primary: Branch, branch: Branch): Promise<void> {
  const { tenant_id, data } = branch.appliance
  branch.say('an intruder with its transport key sends a forged, a replayed and a changed summary')
  await ran(branch.rooms, 'gateway', [process.execPath, INTRUDER, data])
  const site = await seenAs(primary, tenant_id, 'three refusals', ({ rejected }) =>
    REFUSALS.every((reason) => (rejected[reason] ?? 0) > 0),
  )
  branch.say(
    `refused and shown: ${REFUSALS.map((reason) => `${site.rejected[reason]} ${reason}`).join(', ')}`,
  )
}

/** Somebody who trusts no console takes what the site signed and its key away, and checks it without a network. */
export async function checkedElsewhere(primary: Branch, branch: Branch): Promise<void> {
  const { tenant_id } = branch.appliance
  const out = join(primary.appliance.data, `evidence-${tenant_id}`)
  const where = ['--data', primary.appliance.data, '--json']
  const taken = (await command(primary, [
    ...['fleet', 'received', '--tenant', tenant_id, '--out', out],
    ...where,
  ])) as { signed: string; keys: string }
  const { files } = (await command(primary, [
    ...['verify', taken.signed, '--keys', taken.keys, '--json'],
  ])) as { files: { verified: boolean }[] }
  const good = files.filter(({ verified }) => verified).length
  branch.say(`picket verify, offline: ${good} of ${files.length} signed summaries hold`)
}

function ran(rooms: Rooms, room: Room, words: readonly string[]): Promise<void> {
  const child = rooms.spawn(room, words, { stdio: ['ignore', 'ignore', 'inherit'] })
  return new Promise((done, fail) => {
    child.on('exit', (code) =>
      code === 0 ? done() : fail(new Error(`${words[1]} ended with ${code}`)),
    )
  })
}

/** What the primary knows at the end: every summary of every site, and what it refused. */
export async function fleetOutcome(
  primary: Branch,
  url: string,
): Promise<{ fleet: FleetOutcome; summaries: Map<string, SummaryOutcome[]> }> {
  const view = await fleetView(primary)
  const received = await withLink(primary, (link) => link.received({}))
  const rejected = new Map<string, number>()
  for (const each of [view.rejected, ...view.sites.map((site) => site.rejected)])
    for (const [reason, count] of Object.entries(each))
      rejected.set(reason, (rejected.get(reason) ?? 0) + count)
  const summaries = new Map<string, SummaryOutcome[]>()
  for (const { tenant_id, sequence, bytes, verified, receivedAfterMs } of received.summaries) {
    const list = summaries.get(tenant_id) ?? []
    list.push({ seq: sequence, bytes, verified, receivedAfterMs })
    summaries.set(tenant_id, list)
  }
  const fleet = {
    url,
    accepted: received.summaries.length,
    rejected: [...rejected].map(([reason, count]) => ({ reason, count })),
    openGaps: view.sites.reduce((sum, { gaps }) => sum + gaps.length, 0),
  }
  return { fleet, summaries }
}
