/**
 * SMTP: one row a message, from MAIL to the server's last word on it; a session without a message is one row too.
 * After STARTTLS was agreed to a TLS hello is looked for.
 */
import { mailPath, plainUser } from '../decode/mail.ts'
import type { SmtpMail } from '../decode/records-it.ts'
import { decodeCommand, decodeReply } from '../decode/reply.ts'
import { Lines } from './app-lines.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'
import { MailMessage } from './mail-message.ts'

const LINE_BYTES_MAX = 4096 // as Suricata's default
/** Commands that wait for their reply: a client may send many at once (RFC 2920). */
const WAITING_MAX = 128
const RECIPIENTS_MAX = 128
const STATE_BYTES = 4096
const DOT = 0x2e
const TLS_HANDSHAKE = 0x16
/** Waits for the reply to a whole message, where commands wait for theirs. */
const WHOLE = '.'

export class SmtpFlow implements AppParser {
  readonly proto = 'smtp'
  readonly #sink: AppSink
  readonly #lines = [new Lines(LINE_BYTES_MAX), new Lines(LINE_BYTES_MAX)] as const
  readonly #waiting: string[] = []
  #mail: SmtpMail
  #message: MailMessage | undefined
  #mails = 0
  #helo = ''
  #user = ''
  /** What the client's next line is. */
  #next: 'command' | 'data-asked' | 'data' | 'auth' = 'command'
  /** Bytes of a chunk (BDAT, RFC 3030) that are still to come, and whether it is the last. */
  #chunk = 0
  #lastChunk = false
  #auth = ''
  #greeted = false

  constructor(sink: AppSink) {
    this.#sink = sink
    this.#mail = this.#newMail()
  }

  get held(): number {
    return this.#lines[0].held + this.#lines[1].held + STATE_BYTES
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    return toServer ? this.#client(bytes) : this.#server(bytes)
  }

  gap(): Verdict {
    this.ended()
    return 'done' // whether text or commands follow is lost with it
  }

