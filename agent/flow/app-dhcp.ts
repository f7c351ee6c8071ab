/** DHCP on one flow, over either version of IP: every datagram is a message of its own. */
import { decodeDhcp, looksLikeDhcp } from '../decode/dhcp.ts'
import { decodeDhcp6 } from '../decode/dhcp6.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'

export class DhcpFlow implements AppParser {
  readonly proto = 'dhcp'
  readonly held = 0
  readonly #sink: AppSink

  /** As the first datagram is. */
  #decode: typeof decodeDhcp | undefined

  constructor(sink: AppSink) {
    this.#sink = sink
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    this.#decode ??= looksLikeDhcp(bytes) ? decodeDhcp : decodeDhcp6
    const dhcp = this.#decode(bytes, toServer)
    if (typeof dhcp === 'string') this.#sink.fault(dhcp)
    else this.#sink.transaction({ proto: 'dhcp', stage: 'done', dhcp })
    return 'more'
  }

  gap(): Verdict {
    return 'more'
  }

  ended(): void {}
}
