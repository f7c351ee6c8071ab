/** New rules while packets come: loaded, put in force, and the old ones given back, a little at a time. */
import type { Loaded, RuleLoading, RuleSet } from './detect/signatures/rule-set.ts'

/** Between two batches of frames, and where none wait. */
const BUSY_MS = 0.5
const IDLE_MS = 2

export class RuleSwap {
  #current: RuleSet
  readonly #swap: (rules: RuleSet) => void
  #loading: RuleLoading | undefined
  /** Sets that are in force no more. */
  readonly #old: Generator<void>[] = []

  constructor(current: RuleSet, swap: (rules: RuleSet) => void) {
    this.#current = current
    this.#swap = swap
  }

  get current(): RuleSet {
    return this.#current
  }

  /** One that has not come to its end is let go: these are newer. */
  begin(loading: RuleLoading): void {
    this.#loading = loading
  }

  get busy(): boolean {
    return this.#loading !== undefined || this.#old.length > 0
  }

  /** Does a part; what was loaded, when it is in force. */
  step(idle: boolean): Loaded | undefined {
    const until = performance.now() + (idle ? IDLE_MS : BUSY_MS)
    const loaded = this.#loading?.step(until)
    if (loaded) {
      this.#loading = undefined
      this.#old.push(this.#current.release(loaded.ruleSet))
      this.#current = loaded.ruleSet
      this.#swap(loaded.ruleSet)
      return loaded
    }
    while (this.#old[0] && performance.now() < until)
      if (this.#old[0].next().done) this.#old.shift()
    return undefined
  }
}
