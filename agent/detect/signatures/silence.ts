/** Transactions and flows of which rules with the action config ask that nothing be written. */
import type { Transaction } from '../../decode/records.ts'

const FLOWS_MAX = 16_384
const QUESTIONS_MAX = 64

export class Silence {
  readonly #flows = new Set<number>()
  readonly #transactions = new WeakSet<object>()
  /** Ids of DNS questions by flow: their answers are silent too. */
  readonly #questions = new Map<number, Set<number>>()
  /** Most sites have no such rule. */
  #any = false

  add(scope: 'tx' | 'flow', flow: number, tx: Transaction | undefined): void {
    this.#any = true
    if (scope === 'flow') {
      if (flow >= 0 && this.#flows.size < FLOWS_MAX) this.#flows.add(flow)
      return
    }
    if (!tx) return
    this.#transactions.add(subject(tx))
    if (tx.proto !== 'dns' || tx.dns.response) return
    const asked = this.#questions.get(flow)
    if (asked && asked.size < QUESTIONS_MAX) asked.add(tx.dns.id)
    else if (!asked && this.#questions.size < FLOWS_MAX)
      this.#questions.set(flow, new Set([tx.dns.id]))
  }

  covers(flow: number, tx: Transaction): boolean {
    if (!this.#any) return false
    if (this.#flows.has(flow) || this.#transactions.has(subject(tx))) return true
    return tx.proto === 'dns' && (this.#questions.get(flow)?.has(tx.dns.id) ?? false)
  }

  ended(flow: number): void {
    this.#flows.delete(flow)
    this.#questions.delete(flow)
  }
}

/** What is the same at every stage of the transaction: the record of its protocol. */
function subject(tx: Transaction): object {
  return Object.values(tx).find((value) => typeof value === 'object') ?? tx
}
