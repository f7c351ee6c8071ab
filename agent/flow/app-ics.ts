/**
 * Industrial protocols on one flow: frames out of the stream or the datagrams, messages out of the frames. A protocol
 * brings its framing and what it keeps between frames; bounds, cut frames and faults are the same for all.
 */
import type { Fault } from '../base/fault.ts'
import type { IcsSpan } from '../decode/ics.ts'
import type { IcsMessage, IcsProto } from '../decode/records.ts'
import { BacnetFrames } from './app-bacnet.ts'
import { KeptBytes } from './app-bytes.ts'
import { Dnp3Frames } from './app-dnp3.ts'
import { EnipFrames } from './app-enip.ts'
import { ApduFrames } from './app-iec104.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'
import { S7Frames } from './app-s7.ts'

/** One protocol's framing, and what it keeps between two frames of a flow. */
export interface IcsFrames {
  readonly proto: IcsProto
  readonly frameBytesMax: number
  /** Bytes of memory kept between frames. */
  readonly held: number
  /** How many bytes the frame at `start` takes in all; 0: more are needed to say; else the fault. */
  size(bytes: Buffer, start: number, end: number): number | Fault
  /** The one frame that fills the span: what it completes. */
  frame(bytes: Buffer, span: IcsSpan): IcsMessage | Fault | undefined
  /** Where after a broken frame the next may begin; the end where it cannot be known. */
  resume(bytes: Buffer, from: number): number
  /** Bytes of this direction are missing. */
  lost(toServer: boolean): void
}

export function newIcsFlow(proto: IcsProto, sink: AppSink): AppParser {
  switch (proto) {
    case 'dnp3':
      return new IcsFlow(new Dnp3Frames(), sink)
    case 's7':
      return new IcsFlow(new S7Frames(), sink)
    case 'iec104':
      return new IcsFlow(new ApduFrames(), sink)
    case 'enip':
      return new IcsFlow(new EnipFrames(), sink)
    case 'bacnet':
      return new IcsFlow(new BacnetFrames(), sink)
  }
}

class IcsFlow implements AppParser {
  readonly proto: IcsProto
  readonly #frames: IcsFrames
  readonly #sink: AppSink
  readonly #partial: readonly [KeptBytes, KeptBytes]

  constructor(frames: IcsFrames, sink: AppSink) {
    this.proto = frames.proto
    this.#frames = frames
    this.#sink = sink
    this.#partial = [new KeptBytes(frames.frameBytesMax), new KeptBytes(frames.frameBytesMax)]
  }

  get held(): number {
    return this.#partial[0].held + this.#partial[1].held + this.#frames.held
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    const kept = this.#partial[toServer ? 0 : 1]
    const whole = kept.length === 0 ? bytes : Buffer.concat([kept.view(), bytes])
    kept.clear()
    let at = 0
    while (at < whole.length) {
      const size = this.#frames.size(whole, at, whole.length)
      if (typeof size === 'string') {
        this.#sink.fault(size)
        at = this.#frames.resume(whole, at + 1)
        continue
      }
      if (size === 0 || at + size > whole.length) {
        kept.append(whole.subarray(at))
        break
      }
      this.#frame(whole, { start: at, end: at + size, toServer })
      at += size
    }
    // Never done: a device passes over what is broken and acts on what follows.
    return 'more'
  }

  gap(toServer: boolean): Verdict {
    this.#partial[toServer ? 0 : 1].clear()
    this.#frames.lost(toServer)
    return 'more' // a frame begins with its segment in practice; if not, faults will say so
  }

  datagramEnded(toServer: boolean): void {
    const kept = this.#partial[toServer ? 0 : 1]
    if (kept.length === 0) return
    kept.clear()
    this.#sink.fault('truncated')
  }

  ended(): void {
    if (this.#partial[0].length > 0 || this.#partial[1].length > 0) this.#sink.fault('truncated')
  }

  #frame(bytes: Buffer, span: IcsSpan): void {
    const ics = this.#frames.frame(bytes, span)
    if (ics === undefined) return
    if (typeof ics === 'string') {
      this.#sink.fault(ics)
      return
    }
    if (ics.fault) this.#sink.fault(ics.fault)
    const stage = span.toServer ? 'request' : 'response'
    this.#sink.transaction({ proto: this.proto, stage, ics })
  }
}
