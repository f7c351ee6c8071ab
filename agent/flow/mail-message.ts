/** One message as its lines go by: headers, and the names of attached files. Nothing of its text is kept. */
import {
  decodeMailHeader,
  HEADER_CHARS_MAX,
  MAIL_HEADERS_MAX,
  mailParameter,
} from '../decode/mail.ts'
import type { SmtpMail } from '../decode/records-it.ts'

const BOUNDARIES_MAX = 8
const ATTACHMENTS_MAX = 64
const PART_HEADERS_MAX = 32

export class MailMessage {
  readonly #mail: SmtpMail
  #where: 'headers' | 'part-headers' | 'text' = 'headers'
  #header = ''
  #parts = 0
  readonly #boundaries: string[] = []

  constructor(mail: SmtpMail) {
    this.#mail = mail
  }

  line(bytes: Buffer): void {
    this.#mail.bytes += bytes.length + 2
    if (this.#where === 'text') {
      if (bytes[0] === 0x2d && bytes[1] === 0x2d) this.#boundary(bytes)
      return
    }
    const text = bytes.toString('latin1')
    if (/^[ \t]/.test(text) && this.#header !== '') {
      if (this.#header.length + text.length < HEADER_CHARS_MAX) this.#header += `\r\n${text}`
      return
    }
    this.#flush()
    if (text !== '') this.#header = text
    else this.#where = 'text'
  }

  ended(): void {
    this.#flush()
  }

  #boundary(bytes: Buffer): void {
    const text = bytes.toString('latin1', 2, Math.min(bytes.length, 80)).trimEnd()
    if (!this.#boundaries.includes(text)) return
    this.#where = 'part-headers'
    this.#parts = 0
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
    if (name === 'content-type') {
      const boundary = mailParameter(value, 'boundary')
      if (boundary && this.#boundaries.length < BOUNDARIES_MAX) this.#boundaries.push(boundary)
      this.#attached(mailParameter(value, 'name'))
    } else if (name === 'content-disposition') this.#attached(mailParameter(value, 'filename'))
  }

  #attached(name: string | undefined): void {
    const { attachments } = this.#mail
    if (name && attachments.length < ATTACHMENTS_MAX && !attachments.includes(name))
      attachments.push(name)
  }
}
