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
const TEXT_LINE_BYTES_MAX = 65_536
/** Commands that wait for their reply: a client may send many at once (RFC 2920). */
const WAITING_MAX = 128
const RECIPIENTS_MAX = 128
const STATE_BYTES = 4096
const DOT = 0x2e
const TLS_HANDSHAKE = 0x16
/** Waits for the reply to a whole message, where commands wait for theirs. */
const WHOLE = '.'
/** Codes a server of mail has a use for. */
const CODES: ReadonlySet<number> = new Set([
  ...[211, 214, 220, 221, 235, 250, 251, 252, 334, 354],
  ...[421, 432, 435, 450, 451, 452, 454, 455],
  ...[500, 501, 502, 503, 504, 521, 523, 525, 530, 534, 535, 538],
  ...[550, 551, 552, 553, 554, 555, 556],
])
const HELLOS: ReadonlySet<string> = new Set(['HELO', 'EHLO', 'LHLO'])

/** A command, and the message it is about. */
interface Asked {
  verb: string
  mail: SmtpMail
}

export class SmtpFlow implements AppParser {
  readonly proto = 'smtp'
  readonly #sink: AppSink
  readonly #lines = [new Lines(LINE_BYTES_MAX), new Lines(LINE_BYTES_MAX)] as const
  /** Of messages: longer than the standard lets them be, so that nothing hides behind their length. */
  readonly #text = new Lines(TEXT_LINE_BYTES_MAX)
  readonly #waiting: Asked[] = []
  #mail: SmtpMail
  #message: MailMessage | undefined
  /** Files of the message in hand. */
  #files = 0
  /** Messages begun, and those told. */
  #mails = 0
  #told = new WeakSet<SmtpMail>()
  #helo = ''
  #user = ''
  /** What the client's next line is. */
  #next: 'command' | 'data-asked' | 'data' | 'auth' = 'command'
  /** Bytes of a chunk (BDAT, RFC 3030) that are still to come, and whether it is the last. */
  #chunk = 0
  #lastChunk = false
  #auth = ''
  #greeted = false
  /** A message's text was sent, and nothing is heard of the server yet. */
  #early = false
  /** The code of the reply that goes on; 0: none does. */
  #inside = 0
  #oddReply = false

  constructor(sink: AppSink) {
    this.#sink = sink
    this.#mail = this.#newMail()
  }

