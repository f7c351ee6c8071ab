/** DCE/RPC over TCP: each bind and each call with its answer, fragments counted together. */
import type { AppParser, AppSink, Verdict } from './app-parser.ts'
import { RpcCalls } from './rpc-calls.ts'

export class DcerpcFlow implements AppParser {
  readonly proto = 'dcerpc'
  readonly #calls: RpcCalls

  constructor(sink: AppSink) {
    this.#calls = new RpcCalls({
      call: (dcerpc, stage) => sink.transaction({ proto: 'dcerpc', stage, dcerpc }),
      fault: (fault) => sink.fault(fault),
    })
  }

  get held(): number {
    return this.#calls.held
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    return this.#calls.add(toServer, bytes) ? 'more' : 'done'
  }

  gap(toServer: boolean): Verdict {
    this.#calls.gap(toServer)
    return 'more'
  }

  ended(): void {
    this.#calls.ended()
  }
}
