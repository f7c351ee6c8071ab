/**
 * TLS on one flow: records (RFC 8446 §5.1), handshake messages over several of them, and the end of what is in
 * the clear. After that the flow is of no use and its bytes are passed by.
 */
import type { Fault } from '../base/fault.ts'
import {
  decodeCertificates,
  decodeClientHello,
  decodeKeyExchange,
  decodeServerHello,
  emptyHello,
  HANDSHAKE,
} from '../decode/tls.ts'
import { KeptBytes } from './app-bytes.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'
import { isOldHello } from './app-probe.ts'
import { TLS_RECORD as RECORD, SealedRecords } from './app-tls-sealed.ts'

const RECORD_BYTES_MAX = 5 + 16_384 + 2048 // RFC 5246 §6.2.3
const HANDSHAKE_BYTES_MAX = 4 + 65_536
const TLS13 = 0x0304

interface Side {
  record: KeptBytes
  handshake: KeptBytes
  hello: boolean
  over: boolean
  /** What comes then. */
  readonly sealed: SealedRecords
}

export class TlsFlow implements AppParser {
  readonly proto = 'tls'
  readonly #sink: AppSink
  readonly #client = newSide()
  readonly #server = newSide()
  readonly #tls = emptyHello()
  #done = false

  constructor(sink: AppSink) {
    this.#sink = sink
  }

  get held(): number {
    return heldBy(this.#client) + heldBy(this.#server)
  }

  get sealed(): boolean {
    return this.#tls.established
  }

  #side(toServer: boolean): Side {
    return toServer ? this.#client : this.#server
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    const side = this.#side(toServer)
    if (side.over) return this.#sealed(side, bytes)
    const whole = side.record.length > 0 ? Buffer.concat([side.record.view(), bytes]) : bytes
    side.record.clear()
    let at = 0
    while (!side.over && whole.length - at >= 5) {
      const size = 5 + whole.readUInt16BE(at + 3)
      if (toServer && !side.hello && at === 0 && isOldHello(whole)) {
        at = this.#oldHello(side, whole)
        if (at === 0) break
        continue
      }
      if (whole[at + 1] !== 3 || size > RECORD_BYTES_MAX) {
        this.#sink.event('tls.invalid_tls_header', toServer)
        this.#stop(side, 'bad-record')
      } else if (whole[at] !== RECORD.handshake)
        this.#endOfClear(toServer, side, whole[at] as number) // alert, change of cipher, data
      else if (at + size > whole.length) break
      else {
        this.#handshake(toServer, side, whole.subarray(at + 5, at + size))
        at += size
      }
    }
    if (side.over) return this.#sealed(side, whole.subarray(at))
    side.record.append(whole.subarray(at))
    return this.#verdict()
  }

  #endOfClear(toServer: boolean, side: Side, type: number): void {
    side.over = true
    const { serverVersion } = this.#tls
    // Keys that exist already need no exchange, so nothing of it comes before the change (RFC 5246 §7.3, RFC 5077 §3.1).
    const early = type === RECORD.change && side.hello && serverVersion < TLS13
    if (!toServer && early && serverVersion > 0) this.#tls.resumed = true
  }

  #sealed(side: Side, bytes: Buffer): Verdict {
    side.sealed.add(bytes)
    this.#tls.established = this.#client.sealed.begun && this.#server.sealed.begun
    return this.#verdict()
  }

  gap(toServer: boolean): Verdict {
    this.#stop(this.#side(toServer), undefined)
    return this.#verdict()
  }

  ended(): void {
    this.#finish()
  }

  /** A client that also speaks SSL 2 asks in its way (RFC 5246 §E.2). 0: it is not whole yet. */
  #oldHello(side: Side, bytes: Buffer): number {
    const size = 2 + (bytes.readUInt16BE(0) & 0x7fff)
    if (bytes.length < size) return 0
    side.hello = true
    this.#tls.version = bytes.readUInt16BE(3)
    this.#sink.transaction({ proto: 'tls', stage: 'request', tls: this.#tls })
    return size
  }

  #handshake(toServer: boolean, side: Side, bytes: Buffer): void {
    side.handshake.append(bytes)
    const view = side.handshake.view()
    let at = 0
    while (!side.over && view.length - at >= 4) {
      const size = 4 + view.readUIntBE(at + 1, 3)
      const type = view[at] as number
      const tooLong = size > HANDSHAKE_BYTES_MAX
      if (!tooLong && at + size > view.length) break
      const body = view.subarray(at + 4, at + size)
      const fault = tooLong ? 'bad-handshake' : this.#message(toServer, side, type, body)
      if (fault) this.#odd(toServer, side, type, fault)
      at += size
    }
    if (side.over) side.handshake.clear()
    else side.handshake.drop(at)
  }

  #odd(toServer: boolean, side: Side, type: number, fault: Fault): void {
    this.#sink.event('tls.invalid_handshake_message', toServer)
    if (type === HANDSHAKE.certificate) this.#sink.event('tls.invalid_certificate', toServer)
    this.#stop(side, fault)
  }

  #message(toServer: boolean, side: Side, type: number, body: Buffer): Fault | undefined {
    const tls = this.#tls
    if (toServer) {
      if (type !== HANDSHAKE.clientHello || side.hello) return undefined
      side.hello = true
      const fault = decodeClientHello(body, tls)
      if (!fault) this.#sink.transaction({ proto: 'tls', stage: 'request', tls })
      return fault
    }
    if (type === HANDSHAKE.serverHello && !side.hello) {
      side.hello = true
      const fault = decodeServerHello(body, tls)
      if (!fault) this.#sink.transaction({ proto: 'tls', stage: 'response', tls })
      if (tls.serverVersion >= TLS13) side.over = true // all that follows is encrypted
      return fault
    }
    if (type === HANDSHAKE.certificate && tls.certificates.length === 0)
      return decodeCertificates(body, tls)
    if (type === HANDSHAKE.serverKeyExchange) decodeKeyExchange(body, tls)
    if (type === HANDSHAKE.serverDone) side.over = true
    return undefined
  }

  #stop(side: Side, fault: Fault | undefined): void {
    side.over = true
    side.sealed.stop()
    side.record.clear()
    side.handshake.clear()
    if (fault) this.#sink.fault(fault)
  }

  /** Once the server's clear part is over nothing new can come: the client spoke before it. */
  #verdict(): Verdict {
    const client = this.#client
    const server = this.#server
    if (!server.over || (!client.over && !client.hello && client.record.length > 0)) return 'more'
    const verdict = this.#finish()
    // A few records more say whether both go on.
    const known = this.#tls.established || client.sealed.settled || server.sealed.settled
    return known ? verdict : 'more'
  }

  #finish(): Verdict {
    if (!this.#done && (this.#client.hello || this.#server.hello)) {
      this.#done = true
      this.#sink.transaction({ proto: 'tls', stage: 'done', tls: this.#tls })
    }
    return 'done'
  }
}

const heldBy = ({ record, handshake }: Side) => record.held + handshake.held

function newSide(): Side {
  return {
    record: new KeptBytes(RECORD_BYTES_MAX),
    handshake: new KeptBytes(HANDSHAKE_BYTES_MAX + RECORD_BYTES_MAX),
    hello: false,
    over: false,
    sealed: new SealedRecords(),
  }
}
