/** Which rules have been met in a direction of a stream. Few streams ever meet one. */

const STREAMS_MAX = 65_536

export class StreamMarks {
  readonly #marks = new Map<number, Set<number>>()

  has(key: number, id: number): boolean {
    return this.#marks.size > 0 && this.#marks.get(key)?.has(id) === true
  }

  add(key: number, id: number): void {
    const known = this.#marks.get(key)
    if (known) known.add(id)
    else if (this.#marks.size < STREAMS_MAX) this.#marks.set(key, new Set([id]))
  }

  forget(flow: number): void {
    if (this.#marks.size === 0) return
    this.#marks.delete(flow * 2)
    this.#marks.delete(flow * 2 + 1)
  }

  clear(): void {
    this.#marks.clear()
  }
}
