/** From where the rules of a piece of a stream look: not again at what they have looked at in vain (`lead.ts`). */
import type { Inspector } from './inspect.ts'
import type { Signature } from './rule.ts'

export class LookOn {
  /** Places count from the beginning of the stream. Where the plain rules look in this piece, and will in the next. */
  plain = -0 // no small integers, as Packet.timeUs
  plainNext = -0
  /** By rule: where it looks, and in which piece that was said. */
  readonly #from: Float64Array
  readonly #said: Float64Array
  #piece = 0

  constructor(rules: number) {
    this.#from = new Float64Array(rules)
    this.#said = new Float64Array(rules)
  }

  /** A piece that ends at `end`. 0: from the beginning of what is kept. */
  begin(plain: number, end: number): void {
    this.#piece++
    this.plain = plain
    this.plainNext = end
  }

  /** A rule that waited looks from there. */
  waited(index: number, from: number): void {
    this.#from[index] = from
    this.#said[index] = this.#piece
  }

  of({ index, plain }: Signature): number {
    if (plain) return this.plain
    return this.#said[index] === this.#piece ? (this.#from[index] as number) : 0
  }

  /** After a "no": where the rule is to look next time. The buffer lies at [base, end) of the stream. */
  next({ lead, plain }: Signature, inspector: Inspector, base: number, end: number): number {
    const { limit, reached, rest } = inspector
    const failed = lead !== undefined && limit === undefined && reached < lead.count
    const found = lead?.reach === undefined ? base + rest : end - lead.reach
    const from = failed ? Math.max(0, found) : 0
    if (plain) this.plainNext = Math.min(this.plainNext, from)
    return from
  }
}
