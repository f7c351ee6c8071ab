/** The guard's actions as it works with them: what waits, what is in force, what ended; written, then told. */
import type { Clock } from '../base/clock.ts'
import type { Action, Plan } from './action.ts'
import type { Held } from './in-force.ts'
import type { Entry, Ledger, SeenNonce } from './ledger.ts'
import { covers, planKey } from './plan.ts'
import type { RunClock } from './run-clock.ts'

const LISTED_MAX = 1000
const REFUSAL_REPEATS_US = 3600e6

export class Book {
  readonly #ledger: Ledger
  readonly #run: RunClock
  readonly #clock: Clock
  readonly #live = new Map<string, Entry>()
  readonly #changed = new Set<string>()
  readonly #listeners = new Set<(action: Action) => void>()

  constructor({ ledger, run, clock }: { ledger: Ledger; run: RunClock; clock: Clock }) {
    this.#ledger = ledger
    this.#run = run
    this.#clock = clock
    for (const [id, entry] of ledger.entries)
      if (entry.dueRunMs !== undefined) this.#live.set(id, entry)
  }

  get nonces(): readonly SeenNonce[] {
    return this.#ledger.nonces
  }

  get damagedLines(): number {
    return this.#ledger.damaged
  }

  onChange(listener: (action: Action) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  get(action_id: string): Entry | undefined {
    return this.#ledger.entries.get(action_id)
  }

  /** Counts as used from now on; on disk with the next line. */
  use(nonce: SeenNonce): void {
    this.#ledger.remember(nonce)
  }

  /** On disk, then told to whoever listens. */
  save(entry: Entry): Action {
    const id = entry.action.action_id
    this.#ledger.write(this.#run.mark(), [entry])
    this.#changed.delete(id)
    this.#live.delete(id)
    if (entry.dueRunMs !== undefined) this.#live.set(id, entry)
    return this.tell(entry)
  }

  /** A counter moved: told now, on disk with the next beat. */
  note(entry: Entry): void {
    this.#changed.add(entry.action.action_id)
    this.tell(entry)
  }

  tell({ action }: Entry): Action {
    for (const listener of this.#listeners) listener({ ...action })
    return { ...action }
  }

  /** Writes that time has passed, and what was noted, so that a reboot loses seconds only. */
  beat(): void {
    if (this.#live.size === 0) return
    const noted = [...this.#changed].flatMap((id) => this.#live.get(id) ?? [])
    this.#ledger.write(this.#run.mark(), noted)
    this.#changed.clear()
  }

  live(): Entry[] {
    return [...this.#live.values()]
  }

  waiting(): Entry[] {
    return this.live().filter(({ action }) => action.state === 'proposed')
  }

  active(): Entry[] {
    return this.live().filter(({ action }) => action.state === 'active')
  }

  due(): Entry[] {
    const now = this.#run.nowMs()
    return this.live().filter(({ dueRunMs }) => (dueRunMs as number) <= now)
  }

  leftMs(entry: Entry): number {
    return Math.max(0, (entry.dueRunMs as number) - this.#run.nowMs())
  }

  held(): Held[] {
    return this.active().map((entry) => ({ action: entry.action, leftMs: this.leftMs(entry) }))
  }

  /** Something already proposed or in force for this tenant that stops the same traffic. */
  twin(plan: Plan): Entry | undefined {
    return this.live().find(
      ({ action }) =>
        action.tenant_uid === plan.tenant_uid &&
        (planKey(action) === planKey(plan) || (action.state === 'active' && covers(action, plan))),
    )
  }

  /** The same wish, refused for the same reason within the last hour. */
  refusedBefore(plan: Plan, because: string): Action | undefined {
    const since = this.#clock.nowUs() - REFUSAL_REPEATS_US
    for (const { action } of this.#ledger.entries.values())
      if (
        action.state === 'refused' &&
        action.because === because &&
        action.tenant_uid === plan.tenant_uid &&
        planKey(action) === planKey(plan) &&
        action.proposedAt > since
      )
        return action
    return undefined
  }

  /** What waits and what is in force, then what ended; newest first in each. */
  list(): Action[] {
    const ended = [...this.#ledger.entries.values()].filter((e) => e.dueRunMs === undefined)
    return [...this.live().reverse(), ...ended.reverse()]
      .slice(0, LISTED_MAX)
      .map(({ action }) => ({ ...action }))
  }
}
