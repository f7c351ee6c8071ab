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

/** Where frames, [start, end) of the bytes, and faults go. */
export interface FrameSink {
  frame(bytes: Buffer, start: number, end: number, toServer: boolean): void
  fault(fault: Fault): void
}

export class FrameSplitter {
  readonly #framing: Framing
  readonly #bytesMax: number
  readonly #sink: FrameSink
  /** Of each direction, once a frame of it was cut. */
  #fromClient: KeptBytes | undefined = undefined
  #fromServer: KeptBytes | undefined = undefined

  constructor(framing: Framing, bytesMax: number, sink: FrameSink) {
    this.#framing = framing
    this.#bytesMax = bytesMax
    this.#sink = sink
  }

  get held(): number {
    return (this.#fromClient?.held ?? 0) + (this.#fromServer?.held ?? 0)
  }

  /** Mostly it is whole frames: of those no view is made. No number of faults ends it: a device passes over what is broken and acts on what follows. */
  add(toServer: boolean, bytes: Buffer, start = 0, end = bytes.length): void {
    const kept = toServer ? this.#fromClient : this.#fromServer
    if (kept !== undefined && kept.length > 0) {
      const whole = Buffer.concat([kept.view(), bytes.subarray(start, end)])
      kept.clear()
      this.#split(toServer, whole)
      return
    }
    let at = start
    while (at < end) {
      const size = this.#framing.size(bytes, at, end)
      if (typeof size === 'string' || size === 0 || at + size > end) {
        this.#split(toServer, bytes.subarray(at, end))
        return
      }
      this.#sink.frame(bytes, at, at + size, toServer)
      at += size
    }
  }

  #split(toServer: boolean, bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      const size = this.#framing.size(bytes, at, bytes.length)
      if (typeof size === 'string') {
        this.#sink.fault(size)
        at = this.#framing.resume(bytes, at + 1)
        continue
      }
      if (size === 0 || at + size > bytes.length) {
        this.#keep(toServer).append(bytes, at)
        return
      }
      this.#sink.frame(bytes, at, at + size, toServer)
      at += size
    }
  }

  #keep(toServer: boolean): KeptBytes {
    if (toServer) {
      this.#fromClient ??= new KeptBytes(this.#bytesMax)
      return this.#fromClient
    }
    this.#fromServer ??= new KeptBytes(this.#bytesMax)
    return this.#fromServer
  }

  /** What was begun of this direction will not be finished. */
  forget(toServer: boolean): void {
    ;(toServer ? this.#fromClient : this.#fromServer)?.clear()
  }

  /** What was cut short says so: a length that promises more than ever comes is one way to lie. */
  endedShort(toServer: boolean): void {
    const kept = toServer ? this.#fromClient : this.#fromServer
    if (kept === undefined || kept.length === 0) return
    kept.clear()
    this.#sink.fault('truncated')
  }
}
