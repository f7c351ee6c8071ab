/** How much may be proposed and blocked, so that neither a flood of findings nor a mistake becomes an outage. */
import { Failure } from '../base/failure.ts'

const MINUTE_MS = 60_000
const PLANS_PER_MINUTE_MAX = 600

export interface Limits {
  /** Blocks in force at one time. */
  liveMax: number
  additionsPerMinute: number
}

/** Counted in running time, in milliseconds. */
export class Budget {
  readonly #limits: Limits
  #plans: number[] = []
  #additions: number[] = []

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** One more plan; throws `too-many`. */
  plan(nowMs: number): void {
    this.#plans = recent(this.#plans, nowMs)
    if (this.#plans.length >= PLANS_PER_MINUTE_MAX)
      throw new Failure('too-many', `More than ${PLANS_PER_MINUTE_MAX} plans in a minute.`)
    this.#plans.push(nowMs)
  }

  added(atMs: number): void {
    this.#additions.push(atMs)
  }

  additionsLastMinute(nowMs: number): number {
    this.#additions = recent(this.#additions, nowMs)
    return this.#additions.length
  }

  /** Why no further block may be made now, or nothing. */
  obstacle(active: number, nowMs: number): string | undefined {
    const { liveMax, additionsPerMinute } = this.#limits
    if (active >= liveMax) return `${active} blocks are in force; ${liveMax} is the most allowed.`
    if (this.additionsLastMinute(nowMs) >= additionsPerMinute)
      return `${additionsPerMinute} blocks were made in the last minute, the most allowed.`
    return undefined
  }
}

function recent(times: readonly number[], nowMs: number): number[] {
  return times.filter((time) => time > nowMs - MINUTE_MS)
}
