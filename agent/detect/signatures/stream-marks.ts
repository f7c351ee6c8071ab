/** What rules have come to in a direction of a stream, so that the same bytes are not told twice. */

/** Directions that are marked; of more, rules may fire again. */
const MARKED_MAX = 65_536

export class StreamMarks {
  /** Rules without a literal that have fired. */
  readonly #once = new Map<number, Set<number>>()
  /** Rules over transactions whose plain contents have been met. */
  readonly #met = new Map<number, Set<number>>()
  /** Up to where a rule has fired: it does not again on those bytes. */
  readonly #firedTo = new Map<number, Map<number, number>>()

  hasFired(key: number, rule: number): boolean {
    return this.#once.size > 0 && this.#once.get(key)?.has(rule) === true
  }

  fired(key: number, rule: number): void {
    mark(this.#once, key, rule)
  }

  isMet(key: number, rule: number): boolean {
    return this.#met.size > 0 && this.#met.get(key)?.has(rule) === true
  }

  met(key: number, rule: number): void {
    mark(this.#met, key, rule)
  }

  /** Where this rule looks from, counted from the beginning of the stream. */
  firedTo(key: number, rule: number): number {
    return this.#firedTo.size > 0 ? (this.#firedTo.get(key)?.get(rule) ?? 0) : 0
  }

  firedUpTo(key: number, rule: number, to: number): void {
    const known = this.#firedTo.get(key)
    if (known) known.set(rule, to)
    else if (this.#firedTo.size < MARKED_MAX) this.#firedTo.set(key, new Map([[rule, to]]))
  }

  forget(key: number): void {
    for (const marks of [this.#once, this.#met, this.#firedTo])
      if (marks.size > 0) marks.delete(key)
  }

  clear(): void {
    this.#once.clear()
    this.#met.clear()
    this.#firedTo.clear()
  }
}

function mark(marks: Map<number, Set<number>>, key: number, rule: number): void {
  const known = marks.get(key)
  if (known) known.add(rule)
  else if (marks.size < MARKED_MAX) marks.set(key, new Set([rule]))
}
