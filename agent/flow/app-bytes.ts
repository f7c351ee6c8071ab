/**
 * Bytes kept for later, in one buffer that grows by doubling: a body sent byte by byte costs no object a byte. Buffers are used
 * again: they lie outside the heap, and V8 stops to collect after so many bytes of those, however small the heap is.
 */
const EMPTY = Buffer.alloc(0)
/** Sizes that are used again, as powers of two: 256 bytes to 64 KiB. */
const LEAST = 8
const MOST = 16
/** Buffers of one size that wait to be used again: 8 MiB at most in all. */
const SPARE_BYTES_MAX = 1_048_576
const SPARE_MAX = 256
/** Memory for all that is expected is taken once this part of it has come: who only announces costs nothing. */
const EXPECTED_PARTS = 8

/** One list a size. */
const spare: Buffer[][] = Array.from({ length: MOST + 1 }, () => [])

function sizeClass(bytes: number): number {
  return Math.max(LEAST, 32 - Math.clz32(bytes - 1))
}

function take(bytes: number, max: number): Buffer {
  const size = sizeClass(bytes)
  if (size > MOST) return Buffer.allocUnsafeSlow(Math.min(2 ** size, max))
  return spare[size]?.pop() ?? Buffer.allocUnsafeSlow(2 ** size)
}

function giveBack(buffer: Buffer): void {
  const size = sizeClass(buffer.length)
  const list = size > MOST || 2 ** size !== buffer.length ? undefined : spare[size]
  if (list && list.length < Math.min(SPARE_MAX, SPARE_BYTES_MAX >> size)) list.push(buffer)
}

export class KeptBytes {
  readonly max: number
  length = 0
  /** Bytes that came when it was full. */
  dropped = 0
  #buffer: Buffer = EMPTY
  readonly #expected: number

  /** `expected`: how many will come in all, where somebody says so. */
  constructor(max: number, expected = 0) {
    this.max = max
    this.#expected = Math.min(expected, max)
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
      const before = this.#buffer
      const grown = this.#room(need)
      before.copy(grown, 0, 0, this.length)
      this.#buffer = grown
      if (before !== EMPTY) giveBack(before)
    }
    bytes.copy(this.#buffer, this.length, 0, size)
    this.length = need
  }

  /** What is expected fits its memory, so that it can be handed over with it. */
  #room(need: number): Buffer {
    const expected = this.#expected
    const fits = need <= expected && need * EXPECTED_PARTS >= expected
    return fits ? Buffer.allocUnsafeSlow(expected) : take(need, this.max)
  }

  /** Hands the bytes over, with their memory where they fill it, and keeps nothing. */
  handOver(): Uint8Array {
    const { length } = this
    const buffer = this.#buffer
    if (length < buffer.length) {
      const own = new Uint8Array(this.view())
      this.clear()
      return own
    }
    this.length = 0
    this.#buffer = EMPTY
    return new Uint8Array(buffer.buffer, buffer.byteOffset, length)
  }

  /** A view, valid until the next append, drop or clear. */
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
    if (this.#buffer !== EMPTY) giveBack(this.#buffer)
    this.length = 0
    this.#buffer = EMPTY
  }
}
