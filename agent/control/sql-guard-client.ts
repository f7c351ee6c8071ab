/** The parent's end of the SQL guard: one process, judged one question at a time, killed when it takes too long. */
import { Failure } from '../base/failure.ts'
import { ConfinedChild, type Limits } from '../lake/confined-child.ts'
import { Serial } from '../lake/serial.ts'
import { type GuardScope, SQL_BYTES_MAX } from '../lake/sql-guard.ts'
import type { Walls } from '../lake/walls.ts'
import type { FromGuard, ToGuard } from './run-sql-guard.ts'

const PROGRAM = new URL('./run-sql-guard.ts', import.meta.url)
/** The wall is wider because a busy machine is no attack. */
const LIMITS: Limits = { cpuMs: 250, wallMs: 5_000, rssBytes: 384 << 20 }
const START_MS_MAX = 15_000

export class SqlGuardClient {
  readonly #serial = new Serial()
  #child: Promise<ConfinedChild> | undefined
  #next = 1
  #closed = false
  readonly #walls: Walls | undefined

  constructor(walls?: Walls) {
    this.#walls = walls
  }

  /** Resolves when the question may be put; the guard's Failure otherwise. */
  check(sql: string, scope: GuardScope): Promise<void> {
    if (Buffer.byteLength(sql) > SQL_BYTES_MAX)
      throw new Failure('refused', `The question is longer than ${SQL_BYTES_MAX} bytes.`)
    return this.#serial.run(() => this.#judge(sql, scope))
  }

  /** Starts it now, so that the first question does not wait. */
  warm(): void {
    this.#start().catch(() => {})
  }

  close(): void {
    this.#closed = true
    this.#child?.then((child) => child.kill('stopped')).catch(() => {})
  }

  async #judge(sql: string, scope: GuardScope): Promise<void> {
    const child = await this.#start()
    const id = this.#next++
    const stop = child.watch(LIMITS)
    try {
      const answer = await new Promise<FromGuard>((done, fail) => {
        const forget = child.onGone(() =>
          fail(new Failure('refused', 'The question is too hard to judge: ask a smaller one.')),
        )
        child.take((message) => {
          if (!('id' in (message as object)) || (message as { id: number }).id !== id) return
          forget()
          done(message as FromGuard)
        })
        child.send({ id, sql, scope } satisfies ToGuard)
      })
      if ('error' in answer && answer.error)
        throw new Failure(answer.error.kind, answer.error.message)
    } finally {
      stop()
    }
  }

  #start(): Promise<ConfinedChild> {
    if (this.#closed) throw new Failure('unavailable', 'The guard of questions is closed.')
    this.#child ??= new Promise((done, fail) => {
      const child = new ConfinedChild({
        program: PROGRAM,
        walls: this.#walls,
        memoryBytes: LIMITS.rssBytes,
      })
      const timer = setTimeout(() => child.kill('wall'), START_MS_MAX)
      child.onGone(() => {
        clearTimeout(timer)
        this.#child = undefined
        fail(new Failure('unavailable', 'The guard of questions did not start.'))
      })
      child.take(() => {
        clearTimeout(timer)
        done(child)
      })
    })
    return this.#child
  }
}
