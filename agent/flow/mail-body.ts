/** The body of one part of a message, out of its transfer encoding (RFC 2045 §6), line by line. */

/** What is no letter of base64 is passed over, as mail programs do. */
const NO_LETTERS = /[^A-Za-z0-9+/=]+/g
const ONLY_LETTERS = /^[A-Za-z0-9+/=]*$/
const PADDING = 64
/** Of each letter, by its code. */
const VALUES = new Uint8Array(128)
for (const [value, letter] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=',
].entries())
  VALUES[letter.charCodeAt(0)] = value

/** Where decoded bytes go; they are only lent. */
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
    if (this.#begun) this.#sink(LINE_END)
    this.#begun = true
    if (bytes.length > 0) this.#sink(bytes)
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
    if (this.#broken) this.#sink(LINE_END)
    this.#broken = !soft
    const plain = text.includes('=') ? unquoted(soft ? text.slice(0, -1) : text) : text
    if (plain !== '') this.#sink(Buffer.from(plain, 'latin1'))
  }

  ended(): void {}
}

function unquoted(text: string): string {
  return text.replace(/=([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
}

class Base64Body implements BodyDecoder {
  readonly #sink: BodySink
  #pending = ''

  constructor(sink: BodySink) {
    this.#sink = sink
  }

  /** In groups of four, each padded by itself: a padded group may stand before others. */
  line(bytes: Buffer): void {
    const given = bytes.toString('latin1')
    const text = this.#pending + (ONLY_LETTERS.test(given) ? given : given.replace(NO_LETTERS, ''))
    const whole = text.length - (text.length % 4)
    this.#pending = whole === text.length ? '' : text.slice(whole)
    if (whole === 0) return
    const groups = this.#pending === '' ? text : text.slice(0, whole)
    const padding = groups.indexOf('=')
    const decoded =
      padding === -1 || padding >= whole - 2 ? Buffer.from(groups, 'base64') : grouped(groups)
    if (decoded.length > 0) this.#sink(decoded)
  }

  ended(): void {
    const left = Buffer.from(this.#pending, 'base64')
    this.#pending = ''
    if (left.length > 0) this.#sink(left)
  }
}

/** Groups of four, of which some are padded: a group gives what its letters before the padding hold. */
function grouped(text: string): Buffer {
  const decoded = Buffer.allocUnsafe((text.length / 4) * 3)
  let size = 0
  for (let at = 0; at < text.length; at += 4) {
    let [bits, letters] = [0, 0]
    for (let i = at; i < at + 4; i++) {
      const value = VALUES[text.charCodeAt(i)] as number
      if (value === PADDING) break
      bits = (bits << 6) | value
      letters++
    }
    bits <<= 6 * (4 - letters)
    for (let i = 0; i < (letters * 3) >> 2; i++) decoded[size++] = bits >> (16 - 8 * i)
  }
  return decoded.subarray(0, size)
}

const LINE_END = Buffer.from('\r\n')
