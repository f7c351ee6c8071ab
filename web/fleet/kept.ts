/**
 * Views of the fleet that are kept for seconds, one a session: ten thousand sites are asked once, not once a
 * page. A kept view never outlives its session, since the gate asks picket-keys about each request first.
 */
import type { Clock } from '../../agent/base/clock.ts'
import { Failure } from '../../agent/base/failure.ts'
import type { FleetView } from '../base/ports.ts'

const KEPT_MS_MAX = 10_000 // ages in sentences move on even when nothing comes
const ASKED_MS_MAX = 60_000 // a view that nobody asked for since is let go
const VIEWS_MAX = 64

interface Kept {
  view: Promise<FleetView>
  ids: ReadonlySet<string>
  madeMs: number
  askedMs: number
}

export class KeptViews {
  readonly #ask: (token: string) => Promise<FleetView>
  readonly #clock: Pick<Clock, 'steadyMs'>
  #kept = new Map<string, Kept>()
  /** Whether Fleet Command is on, as the last answer said; undefined before one. */
  on: boolean | undefined

  constructor(ask: (token: string) => Promise<FleetView>, clock: Pick<Clock, 'steadyMs'>) {
    this.#ask = ask
    this.#clock = clock
  }

  of(token: string): Promise<FleetView> {
    const nowMs = this.#clock.steadyMs()
    const had = this.#kept.get(token)
    if (!had || nowMs - had.madeMs > KEPT_MS_MAX) return this.#keep(token, nowMs)
    had.askedMs = nowMs
    return had.view
  }

  /**
   * Asks anew for everybody who looks, then says whom these sites concern: a page that reads itself again
   * finds the change. Who saw one of them before, or sees it now, is concerned.
   */
  async renew(tenant_ids: readonly string[]): Promise<(token: string) => boolean> {
    const nowMs = this.#clock.steadyMs()
    const before = new Map(this.#kept)
    if (this.on === false) this.on = undefined
    for (const [token, { askedMs }] of before)
      if (nowMs - askedMs > ASKED_MS_MAX) this.#kept.delete(token)
      else await this.#keep(token, askedMs).catch(() => undefined)
    return (token) =>
      [before, this.#kept].some((views) =>
        tenant_ids.some((each) => views.get(token)?.ids.has(each)),
      )
  }

  forget(): void {
    this.#kept.clear()
    this.on = undefined
  }

  #keep(token: string, askedMs: number): Promise<FleetView> {
    const view = this.#ask(token)
    const made: Kept = { view, ids: new Set(), madeMs: this.#clock.steadyMs(), askedMs }
    view.then(
      ({ sites }) => {
        made.ids = new Set(sites.map(({ tenant_id }) => tenant_id))
        this.on = true
      },
      (error: unknown) => {
        if (Failure.kindOf(error) === 'not-found') this.on = false
        if (this.#kept.get(token) === made) this.#kept.delete(token)
      },
    )
    this.#kept.delete(token)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size >= VIEWS_MAX && oldest !== undefined) this.#kept.delete(oldest)
    this.#kept.set(token, made)
    return view
  }
}
