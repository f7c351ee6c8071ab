/** What rules remember beside flowbits: numbers of flows, and bits of hosts and pairs of hosts that expire. */

const FLOWS_MAX = 65_536
const NUMBERS_MAX = 64
const BITS_MAX = 65_536

export class RuleState {
  /** What was not kept, at a bound. */
  dropped = 0
  readonly #numbers = new Map<number, Map<string, number>>()
  /** Until when a bit stands, by its name and host; in the order of setting. */
  readonly #bits = new Map<string, number>()
  readonly #streamed: (flow: number, toServer: boolean) => number

  constructor(streamed: (flow: number, toServer: boolean) => number) {
    this.#streamed = streamed
  }

  /** Bytes of one direction that were handed on. */
  streamed(flow: number, toServer: boolean): number {
    return this.#streamed(flow, toServer)
  }

  number(flow: number, name: string): number | undefined {
    return this.#numbers.get(flow)?.get(name)
  }

  setNumber(flow: number, name: string, value: number): void {
    let numbers = this.#numbers.get(flow)
    if (!numbers) {
      if (this.#numbers.size >= FLOWS_MAX) {
        this.dropped++
        return
      }
      numbers = new Map()
      this.#numbers.set(flow, numbers)
    }
    if (!numbers.has(name) && numbers.size >= NUMBERS_MAX) this.dropped++
    else numbers.set(name, value)
  }

  bit(key: string, timeUs: number): boolean {
    const until = this.#bits.get(key)
    return until !== undefined && timeUs <= until
  }

  setBit(key: string, untilUs: number): void {
    this.#bits.delete(key)
    this.#bits.set(key, untilUs)
    if (this.#bits.size <= BITS_MAX) return
    const [oldest] = this.#bits.keys()
    if (oldest !== undefined) this.#bits.delete(oldest)
    this.dropped++
  }

  unsetBit(key: string): void {
    this.#bits.delete(key)
  }

  ended(flow: number): void {
    this.#numbers.delete(flow)
  }
}
