const MINUTE_MS = 60_000

/** How often something happened in the last minute of running time. */
export class Rate {
  readonly #times: number[] = []

  recent(nowMs: number): number {
    while (this.#times.length > 0 && (this.#times[0] as number) <= nowMs - MINUTE_MS)
      this.#times.shift()
    return this.#times.length
  }

  add(nowMs: number): void {
    this.#times.push(nowMs)
  }
}
