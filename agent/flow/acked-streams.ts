/**
 * Bytes in order that wait for their receiver to acknowledge them, so that rules see what it took, as Suricata does where
 * it only watches. Bounded: past the bound of a stream its oldest are handed on unacknowledged, past that of all its whole.
 */

const HELD_BYTES_MAX = 1_048_576
const STREAMS_MAX = 65_536
/** Of all streams, with what a part costs besides its bytes. */
const ALL_BYTES_MAX = 67_108_864
const PART_BYTES = 128
/** Parts that were handed on and stand before the others, before they are taken out together. */
const GONE_MAX = 1024

interface Held {
  parts: Buffer[]
  /** Where the first part is that waits. */
  first: number
  bytes: number
}

export type Give = (bytes: Uint8Array, start: number, end: number) => void

export class AckedStreams {
  /** Times that bytes did not wait, at a bound of all streams. */
  notHeld = 0
  readonly #held = new Map<number, Held>()
  readonly #allMax: number
  /** Memory in use, about. */
  all = 0

  constructor(allBytesMax = ALL_BYTES_MAX) {
    this.#allMax = allBytesMax
  }

  /** `key`: a direction of a flow. */
  add(key: number, bytes: Uint8Array, start: number, end: number, give: Give): void {
    let held = this.#held.get(key)
    const cost = end - start + PART_BYTES
    if (this.all + cost > this.#allMax || (!held && this.#held.size >= STREAMS_MAX)) {
      this.notHeld++
      this.release(key, 0, give)
      give(bytes, start, end)
      return
    }
    if (!held) {
      held = { parts: [], first: 0, bytes: 0 }
      this.#held.set(key, held)
    }
    held.parts.push(Buffer.from(bytes.subarray(start, end)))
    held.bytes += end - start
    this.all += cost
    if (held.bytes > HELD_BYTES_MAX) this.release(key, HELD_BYTES_MAX, give)
  }

  /** Hands on all but the last `keep` bytes. */
  release(key: number, keep: number, give: Give): void {
    const held = this.#held.get(key)
    if (!held) return
    const { parts } = held
    while (held.bytes > keep) {
      const part = parts[held.first] as Buffer
      const size = Math.min(part.length, held.bytes - keep)
      if (size < part.length) parts[held.first] = part.subarray(size)
      else {
        held.first++
        this.all -= PART_BYTES
      }
      held.bytes -= size
      this.all -= size
      give(part, 0, size)
    }
    if (held.bytes === 0) {
      this.all -= (parts.length - held.first) * PART_BYTES // parts without bytes
      this.#held.delete(key)
    } else if (held.first > GONE_MAX && held.first * 2 > parts.length) {
      parts.splice(0, held.first)
      held.first = 0
    }
  }
}
