/**
 * Industrial protocols on one flow: frames out of the stream or the datagrams, messages out of the frames. A protocol
 * brings its framing and what it keeps between frames; bounds, cut frames and faults are the same for all.
 */
import type { Fault } from '../base/fault.ts'
import type { AppEvent } from '../decode/app-events.ts'
import type { IcsSpan } from '../decode/ics.ts'
import type { IcsMessage, IcsProto } from '../decode/records.ts'
import { BacnetFrames } from './app-bacnet.ts'
import { Dnp3Frames } from './app-dnp3.ts'
import { EnipFrames } from './app-enip.ts'
import { type FrameSink, FrameSplitter, type Framing } from './app-frames.ts'
import { ApduFrames } from './app-iec104.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'
import { S7Frames } from './app-s7.ts'

/** One protocol's framing, and what it keeps between two frames of a flow. */
export interface IcsFrames extends Framing {
  readonly proto: IcsProto
  readonly frameBytesMax: number
  /** Bytes of memory kept between frames. */
  readonly held: number
  /** The one frame that fills the span: what it completes. */
  frame(bytes: Buffer, span: IcsSpan): IcsMessage | Fault | undefined
  /** What is odd about the last frame, that rules have a name for. */
  event?(outcome: IcsMessage | Fault | undefined): AppEvent | undefined
  /** Bytes of this direction are missing. */
  lost(toServer: boolean): void
}

/** `objectsMax`: of one DNP3 message, before it is an event. */
export function newIcsFlow(proto: IcsProto, sink: AppSink, objectsMax?: number): AppParser {
  switch (proto) {
    case 'dnp3':
      return new IcsFlow(new Dnp3Frames(objectsMax), sink)
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

class IcsFlow implements AppParser, FrameSink {
  readonly proto: IcsProto
  readonly #frames: IcsFrames
  readonly #sink: AppSink
  readonly #split: FrameSplitter

  constructor(frames: IcsFrames, sink: AppSink) {
    this.proto = frames.proto
    this.#frames = frames
    this.#sink = sink
    this.#split = new FrameSplitter(frames, frames.frameBytesMax, this)
  }

  get held(): number {
    return this.#split.held + this.#frames.held
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    return this.span(toServer, bytes, 0, bytes.length)
  }

  span(toServer: boolean, bytes: Buffer, start: number, end: number): Verdict {
    this.#split.add(toServer, bytes, start, end)
    return 'more'
  }

  gap(toServer: boolean): Verdict {
    this.#split.forget(toServer)
    this.#frames.lost(toServer)
    return 'more' // a frame begins with its segment in practice; if not, faults will say so
  }

  datagramEnded(toServer: boolean): void {
    this.#split.endedShort(toServer)
  }

  ended(): void {
    this.#split.endedShort(true)
    this.#split.endedShort(false)
  }

  fault(fault: Fault): void {
    this.#sink.fault(fault)
  }

  frame(bytes: Buffer, start: number, end: number, toServer: boolean): void {
    const ics = this.#frames.frame(bytes, { start, end, toServer })
    const event = this.#frames.event?.(ics)
    if (event) this.#sink.event(event, toServer)
    if (ics === undefined) return
    if (typeof ics === 'string') {
      this.#sink.fault(ics)
      return
    }
    if (ics.fault) this.#sink.fault(ics.fault)
    const stage = toServer ? 'request' : 'response'
    this.#sink.transaction({ proto: this.proto, stage, ics })
  }
}
