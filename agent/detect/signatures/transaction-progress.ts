/** Which transactions have been judged, and by what they were met, where it takes more than one call. */
import type { Transaction } from '../../decode/records.ts'
import { subjectOf } from './transaction-view.ts'

export interface Judged {
  /** A bit a point that is judged no more. */
  settled: number
  /** Rules that have fired. */
  fired: Set<number>
}

export class Progress {
  #judged = new WeakMap<object, Judged>()
  /** Whose was asked for last: one call asks four times. */
  #subject: object | undefined
  #last: Judged | undefined

  /** Undefined where it is handed over once. */
  of(transaction: Transaction): Judged | undefined {
    const subject = subjectOf(transaction)
    if (!subject) return undefined
    if (subject === this.#subject) return this.#last
    let judged = this.#judged.get(subject)
    if (!judged) {
      judged = { settled: 0, fired: new Set() }
      this.#judged.set(subject, judged)
    }
    this.#subject = subject
    this.#last = judged
    return judged
  }

  clear(): void {
    this.#judged = new WeakMap()
    this.#subject = undefined
  }
}
