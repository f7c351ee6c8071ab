/** The body of one part of a message, out of its transfer encoding (RFC 2045 §6), line by line. */

const PADDING = 0x3d
/** Letters of base64; what is none is passed over, as mail programs do. */
const ALPHABET: readonly boolean[] = Array.from({ length: 256 }, (_, c) =>
  /[A-Za-z0-9+/=]/.test(String.fromCharCode(c)),
)

/** Where decoded bytes go. */
export type BodySink = (bytes: Buffer) => void

export interface BodyDecoder {
  line(bytes: Buffer): void
  ended(): void
}

export function bodyDecoder(encoding: string, sink: BodySink): BodyDecoder {
  switch (encoding.trim().toLowerCase()) {
    case 'base64':
      return new Base64Body(sink)
    case 'quoted-printable':
      return new QuotedBody(sink)
    default:
      return new PlainBody(sink)
  }
}

/** The line end before a boundary is the boundary's: it is told with the line after it. */
class PlainBody implements BodyDecoder {
  readonly #sink: BodySink
  #begun = false

  constructor(sink: BodySink) {
    this.#sink = sink
  }

  line(bytes: Buffer): void {
    this.#sink(this.#begun ? Buffer.concat([LINE_END, bytes]) : bytes)
    this.#begun = true
  }

  ended(): void {}
}

class QuotedBody implements BodyDecoder {
  readonly #sink: BodySink
  /** The line before ended, and not only for the width of the page. */
  #broken = false

  constructor(sink: BodySink) {
    this.#sink = sink
  }

  line(bytes: Buffer): void {
    const text = bytes.toString('latin1').trimEnd()
    const soft = text.endsWith('=')
    const plain = (soft ? text.slice(0, -1) : text).replace(/=([0-9a-f]{2})/gi, (_, hex) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
    const decoded = Buffer.from(plain, 'latin1')
    this.#sink(this.#broken ? Buffer.concat([LINE_END, decoded]) : decoded)
    this.#broken = !soft
  }

  ended(): void {}
}

class Base64Body implements BodyDecoder {
  readonly #sink: BodySink
  #pending = ''

  constructor(sink: BodySink) {
    this.#sink = sink
  }

  /** In groups of four, each padded by itself: a padded group may stand before others. */
  line(bytes: Buffer): void {
    const letters = Buffer.from(bytes.filter((c) => ALPHABET[c]))
    const text = this.#pending + letters.toString('latin1')
    const whole = text.length - (text.length % 4)
    this.#pending = text.slice(whole)
    if (whole === 0) return
    if (!letters.includes(PADDING) && !text.includes('=')) {
      this.#sink(Buffer.from(text.slice(0, whole), 'base64'))
      return
    }
    for (let at = 0; at < whole; at += 4) this.#sink(Buffer.from(text.slice(at, at + 4), 'base64'))
  }

  ended(): void {
    const left = Buffer.from(this.#pending, 'base64')
    this.#pending = ''
    if (left.length > 0) this.#sink(left)
  }
}

const LINE_END = Buffer.from('\r\n')
