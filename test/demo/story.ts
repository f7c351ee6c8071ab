/** The story: an ordinary day, attackers one after the other, a block, its undo. Played on real sockets. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Action } from '../../agent/control/guard-client.ts'
import type { Appliance } from './appliance.ts'
import type { Crew } from './crew.ts'
import type { Proof } from './outcome.ts'
import type { Attack, AttackKind, Plan } from './plan.ts'

const FOUND_MS_MAX = 30_000
const BLOCKED_MS_MAX = 10_000
/** An attacker that tries four times a second and is not heard for this long does not get through. */
const SILENCE_MS = 2_000
const POLL_MS = 100

const WORDS: Record<AttackKind, (attack: Attack) => string> = {
  scan: ({ from, volume }) => `${from} tries ${volume} ports of every asset`,
  passwords: ({ from, volume }) => `${from} guesses ${volume} SSH passwords`,
  web: ({ from }) => `${from} sends exploits to the web servers`,
  tunnel: ({ from, volume }) => `${from} carries data out in ${volume} DNS questions`,
  registers: ({ from }) => `${from}, never seen before, writes to the controllers`,
}

export interface Stage {
  plan: Plan
  crew: Crew
  appliance: Appliance
  say(line: string): void
}

/** Waits until it holds; says what did not hold when time is up. */
export async function until<T>(
  what: string,
  msMax: number,
  ask: () => Promise<T | undefined | false>,
): Promise<T> {
  const deadline = performance.now() + msMax
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer as T
    if (performance.now() > deadline)
      throw new Error(`In ${msMax / 1000} s this did not come: ${what}`)
    await wait(POLL_MS)
  }
}

export async function attack({ crew, say }: Stage, next: Attack): Promise<void> {
  await wait(next.pauseBeforeMs)
  say(WORDS[next.kind](next))
  const { tried, reached } = await crew.attack(next)
  say(`  … ${reached} of ${tried} tries were answered`)
}

/** Each attacker of the plan stands in the lake as the source of a finding above low. */
export async function allFound({ appliance, plan, say }: Stage): Promise<void> {
  for (const { from, kind } of plan.attacks) {
    const sql = `SELECT rule_id, severity, message FROM events WHERE kind = 'finding' AND src_ip = '${from}' AND severity <> 'low' LIMIT 1`
    const [rule, severity, message] = await until(
      `a finding about ${from} (${kind})`,
      FOUND_MS_MAX,
      async () => (await appliance.query(sql)).rows[0],
    )
    say(`found (${rule}, ${severity}): ${message}`)
  }
}

/**
 * The guesser goes on; its block is approved, and the SSH server itself no longer hears it; undone, it does
 * again. Resolves with what both witnesses saw.
 */
export async function blockAndUndo(stage: Stage): Promise<Map<string, Proof>> {
  const { appliance, plan, crew, say } = stage
  const guesser = plan.attacks.find(({ kind }) => kind === 'passwords') as Attack
  const heard = () => crew.heard(plan.shell, guesser.from)
  await crew.keepGuessing(guesser.from)
  const before = (await heard()).count
  await until('the guesser goes on', BLOCKED_MS_MAX, async () => (await heard()).count > before)

  const proposal = await until('a proposed block of the guesser', FOUND_MS_MAX, async () =>
    (await appliance.actions()).find(
      ({ target, state }) => target === guesser.from && state === 'proposed',
    ),
  )
  say(`a proposal waits: ${proposal.reason}`)
  const active = await appliance.decide('approve', proposal)
  say(`approved: ${active.target} is blocked after ${active.decideToDropMs?.toFixed(1)} ms`)
  const silent = await until(
    'the SSH server stops hearing the guesser',
    BLOCKED_MS_MAX,
    async () => {
      const now = await heard()
      return Date.now() - now.lastAt > SILENCE_MS && now
    },
  )
  const counted = await until('the block counts a packet', BLOCKED_MS_MAX, async () => {
    const now = await byId(stage, active)
    return (now.packets ?? 0) > 0 && now.firstDropAt !== undefined && now
  })
  say(`the SSH server hears ${guesser.from} no more; the kernel dropped ${counted.packets} packets`)

  await appliance.decide('undo', active)
  const again = await until('the SSH server hears the guesser again', BLOCKED_MS_MAX, async () => {
    const now = await heard()
    return now.count > silent.count && now
  })
  say(`undone: the SSH server hears ${guesser.from} again`)
  const last = await byId(stage, active)
  return new Map([
    [
      active.action_id,
      {
        firstDropAt: isoFrom(counted.firstDropAt),
        packets: last.packets ?? counted.packets ?? 0,
        program: `ssh server ${plan.shell.host} port ${plan.shell.port}`,
        lastHeardAt: new Date(silent.lastAt).toISOString(),
        heardAfterUndo: again.count - silent.count,
      },
    ],
  ])
}

async function byId({ appliance }: Stage, { action_id }: Action): Promise<Action> {
  const found = (await appliance.actions()).find((each) => each.action_id === action_id)
  if (!found) throw new Error('The guard forgot an action.')
  return found
}

function isoFrom(us: number | undefined): string | null {
  return us === undefined ? null : new Date(us / 1000).toISOString()
}
