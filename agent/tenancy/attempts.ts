/**
 * How often somebody may try to sign in: 10 a minute per source; after five wrong passwords an account
 * answers that source later and later, up to 30 s, and every source that never signed in to it up to 5 s.
 * No hard lock-out, and a familiar source is not slowed by others: a lock-out would be a weapon.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { Failure } from '../base/failure.ts'

export const PER_SOURCE_MAX = 10
const WINDOW_MS = 60_000
const FREE_FAILURES = 5
const PAIR_DELAY_MS_MAX = 30_000
const ACCOUNT_DELAY_MS_MAX = 5_000
const FORGET_MS = 3_600_000
const ENTRIES_MAX = 10_000

/** At most so many events a minute (or another window) for a key; keys beyond the table's size forget the oldest. */
export class Tempo {
  readonly #clock: Clock
  readonly #max: number
  readonly #windowMs: number
  readonly #recent = new Map<string, number[]>()

  constructor(clock: Clock, max: number, windowMs = WINDOW_MS) {
    this.#clock = clock
    this.#max = max
    this.#windowMs = windowMs
  }

  /** Counts an event; how many milliseconds too early it comes, 0 when it is in time. */
  early(key: string): number {
    const now = this.#clock.steadyMs()
    const recent = (this.#recent.get(key) ?? []).filter((at) => at > now - this.#windowMs)
    if (recent.length >= this.#max) return (recent[0] as number) + this.#windowMs - now
    put(this.#recent, key, [...recent, now])
    return 0
  }
}

interface Failures {
  count: number
  lastMs: number
}

export class Attempts {
  readonly #clock: Clock
  readonly #sources: Tempo
  /** By account alone, and by account and source. */
  readonly #failures = new Map<string, Failures>()
  /** Accounts and sources of successful logins. */
  readonly #familiar = new Map<string, true>()
  constructor(clock: Clock) {
    this.#clock = clock
    this.#sources = new Tempo(clock, PER_SOURCE_MAX)
  }

  /** Counts an attempt of any kind from a source. */
  enter(source: string): void {
    const early = this.#sources.early(source)
    if (early > 0) throw later(early)
  }

  /** Refuses while a delay runs, the same for names that nobody has. */
  check(account: string, source: string): void {
    const own = pair(account, source)
    const left = this.#left(own, PAIR_DELAY_MS_MAX)
    const others = this.#familiar.has(own) ? 0 : this.#left(digest(account), ACCOUNT_DELAY_MS_MAX)
    if (Math.max(left, others) > 0) throw later(Math.max(left, others))
  }

  failed(account: string, source: string): void {
    this.#count(pair(account, source))
    this.#count(digest(account))
  }

  succeeded(account: string, source: string): void {
    this.#failures.delete(pair(account, source))
    put(this.#familiar, pair(account, source), true)
  }

  #left(key: string, delayMax: number): number {
    const failures = this.#failures.get(key)
    if (!failures || failures.count < FREE_FAILURES) return 0
    const delay = Math.min(delayMax, 1000 * 2 ** (failures.count - FREE_FAILURES))
    return failures.lastMs + delay - this.#clock.steadyMs()
  }

  #count(key: string): void {
    const now = this.#clock.steadyMs()
    const before = this.#failures.get(key)
    const count = before && before.lastMs > now - FORGET_MS ? before.count + 1 : 1
    put(this.#failures, key, { count, lastMs: now })
  }
}

/** The oldest entry makes room: a flood of sources cannot grow the table. */
function put<T>(table: Map<string, T>, key: string, value: T): void {
  table.delete(key)
  if (table.size >= ENTRIES_MAX) table.delete(table.keys().next().value as string)
  table.set(key, value)
}

export function later(ms: number): Failure {
  const seconds = Math.max(1, Math.ceil(ms / 1000))
  return new Failure('too-many', `Too many attempts. Try again in ${seconds} s.`, {
    retryAfterSeconds: seconds,
  })
}

/** Names are hostile and of any length; the table holds digests. */
function digest(name: string): string {
  return createHash('sha256').update(name.toLowerCase()).digest('base64')
}

function pair(account: string, source: string): string {
  return `${digest(account)} ${source}`
}
