/** Which sequences of one epoch are there: islands between gaps, merged as they close. */
export class Ranges {
  /** Disjoint, never touching, in order. */
  readonly #list: [first: number, last: number][]

  constructor(list: readonly (readonly [number, number])[] = []) {
    this.#list = []
    for (const [first, last] of list) this.addRange(first, last)
  }

  /** Everything from 1 to here is there; 0 when 1 is missing. */
  get whole(): number {
    const [first] = this.#list
    return first?.[0] === 1 ? first[1] : 0
  }

  get highest(): number {
    return this.#list.at(-1)?.[1] ?? 0
  }

  get islands(): number {
    return this.#list.length
  }

  list(): [number, number][] {
    return this.#list.map(([first, last]) => [first, last])
  }

  /** The islands above `whole`, the newest of them when there are more than `most`. */
  above(most: number): [number, number][] {
    return this.list()
      .slice(this.whole > 0 ? 1 : 0)
      .slice(-most)
  }

  has(sequence: number): boolean {
    const found = this.#list[this.#after(sequence) - 1]
    return found !== undefined && sequence <= found[1]
  }

  /** Whether adding it makes a new island rather than let one grow. */
  isApart(sequence: number): boolean {
    const at = this.#after(sequence)
    return this.#list[at]?.[0] !== sequence + 1 && (this.#list[at - 1]?.[1] ?? -1) < sequence - 1
  }

  add(sequence: number): void {
    this.addRange(sequence, sequence)
  }

  addRange(first: number, last: number): void {
    let from = this.#after(first - 1)
    const before = this.#list[from - 1]
    if (before && before[1] >= first - 1) from--
    let to = from
    let [low, high] = [first, last]
    for (; to < this.#list.length; to++) {
      const island = this.#list[to] as [number, number]
      if (island[0] > last + 1) break
      low = Math.min(low, island[0])
      high = Math.max(high, island[1])
    }
    this.#list.splice(from, to - from, [low, high])
  }

  /** Index of the first island that begins after `sequence`. */
  #after(sequence: number): number {
    let [low, high] = [0, this.#list.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#list[middle] as [number, number])[0] > sequence) high = middle
      else low = middle + 1
    }
    return low
  }
}
