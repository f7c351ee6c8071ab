/** Bytes kept for later, in one buffer that grows by doubling: a body sent byte by byte costs no object a byte. */
const EMPTY = Buffer.alloc(0)

export class KeptBytes {
  readonly max: number
  length = 0
  /** Bytes that came when it was full. */
  dropped = 0
  #buffer: Buffer = EMPTY

  constructor(max: number) {
    this.max = max
  }

  /** Memory in use. */
  get held(): number {
    return this.#buffer.length
  }

  get full(): boolean {
    return this.length >= this.max
  }

  /** Copies what fits. */
  append(bytes: Buffer): void {
    const size = Math.min(bytes.length, this.max - this.length)
    this.dropped += bytes.length - size
    if (size === 0) return
    const need = this.length + size
    if (need > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.max, Math.max(need, this.length * 2, 256)))
      this.#buffer.copy(grown, 0, 0, this.length)
      this.#buffer = grown
    }
    bytes.copy(this.#buffer, this.length, 0, size)
    this.length = need
  }

  /** A view, valid until the next append or drop. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.length)
  }

  /** Forgets the first `size` bytes. */
  drop(size: number): void {
    if (size >= this.length) this.clear()
    else {
      this.#buffer.copyWithin(0, size, this.length)
      this.length -= size
    }
  }

  clear(): void {
    this.length = 0
    this.#buffer = EMPTY
  }
}
