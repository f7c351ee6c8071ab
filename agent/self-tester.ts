/** Runs the self-test: sends the frame through a shard, waits for what comes back, writes down how it went. */
import type { Clock } from './base/clock.ts'
import type { EventDraft } from './base/event.ts'
import { SelfTest } from './health/self-test.ts'
import type { SelfTestStatus } from './health/status.ts'

export interface SelfTesterParts {
  clock: Clock
  /** Hands the frame to a shard; false where there is none. */
  send(): boolean
  record(drafts: readonly EventDraft[]): void
}

export class SelfTester {
  readonly #test = new SelfTest()
  readonly #parts: SelfTesterParts
  readonly #waiting: ((status: SelfTestStatus) => void)[] = []

  constructor(parts: SelfTesterParts) {
    this.#parts = parts
  }

  get secret(): string {
    return this.#test.secret
  }

  get status(): SelfTestStatus {
    return this.#test.status
  }

  /** Resolves when the frame was found, or its time is over. */
  run(): Promise<SelfTestStatus> {
    this.#test.sent(this.#parts.clock.steadyMs())
    if (!this.#parts.send()) return Promise.resolve(this.status)
    return new Promise((done) => this.#waiting.push(done))
  }

  /** A shard saw the frame with this run's secret. */
  found(): void {
    this.#settle(() => this.#test.found(this.#parts.clock.steadyMs(), this.#parts.clock.nowUs()))
  }

  /** About once a second. */
  tick(): void {
    this.#settle(() => this.#test.tick(this.#parts.clock.steadyMs(), this.#parts.clock.nowUs()))
  }

  #settle(step: () => void): void {
    const before = this.status
    step()
    const { status } = this
    if (status === before) return
    const { ok, sentence, foundAfterMs } = status
    this.#parts.record([
      {
        kind: 'health',
        event_time: this.#parts.clock.nowUs(),
        action: ok ? 'self-test-found' : 'self-test-missed',
        message: `${sentence[0]?.toUpperCase()}${sentence.slice(1)}.`,
        record: { event_type: 'self-test', ok, found_after_ms: foundAfterMs ?? null },
      },
    ])
    for (const done of this.#waiting.splice(0)) done(status)
  }
}
