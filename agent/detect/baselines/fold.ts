/** One finding a subject and window; then only updates, and those rarely. A flood of evidence is one finding with a count. */
import { BoundedMap } from './bounded-map.ts'
import type { BaselineFinding } from './finding.ts'

export const FOLD_WINDOW_US = 3_600_000_000
const UPDATE_AFTER_US = 60_000_000
const FOLDS_MAX = 8192

interface Said {
  firstUs: number
  saidUs: number
  count: number
}

export class Fold {
  readonly windowUs: number
  readonly #said = new BoundedMap<Said>(FOLDS_MAX)

  constructor(windowUs = FOLD_WINDOW_US) {
    this.windowUs = windowUs
  }

  get evicted(): number {
    return this.#said.evicted
  }

  /**
   * What to say of `found` now: a new finding, an update when its count has doubled or a minute has passed, or
   * nothing. `subject` is what one finding is about.
   */
  admit(subject: string, found: Omit<BaselineFinding, 'update'>): BaselineFinding | undefined {
    const before = this.#said.peek(subject)
    if (!before || found.timeUs - before.firstUs > this.windowUs) {
      this.#said.set(subject, { firstUs: found.timeUs, saidUs: found.timeUs, count: found.count })
      return { ...found, update: false }
    }
    const grown = found.count >= before.count * 2
    const waited = found.timeUs - before.saidUs >= UPDATE_AFTER_US && found.count !== before.count
    if (!grown && !waited) return undefined
    before.saidUs = found.timeUs
    before.count = Math.max(before.count, found.count)
    return { ...found, update: true }
  }

  /** Whether `subject` was said within the window. */
  holds(subject: string, timeUs: number): boolean {
    const before = this.#said.peek(subject)
    return before !== undefined && timeUs - before.firstUs <= this.windowUs
  }

  snapshot(): [string, Said][] {
    return [...this.#said.entries()]
  }

  restore(entries: readonly [string, Said][]): void {
    for (const [subject, said] of entries) this.#said.set(subject, { ...said })
  }
}
