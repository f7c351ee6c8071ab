/** A map that holds at most `max` entries: the one longest untouched goes first, and is counted. */
export class BoundedMap<V> {
  readonly max: number
  evicted = 0
  readonly #entries = new Map<string, V>()

  constructor(max: number) {
    this.max = max
  }

  get size(): number {
    return this.#entries.size
  }

  /** The value, made when absent; it is now the one touched last. */
  touch(key: string, make: () => V): V {
    let value = this.#entries.get(key)
    if (value === undefined) {
      value = make()
      if (this.#entries.size >= this.max) this.#evict()
    } else this.#entries.delete(key)
    this.#entries.set(key, value)
    return value
  }

  peek(key: string): V | undefined {
    return this.#entries.get(key)
  }

  set(key: string, value: V): void {
    this.#entries.delete(key)
    if (this.#entries.size >= this.max) this.#evict()
    this.#entries.set(key, value)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  entries(): IterableIterator<[string, V]> {
    return this.#entries.entries()
  }

  values(): IterableIterator<V> {
    return this.#entries.values()
  }

  #evict(): void {
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      this.evicted++
      return
    }
  }
}
