/** TFTP: the request. Its answer comes from another port, as another flow. */
import { decodeTftp } from '../decode/tftp.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'

export class TftpFlow implements AppParser {
  readonly proto = 'tftp'
  readonly held = 0
  readonly #sink: AppSink

  constructor(sink: AppSink) {
    this.#sink = sink
  }

  stream(_toServer: boolean, bytes: Buffer): Verdict {
    const tftp = decodeTftp(bytes)
    if (typeof tftp !== 'string') this.#sink.transaction({ proto: 'tftp', stage: 'done', tftp })
    return 'more'
  }

  gap(): Verdict {
    return 'more'
  }

  ended(): void {}
}
