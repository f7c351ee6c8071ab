/**
 * QUIC on one flow, up to the client hello: a handful of datagrams, then the rest is passed by. The hello may come in pieces, in any
 * order and over several packets: browsers shuffle them on purpose.
 */

import {
  clientKeys,
  findInitial,
  type Initial,
  type InitialKeys,
  openInitial,
  readCrypto,
} from '../decode/quic.ts'
import { decodeClientHello, emptyHello, HANDSHAKE } from '../decode/tls.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'

/** Datagrams of the client that are tried; a hello of today's size takes two. */
const DATAGRAMS_MAX = 8
const HELLO_BYTES_MAX = 16_384
const PIECES_MAX = 64
const PACKETS_A_DATAGRAM_MAX = 4
const HEADER_BYTES = 4

/** Flows begun in one second of packet time: opening a packet takes 55 µs, forged or not, so a flood must not choose how many. */
export const QUIC_FLOWS_A_SECOND_MAX = 1000
const SECOND_US = 1e6

/** Whether one more flow may be opened now. */
export class QuicBudget {
  #secondUs = 0
  #begun = 0

  take(timeUs: number): boolean {
    if (timeUs < this.#secondUs || timeUs - this.#secondUs >= SECOND_US) {
      this.#secondUs = timeUs
      this.#begun = 0
    }
    return ++this.#begun <= QUIC_FLOWS_A_SECOND_MAX
  }
}

export class QuicFlow implements AppParser {
  readonly proto = 'quic'
  readonly #sink: AppSink
  #keys: InitialKeys | undefined
  #version = ''
  #datagrams = 0
  #hello = Buffer.alloc(0)
  /** What of the hello has come, as [start, end), sorted and apart. */
  #pieces: (readonly [start: number, end: number])[] = []
  #done = false

  constructor(sink: AppSink) {
    this.#sink = sink
  }

  get held(): number {
    return this.#hello.length
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    if (!toServer) return 'more'
    let at = 0
    for (let i = 0; i < PACKETS_A_DATAGRAM_MAX && at < bytes.length && !this.#done; i++) {
      const initial = findInitial(bytes, at)
      if (initial === undefined) break
      if (typeof initial === 'string') {
        this.#sink.fault(initial)
        break
      }
      this.#initial(bytes, initial)
      at = initial.end
    }
    if (this.#done) return 'done'
    if (++this.#datagrams < DATAGRAMS_MAX) return 'more'
    this.ended()
    return 'done'
  }

  gap(): Verdict {
    return 'more'
  }

  ended(): void {
    if (!this.#done && this.#pieces.length > 0) this.#sink.fault('truncated')
    this.#done = true
    this.#hello = Buffer.alloc(0)
  }

  /** Keys are of the first id; after a Retry of the one the server chose then (RFC 9001 §5.2). */
  #initial(bytes: Buffer, initial: Initial): void {
    this.#version = initial.version
    let frames = this.#keys && openInitial(bytes, initial, this.#keys)
    if (!frames) {
      const keys = clientKeys(initial.versionNumber, initial.dcid)
      frames = keys && openInitial(bytes, initial, keys)
      if (frames) this.#keys = keys
    }
    if (!frames) {
      this.#sink.fault('bad-record')
      this.#done ||= this.#keys === undefined // the first opens with its own id, or none does
      return
    }
    const fault = readCrypto(frames, (offset, data) => this.#piece(offset, data))
    if (fault) this.#sink.fault(fault)
    this.#tell()
  }

  #piece(offset: number, data: Buffer): void {
    const end = offset + data.length
    if (data.length === 0 || this.#pieces.length >= PIECES_MAX) return
    if (end > HELLO_BYTES_MAX) {
      this.#sink.fault('body-too-long')
      return
    }
    if (end > this.#hello.length) {
      const grown = Buffer.alloc(
        Math.min(HELLO_BYTES_MAX, Math.max(end, this.#hello.length * 2, 2048)),
      )
      this.#hello.copy(grown)
      this.#hello = grown
    }
    data.copy(this.#hello, offset)
    this.#pieces = merged([...this.#pieces, [offset, end]])
  }

  /** The hello, once all of it is there. */
  #tell(): void {
    const [first] = this.#pieces
    if (this.#done || first === undefined || first[0] !== 0 || first[1] < HEADER_BYTES) return
    const end = HEADER_BYTES + this.#hello.readUIntBE(1, 3)
    if (first[1] < end) return
    this.#done = true
    const tls = emptyHello()
    const fault =
      this.#hello[0] === HANDSHAKE.clientHello
        ? decodeClientHello(this.#hello.subarray(HEADER_BYTES, end), tls)
        : 'bad-handshake'
    this.#hello = Buffer.alloc(0)
    if (fault) {
      this.#sink.fault(fault)
      return
    }
    tls.ja4 = `q${tls.ja4.slice(1)}`
    const quic = { version: this.#version, tls }
    this.#sink.transaction({ proto: 'quic', stage: 'done', quic })
  }
}

function merged(pieces: (readonly [number, number])[]): (readonly [number, number])[] {
  const sorted = pieces.sort(([a], [b]) => a - b)
  const apart: [number, number][] = []
  for (const [start, end] of sorted) {
    const last = apart.at(-1)
    if (last && start <= last[1]) last[1] = Math.max(last[1], end)
    else apart.push([start, end])
  }
  return apart
}
