/** FTP's control connection: each command with the replies to it; the greeting is an exchange without a command. */
import { passiveOf, portOf } from '../decode/ftp.ts'
import type { FtpData, FtpExchange } from '../decode/records-it.ts'
import { decodeCommand, decodeReply, type Reply } from '../decode/reply.ts'
import { Lines } from './app-lines.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'

const LINE_BYTES_MAX = 4096 // as Suricata's default
/** Commands that wait for their reply. */
const WAITING_MAX = 64
const REPLY_LINES_MAX = 64
const TRANSFERS: ReadonlySet<string> = new Set([
  'RETR',
  'STOR',
  'APPE',
  'STOU',
  'LIST',
  'NLST',
  'MLSD',
])
const TLS_HANDSHAKE = 0x16
const STATE_BYTES = 1024

export class FtpFlow implements AppParser {
  readonly proto = 'ftp'
  readonly #sink: AppSink
  readonly #lines = [new Lines(LINE_BYTES_MAX), new Lines(LINE_BYTES_MAX)] as const
  readonly #waiting: FtpExchange[] = []
  #user = ''
  #lastId = -1
  /** The code whose reply goes on over more lines; 0: none does. */
  #inside = 0
  #greeted = false
  /** A data connection that was spoken of, until a command says what it is for. */
  #about: FtpData | undefined

  constructor(sink: AppSink) {
    this.#sink = sink
  }

  get held(): number {
    return this.#lines[0].held + this.#lines[1].held + this.#waiting.length * STATE_BYTES
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    const lines = this.#lines[toServer ? 0 : 1]
    const asked = this.#waiting.at(-1)?.command === 'AUTH'
    if (toServer && asked && bytes[0] === TLS_HANDSHAKE && lines.held === 0) {
      this.ended()
      return 'watch' // the server's agreement was not captured
    }
    for (let at = 0; at < bytes.length; ) {
      const found = lines.next(bytes, at)
      at = lines.at
      if (!found) break
      if (found.cut) {
        this.#sink.fault('line-too-long')
        const whose = toServer ? 'request' : 'response'
        this.#sink.event(`ftp.${whose}_command_too_long`, toServer)
      }
      if (toServer) this.#command(found.line, found.cut)
      else if (this.#reply(found.line, found.cut)) return 'watch'
    }
    return 'more'
  }

  gap(): Verdict {
    this.ended()
    return 'done' // which reply belongs to which command is lost with it
  }

  ended(): void {
    for (const ftp of this.#waiting.splice(0))
      this.#sink.transaction({ proto: 'ftp', stage: 'done', ftp })
  }

  #command(line: Buffer, cut: boolean): void {
    const { verb, argument } = decodeCommand(line)
    if (verb === '') return
    if (verb === 'USER') this.#user = argument
    const exchange = this.#exchange(verb, argument)
    exchange.commandCut = cut
    const place = portOf(verb, argument)
    if (place) Object.assign(exchange, { mode: 'active', ...dataPlace(place) })
    if (this.#waiting.length >= WAITING_MAX) {
      this.#sink.fault('transactions-full')
      this.#done(this.#waiting.shift())
    }
    this.#waiting.push(exchange)
    this.#data(exchange)
    this.#sink.transaction({ proto: 'ftp', stage: 'request', ftp: exchange })
  }

  /** What a connection is for is told by the command behind the one that says where it goes. */
  #data({ command, argument, mode, dataPort }: FtpExchange): void {
    if (mode === 'active') {
      this.#about = { command: '', filename: '' }
      this.#sink.expect({ listener: 'client', port: dataPort, about: this.#about })
    } else if (TRANSFERS.has(command) && this.#about) {
      this.#about.command = command
      this.#about.filename = argument
      this.#about = undefined
    }
  }

  /** True when the server agreed to TLS. */
  #reply(line: Buffer, cut: boolean): boolean {
    const reply = decodeReply(line)
    if (!reply && this.#inside === 0) return false
    const greeting = !this.#greeted && this.#inside === 0 && reply?.code === 220
    const first = greeting ? undefined : this.#waiting[0]
    const exchange = first ?? this.#exchange('', '')
    if (!first) this.#waiting.unshift(exchange)
    if (exchange.replies.length < REPLY_LINES_MAX)
      exchange.replies.push({
        code: reply?.code ?? 0,
        text: reply?.text ?? line.toString('latin1'),
      })
    exchange.replyCut ||= cut
    const ends = reply !== undefined && !reply.more && [0, reply.code].includes(this.#inside)
    if (!ends) {
      this.#inside ||= reply?.code ?? 0
      return false
    }
    this.#inside = 0
    this.#greeted = true
    return this.#final(exchange, reply)
  }

  #final(exchange: FtpExchange, reply: Reply): boolean {
    if (reply.code < 200) return false // a second one follows when the work is done
    const place = passiveOf(reply.code, reply.text)
    if (place) {
      Object.assign(exchange, { mode: 'passive', ...dataPlace(place) })
      this.#about = { command: '', filename: '' }
      this.#sink.expect({ listener: 'server', port: place.port, about: this.#about })
    }
    this.#done(this.#waiting.shift())
    if (exchange.command !== 'AUTH' || reply.code !== 234) return false
    this.ended()
    return true
  }

  #exchange(command: string, argument: string): FtpExchange {
    return {
      id: ++this.#lastId,
      user: this.#user,
      command,
      argument,
      commandCut: false,
      replies: [],
      replyCut: false,
      mode: '',
      dataAddress: '',
      dataPort: 0,
    }
  }

  #done(ftp: FtpExchange | undefined): void {
    if (ftp) this.#sink.transaction({ proto: 'ftp', stage: 'done', ftp })
  }
}

function dataPlace({ address, port }: { address: string; port: number }) {
  return { dataAddress: address, dataPort: port }
}
