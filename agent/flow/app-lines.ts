/** Lines out of a stream, for protocols of text. A line that is too long is given cut, once, and its rest passed by. */
import { KeptBytes } from './app-bytes.ts'

const LF = 10
const CR = 13

export class Lines {
  readonly #kept: KeptBytes
  /** Offset in the bytes of the last `read` behind the last line given. */
  at = 0

  constructor(lineBytesMax: number) {
    this.#kept = new KeptBytes(lineBytesMax)
  }

  get held(): number {
    return this.#kept.held
  }

  /** Bytes of a line whose end has not come. */
  get partial(): Buffer {
    return this.#kept.view()
  }

  /**
   * The next line that ends within `bytes` from `start` on, without its end, and whether it was cut; undefined when
   * there is none, and what is left was kept.
   */
  next(bytes: Buffer, start: number): { line: Buffer; cut: boolean } | undefined {
    const end = bytes.indexOf(LF, start)
    this.at = end === -1 ? bytes.length : end + 1
    const part = bytes.subarray(start, end === -1 ? bytes.length : end)
    if (end === -1) {
      this.#kept.append(part)
      return undefined
    }
    this.#kept.append(part)
    // With its end it would be longer than a line may be.
    const cut = this.#kept.full
    const view = this.#kept.view()
    const line = Buffer.from(!cut && view.at(-1) === CR ? view.subarray(0, -1) : view)
    this.clear()
    return { line, cut }
  }

  clear(): void {
    this.#kept.clear()
    this.#kept.dropped = 0
  }
}
