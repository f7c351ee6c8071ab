/** What happens at one site: attackers one after the other, a block, its undo. Played on real sockets. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Action } from '../../agent/control/guard-client.ts'
import { plural } from '../../agent/health/sentence.ts'
import type { Place } from '../traffic/programs/service.ts'
import { type Branch, until } from './branch.ts'
import type { Proof } from './outcome.ts'
import type { Attack, AttackKind } from './plan.ts'

const FOUND_MS_MAX = 30_000
const BLOCKED_MS_MAX = 30_000
/** An attacker that tries four times a second and is not heard for this long does not get through. */
const SILENCE_MS = 2_000

const WORDS: Record<AttackKind, (attack: Attack) => string> = {
  scan: ({ from, volume }) => `${from} tries ${volume} ports of every asset`,
  passwords: ({ from, volume }) => `${from} guesses ${volume} SSH passwords`,
  web: ({ from }) => `${from} sends exploits to the web servers`,
  tunnel: ({ from, volume }) => `${from} carries data out in ${volume} DNS questions`,
  registers: ({ from }) => `${from}, never seen before, writes to the controllers`,
}

/** All attacks of the plan in its order; resolves when each attacker stands in the lake. */
export async function attacks(branch: Branch): Promise<void> {
  const { attacks: all } = branch.scenario.plan
  for (const next of all) await attack(branch, next)
  for (const { from, kind } of all) await found(branch, from, kind)
}

export async function attack(branch: Branch, next: Attack): Promise<void> {
  await wait(next.pauseBeforeMs)
  branch.say(WORDS[next.kind](next))
  const { tried, reached } = await branch.crew.attack(next)
  branch.say(`  … ${reached} of ${tried} tries were answered`)
}

/** That address stands in the lake as the source of a finding above low. */
async function found(branch: Branch, from: string, kind: string): Promise<void> {
  const sql = `SELECT rule_id, severity, message FROM events WHERE kind = 'finding' AND src_ip = '${from}' AND severity <> 'low' LIMIT 1`
  const ask = async () => (await branch.appliance.query(sql)).rows[0]
  const [rule, severity, message] = await until(
    `a finding about ${from} (${kind})`,
    FOUND_MS_MAX,
    ask,
  )
  branch.say(`found (${rule}, ${severity}): ${message}`)
}

/** A device answers telnet for the first time, and it is found. */
export async function telnetAppears(branch: Branch): Promise<void> {
  const place = await branch.crew.answerTelnet()
  if (!place) return
  branch.say(`${place.host} begins to answer telnet`)
  const sql = `SELECT rule_id, severity, message FROM events WHERE kind = 'finding' AND rule_id = 'sid:1000009' LIMIT 1`
  const ask = async () => (await branch.appliance.query(sql)).rows[0]
  const [rule, severity, message] = await until('telnet is found', FOUND_MS_MAX, ask)
  branch.say(`found (${rule}, ${severity}): ${message}`)
}

export interface Proven {
  action: Action
  proof: Proof
}

/** The attacker of that kind, its program that goes on, and the asset's program that hears it. */
function persistent(
  branch: Branch,
  kind: 'passwords' | 'registers',
): { from: string; place: Place; as: 'guess' | 'write'; program: string } {
  const { plan } = branch.scenario
  const { from } = plan.attacks.find((each) => each.kind === kind) as Attack
  if (kind === 'passwords')
    return {
      from,
      place: plan.shell,
      as: 'guess',
      program: `ssh server ${plan.shell.host} port ${plan.shell.port}`,
    }
  const place = plan.controllers[0] as Place
  return { from, place, as: 'write', program: `controller ${place.host} port ${place.port}` }
}

/**
 * The attacker goes on. Its block comes into force, by a person's approval or by the site's policy, and the
 * asset's own program no longer hears it; undone, it does again. Resolves with what both witnesses saw.
 */
export async function blockAndUndo(
  branch: Branch,
  kind: 'passwords' | 'registers',
): Promise<Proven> {
  const { appliance, crew, scenario } = branch
  const { from, place, as, program } = persistent(branch, kind)
  const heard = () => crew.heard(place, from)
  await crew.keepOn(as, from, place)
  const wanted = scenario.automatic ? 'active' : 'proposed'
  const action = await until(`a block of ${from} that is ${wanted}`, FOUND_MS_MAX, async () =>
    (await appliance.actions()).find(
      (each) => each.target === from && each.state === wanted && reaches(each, place),
    ),
  )
  if (!scenario.automatic) branch.say(`a proposal waits: ${action.reason}`)
  const active = scenario.automatic ? action : await appliance.decide('approve', action)
  branch.say(
    `${scenario.automatic ? 'by policy' : 'approved'}: ${active.target} is blocked after ${active.decideToDropMs?.toFixed(1)} ms`,
  )
  const silent = await until(`${program} stops hearing ${from}`, BLOCKED_MS_MAX, async () => {
    const now = await heard()
    return Date.now() - now.lastAt > SILENCE_MS && now
  })
  const counted = await until('the block counts a packet', BLOCKED_MS_MAX, async () => {
    const now = await byId(branch, active)
    return (now.packets ?? 0) > 0 && now.firstDropAt !== undefined && now
  })
  branch.say(
    `the ${program} hears ${from} no more; the kernel dropped ${plural(counted.packets ?? 0, 'packet')}`,
  )
  await appliance.decide('undo', active)
  const again = await until(`${program} hears ${from} again`, BLOCKED_MS_MAX, async () => {
    const now = await heard()
    return now.count > silent.count && now
  })
  branch.say(`undone: the ${program} hears ${from} again`)
  const last = await byId(branch, active)
  const proof = {
    firstDropAt: isoFrom(counted.firstDropAt),
    packets: last.packets ?? counted.packets ?? 0,
    program,
    lastHeardAt: silent.lastAt === 0 ? null : new Date(silent.lastAt).toISOString(),
    heardAfterUndo: again.count - silent.count,
  }
  return { action: active, proof }
}

/** Whether the block would stop that attacker at that place. */
function reaches({ dest, port }: Action, place: Place): boolean {
  return (dest === undefined || dest === place.host) && (port === undefined || port === place.port)
}

async function byId({ appliance }: Branch, { action_id }: Action): Promise<Action> {
  const found = (await appliance.actions()).find((each) => each.action_id === action_id)
  if (!found) throw new Error('The guard forgot an action.')
  return found
}

function isoFrom(us: number | undefined): string | null {
  return us === undefined ? null : new Date(us / 1000).toISOString()
}