  ended(): void {
    this.#message?.ended()
    const { from, helo, user } = this.#mail
    if (from !== '' || (this.#mails === 0 && helo + user !== '')) this.#hand()
  }

  #client(bytes: Buffer): Verdict {
    const lines = this.#lines[0]
    if (this.#waiting.at(-1) === 'STARTTLS' && bytes[0] === TLS_HANDSHAKE && lines.held === 0)
      return this.#underTls() // the server's agreement was not captured
    let at = 0
    while (at < bytes.length) {
      // A chunk may end within a line, which then is the message's last.
      const end = this.#chunk > 0 ? Math.min(bytes.length, at + this.#chunk) : bytes.length
      const found = lines.next(bytes.subarray(0, end), at)
      if (this.#chunk > 0) this.#inChunk(lines, lines.at - at, found?.line)
      else if (found) this.#line(found.line, found.cut)
      at = lines.at
    }
    return 'more'
  }

  #inChunk(lines: Lines, size: number, line: Buffer | undefined): void {
    this.#chunk -= size
    if (line) this.#message?.line(line)
    if (this.#chunk > 0) return
    if (lines.partial.length > 0) this.#message?.line(Buffer.from(lines.partial))
    lines.clear()
    if (this.#lastChunk) this.#wholeMessage()
    else this.#wait('BDAT')
  }

  #line(line: Buffer, cut: boolean): void {
    if (this.#next === 'data-asked') this.#beginMessage() // seen from one side, the server's word is missing
    if (this.#next === 'data') {
      if (line.length === 1 && line[0] === DOT) this.#wholeMessage()
      else this.#message?.line(line[0] === DOT ? line.subarray(1) : line)
    } else if (this.#next === 'auth') this.#authLine(line.toString('latin1'))
    else {
      if (cut) this.#sink.fault('line-too-long')
      this.#command(line)
    }
  }

  #command(line: Buffer): void {
    const { verb, argument } = decodeCommand(line)
    switch (verb) {
      case '':
        return
      case 'HELO':
      case 'EHLO':
      case 'LHLO':
        this.#helo = argument
        this.#mail.helo = argument
        break
      case 'MAIL':
        if (this.#mail.from !== '') this.#hand()
        this.#mail.from = mailPath(argument, 'FROM') ?? argument
        break
      case 'RCPT':
        if (this.#mail.to.length < RECIPIENTS_MAX)
          this.#mail.to.push(mailPath(argument, 'TO') ?? argument)
        break
      case 'DATA':
        this.#next = 'data-asked'
        break
      case 'BDAT':
        this.#beginChunk(argument)
        return
      case 'AUTH':
        this.#beginAuth(argument)
        break
      case 'RSET':
        if (this.#mail.from !== '') this.#hand()
        break
    }
    this.#wait(verb)
  }

  #beginMessage(): void {
    this.#next = 'data'
    this.#message = new MailMessage(this.#mail)
  }

  #beginChunk(argument: string): void {
    const [, size = '0', last] = /^(\d{1,9})(?:[ \t]+(LAST))?$/i.exec(argument) ?? []
    this.#message ??= new MailMessage(this.#mail)
    this.#chunk = Number(size)
    this.#lastChunk = last !== undefined
    if (this.#chunk > 0) return
    if (this.#lastChunk) this.#wholeMessage()
    else this.#wait('BDAT')
  }

  #wholeMessage(): void {
    this.#message?.ended()
    this.#message = undefined
    this.#next = 'command'
    this.#mail.whole = true
    this.#wait(WHOLE)
  }

  #beginAuth(argument: string): void {
    const [mechanism = '', answer] = argument.split(/[ \t]+/)
    this.#auth = mechanism.toUpperCase()
    this.#next = 'auth'
    if (answer !== undefined) this.#authLine(answer)
  }

  /** An answer of the login. Whom it names is kept, the password is passed by. */
  #authLine(text: string): void {
    if (this.#auth === 'PLAIN') this.#user = plainUser(text)
    else if (this.#auth === 'LOGIN') this.#user = Buffer.from(text.slice(0, 1024), 'base64').toString('utf8') // biome-ignore format: one thought
    this.#auth = ''
    this.#mail.user = this.#user
  }

  #wait(verb: string): void {
    if (this.#waiting.length < WAITING_MAX) this.#waiting.push(verb)
    else this.#sink.fault('transactions-full')
  }

  #server(bytes: Buffer): Verdict {
    const lines = this.#lines[1]
    for (let at = 0; at < bytes.length; ) {
      const found = lines.next(bytes, at)
      at = lines.at
      const reply = found && decodeReply(found.line)
      if (!reply || reply.more) continue
      if (this.#reply(reply.code, `${reply.code} ${reply.text}`)) return 'watch'
    }
    return 'more'
  }

  /** True when the server agreed to TLS. */
  #reply(code: number, text: string): boolean {
    const greeting = !this.#greeted && code === 220 && this.#waiting[0] !== 'STARTTLS'
    this.#greeted = true
    if (greeting) {
      this.#mail.lastReply = text
      return false
    }
    if (code === 334 && this.#next === 'auth') return false
    const verb = this.#waiting.shift()
    this.#mail.lastReply = text
    if (verb === 'AUTH') this.#next = 'command'
    else if (verb === 'DATA' && this.#next === 'data-asked') {
      if (code === 354) this.#beginMessage()
      else this.#next = 'command'
    } else if (verb === WHOLE) this.#hand()
    else if (verb === 'STARTTLS' && code === 220) {
      this.#underTls()
      return true
    }
    return false
  }

  #underTls(): Verdict {
    this.#mail.tls = true
    this.ended()
    return 'watch'
  }

  #hand(): void {
    this.#mails++
    const smtp = this.#mail
    this.#mail = this.#newMail()
    this.#message = undefined
    this.#sink.transaction({ proto: 'smtp', stage: 'done', smtp })
  }

  #newMail(): SmtpMail {
    return {
      id: this.#mails,
      helo: this.#helo,
      user: this.#user,
      from: '',
      to: [],
      tls: false,
      headers: [],
      attachments: [],
      urls: [],
      bytes: 0,
      whole: false,
      lastReply: '',
    }
  }
}
