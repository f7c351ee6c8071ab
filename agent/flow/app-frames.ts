/** Frames that say their own size, out of the bytes of both directions: what is cut is kept until the rest comes. */
import type { Fault } from '../base/fault.ts'
import { KeptBytes } from './app-bytes.ts'

/** What a protocol says of its frames. */
export interface Framing {
  /** How many bytes the frame at `start` takes in all; 0: more are needed to say; else the fault. */
  size(bytes: Buffer, start: number, end: number): number | Fault
  /** Where after a broken frame the next may begin; the end where it cannot be known. */
  resume(bytes: Buffer, from: number): number
}

export interface Span {
  start: number
  end: number
  toServer: boolean
}

/** Where frames and faults go. */
export interface FrameSink {
  frame(bytes: Buffer, span: Span): void
  fault(fault: Fault): void
}

export class FrameSplitter {
  readonly #framing: Framing
  readonly #sink: FrameSink
  readonly #partial: readonly [KeptBytes, KeptBytes]

  constructor(framing: Framing, bytesMax: number, sink: FrameSink) {
    this.#framing = framing
    this.#sink = sink
    this.#partial = [new KeptBytes(bytesMax), new KeptBytes(bytesMax)]
  }

  get held(): number {
    return this.#partial[0].held + this.#partial[1].held
  }

  /** No number of faults ends it: a device passes over what is broken and acts on what follows. */
  add(toServer: boolean, bytes: Buffer): void {
    const kept = this.#partial[toServer ? 0 : 1]
    const whole = kept.length === 0 ? bytes : Buffer.concat([kept.view(), bytes])
    kept.clear()
    let at = 0
    while (at < whole.length) {
      const size = this.#framing.size(whole, at, whole.length)
      if (typeof size === 'string') {
        this.#sink.fault(size)
        at = this.#framing.resume(whole, at + 1)
        continue
      }
      if (size === 0 || at + size > whole.length) {
        kept.append(whole, at)
        break
      }
      this.#sink.frame(whole, { start: at, end: at + size, toServer })
      at += size
    }
  }

  /** What was begun of this direction will not be finished. */
  forget(toServer: boolean): void {
    this.#partial[toServer ? 0 : 1].clear()
  }

  /** What was cut short says so: a length that promises more than ever comes is one way to lie. */
  endedShort(toServer: boolean): void {
    const kept = this.#partial[toServer ? 0 : 1]
    if (kept.length === 0) return
    kept.clear()
    this.#sink.fault('truncated')
  }
}
