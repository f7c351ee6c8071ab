/** DNP3 on one flow: fragments of the application out of link frames (IEEE 1815 §8, the transport function). */
import type { Fault } from '../base/fault.ts'
import type { AppEvent } from '../decode/app-events.ts'
import { DNP3_FRAME_BYTES_MAX, decodeDnp3, decodeDnp3Link, dnp3FrameBytes } from '../decode/dnp3.ts'
import type { IcsSpan } from '../decode/ics.ts'
import type { IcsMessage } from '../decode/records.ts'
import { KeptBytes } from './app-bytes.ts'
import type { IcsFrames } from './app-ics.ts'

/** The standard has devices take 2048; more is kept of those that send more. */
const FRAGMENT_BYTES_MAX = 8192
/** Of one message; more is an event. */
const OBJECTS_MAX = 63
const FIN = 0x80
const FIR = 0x40
const SEQUENCE = 0x3f

interface Fragment {
  bytes: KeptBytes
  /** Sequence number the next segment must have; -1 while no fragment is begun. */
  next: number
}

export class Dnp3Frames implements IcsFrames {
  readonly proto = 'dnp3'
  readonly frameBytesMax = DNP3_FRAME_BYTES_MAX
  readonly #fragments: readonly [Fragment, Fragment] = [newFragment(), newFragment()]
  readonly size = dnp3FrameBytes
  readonly #objectsMax: number

  constructor(objectsMax = OBJECTS_MAX) {
    this.#objectsMax = objectsMax
  }

  event(outcome: IcsMessage | Fault | undefined): AppEvent | undefined {
    if (outcome === 'body-too-long') return 'dnp3.too_long_reassembly'
    if (outcome === 'bad-checksum') return 'dnp3.bad_transport_crc'
    if (typeof outcome !== 'object') return undefined
    const { objects } = outcome.fields.application as { objects: readonly unknown[] }
    return objects.length > this.#objectsMax ? 'dnp3.too_many_objects' : undefined
  }

  get held(): number {
    return this.#fragments[0].bytes.held + this.#fragments[1].bytes.held
  }

  frame(bytes: Buffer, { start, end, toServer }: IcsSpan): IcsMessage | Fault | undefined {
    const link = decodeDnp3Link(bytes, start, end)
    if (typeof link === 'string') return link
    const { data } = link
    if (data.length === 0) return undefined // a message of the link itself
    const transport = data[0] as number
    const fragment = this.#fragments[toServer ? 0 : 1]
    if (transport & FIR) {
      fragment.bytes.clear()
      fragment.next = transport & SEQUENCE
    } else if (fragment.next !== (transport & SEQUENCE)) {
      this.lost(toServer)
      return undefined // the middle of a fragment whose beginning was not seen
    }
    fragment.bytes.append(data.subarray(1))
    fragment.next = (fragment.next + 1) & SEQUENCE
    if (fragment.bytes.dropped > 0) return this.#tooLong(toServer)
    if ((transport & FIN) === 0) return undefined
    const message = decodeDnp3(Buffer.from(fragment.bytes.view()), link, toServer)
    this.lost(toServer)
    return message
  }

  /** Frames begin with a mark: after noise the next is looked for. */
  resume(bytes: Buffer, from: number): number {
    const at = bytes.indexOf(0x05, from)
    return at < 0 ? bytes.length : at
  }

  lost(toServer: boolean): void {
    const fragment = this.#fragments[toServer ? 0 : 1]
    fragment.bytes.clear()
    fragment.next = -1
  }

  #tooLong(toServer: boolean): Fault {
    this.#fragments[toServer ? 0 : 1].bytes.dropped = 0
    this.lost(toServer)
    return 'body-too-long'
  }
}

function newFragment(): Fragment {
  return { bytes: new KeptBytes(FRAGMENT_BYTES_MAX), next: -1 }
}
