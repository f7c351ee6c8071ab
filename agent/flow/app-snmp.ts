/** SNMP on one flow: every datagram is a message of its own. */
import { decodeSnmp } from '../decode/snmp.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'

export class SnmpFlow implements AppParser {
  readonly proto = 'snmp'
  readonly held = 0
  readonly #sink: AppSink

  constructor(sink: AppSink) {
    this.#sink = sink
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    const snmp = decodeSnmp(bytes, toServer)
    if (typeof snmp === 'string') this.#sink.fault(snmp)
    else this.#sink.transaction({ proto: 'snmp', stage: 'done', snmp })
    return 'more'
  }

  gap(): Verdict {
    return 'more'
  }

  ended(): void {}
}
