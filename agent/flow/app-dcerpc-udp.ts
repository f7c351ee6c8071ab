/** DCE/RPC over datagrams: calls and answers that have an activity and a sequence in common, whichever way they go. */
import { PDU } from '../decode/dcerpc.ts'
import { decodeRpcDatagram, looksLikeRpcDatagram, type RpcDatagram } from '../decode/dcerpc-udp.ts'
import type { DcerpcCall } from '../decode/records-it.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'
import { longerStub, newCall } from './rpc-call.ts'

const WAITING_MAX = 32
const STUB_BYTES_MAX = 16_384
const STATE_BYTES = 512

export class RpcDatagrams implements AppParser {
  readonly proto = 'dcerpc'
  readonly #sink: AppSink
  readonly #waiting = new Map<string, DcerpcCall>()
  #stubs = 0
  #lastId = -1

  constructor(sink: AppSink) {
    this.#sink = sink
  }

  get held(): number {
    return this.#waiting.size * STATE_BYTES + this.#stubs
  }

  stream(_toServer: boolean, bytes: Buffer): Verdict {
    if (!looksLikeRpcDatagram(bytes)) {
      this.#sink.fault('bad-length')
      return 'more'
    }
    const pdu = decodeRpcDatagram(bytes)
    if (pdu.type === PDU.request) this.#ask(pdu)
    else if (pdu.type === PDU.response || pdu.type === PDU.fault) this.#answer(pdu)
    return 'more'
  }

  gap(): Verdict {
    return 'more'
  }

  ended(): void {
    for (const call of this.#waiting.values()) this.#hand(call)
    this.#waiting.clear()
  }

  #ask(pdu: RpcDatagram): void {
    const key = keyOf(pdu)
    const call = this.#waiting.get(key) ?? this.#call(pdu)
    call.request = PDU.request
    call.requestFragments++
    call.requestBytes += pdu.stub.length
    call.requestStub = this.#stub(call.requestStub, pdu)
    if (!this.#waiting.has(key)) {
      if (this.#waiting.size >= WAITING_MAX) this.#oldest()
      this.#waiting.set(key, call)
    }
    if (!pdu.goesOn) this.#sink.transaction({ proto: 'dcerpc', stage: 'request', dcerpc: call })
  }

  #answer(pdu: RpcDatagram): void {
    const key = keyOf(pdu)
    const call = this.#waiting.get(key) ?? this.#call(pdu)
    call.response = pdu.type
    call.responseFragments++
    call.responseBytes += pdu.stub.length
    call.responseStub = this.#stub(call.responseStub, pdu)
    if (pdu.goesOn && this.#waiting.has(key)) return
    this.#waiting.delete(key)
    this.#hand(call)
  }

  #stub(before: Uint8Array, { stub }: RpcDatagram): Uint8Array {
    const after = longerStub(before, stub, STUB_BYTES_MAX)
    this.#stubs += after.length - before.length
    return after
  }

  #oldest(): void {
    this.#sink.fault('transactions-full')
    for (const [key, call] of this.#waiting) {
      this.#waiting.delete(key)
      this.#hand(call)
      break
    }
  }

  #hand(dcerpc: DcerpcCall): void {
    this.#stubs -= dcerpc.requestStub.length + dcerpc.responseStub.length
    this.#sink.transaction({ proto: 'dcerpc', stage: 'done', dcerpc })
  }

  #call(pdu: RpcDatagram): DcerpcCall {
    return newCall({
      id: ++this.#lastId,
      major: 4,
      activity: pdu.activity,
      sequence: pdu.sequence,
      little: pdu.little,
      uuid: pdu.uuid,
      version: `${pdu.version & 0xffff}.${pdu.version >>> 16}`,
      opnum: pdu.opnum,
    })
  }
}

const keyOf = ({ activity, sequence }: RpcDatagram) => `${activity} ${sequence}`
