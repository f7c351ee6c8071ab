/** Kerberos on one flow: over UDP a datagram is a message, over TCP its size stands before it. A request and its answer are one. */
import { decodeKrb5, type KrbMessage } from '../decode/krb5.ts'
import type { KrbExchange } from '../decode/records-it.ts'
import { KeptBytes } from './app-bytes.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'

const SIZE_BYTES = 4
const MESSAGE_BYTES_MAX = 131_072
/** Requests without an answer yet. */
const WAITING_MAX = 16
const FAULTS_MAX = 8
const STATE_BYTES = 1024

export class Krb5Flow implements AppParser {
  readonly proto = 'krb5'
  readonly #sink: AppSink
  readonly #datagrams: boolean
  readonly #partial = [new KeptBytes(MESSAGE_BYTES_MAX), new KeptBytes(MESSAGE_BYTES_MAX)] as const
  readonly #waiting: KrbExchange[] = []
  #lastId = -1
  #faults = 0

  constructor(sink: AppSink, datagrams: boolean) {
    this.#sink = sink
    this.#datagrams = datagrams
  }

  get held(): number {
    const kept = this.#partial[0].held + this.#partial[1].held
    return kept + this.#waiting.length * STATE_BYTES
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    if (this.#datagrams) {
      this.#message(bytes)
      return this.#verdict()
    }
    const kept = this.#partial[toServer ? 0 : 1]
    let at = 0
    while (at < bytes.length && this.#faults <= FAULTS_MAX) {
      const whole = kept.length < SIZE_BYTES ? SIZE_BYTES : SIZE_BYTES + kept.view().readUInt32BE(0)
      if (whole > MESSAGE_BYTES_MAX) {
        this.#fault('bad-length')
        this.ended()
        return 'done'
      }
      const size = Math.min(whole - kept.length, bytes.length - at)
      kept.append(bytes.subarray(at, at + size))
      at += size
      if (kept.length < SIZE_BYTES) continue
      const need = SIZE_BYTES + kept.view().readUInt32BE(0)
      if (kept.length < need) continue
      if (need > SIZE_BYTES) this.#message(kept.view().subarray(SIZE_BYTES))
      kept.clear()
    }
    return this.#verdict()
  }

  gap(): Verdict {
    this.ended()
    return 'done' // where the next message begins is lost with it
  }

  ended(): void {
    for (const krb5 of this.#waiting.splice(0)) this.#hand(krb5)
  }

  #message(bytes: Buffer): void {
    const message = decodeKrb5(bytes)
    if (typeof message === 'string') this.#fault(message)
    else if (message.kind === 'AS_REQ' || message.kind === 'TGS_REQ') this.#ask(message)
    else {
      const krb5 = this.#waiting.shift() ?? this.#exchange(undefined)
      krb5.answer = message
      this.#hand(krb5)
    }
  }

  #ask(request: KrbMessage): void {
    // A request that is sent again, because an answer was late, is the same.
    if (this.#waiting.some((one) => one.request?.nonce === request.nonce)) return
    if (this.#waiting.length >= WAITING_MAX) {
      this.#sink.fault('transactions-full')
      const oldest = this.#waiting.shift()
      if (oldest) this.#hand(oldest)
    }
    const krb5 = this.#exchange(request)
    this.#waiting.push(krb5)
    this.#sink.transaction({ proto: 'krb5', stage: 'request', krb5 })
  }

  #exchange(request: KrbMessage | undefined): KrbExchange {
    return { id: ++this.#lastId, request, answer: undefined }
  }

  #hand(krb5: KrbExchange): void {
    this.#sink.transaction({ proto: 'krb5', stage: 'done', krb5 })
  }

  #fault(fault: Parameters<AppSink['fault']>[0]): void {
    this.#faults++
    this.#sink.fault(fault)
  }

  #verdict(): Verdict {
    if (this.#faults <= FAULTS_MAX) return 'more'
    this.ended()
    return 'done'
  }
}
