/**
 * Data that came with a SYN (RFC 7413): it waits until the connection stands, for it is of that connection and rules ask for it.
 * Bounded: what finds no room is judged as it comes.
 */

const WAITING_MAX = 1024
const BYTES_MAX = 16_384

export class SynBytes {
  /** Times that bytes did not wait, at a bound. */
  notHeld = 0
  /** By direction of a flow. */
  readonly #waiting = new Map<number, Uint8Array>()

  get size(): number {
    return this.#waiting.size
  }

  /** Whether these wait now. */
  keep(stream: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#waiting.has(stream)) return false
    if (this.#waiting.size >= WAITING_MAX || end - start > BYTES_MAX) {
      this.notHeld++
      return false
    }
    this.#waiting.set(stream, bytes.slice(start, end))
    return true
  }

  take(stream: number): Uint8Array | undefined {
    const bytes = this.#waiting.get(stream)
    if (bytes) this.#waiting.delete(stream)
    return bytes
  }
}
