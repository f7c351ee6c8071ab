/** DCE/RPC over TCP: each bind and each call with its answer, fragments counted together. */
import { decodeRpc, PDU, PDU_HEAD_BYTES, pduBytes, type RpcPdu } from '../decode/dcerpc.ts'
import type { DcerpcCall } from '../decode/records-it.ts'
import { KeptBytes } from './app-bytes.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'

/** A PDU's first bytes; the stub behind them is not read. */
const PDU_BYTES_KEPT = 8192
const WAITING_MAX = 64
const CONTEXTS_MAX = 64
const STATE_BYTES = 512
const ANSWERS: ReadonlySet<number> = new Set([
  PDU.response,
  PDU.fault,
  PDU.bindAck,
  PDU.bindNak,
  PDU.alterAck,
])
const ASKS: ReadonlySet<number> = new Set([PDU.request, PDU.bind, PDU.alter])

interface Side {
  kept: KeptBytes
  /** Bytes of the PDU in hand that are still to come; 0 while its head is read. */
  left: number
}

export class DcerpcFlow implements AppParser {
  readonly proto = 'dcerpc'
  readonly #sink: AppSink
  readonly #sides = [newSide(), newSide()] as const
  readonly #waiting = new Map<number, DcerpcCall>()
  readonly #contexts = new Map<number, string>()
  #lastId = -1

  constructor(sink: AppSink) {
    this.#sink = sink
  }

  get held(): number {
    const states = this.#waiting.size + this.#contexts.size
    return this.#sides[0].kept.held + this.#sides[1].kept.held + states * STATE_BYTES
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    const side = this.#sides[toServer ? 0 : 1]
    for (let at = 0; at < bytes.length; ) {
      const inHead = side.left === 0
      const need = inHead ? PDU_HEAD_BYTES - side.kept.length : side.left
      const part = bytes.subarray(at, at + need)
      side.kept.append(part)
      at += part.length
      if (part.length < need) {
        if (!inHead) side.left -= part.length
        break
      }
      if (inHead) {
        const size = pduBytes(side.kept.view())
        if (typeof size === 'string') return this.#broken(size)
        side.left = size - PDU_HEAD_BYTES
        if (side.left > 0) continue
      }
      side.left = 0
      const pdu = decodeRpc(side.kept.view())
      side.kept.clear()
      side.kept.dropped = 0
      if (typeof pdu === 'string') return this.#broken(pdu)
      this.#pdu(toServer, pdu)
    }
    return 'more'
  }

  gap(): Verdict {
    this.ended()
    return 'done' // where the next PDU begins is lost with it
  }

  ended(): void {
    for (const dcerpc of this.#waiting.values()) this.#hand(dcerpc)
    this.#waiting.clear()
    this.#contexts.clear()
  }

  #broken(fault: Parameters<AppSink['fault']>[0]): Verdict {
    this.#sink.fault(fault)
    this.ended()
    return 'done'
  }

  #pdu(toServer: boolean, pdu: RpcPdu): void {
    if (ASKS.has(pdu.type)) this.#ask(pdu)
    else if (ANSWERS.has(pdu.type)) this.#answer(pdu)
    else {
      // A login's last part, a cancel, a shutdown: nothing answers these.
      const call = this.#call(pdu)
      call.request = toServer ? pdu.type : undefined
      call.response = toServer ? undefined : pdu.type
      this.#hand(call)
    }
  }

  #ask(pdu: RpcPdu): void {
    const begun = pdu.type === PDU.request && !pdu.first && this.#waiting.get(pdu.callId)
    const call = begun || this.#call(pdu)
    call.request = pdu.type
    call.requestFragments++
    call.requestBytes += pdu.stubBytes
    for (const { contextId, uuid } of pdu.interfaces)
      if (this.#contexts.size < CONTEXTS_MAX) this.#contexts.set(contextId, uuid)
    if (begun) return
    this.#drop(pdu.callId)
    if (this.#waiting.size >= WAITING_MAX) {
      this.#sink.fault('transactions-full')
      for (const oldest of this.#waiting.keys()) {
        this.#drop(oldest)
        break
      }
    }
    this.#waiting.set(pdu.callId, call)
  }

  #answer(pdu: RpcPdu): void {
    const call = this.#waiting.get(pdu.callId) ?? this.#call(pdu)
    call.response = pdu.type
    call.responseFragments++
    call.responseBytes += pdu.stubBytes
    call.status = pdu.status
    call.results = pdu.results
    call.challenge ??= pdu.login
    if (pdu.type === PDU.response && !pdu.last) {
      if (this.#waiting.size < WAITING_MAX) this.#waiting.set(pdu.callId, call)
      return
    }
    this.#waiting.delete(pdu.callId)
    this.#hand(call)
  }

  /** A call whose number is taken again has no answer. */
  #drop(callId: number): void {
    const before = this.#waiting.get(callId)
    this.#waiting.delete(callId)
    if (before) this.#hand(before)
  }

  #call(pdu: RpcPdu): DcerpcCall {
    const asks = !ANSWERS.has(pdu.type)
    return {
      id: ++this.#lastId,
      callId: pdu.callId,
      minor: pdu.minor,
      request: undefined,
      response: undefined,
      interfaces: pdu.interfaces,
      results: [],
      uuid: pdu.type === PDU.request ? (this.#contexts.get(pdu.contextId) ?? '') : '',
      opnum: pdu.type === PDU.request ? pdu.opnum : undefined,
      status: 0,
      requestFragments: 0,
      requestBytes: 0,
      responseFragments: 0,
      responseBytes: 0,
      login: asks ? pdu.login : undefined,
      challenge: undefined,
    }
  }

  #hand(dcerpc: DcerpcCall): void {
    this.#sink.transaction({ proto: 'dcerpc', stage: 'done', dcerpc })
  }
}

function newSide(): Side {
  return { kept: new KeptBytes(PDU_BYTES_KEPT), left: 0 }
}
