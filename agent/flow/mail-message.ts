/** One message as its lines go by: headers, the files attached to it, and the pages its text names. */
import {
  decodeMailHeader,
  HEADER_CHARS_MAX,
  MAIL_HEADERS_MAX,
  mailParameter,
} from '../decode/mail.ts'
import type { SmtpMail } from '../decode/records-it.ts'
import { FileBytes } from './file-bytes.ts'
import { type BodyDecoder, bodyDecoder } from './mail-body.ts'

const BOUNDARIES_MAX = 8
const ATTACHMENTS_MAX = 64
const PART_HEADERS_MAX = 32
const URLS_MAX = 64
/** Of a file's name, as in Suricata. */
const NAME_CHARS_MAX = 255
/** Of text that is searched for addresses at once. */
const TEXT_CHARS_MAX = 4096

/** Where what a message carries goes. */
export interface MailSink {
  file(name: string, bytes: FileBytes, whole: boolean): void
  longName(): void
}

export class MailMessage {
  readonly #mail: SmtpMail
  readonly #sink: MailSink
  #where: 'headers' | 'part-headers' | 'text' = 'headers'
  #header = ''
  #parts = 0
  readonly #boundaries: string[] = []
  // Of the part in hand.
  #type = ''
  #encoding = ''
  #name = ''
  #file: FileBytes | undefined
  #body: BodyDecoder | undefined
  #text = ''

  constructor(mail: SmtpMail, sink: MailSink) {
    this.#mail = mail
    this.#sink = sink
  }

  get held(): number {
    return (this.#file?.held ?? 0) + this.#text.length
  }

  line(bytes: Buffer): void {
    this.#mail.bytes += bytes.length + 2
    if (bytes[0] === 0x2d && bytes[1] === 0x2d && this.#boundary(bytes)) return
    if (this.#where === 'text') {
      this.#body?.line(bytes)
      return
    }
    const text = bytes.toString('latin1')
    if (/^[ \t]/.test(text) && this.#header !== '') {
      if (this.#header.length + text.length < HEADER_CHARS_MAX) this.#header += `\r\n${text}`
      return
    }
    this.#flush()
    if (text !== '') this.#header = text
    else this.#beginText()
  }

  /** `whole`: its last line came. */
  ended(whole: boolean): void {
    this.#flush()
    this.#endPart(whole)
  }

  #beginText(): void {
    this.#where = 'text'
    if (this.#type.startsWith('multipart/')) return
    // A message in a message: its own headers follow.
    if (this.#type === 'message/rfc822') {
      this.#where = 'part-headers'
      this.#newPart()
      return
    }
    if (this.#name !== '') {
      const file = new FileBytes(true)
      this.#file = file
      this.#body = bodyDecoder(this.#encoding, (bytes) => file.add(bytes))
    } else if (this.#type === '' || this.#type.startsWith('text/'))
      this.#body = bodyDecoder(this.#encoding, (bytes) => this.#read(bytes))
  }

  /** Whether the line was one. */
  #boundary(bytes: Buffer): boolean {
    if (this.#boundaries.length === 0) return false
    const text = bytes.toString('latin1', 2, Math.min(bytes.length, 80)).trimEnd()
    const last = text.endsWith('--') && this.#boundaries.includes(text.slice(0, -2))
    if (!last && !this.#boundaries.includes(text)) return false
    this.#flush()
    this.#endPart(true)
    this.#where = last ? 'text' : 'part-headers'
    this.#newPart()
    return true
  }

  #newPart(): void {
    this.#parts = 0
    this.#type = ''
    this.#encoding = ''
    this.#name = ''
    this.#body = undefined
  }

  #endPart(whole: boolean): void {
    this.#body?.ended()
    this.#body = undefined
    this.#links()
    this.#text = ''
    const file = this.#file
    this.#file = undefined
    if (file) this.#sink.file(this.#name, file, whole)
  }

  #flush(): void {
    const text = this.#header
    this.#header = ''
    if (text === '') return
    const header = decodeMailHeader(text.replace(/\r\n[ \t]/g, ' '))
    if (!header) return
    const { name, value } = header
    if (this.#where === 'headers') {
      if (this.#mail.headers.length < MAIL_HEADERS_MAX) this.#mail.headers.push(header)
    } else if (++this.#parts > PART_HEADERS_MAX) return
    if (name === 'content-transfer-encoding') this.#encoding = value
    else if (name === 'content-type') {
      this.#type = value.replace(/[;\s].*$/s, '').toLowerCase()
      const boundary = mailParameter(value, 'boundary')
      if (boundary && this.#boundaries.length < BOUNDARIES_MAX) this.#boundaries.push(boundary)
      this.#attached(mailParameter(value, 'name'))
    } else if (name === 'content-disposition') this.#attached(mailParameter(value, 'filename'))
  }

  #attached(name: string | undefined): void {
    if (!name) return
    if (name.length > NAME_CHARS_MAX) this.#sink.longName()
    const short = name.slice(0, NAME_CHARS_MAX)
    this.#name = short
    const { attachments } = this.#mail
    if (attachments.length < ATTACHMENTS_MAX && !attachments.includes(short))
      attachments.push(short)
  }

  #read(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += TEXT_CHARS_MAX) {
      this.#text += bytes.toString('latin1', at, Math.min(at + TEXT_CHARS_MAX, bytes.length))
      if (this.#text.length < TEXT_CHARS_MAX) continue
      this.#links()
      // An address that goes on is found with what follows.
      this.#text = this.#text.slice(-TEXT_CHARS_MAX / 4)
    }
  }

  #links(): void {
    const { urls } = this.#mail
    for (const [url] of this.#text.matchAll(/\b(?:https?|ftp):\/\/[^\s"'<>]{1,1000}/gi))
      if (urls.length < URLS_MAX && !urls.includes(url)) urls.push(url)
  }
}
