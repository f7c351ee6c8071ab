/** RDP on one flow: what was asked and chosen, and what both say of themselves where it comes in the clear. Then TLS, or nothing more. */
import { decodeRdp, TPKT_BYTES, tpktBytes } from '../decode/rdp.ts'
import type { RdpSession } from '../decode/records-it.ts'
import { KeptBytes } from './app-bytes.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'

const MESSAGE_BYTES_MAX = 8192
/** Messages in which those are looked for. */
const MESSAGES_MAX = 4

export class RdpFlow implements AppParser {
  readonly proto = 'rdp'
  readonly #sink: AppSink
  readonly #sides = [new KeptBytes(MESSAGE_BYTES_MAX), new KeptBytes(MESSAGE_BYTES_MAX)] as const
  readonly #rdp: RdpSession = {
    cookie: '',
    protocols: undefined,
    answered: false,
    selected: undefined,
    failure: undefined,
    flags: 0,
    client: undefined,
    server: undefined,
  }
  #seen = 0
  #done = false

  constructor(sink: AppSink) {
    this.#sink = sink
  }

  get held(): number {
    return this.#sides[0].held + this.#sides[1].held
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    const kept = this.#sides[toServer ? 0 : 1]
    for (let at = 0; at < bytes.length; ) {
      const size = kept.length < TPKT_BYTES ? 0 : tpktBytes(kept.view(), 0)
      if (typeof size === 'string' || size > MESSAGE_BYTES_MAX) return this.#broken(size)
      const need = (size || TPKT_BYTES) - kept.length
      const part = bytes.subarray(at, at + need)
      kept.append(part)
      at += part.length
      const whole = kept.length < TPKT_BYTES ? 0 : tpktBytes(kept.view(), 0)
      if (typeof whole === 'string') return this.#broken(whole)
      if (whole === 0 || kept.length < whole) continue
      const verdict = this.#message(kept.view())
      kept.clear()
      if (verdict !== 'more') return verdict
    }
    return 'more'
  }

  gap(): Verdict {
    return this.#finish('done')
  }

  ended(): void {
    this.#finish('done')
  }

  #message(bytes: Buffer): Verdict {
    const message = decodeRdp(bytes)
    if (typeof message === 'string') return this.#broken(message)
    const rdp = this.#rdp
    switch (message.kind) {
      case 'request':
        rdp.cookie = message.cookie
        rdp.protocols = message.protocols
        return 'more'
      case 'confirm':
        rdp.answered = true
        rdp.selected = message.selected
        rdp.failure = message.failure
        rdp.flags = message.flags
        if (message.failure !== undefined) return this.#finish('done')
        // Anything but RDP's own encryption begins with a TLS hello.
        return (message.selected ?? 0) > 0 ? this.#finish('watch') : 'more'
      case 'client':
        rdp.client = message.client
        return 'more'
      case 'server':
        rdp.server = message.server
        return this.#finish('done')
      default:
        return ++this.#seen < MESSAGES_MAX ? 'more' : this.#finish('done')
    }
  }

  #broken(fault: Parameters<AppSink['fault']>[0] | number): Verdict {
    this.#sink.fault(typeof fault === 'number' ? 'bad-length' : fault)
    return this.#finish('done')
  }

  #finish(verdict: Verdict): Verdict {
    if (!this.#done) this.#sink.transaction({ proto: 'rdp', stage: 'done', rdp: this.#rdp })
    this.#done = true
    return verdict
  }
}
