/**
 * Bytes kept for later, in one buffer that grows by doubling: a body sent byte by byte costs no object a byte. Buffers are used
 * again: they lie outside the heap, and V8 stops to collect after so many bytes of those, however small the heap is.
 */
import { copyBytes } from '../base/copy.ts'

const EMPTY = Buffer.alloc(0)
/** Sizes that are used again: powers of two from 256 bytes to 4 KiB, each 4 KiB up to 64, then each 32 KiB up to 512. */
const LEAST = 8
const STEP = 12
const STEPS_MAX = 65_536
const WIDE_STEP = 15
const SIZE_MAX = 524_288
const BY_TWO = STEP - LEAST
const BY_STEP = BY_TWO + (STEPS_MAX >> STEP)
const SIZES = BY_STEP + ((SIZE_MAX - STEPS_MAX) >> WIDE_STEP)
/** Buffers that wait to be used again: 256 of one size, 8 MiB in all. */
const SPARE_MAX = 256
const SPARE_BYTES_MAX = 8_388_608
/** Memory for all that is expected is taken once this part of it has come: who only announces costs nothing. */
const EXPECTED_PARTS = 8

/** One list a size. Cut of one that held a buffer: V8 takes `[]` for a list of numbers, and makes code again at each one's first buffer. */
const spare: Buffer[][] = Array.from({ length: SIZES }, () => [EMPTY].slice(1))
let spareBytes = 0

/** Which list serves so many bytes; past the last: none. */
function sizeClass(bytes: number): number {
  if (bytes <= 1 << STEP) return Math.max(0, 32 - Math.clz32(bytes - 1) - LEAST)
  if (bytes <= STEPS_MAX) return BY_TWO + ((bytes - 1) >> STEP)
  return BY_STEP + ((bytes - 1 - STEPS_MAX) >> WIDE_STEP)
}

function sizeOf(sizeClass: number): number {
  if (sizeClass <= BY_TWO) return 1 << (sizeClass + LEAST)
  if (sizeClass < BY_STEP) return (sizeClass - BY_TWO + 1) << STEP
  return STEPS_MAX + ((sizeClass - BY_STEP + 1) << WIDE_STEP)
}

function take(bytes: number, max: number): Buffer {
  const size = sizeClass(bytes)
  if (size >= spare.length) return Buffer.allocUnsafeSlow(Math.min(2 ** (32 - Math.clz32(bytes - 1)), max)) // biome-ignore format: one line
  const used = spare[size]?.pop()
  if (!used) return Buffer.allocUnsafeSlow(sizeOf(size))
  spareBytes -= used.length
  return used
}

function giveBack(buffer: Buffer): void {
  const size = sizeClass(buffer.length)
  const list = spare[size]
  if (!list || sizeOf(size) !== buffer.length) return
  if (list.length >= SPARE_MAX || spareBytes + buffer.length > SPARE_BYTES_MAX) return
  spareBytes += buffer.length
  list.push(buffer)
}

export class KeptBytes {
  readonly max: number
  length = 0
  /** Bytes that came when it was full. */
  dropped = 0
  #buffer: Buffer = EMPTY
  #expected = 0

  /** `expected`: how many will come in all, where somebody says so. */
  constructor(max: number, expected = 0) {
    this.max = max
    this.expect(expected)
  }

  expect(bytes: number): void {
    this.#expected = Math.min(bytes, this.max)
  }

  /** Memory in use. */
  get held(): number {
    return this.#buffer.length
  }

  get full(): boolean {
    return this.length >= this.max
  }

  /** Copies what fits of [from, to). */
  append(bytes: Uint8Array, from = 0, to = bytes.length): void {
    const size = Math.min(to - from, this.max - this.length)
    this.dropped += to - from - size
    if (size === 0) return
    const need = this.length + size
    if (need > this.#buffer.length) {
      const before = this.#buffer
      const grown = this.#room(need)
      copyBytes(before, 0, this.length, grown, 0)
      this.#buffer = grown
      if (before !== EMPTY) giveBack(before)
    }
    copyBytes(bytes, from, from + size, this.#buffer, this.length)
    this.length = need
  }

  /** Twice as much as there was, so that what comes drop by drop is not copied each time. */
  #room(need: number): Buffer {
    const expected = this.#expected
    const fits = need <= expected && need * EXPECTED_PARTS >= expected
    return take(fits ? expected : Math.max(need, Math.min(2 * this.#buffer.length, this.max)), this.max) // biome-ignore format: one line
  }

  /** Other bytes in the place of these. */
  become(bytes: Buffer): void {
    this.clear()
    this.append(bytes)
  }

  /** A view, valid until the next append, drop or clear. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.length)
  }

  /** The same of the class that streams are of, which spares those who look through it the other. */
  plainView(): Uint8Array {
    const { buffer, byteOffset } = this.#buffer
    return new Uint8Array(buffer, byteOffset, this.length)
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
