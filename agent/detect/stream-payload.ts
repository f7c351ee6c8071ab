/** The last bytes of each direction of a stream, and what is missing of them, for records that show what a rule matched in. */

/** Directions of streams that are kept at one time; the oldest goes first. */
const STREAMS_MAX = 1024

interface Kept {
  /** Bytes, and numbers of bytes that never came. */
  parts: (Buffer | number)[]
  bytes: number
}

export class StreamPayloads {
  readonly #bytesMax: number
  readonly #kept = new Map<number, Kept>()

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** `key`: a direction of a flow. */
  add(key: number, bytes: Uint8Array, start: number, end: number): void {
    const kept = this.#of(key)
    kept.parts.push(Buffer.from(bytes.subarray(start, end)))
    kept.bytes += end - start
    while (kept.bytes > this.#bytesMax) {
      const first = kept.parts[0]
      if (first === undefined) return
      const size = typeof first === 'number' ? 0 : first.length
      const over = kept.bytes - this.#bytesMax
      if (typeof first === 'number' || size <= over) kept.parts.shift()
      else kept.parts[0] = first.subarray(over)
      kept.bytes -= Math.min(size, over)
    }
  }

  gap(key: number, missing: number): void {
    this.#of(key).parts.push(missing)
  }

  /** As text, a gap in words; as bytes, nothing stands for it. */
  text(key: number, printable: (bytes: Uint8Array) => string): string {
    const parts = this.#kept.get(key)?.parts ?? []
    return parts
      .map((part) => (typeof part === 'number' ? `[${part} bytes missing]` : printable(part)))
      .join('')
  }

  bytes(key: number): Buffer {
    const parts = this.#kept.get(key)?.parts ?? []
    return Buffer.concat(parts.filter((part) => typeof part !== 'number'))
  }

  ended(flow: number): void {
    this.#kept.delete(flow * 2)
    this.#kept.delete(flow * 2 + 1)
  }

  #of(key: number): Kept {
    let kept = this.#kept.get(key)
    if (!kept) {
      kept = { parts: [], bytes: 0 }
      this.#kept.set(key, kept)
      if (this.#kept.size > STREAMS_MAX) this.#kept.delete(this.#kept.keys().next().value as number)
    }
    return kept
  }
}
