/** The rules that are judged for one buffer: at most CANDIDATES_MAX, the worst first when there are more. */
import type { Signature } from './rule.ts'

/** With 10,000 rules of everyday use, ordinary traffic has met 132. */
export const CANDIDATES_MAX = 256

export class Shortlist {
  count = 0
  readonly #signatures: readonly Signature[]
  readonly #kept = new Uint32Array(CANDIDATES_MAX)
  /** What did not fit, by rank: sorted only when it happens. */
  readonly #all: Uint32Array
  #offered = 0
  readonly #byRank: Uint32Array

  constructor(signatures: readonly Signature[]) {
    this.#signatures = signatures
    this.#all = new Uint32Array(signatures.length)
    this.#byRank = new Uint32Array(signatures.length)
    for (const { rank, index } of signatures) this.#byRank[rank] = index
  }

  clear(): void {
    this.#offered = 0
    this.count = 0
  }

  /** Each signature at most once between `clear` and `close`. */
  add(signature: Signature): void {
    this.#all[this.#offered++] = signature.rank
  }

  get offered(): number {
    return this.#offered
  }

  /** Puts the list into the order of judging; whether some were left out. */
  close(): boolean {
    const over = this.#offered > CANDIDATES_MAX
    if (over) this.#all.subarray(0, this.#offered).sort()
    const count = over ? CANDIDATES_MAX : this.#offered
    for (let i = 0; i < count; i++) {
      const index = this.#byRank[this.#all[i] as number] as number
      let at = i
      while (at > 0 && (this.#kept[at - 1] as number) > index) {
        this.#kept[at] = this.#kept[at - 1] as number
        at--
      }
      this.#kept[at] = index
    }
    this.count = count
    return over
  }

  at(i: number): Signature {
    return this.#signatures[this.#kept[i] as number] as Signature
  }
}
