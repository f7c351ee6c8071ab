/**
 * Mail headers (RFC 5322), words in other character sets (RFC 2047), names of attached files (RFC 2183), and who
 * logs in to a mail server (RFC 4954). Only what is said about a message; its text is not kept.
 */

/** Headers kept of a message, and characters of one. */
export const MAIL_HEADERS_MAX = 256
export const HEADER_CHARS_MAX = 8192
const WORDS_MAX = 64
const PIECES_MAX = 16
const ADDRESSES_MAX = 128

export interface MailHeader {
  /** In small letters. */
  name: string
  value: string
}

export function decodeMailHeader(text: string): MailHeader | undefined {
  const colon = text.indexOf(':')
  const name = text.slice(0, Math.max(colon, 0)).trim().toLowerCase()
  if (name === '' || /[ \t]/.test(name)) return undefined
  return {
    name,
    value: decodeWords(eightBit(text.slice(colon + 1, HEADER_CHARS_MAX).trim())),
  }
}

/** Bytes above 127 are UTF-8 (RFC 6532); from old mailers, the code page of Windows. */
function eightBit(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is plain
  if (/^[\x00-\x7f]*$/.test(text)) return text
  const bytes = Buffer.from(text, 'latin1')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('windows-1252').decode(bytes)
  }
}

/** `=?charset?B?…?=` and `=?charset?Q?…?=`; white space between two of them is no text. */
export function decodeWords(text: string): string {
  let left = WORDS_MAX
  return text
    .replace(/(\?=)[ \t\r\n]+(?==\?)/g, '$1')
    .replace(
      /=\?([\w-]{1,40})(?:\*[\w-]{1,20})?\?([bq])\?([^?]{0,2000})\?=/gi,
      (word, charset, how, data) => {
        if (--left < 0) return word
        const bytes =
          how.toLowerCase() === 'b'
            ? Buffer.from(data, 'base64')
            : quoted(data.replaceAll('_', ' '))
        return textOf(bytes, charset) ?? word
      },
    )
}

function quoted(text: string): Buffer {
  const plain = text.replace(/=([0-9a-f]{2})/gi, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(plain, 'latin1')
}

function textOf(bytes: Buffer, charset: string): string | undefined {
  try {
    return new TextDecoder(charset).decode(bytes)
  } catch {
    return undefined // a character set nobody knows: the word stays as sent
  }
}

/** Addresses of a header, as sent, apart at the commas outside quotes and brackets. */
export function addressList(value: string): string[] {
  const list: string[] = []
  let from = 0
  let quotes = false
  let depth = 0
  for (let i = 0; i <= value.length && list.length < ADDRESSES_MAX; i++) {
    const c = value[i]
    if (c === '"') quotes = !quotes
    else if (c === '<' && !quotes) depth = 1
    else if (c === '>' && !quotes) depth = 0
    if (c !== undefined && !(c === ',' && !quotes && depth === 0)) continue
    const one = value.slice(from, i).trim()
    if (one !== '') list.push(one)
    from = i + 1
  }
  return list
}

/** A parameter of Content-Type or Content-Disposition; put together where it is told in pieces (RFC 2231). */
export function mailParameter(value: string, name: string): string | undefined {
  const plain = parameter(value, name)
  if (plain !== undefined) return plain
  const encoded = parameter(value, `${name}\\*`)
  if (encoded !== undefined) return percentText(encoded)
  let whole: string | undefined
  for (let i = 0; i < PIECES_MAX; i++) {
    const piece = parameter(value, `${name}\\*${i}`)
    const coded = piece === undefined ? parameter(value, `${name}\\*${i}\\*`) : undefined
    if (piece === undefined && coded === undefined) break
    whole = (whole ?? '') + (piece ?? percentText(coded ?? ''))
  }
  return whole
}

function parameter(value: string, name: string): string | undefined {
  const pattern = new RegExp(
    `;[ \\t\\r\\n]*${name}=[ \\t]?(?:"([^"]{0,1024})"|([^;\\s]{1,1024}))`,
    'i',
  )
  const found = pattern.exec(value)
  return found ? (found[1] ?? found[2]) : undefined
}

/** `utf-8'en'a%20b`; where it cannot be read, as sent. */
function percentText(text: string): string {
  const [, charset = '', data = text] = /^([\w-]{0,40})'[\w-]{0,20}'(.*)$/s.exec(text) ?? []
  const plain = data.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return textOf(Buffer.from(plain, 'latin1'), charset || 'latin1') ?? text
}

/** `FROM:<a@b> SIZE=1` → `<a@b>`; undefined when the word before the colon is another. */
export function mailPath(argument: string, word: 'FROM' | 'TO'): string | undefined {
  const found = /^(from|to)[ \t]*:[ \t]*(<[^>]{0,1000}>|[^ \t]{1,1000})/i.exec(argument)
  return found && (found[1] as string).toUpperCase() === word ? found[2] : undefined
}

/** The user of AUTH PLAIN's one answer; '' when it is none. The password is not looked at. */
export function plainUser(answer: string): string {
  const parts = Buffer.from(answer.slice(0, 1024), 'base64').toString('utf8').split('\0')
  return parts.length === 3 ? (parts[1] as string) : ''
}
