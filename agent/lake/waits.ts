/** The slowest of two minutes, so that a look at any moment sees one whole minute. */
export class Waits {
  #minute = 0
  #now = 0
  #before = 0

  add(atMs: number, tookMs: number): void {
    this.#turn(atMs)
    this.#now = Math.max(this.#now, Math.round(tookMs))
  }

  slowest(atMs: number): number {
    this.#turn(atMs)
    return Math.max(this.#now, this.#before)
  }

  #turn(atMs: number): void {
    const minute = Math.floor(atMs / 60_000)
    if (minute === this.#minute) return
    this.#before = minute === this.#minute + 1 ? this.#now : 0
    this.#now = 0
    this.#minute = minute
  }
}
