/** Calls of DCE/RPC in the pipes of SMB: each travels in writes and reads, or in transactions. */
import type { Fault } from '../base/fault.ts'
import type { DcerpcCall, SmbExchange } from '../decode/records-it.ts'
import { RpcCalls } from './rpc-calls.ts'

const PIPES_MAX = 32

/** Where calls go; the same exchange at both stages. */
export interface PipeSink {
  call(smb: SmbExchange, stage: 'request' | 'done'): void
  fault(fault: Fault): void
}

interface Pipe {
  calls: RpcCalls
  /** Of calls whose answer has not come, by their number. */
  rows: Map<number, SmbExchange>
}

export class SmbPipes {
  readonly #sink: PipeSink
  readonly #pipes = new Map<string, Pipe>()
  /** What the message in hand is: a call begins in it. */
  #message: () => SmbExchange = () => {
    throw new Error('there is no message')
  }

  constructor(sink: PipeSink) {
    this.#sink = sink
  }

  get held(): number {
    if (this.#pipes.size === 0) return 0 // as with most; it is asked with each segment
    let held = 0
    for (const { calls } of this.#pipes.values()) held += calls.held
    return held
  }

  /** `message`: the exchange a call that begins here is part of. */
  add(id: string, toServer: boolean, data: Buffer, message: () => SmbExchange): void {
    this.#message = message
    const pipe = this.#pipes.get(id) ?? this.#open(id)
    if (!pipe?.calls.add(toServer, data)) this.close(id)
  }

  close(id: string): void {
    this.#pipes.get(id)?.calls.ended()
    this.#pipes.delete(id)
  }

  ended(): void {
    for (const id of [...this.#pipes.keys()]) this.close(id)
  }

  #open(id: string): Pipe | undefined {
    if (this.#pipes.size >= PIPES_MAX) {
      this.#sink.fault('transactions-full')
      return undefined
    }
    const rows = new Map<number, SmbExchange>()
    const calls = new RpcCalls({
      call: (call, stage) => this.#call(rows, call, stage),
      fault: (fault) => this.#sink.fault(fault),
    })
    const pipe = { calls, rows }
    this.#pipes.set(id, pipe)
    return pipe
  }

  #call(rows: Map<number, SmbExchange>, call: DcerpcCall, stage: 'request' | 'done'): void {
    const smb = rows.get(call.id) ?? this.#message()
    smb.dcerpc = call
    if (stage === 'request') rows.set(call.id, smb)
    else {
      rows.delete(call.id)
      smb.answered = call.response !== undefined
      smb.status = 0
    }
    this.#sink.call(smb, stage)
  }
}