  get held(): number {
    const lines = this.#lines[0].held + this.#lines[1].held + this.#text.held
    return lines + STATE_BYTES + (this.#message?.held ?? 0)
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    return toServer ? this.#client(bytes) : this.#server(bytes)
  }

  gap(): Verdict {
    this.ended()
    return 'done' // whether text or commands follow is lost with it
  }

  ended(): void {
    this.#message?.ended(false)
    this.#message = undefined
    // What waits for the server's last word gets none.
    for (const { verb, mail } of this.#waiting.splice(0)) if (verb === WHOLE) this.#hand(mail)
    const { from, helo, user } = this.#mail
    if (from !== '' || (this.#mails === 1 && helo + user !== '')) this.#hand(this.#mail)
  }

  #client(bytes: Buffer): Verdict {
    const asked = this.#waiting.at(-1)?.verb
    if (asked === 'STARTTLS' && bytes[0] === TLS_HANDSHAKE && this.#lines[0].held === 0)
      return this.#underTls() // the server's agreement was not captured
    let at = 0
    while (at < bytes.length) {
      const inText = this.#chunk > 0 || this.#next === 'data' || this.#next === 'data-asked'
      const lines = inText ? this.#text : this.#lines[0]
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
    if (this.#next === 'data-asked') {
      // The text is sent before the server has said yes; seen from one side, its word is only missing, until it greets.
      if (this.#greeted) this.#sink.event('smtp.invalid_pipelined_sequence', true)
      else this.#early = true
      this.#beginMessage()
    }
    if (this.#next === 'data') {
      if (cut) this.#sink.fault('line-too-long')
      if (line.length === 1 && line[0] === DOT) this.#wholeMessage()
      else this.#message?.line(line[0] === DOT ? line.subarray(1) : line)
    } else if (this.#next === 'auth') this.#authLine(line.toString('latin1'))
    else {
      if (cut) {
        this.#sink.fault('line-too-long')
        this.#sink.event('smtp.truncated_line', true)
      }
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
        if (this.#helo !== '') this.#sink.event('smtp.duplicate_fields', true)
        if (argument !== '') this.#helo = argument
        if (this.#mail.helo === '') this.#mail.helo = argument
        break
      case 'MAIL':
        if (this.#mail.from !== '') this.#giveUp()
        this.#mail.from = mailPath(argument, 'FROM') ?? argument
        break
      case 'RCPT':
        if (this.#mail.to.length < RECIPIENTS_MAX)
          this.#mail.to.push(mailPath(argument, 'TO') ?? argument)
        break
      case 'DATA':
        this.#mail.data = true
        this.#next = 'data-asked'
        break
      case 'BDAT':
        this.#beginChunk(argument)
        return
      case 'AUTH':
        this.#beginAuth(argument)
        break
      case 'RSET':
        if (this.#mail.from !== '') this.#giveUp()
        break
    }
    this.#wait(verb)
  }

  /** The message in hand is given up for another. */
  #giveUp(): void {
    this.#hand(this.#mail)
    this.#mail = this.#newMail()
  }

  #beginMessage(mail = this.#mail): void {
    this.#next = 'data'
    this.#files = 0
    this.#sink.transaction({ proto: 'smtp', stage: 'request', smtp: mail })
    this.#message = new MailMessage(mail, {
      file: (name, bytes, whole) =>
        bytes.carry(this.#files++, name, whole, (file) =>
          this.#sink.transaction({ proto: 'smtp', stage: 'file', smtp: mail, file }),
        ),
      longName: () => this.#sink.event('smtp.mime_long_filename', true),
    })
  }

  #beginChunk(argument: string): void {
    const [, size, last] = /^(\d{1,9})(?:[ \t]+(LAST))?$/i.exec(argument) ?? []
    if (size === undefined) {
      this.#sink.event('smtp.invalid_bdat', true)
      this.#wait('BDAT')
      return
    }
    if (!this.#message) this.#beginMessage()
    this.#next = 'command'
    this.#chunk = Number(size)
    this.#lastChunk = last !== undefined
    if (this.#chunk > 0) return
    if (this.#lastChunk) this.#wholeMessage()
    else this.#wait('BDAT')
  }

  /** What the client sends next is about another message, whenever the server answers to this one. */
  #wholeMessage(): void {
    this.#mail.whole = true
    this.#message?.ended(true)
    this.#message = undefined
    this.#next = 'command'
    this.#wait(WHOLE)
    this.#mail = this.#newMail()
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
    if (this.#waiting.length < WAITING_MAX) this.#waiting.push({ verb, mail: this.#mail })
    else this.#sink.fault('transactions-full')
  }

  #server(bytes: Buffer): Verdict {
    const lines = this.#lines[1]
    for (let at = 0; at < bytes.length; ) {
      const found = lines.next(bytes, at)
      at = lines.at
      if (!found) break
      const reply = decodeReply(found.line)
      if (!reply || !CODES.has(reply.code)) {
        if (!this.#oddReply && this.#inside === 0) this.#sink.event('smtp.invalid_reply', false)
        this.#oddReply = true
      }
      if (!reply) continue
      // Another code: the reply before was left without its last line.
      if (this.#inside !== 0 && reply.code !== this.#inside && this.#reply(this.#inside, ''))
        return 'watch'
      this.#inside = reply.more ? reply.code : 0
      if (!reply.more && this.#reply(reply.code, `${reply.code} ${reply.text}`)) return 'watch'
    }
    return 'more'
  }

  /** True when the server agreed to TLS. */
  #reply(code: number, text: string): boolean {
    const greeting = !this.#greeted && code === 220 && this.#waiting[0]?.verb !== 'STARTTLS'
    this.#greeted = true
    if (greeting) {
      if (this.#early) this.#sink.event('smtp.invalid_pipelined_sequence', true)
      this.#mail.lastReply = text
      return false
    }
    if (code === 334 && this.#next === 'auth') return false
    const asked = this.#waiting.shift()
    const { verb, mail } = asked ?? { verb: '', mail: this.#mail }
    mail.lastReply = text
    if (verb === 'AUTH') this.#next = 'command'
    else if (verb === 'DATA') this.#dataAnswered(code, mail)
    else if (verb === WHOLE) this.#hand(mail)
    else if (HELLOS.has(verb) && code === 250) this.#greetedAgain(mail)
    else if (verb === 'STARTTLS' && code === 220) {
      this.#underTls()
      return true
    }
    return false
  }

  #dataAnswered(code: number, mail: SmtpMail): void {
    if (code !== 354) this.#sink.event('smtp.data_command_rejected', false)
    if (this.#next !== 'data-asked') return
    if (code === 354) this.#beginMessage(mail)
    else this.#next = 'command'
  }

  /** A second greeting that is accepted gives up what was begun (RFC 5321 §4.1.4). */
  #greetedAgain(mail: SmtpMail): void {
    if (mail !== this.#mail || (mail.from === '' && !mail.data)) return
    this.#hand(mail)
    this.#mail = this.#newMail()
  }

  #underTls(): Verdict {
    this.#mail.tls = true
    this.#hand(this.#mail)
    this.ended()
    return 'watch'
  }

  #hand(smtp: SmtpMail): void {
    if (this.#told.has(smtp)) return
    this.#told.add(smtp)
    this.#sink.transaction({ proto: 'smtp', stage: 'done', smtp })
  }

  #newMail(): SmtpMail {
    return {
      id: this.#mails++,
      helo: this.#helo,
      user: this.#user,
      from: '',
      to: [],
      data: false,
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
