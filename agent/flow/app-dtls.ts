/**
 * TLS over datagrams on one flow, up to what is in the clear: messages out of fragments in any order, then the rest is passed
 * by. It is told as TLS.
 */
import type { Fault } from '../base/fault.ts'
import { type DtlsFragment, decodeDtlsRecord, readDtlsFragments } from '../decode/dtls.ts'
import {
  decodeCertificates,
  decodeClientHello,
  decodeKeyExchange,
  decodeServerHello,
  emptyHello,
  HANDSHAKE,
} from '../decode/tls.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'
import { HandshakePieces } from './app-quic-pieces.ts'
import { TLS_RECORD } from './app-tls-sealed.ts'

const DATAGRAMS_MAX = 32
const RECORDS_A_DATAGRAM_MAX = 16
/** Messages of a side that are being put together; a server sends five. */
const MESSAGES_MAX = 8
const HEADER_BYTES = 4

interface Side {
  messages: Map<number, HandshakePieces>
  hello: boolean
}

export class DtlsFlow implements AppParser {
  readonly proto = 'tls'
  readonly #sink: AppSink
  readonly #tls = emptyHello()
  readonly #sides: readonly [Side, Side] = [newSide(), newSide()]
  #datagrams = 0
  #over = false
  #done = false

  constructor(sink: AppSink) {
    this.#sink = sink
  }

  get held(): number {
    let held = 0
    for (const { messages } of this.#sides)
      for (const pieces of messages.values()) held += pieces.held
    return held
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    for (let at = 0, i = 0; at < bytes.length && i < RECORDS_A_DATAGRAM_MAX && !this.#over; i++) {
      const record = decodeDtlsRecord(bytes, at)
      if (typeof record === 'string') {
        this.#sink.fault(record)
        break
      }
      at = record.end
      const clear = record.epoch === 0 && record.type === TLS_RECORD.handshake
      if (clear) {
        const fault = readDtlsFragments(record.body, (part) => this.#fragment(toServer, part))
        if (fault) this.#sink.fault(fault)
      } else if (!toServer) this.#over = this.#sides[1].hello // what follows is encrypted
    }
    if (!this.#over && ++this.#datagrams < DATAGRAMS_MAX) return 'more'
    this.ended()
    return 'done'
  }

  gap(): Verdict {
    return 'more'
  }

  ended(): void {
    for (const side of this.#sides) side.messages.clear()
    if (this.#done || !(this.#sides[0].hello || this.#sides[1].hello)) return
    this.#done = true
    this.#sink.transaction({ proto: 'tls', stage: 'done', tls: this.#tls })
  }

  #fragment(toServer: boolean, { type, size, sequence, offset, data }: DtlsFragment): void {
    const side = this.#sides[toServer ? 0 : 1]
    let pieces = side.messages.get(sequence)
    if (!pieces) {
      if (side.messages.size >= MESSAGES_MAX) {
        this.#sink.fault('too-many-records')
        return
      }
      pieces = new HandshakePieces()
      const head = Buffer.of(type, 0, 0, 0)
      head.writeUIntBE(size, 1, 3)
      pieces.add(0, head)
      side.messages.set(sequence, pieces)
    }
    const tooFar = pieces.add(HEADER_BYTES + offset, data)
    if (tooFar) this.#sink.fault(tooFar)
    const message = pieces.message()
    if (!message) return
    side.messages.delete(sequence)
    const fault = this.#message(toServer, side, message.type, message.body)
    if (fault) this.#sink.fault(fault)
  }

  #message(toServer: boolean, side: Side, type: number, body: Buffer): Fault | undefined {
    const tls = this.#tls
    if (toServer) {
      // The second time it brings back a cookie, and says the same.
      if (type !== HANDSHAKE.clientHello || side.hello) return undefined
      const fault = decodeClientHello(body, tls, 'd')
      side.hello = fault === undefined
      if (!fault) this.#sink.transaction({ proto: 'tls', stage: 'request', tls })
      return fault
    }
    if (type === HANDSHAKE.serverHello && !side.hello) {
      const fault = decodeServerHello(body, tls)
      side.hello = fault === undefined
      if (!fault) this.#sink.transaction({ proto: 'tls', stage: 'response', tls })
      return fault
    }
    if (type === HANDSHAKE.certificate && tls.certificates.length === 0)
      return decodeCertificates(body, tls)
    if (type === HANDSHAKE.serverKeyExchange) decodeKeyExchange(body, tls)
    if (type === HANDSHAKE.serverDone) this.#over = true
    return undefined
  }
}

function newSide(): Side {
  return { messages: new Map(), hello: false }
}
