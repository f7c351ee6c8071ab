/** Which transactions have been judged, and by what they were met, where it takes more than one call. */
import { NOTED, type Transaction } from '../../decode/records.ts'
import { subjectOf } from './transaction-view.ts'

export interface Judged {
  /** By which rules: a set that came into force since begins anew. */
  readonly by: object
  /** A bit a point that is judged no more. */
  settled: number
  /** Rules that have fired; most transactions have none. */
  fired: Set<number> | undefined
}

export class Progress {
  #rules: object = {}

  /** Undefined where it is handed over once. */
  of(transaction: Transaction): Judged | undefined {
    const subject = subjectOf(transaction)
    if (!subject) return undefined
    const noted = subject[NOTED] as Judged | undefined
    if (noted?.by === this.#rules) return noted
    const judged: Judged = { by: this.#rules, settled: 0, fired: undefined }
    subject[NOTED] = judged
    return judged
  }

  clear(): void {
    this.#rules = {}
  }
}

export function noteFired(judged: Judged, id: number): void {
  judged.fired ??= new Set()
  judged.fired.add(id)
}
