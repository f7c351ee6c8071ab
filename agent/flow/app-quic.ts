/**
 * QUIC on one flow, up to the hellos: a handful of datagrams, then the rest is passed by. A hello may come in pieces, in any
 * order and over several packets: browsers shuffle them on purpose.
 */
import { decodeGoogleHello, isGoogleQuic } from '../decode/gquic.ts'
import {
  findInitial,
  type Initial,
  type InitialKeys,
  initialKeys,
  openInitial,
  readCrypto,
} from '../decode/quic.ts'
import type { QuicHello } from '../decode/records.ts'
import { decodeClientHello, decodeServerHello, emptyHello, HANDSHAKE } from '../decode/tls.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'
import { HandshakePieces } from './app-quic-pieces.ts'

/** Datagrams of the client that are tried; a hello of today's size takes two. */
const DATAGRAMS_MAX = 8
/** Datagrams of the server in which its hello is looked for. */
const ANSWERS_MAX = 4
const PACKETS_A_DATAGRAM_MAX = 4

/** Flows begun in one second of packet time: opening a packet takes 55 µs, forged or not, so a flood must not choose how many. */
export const QUIC_FLOWS_A_SECOND_MAX = 1000
const SECOND_US = 1e6

/** Whether one more flow may be opened now. */
export class QuicBudget {
  #secondUs = -0 // no small integer, as Packet.timeUs
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
  readonly #client = new HandshakePieces()
  readonly #server = new HandshakePieces()
  #keys: InitialKeys | undefined
  #serverKeys: InitialKeys | undefined
  readonly #tls = emptyHello()
  readonly #quic: QuicHello = {
    version: '',
    firstId: '',
    clientId: '',
    serverId: '',
    tls: this.#tls,
  }
  #datagrams = 0
  #answers = 0
  #told = false
  #done = false

  constructor(sink: AppSink) {
    this.#sink = sink
  }

  get held(): number {
    return this.#client.held + this.#server.held
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    if (isGoogleQuic(bytes)) this.#google(toServer, bytes)
    else this.#packets(toServer, bytes)
    const more = toServer ? ++this.#datagrams < DATAGRAMS_MAX : ++this.#answers < ANSWERS_MAX
    if (more && !this.#done) return 'more'
    this.ended()
    return 'done'
  }

  gap(): Verdict {
    return 'more'
  }

  ended(): void {
    if (!this.#done && !this.#told && this.#client.begun) this.#sink.fault('truncated')
    this.#done = true
    this.#client.clear()
    this.#server.clear()
  }

  #packets(toServer: boolean, bytes: Buffer): void {
    let at = 0
    for (let i = 0; i < PACKETS_A_DATAGRAM_MAX && at < bytes.length && !this.#done; i++) {
      const initial = findInitial(bytes, at)
      if (initial === undefined) return
      if (typeof initial === 'string') {
        this.#sink.fault(initial)
        return
      }
      if (!toServer) this.#answer(bytes, initial)
      else if (!this.#told) this.#initial(bytes, initial)
      at = initial.end
    }
  }

  /** Keys are of the first id; after a Retry of the one the server chose then (RFC 9001 §5.2). */
  #initial(bytes: Buffer, initial: Initial): void {
    let frames = this.#keys && openInitial(bytes, initial, this.#keys)
    if (!frames) {
      const keys = initialKeys(initial.versionNumber, initial.dcid, 'client')
      frames = keys && openInitial(bytes, initial, keys)
      if (frames) this.#begun(initial, keys)
    }
    if (!frames) {
      this.#sink.fault('bad-record')
      this.#done ||= this.#keys === undefined // the first opens with its own id, or none does
      return
    }
    this.#collect(frames, this.#client)
    this.#tell()
  }

  #begun({ version, versionNumber, dcid, scid }: Initial, keys: InitialKeys | undefined): void {
    this.#keys = keys
    this.#serverKeys = initialKeys(versionNumber, dcid, 'server')
    this.#quic.version = version
    this.#quic.firstId ||= dcid.toString('hex')
    this.#quic.clientId = scid.toString('hex')
  }

  #collect(frames: Buffer, pieces: HandshakePieces): void {
    const fault = readCrypto(frames, (offset, data) => {
      const tooFar = pieces.add(offset, data)
      if (tooFar) this.#sink.fault(tooFar)
    })
    if (fault) this.#sink.fault(fault)
  }

  /** The client's hello, once all of it is there. */
  #tell(): void {
    const message = this.#client.message()
    if (!message) return
    const tls = this.#tls
    const fault =
      message.type === HANDSHAKE.clientHello
        ? decodeClientHello(message.body, tls, 'q')
        : 'bad-handshake'
    this.#client.clear()
    if (fault) {
      this.#sink.fault(fault)
      this.#done = true
      return
    }
    this.#say()
  }

  #say(): void {
    this.#told = true
    this.#sink.transaction({ proto: 'quic', stage: 'done', quic: this.#quic })
  }

  /** What does not open here may be of keys we do not have: no fault of the server's. */
  #answer(bytes: Buffer, initial: Initial): void {
    const frames = this.#serverKeys && openInitial(bytes, initial, this.#serverKeys)
    if (!frames) return
    this.#quic.serverId = initial.scid.toString('hex')
    this.#collect(frames, this.#server)
    const message = this.#server.message()
    if (!message) return
    const fault =
      message.type === HANDSHAKE.serverHello
        ? decodeServerHello(message.body, this.#tls)
        : 'bad-handshake'
    this.#server.clear()
    if (fault) this.#sink.fault(fault)
    this.#done = this.#told
  }

  #google(toServer: boolean, bytes: Buffer): void {
    const hello = toServer ? decodeGoogleHello(bytes) : undefined
    if (!hello || this.#told) return
    this.#quic.version = hello.version
    this.#quic.firstId = hello.id
    this.#quic.tls.sni = hello.sni
    this.#say()
    this.#done = true
  }
}
