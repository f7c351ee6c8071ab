/** DHCP on one flow: every datagram is a message of its own. */
import { decodeDhcp } from '../decode/dhcp.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'

export class DhcpFlow implements AppParser {
  readonly proto = 'dhcp'
  readonly held = 0
  readonly #sink: AppSink

  constructor(sink: AppSink) {
    this.#sink = sink
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    const dhcp = decodeDhcp(bytes, toServer)
    if (typeof dhcp === 'string') this.#sink.fault(dhcp)
    else this.#sink.transaction({ proto: 'dhcp', stage: 'done', dhcp })
    return 'more'
  }

  gap(): Verdict {
    return 'more'
  }

  ended(): void {}
}
