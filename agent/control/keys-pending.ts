/** Joins under way, in memory: what this box asked and waits for, and how often others may ask. */
import type { Clock } from '../base/clock.ts'
import { Failure } from '../base/failure.ts'
import { newUid } from '../base/ids.ts'
import { later, Tempo } from '../tenancy/attempts.ts'
import { CLAIM_LIFE_US } from '../tenancy/claims.ts'

/** D21. */
export const JOINS_PER_HOUR_MAX = 20
/** A fleet behind one address renews in the same hour; each costs one signature check. */
const RENEWALS_PER_MINUTE_MAX = 600
const HOUR_MS = 3_600_000
const PENDING_MAX = 8

/** A request over the door that waits for its reply. */
export interface PendingJoin {
  tenant_id: string
  codeKey: Buffer
  /** What was proved: the reply proves the same and itself. */
  words: string[]
  tlsKey: string
  at: number
}

export class PendingJoins {
  readonly #clock: Clock
  readonly #joins: Tempo
  readonly #renewals: Tempo
  readonly #waiting = new Map<string, PendingJoin>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#joins = new Tempo(clock, JOINS_PER_HOUR_MAX, HOUR_MS)
    this.#renewals = new Tempo(clock, RENEWALS_PER_MINUTE_MAX)
  }

  enter(source: string, what: 'join' | 'renewal'): void {
    const early = (what === 'join' ? this.#joins : this.#renewals).early(source)
    if (early > 0) throw later(early)
  }

  add(join: Omit<PendingJoin, 'at'>): string {
    const oldest = this.#waiting.keys().next().value
    if (this.#waiting.size >= PENDING_MAX && oldest) this.#waiting.delete(oldest)
    const id = newUid()
    this.#waiting.set(id, { ...join, at: this.#clock.nowUs() })
    return id
  }

  /** Once. */
  take(joinId: string): PendingJoin {
    const found = this.#waiting.get(joinId)
    this.#waiting.delete(joinId)
    if (!found || this.#clock.nowUs() - found.at > CLAIM_LIFE_US)
      throw new Failure('not-found', 'That join is over. Start it again.')
    return found
  }
}
