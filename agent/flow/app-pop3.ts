/** POP3 (RFC 1939): each command with its answer. Of a message that is fetched only the answer's first line is kept. */
import type { Pop3Exchange } from '../decode/records-it.ts'
import { decodeCommand } from '../decode/reply.ts'
import { Lines } from './app-lines.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'

const LINE_BYTES_MAX = 4096
const WAITING_MAX = 64
const DATA_LINES_MAX = 64
const STATE_BYTES = 1024
/** Their answer goes on to a line with a dot; these two only when nothing is named. */
const LONG: ReadonlySet<string> = new Set(['RETR', 'TOP', 'CAPA'])
const LONG_BARE: ReadonlySet<string> = new Set(['LIST', 'UIDL'])
const MAIL: ReadonlySet<string> = new Set(['RETR', 'TOP'])

export class Pop3Flow implements AppParser {
  readonly proto = 'pop3'
  readonly #sink: AppSink
  readonly #lines = [new Lines(LINE_BYTES_MAX), new Lines(LINE_BYTES_MAX)] as const
  readonly #waiting: Pop3Exchange[] = []
  #lastId = -1
  #greeted = false
  /** The answer in hand goes on. */
  #inside = false
  /** What the client says is an answer of its login. */
  #auth = false

  constructor(sink: AppSink) {
    this.#sink = sink
  }

  get held(): number {
    return this.#lines[0].held + this.#lines[1].held + this.#waiting.length * STATE_BYTES
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    const lines = this.#lines[toServer ? 0 : 1]
    for (let at = 0; at < bytes.length; ) {
      const found = lines.next(bytes, at)
      at = lines.at
      if (!found) break
      if (found.cut) this.#sink.fault('line-too-long')
      if (toServer) this.#command(found.line)
      else if (this.#answer(found.line.toString('latin1'))) {
        this.ended()
        return 'watch'
      }
    }
    return 'more'
  }

  gap(): Verdict {
    this.ended()
    return 'done' // which answer belongs to which command is lost with it
  }

  ended(): void {
    for (const pop3 of this.#waiting.splice(0)) this.#done(pop3)
  }

  #command(line: Buffer): void {
    const { verb, argument } = decodeCommand(line)
    if (this.#auth || verb === '') return
    this.#auth = verb === 'AUTH'
    if (this.#waiting.length >= WAITING_MAX) {
      this.#sink.fault('transactions-full')
      const oldest = this.#waiting.shift()
      if (oldest) this.#done(oldest)
    }
    const pop3 = {
      id: ++this.#lastId,
      command: verb,
      args: argument === '' ? [] : argument.split(/[ \t]+/),
      answered: false,
      success: false,
      status: '',
      header: '',
      data: [],
    }
    this.#waiting.push(pop3)
    this.#sink.transaction({ proto: 'pop3', stage: 'request', pop3 })
  }

  /** True when the server agreed to TLS. */
  #answer(text: string): boolean {
    const pop3 = this.#waiting[0]
    if (this.#inside && pop3) {
      if (text === '.') this.#shift()
      else if (!MAIL.has(pop3.command) && pop3.data.length < DATA_LINES_MAX) pop3.data.push(text)
      return false
    }
    const [, status = '', header = ''] = /^(\+OK|-ERR)(?: (.*))?$/.exec(text) ?? []
    if (status === '') return false
    if (!this.#greeted) {
      this.#greeted = true
      return false
    }
    if (!pop3) return false
    pop3.answered = true
    pop3.success = status === '+OK'
    pop3.status = status.slice(1)
    pop3.header = header.trim()
    this.#auth = false
    const { command, args, success } = pop3
    this.#inside = success && (LONG.has(command) || (LONG_BARE.has(command) && args.length === 0))
    if (!this.#inside) this.#shift()
    return command === 'STLS' && success
  }

  #shift(): void {
    this.#inside = false
    const pop3 = this.#waiting.shift()
    if (pop3) this.#done(pop3)
  }

  #done(pop3: Pop3Exchange): void {
    this.#sink.transaction({ proto: 'pop3', stage: 'done', pop3 })
  }
}
