/**
 * Bytes in order that wait for their receiver to acknowledge them, so that rules see what it took, as Suricata does where
 * it only watches. Bounded: past the bound the oldest are handed on unacknowledged.
 */

const HELD_BYTES_MAX = 1_048_576
const STREAMS_MAX = 65_536

interface Held {
  parts: Buffer[]
  bytes: number
}

export type Give = (bytes: Uint8Array, start: number, end: number) => void

export class AckedStreams {
  /** Streams whose bytes did not wait, at a bound. */
  notHeld = 0
  readonly #held = new Map<number, Held>()

  /** `key`: a direction of a flow. */
  add(key: number, bytes: Uint8Array, start: number, end: number, give: Give): void {
    let held = this.#held.get(key)
    if (!held) {
      if (this.#held.size >= STREAMS_MAX) {
        this.notHeld++
        give(bytes, start, end)
        return
      }
      held = { parts: [], bytes: 0 }
      this.#held.set(key, held)
    }
    held.parts.push(Buffer.from(bytes.subarray(start, end)))
    held.bytes += end - start
    if (held.bytes > HELD_BYTES_MAX) this.release(key, HELD_BYTES_MAX, give)
  }

  /** Hands on all but the last `keep` bytes. */
  release(key: number, keep: number, give: Give): void {
    const held = this.#held.get(key)
    if (!held) return
    while (held.bytes > keep) {
      const first = held.parts[0] as Buffer
      const size = Math.min(first.length, held.bytes - keep)
      if (size === first.length) held.parts.shift()
      else held.parts[0] = first.subarray(size)
      held.bytes -= size
      give(first, 0, size)
    }
    if (held.bytes === 0) this.#held.delete(key)
  }
}
