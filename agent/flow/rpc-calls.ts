/** DCE/RPC out of the bytes of both directions, wherever they travel: each bind and each call with its answer. */
import type { Fault } from '../base/fault.ts'
import {
  decodeRpc,
  PDU,
  PDU_HEAD_BYTES,
  pduBytes,
  type RpcInterface,
  type RpcPdu,
} from '../decode/dcerpc.ts'
import type { DcerpcCall } from '../decode/records-it.ts'
import { KeptBytes } from './app-bytes.ts'
import { longerStub, newCall } from './rpc-call.ts'

/** As long as a PDU can say it is. */
const PDU_BYTES_KEPT = 65_536
/** What is kept of the arguments of one call, and of its results. */
const STUB_BYTES_MAX = 65_536
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
  /** Bytes were missing, and no PDU has begun since. */
  lost: boolean
}

/** Where calls go: once when the request is whole, once when its answer is, or will not come. */
export interface RpcSink {
  call(call: DcerpcCall, stage: 'request' | 'done'): void
  fault(fault: Fault): void
}

/** What a server said to an interface that was asked for. */
interface Context {
  uuid: string
  version: string
  result: number | undefined
}

export class RpcCalls {
  readonly #sink: RpcSink
  readonly #sides = [newSide(), newSide()] as const
  readonly #waiting = new Map<number, DcerpcCall>()
  readonly #contexts = new Map<number, Context>()
  #stubs = 0
  #lastId = -1

  constructor(sink: RpcSink) {
    this.#sink = sink
  }

  get held(): number {
    const states = this.#waiting.size + this.#contexts.size
    const kept = this.#sides[0].kept.held + this.#sides[1].kept.held
    return kept + this.#stubs + states * STATE_BYTES
  }

  /** False when nothing after it can be read. */
  add(toServer: boolean, bytes: Buffer): boolean {
    const side = this.#sides[toServer ? 0 : 1]
    if (side.lost && !beginsPdu(bytes)) return true
    side.lost = false
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
      if (typeof pdu === 'string') return this.#broken(pdu)
      this.#pdu(toServer, pdu)
      side.kept.clear()
      side.kept.dropped = 0
    }
    return true
  }

  /** Bytes are missing: what follows is read again from where a PDU begins with a segment. */
  gap(toServer: boolean): void {
    const side = this.#sides[toServer ? 0 : 1]
    side.kept.clear()
    side.left = 0
    side.lost = true
  }

  ended(): void {
    for (const call of this.#waiting.values()) this.#hand(call)
    this.#waiting.clear()
    this.#contexts.clear()
  }

  #broken(fault: Fault): boolean {
    this.#sink.fault(fault)
    this.ended()
    return false
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
    call.requestStub = this.#stub(call.requestStub, pdu)
    for (const asked of pdu.interfaces) this.#bind(asked)
    if (!begun) {
      this.#drop(pdu.callId)
      if (this.#waiting.size >= WAITING_MAX) this.#dropOldest()
      this.#waiting.set(pdu.callId, call)
    }
    if (pdu.type !== PDU.request || pdu.last) this.#sink.call(call, 'request')
  }

  #bind({ contextId, uuid, version }: RpcInterface): void {
    if (this.#contexts.size < CONTEXTS_MAX || this.#contexts.has(contextId))
      this.#contexts.set(contextId, { uuid, version, result: undefined })
  }

  #dropOldest(): void {
    this.#sink.fault('transactions-full')
    for (const oldest of this.#waiting.keys()) {
      this.#drop(oldest)
      break
    }
  }

  #answer(pdu: RpcPdu): void {
    const call = this.#waiting.get(pdu.callId) ?? this.#call(pdu)
    call.response = pdu.type
    call.responseFragments++
    call.responseBytes += pdu.stubBytes
    call.responseStub = this.#stub(call.responseStub, pdu)
    call.status = pdu.status
    call.results = pdu.results
    call.reasons = pdu.reasons
    call.challenge ??= pdu.login
    for (const [i, result] of pdu.results.entries()) {
      const context = this.#contexts.get(call.interfaces[i]?.contextId ?? -1)
      if (context) context.result = result
    }
    if (pdu.type === PDU.response && !pdu.last) {
      if (this.#waiting.size < WAITING_MAX) this.#waiting.set(pdu.callId, call)
      return
    }
    this.#waiting.delete(pdu.callId)
    this.#hand(call)
  }

  /** The arguments of the fragments before with those of this one. */
  #stub(before: Uint8Array, { stub }: RpcPdu): Uint8Array {
    const after = longerStub(before, stub, STUB_BYTES_MAX)
    this.#stubs += after.length - before.length
    return after
  }

  /** A call whose number is taken again has no answer. */
  #drop(callId: number): void {
    const before = this.#waiting.get(callId)
    this.#waiting.delete(callId)
    if (before) this.#hand(before)
  }

  #call(pdu: RpcPdu): DcerpcCall {
    const asks = !ANSWERS.has(pdu.type)
    const context = pdu.type === PDU.request ? this.#contexts.get(pdu.contextId) : undefined
    return newCall({
      id: ++this.#lastId,
      major: 5,
      callId: pdu.callId,
      minor: pdu.minor,
      little: pdu.little,
      first: pdu.first,
      interfaces: pdu.interfaces,
      uuid: context?.uuid ?? '',
      version: context?.version ?? '',
      accepted: context?.result,
      opnum: pdu.type === PDU.request ? pdu.opnum : undefined,
      login: asks ? pdu.login : undefined,
    })
  }

  #hand(call: DcerpcCall): void {
    this.#stubs -= call.requestStub.length + call.responseStub.length
    this.#sink.call(call, 'done')
  }
}

function newSide(): Side {
  return { kept: new KeptBytes(PDU_BYTES_KEPT), left: 0, lost: false }
}

/** The head of a PDU of any type, as far as it must be. */
function beginsPdu(bytes: Buffer): boolean {
  const plain = bytes.length >= PDU_HEAD_BYTES && ((bytes[4] as number) & 0xef) === 0
  return plain && typeof pduBytes(bytes) === 'number'
}
