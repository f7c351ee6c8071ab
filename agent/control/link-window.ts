/** One summary a window: collected, signed, in the outbox before its sequence counts. Where the last one ended stands on disk. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { writeWhole } from '../base/files.ts'
import type { Log } from '../base/log.ts'
import type { Outbox } from '../link/outbox.ts'
import { asJson } from '../summary/summary.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import type { Carried, LinkFacts } from './link-facts.ts'
import type { LinkKeys } from './link-keys.ts'

const AGAIN_MS = 2_000
/** Nothing is told of what was before that. */
const WINDOW_US_MAX = 86_400e6

export interface WindowOptions {
  folder: string
  tenant: Tenant
  periodSeconds: number
  outbox: Outbox
  facts: Pick<LinkFacts, 'collect'>
  keys: Pick<LinkKeys, 'sign'>
  clock: Clock
  log: Log
  onSummary(): void
}

export class LinkWindow {
  readonly #options: WindowOptions
  #carried: Carried | undefined
  #timer: NodeJS.Timeout | undefined
  #working: Promise<void> | undefined
  #stopped = false
  /** Why no summary could be written, in words, since the last that was. */
  fault: string | null = null

  constructor(options: WindowOptions) {
    this.#options = options
    this.#carried = this.#load()
  }

  start(): void {
    this.#later(Math.max(0, this.#dueMs()))
  }

  /** Somebody new wants to hear: a short window now, rather than silence until the next one. */
  now(): void {
    if (!this.#working) this.#later(0)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#working
  }

  #dueMs(): number {
    const { periodSeconds, clock } = this.#options
    return ((this.#carried?.to ?? 0) + periodSeconds * 1e6 - clock.nowUs()) / 1000
  }

  #later(ms: number): void {
    if (this.#stopped) return
    const { periodSeconds } = this.#options
    clearTimeout(this.#timer)
    // A clock that was set back must not silence the site.
    const waitMs = Math.min(ms, periodSeconds * 1000)
    this.#timer = setTimeout(() => {
      this.#working = this.#write()
        .then(
          () => this.#dueMs(),
          (error: unknown) => {
            this.#options.log.error({ error: String(error) }, 'summary.failed')
            this.fault = `no summary can be written: ${(error as Error).message}`
            return AGAIN_MS
          },
        )
        .then((next) => {
          this.#working = undefined
          this.#later(Math.max(0, next))
        })
    }, waitMs)
  }

  async #write(): Promise<void> {
    const { tenant, periodSeconds, outbox, facts, keys, clock, log, onSummary } = this.#options
    const to = clock.nowUs()
    const last = this.#carried?.to ?? to - periodSeconds * 1e6
    const from = Math.max(Math.min(last, to), to - WINDOW_US_MAX)
    const window = { from, to, period_seconds: Math.round(periodSeconds) }
    const { make, carried } = await facts.collect(tenant, window, this.#carried)
    const place = await outbox.append((at) =>
      keys.sign({ type: 'summary', body: asJson(make(at)) }),
    )
    this.#carried = carried
    writeWhole(this.#path(), JSON.stringify(carried))
    this.fault = null
    log.debug({ ...place }, 'summary.written')
    onSummary()
  }

  #path(): string {
    return join(this.#options.folder, 'window.json')
  }

  #load(): Carried | undefined {
    mkdirSync(this.#options.folder, { recursive: true, mode: 0o700 })
    try {
      return JSON.parse(readFileSync(this.#path(), 'utf8')) as Carried
    } catch {
      return undefined // the first window, or a damaged note: one window is told of without it
    }
  }
}
