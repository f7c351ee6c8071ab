/**
 * Raw deflate undone by one engine of node:zlib that is used again: the stream that `inflateRawSync` builds and drops a body, with its
 * window and its output, costs as much as a third of the unpacking and lies outside the heap, where it calls the collector.
 */
import { createInflateRaw, constants as zlib } from 'node:zlib'

/** What lies under a stream of node:zlib: no public way leads there without a stream a body. */
interface Engine {
  _handle?: {
    writeSync(flush: number, input: Uint8Array, at: number, size: number, output: Uint8Array, to: number, room: number): void // biome-ignore format: one call
    reset(): void
    onerror: () => void
  }
  /** Room left in the output, then input left, after each write. */
  _writeState?: Uint32Array
}

export class RawInflate {
  /** Bytes of the input that were read, the last time. */
  read = 0
  /** There was more than the bound: what was given is its beginning. */
  over = false
  readonly #output: Buffer
  #engine: Required<Engine> | undefined
  #failed = false

  constructor(outputMax: number) {
    this.#output = Buffer.allocUnsafeSlow(outputMax + 1)
  }

  /**
   * Undoes what stands in `input` from `at` on, which may be cut, up to `max` bytes. A view of this object's memory, until the next call;
   * undefined where it is damaged before that, or Node's engine is not as we know it.
   */
  run(input: Uint8Array, at: number, max = this.#output.length - 1): Buffer | undefined {
    this.#engine ??= this.#open()
    if (!this.#engine) return undefined
    const { _handle, _writeState } = this.#engine
    const size = input.length - at
    this.#failed = false
    _handle.writeSync(zlib.Z_SYNC_FLUSH, input, at, size, this.#output, 0, max + 1)
    const [room = 0, left = 0] = _writeState
    _handle.reset()
    this.read = size - left
    this.over = room === 0
    if (this.#failed) return undefined
    return this.#output.subarray(0, Math.min(max, max + 1 - room))
  }

  #open(): Required<Engine> | undefined {
    const { _handle, _writeState } = createInflateRaw() as Engine
    if (typeof _handle?.writeSync !== 'function' || !(_writeState instanceof Uint32Array))
      return undefined
    _handle.onerror = () => {
      this.#failed = true
    }
    return { _handle, _writeState }
  }
}
