/** How many questions run at once: per session, per box, and how many wait. */
import { Failure } from '../base/failure.ts'

export const SESSION_MAX = 4
export const BOX_MAX = 16
export const QUEUE_MAX = 64

export class QueryGate {
  readonly #running = new Map<string, number>()
  readonly #queue: { session: string; go(): void }[] = []
  #total = 0
  /** Turned away because the queue was full. */
  refused = 0

  async run<T>(session: string, task: () => Promise<T>): Promise<T> {
    if (!this.#fits(session)) {
      if (this.#queue.length >= QUEUE_MAX) {
        this.refused++
        throw new Failure('too-many', 'Too many questions wait already: ask again in a moment.')
      }
      await new Promise<void>((go) => this.#queue.push({ session, go }))
    } else this.#enter(session)
    try {
      return await task()
    } finally {
      this.#leave(session)
    }
  }

  #fits(session: string): boolean {
    return this.#total < BOX_MAX && (this.#running.get(session) ?? 0) < SESSION_MAX
  }

  #enter(session: string): void {
    this.#total++
    this.#running.set(session, (this.#running.get(session) ?? 0) + 1)
  }

  #leave(session: string): void {
    this.#total--
    const left = (this.#running.get(session) ?? 1) - 1
    if (left === 0) this.#running.delete(session)
    else this.#running.set(session, left)
    // The first who may go, so that one session's queue holds nobody else up.
    const at = this.#queue.findIndex((each) => this.#fits(each.session))
    const [next] = at < 0 ? [] : this.#queue.splice(at, 1)
    if (!next) return
    this.#enter(next.session)
    next.go()
  }
}
