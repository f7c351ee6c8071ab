/** DNS over TCP: messages with a length before each (RFC 1035 §4.2.2). */
import { decodeDns } from '../decode/dns.ts'
import { KeptBytes } from './app-bytes.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'

const MESSAGE_BYTES_MAX = 2 + 65_535
const FAULTS_MAX = 8

export class DnsFlow implements AppParser {
  readonly proto = 'dns'
  readonly #sink: AppSink
  readonly #partial = [new KeptBytes(MESSAGE_BYTES_MAX), new KeptBytes(MESSAGE_BYTES_MAX)] as const
  #faults = 0

  constructor(sink: AppSink) {
    this.#sink = sink
  }

  get held(): number {
    return this.#partial[0].held + this.#partial[1].held
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    const kept = this.#partial[toServer ? 0 : 1]
    let at = 0
    while (kept.length > 0 && at < bytes.length) {
      // Finish the message that was cut before: first its length, then as much as it says.
      const view = kept.view()
      const whole = kept.length < 2 ? 2 : 2 + view.readUInt16BE(0)
      const size = Math.min(whole - kept.length, bytes.length - at)
      kept.append(bytes.subarray(at, at + size))
      at += size
      if (kept.length < 2 || kept.length < 2 + kept.view().readUInt16BE(0)) continue
      this.#message(kept.view(), 2, kept.length)
      kept.clear()
    }
    while (bytes.length - at >= 2) {
      const end = at + 2 + bytes.readUInt16BE(at)
      if (end > bytes.length) break
      this.#message(bytes, at + 2, end)
      at = end
    }
    if (at < bytes.length) kept.append(bytes.subarray(at))
    return this.#faults > FAULTS_MAX ? 'done' : 'more'
  }

  gap(): Verdict {
    return 'done' // the next length is lost with it
  }

  ended(): void {}

  #message(bytes: Buffer, start: number, end: number): void {
    const dns = decodeDns(bytes, start, end)
    if (typeof dns === 'string') {
      this.#faults++
      this.#sink.fault(dns)
      return
    }
    this.#sink.transaction({ proto: 'dns', stage: dns.response ? 'response' : 'request', dns })
  }
}
