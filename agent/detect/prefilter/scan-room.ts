/**
 * The memory that the tables of one set's prefilters and the bytes in hand share: the kernel sees nothing else. The
 * bytes of a buffer are copied to its beginning, which costs less than a tenth of looking at them; those of a stream have
 * a place of their own, where they are gathered, looked through and judged without another copy.
 */
import { copyBytes } from '../../base/copy.ts'
import { type Kernel, kernelOver } from './scan-kernel.ts'
import { type ShapeKernel, shapeKernelOver } from './shape-kernel.ts'
import { NOTES } from './table-layout.ts'

/** Bytes that are looked at in one go. */
export const PIECE_BYTES_MAX = 32_768
/** Before them, so that no address of a pattern is below 0, whose literal is of 8,192 bytes at most; behind the tables, so that no load goes past them. */
const MARGIN_BYTES = 9216
/** Of a stream: what has come, and what had before, which lies in front of it. */
export const STREAM_BYTES_MAX = 18_944
export const STREAM_BEFORE_MAX = 4096
const STREAM = MARGIN_BYTES + PIECE_BYTES_MAX + STREAM_BEFORE_MAX
const PAGE_BYTES = 65_536
/** 64 MB: the tables of 100,000 patterns are a quarter of it. */
const PAGES_MAX = 1024

export class ScanRoom {
  readonly kernel: Kernel
  readonly shapeKernel: ShapeKernel
  readonly #memory = new WebAssembly.Memory({ initial: 2, maximum: PAGES_MAX })
  /** All of it, by address. */
  bytes = new Uint8Array(this.#memory.buffer)
  #text = Buffer.from(this.#memory.buffer)
  #words = new Uint32Array(this.#memory.buffer)
  #next = NOTES + PIECE_BYTES_MAX + 64
  /** Tables through which bytes are compared: as they are, and with letters lower. */
  readonly same: number
  readonly folded: number

  constructor() {
    this.kernel = kernelOver(this.#memory)
    this.shapeKernel = shapeKernelOver(this.#memory)
    const bytes = Uint8Array.from({ length: 256 }, (_, c) => c)
    this.same = this.keep(bytes)
    this.folded = this.keep(bytes.map((c) => (c >= 0x41 && c <= 0x5a ? c | 0x20 : c)))
  }

  /** Where what has come of a stream begins. */
  get stream(): number {
    return STREAM
  }

  /** Gives where they lie, until others are put. */
  put(bytes: Uint8Array, start: number, end: number): number {
    copyBytes(bytes, start, end, this.bytes, MARGIN_BYTES)
    return MARGIN_BYTES
  }

  /** Text whose characters are bytes. */
  putText(text: string): number {
    this.#text.write(text, MARGIN_BYTES, text.length, 'latin1')
    return MARGIN_BYTES
  }

  /** Address of so many zeros. */
  take(size: number): number {
    const at = this.#next
    this.#next = (at + size + 3) & ~3
    const missing = this.#next + MARGIN_BYTES - this.bytes.length
    if (missing > 0) {
      this.#memory.grow(Math.ceil(missing / PAGE_BYTES))
      this.bytes = new Uint8Array(this.#memory.buffer)
      this.#text = Buffer.from(this.#memory.buffer)
      this.#words = new Uint32Array(this.#memory.buffer)
    }
    return at
  }

  keep(bytes: Uint8Array): number {
    const at = this.take(bytes.length)
    this.bytes.set(bytes, at)
    return at
  }

  keepWords(words: Uint32Array): number {
    const at = this.take(words.length * 4)
    this.#words.set(words, at >>> 2)
    return at
  }

  word(at: number): number {
    return this.#words[at >>> 2] as number
  }

  setWord(at: number, value: number): void {
    this.#words[at >>> 2] = value
  }
}
