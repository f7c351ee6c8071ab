/** `content` values: text with |hex| parts and \ before ; : " and itself. */
import { Refused } from './rule-text.ts'

export const LITERAL_BYTES_MAX = 8192

export function parseLiteral(keyword: string, text: string): Uint8Array {
  const source = Buffer.from(text, 'utf8')
  const bytes: number[] = []
  let hex = false
  let nibble = -1
  for (let i = 0; i < source.length; i++) {
    const c = source[i] as number
    if (c === PIPE) {
      if (nibble >= 0) throw new Refused(keyword, 'a hex part has half a byte')
      hex = !hex
    } else if (hex) {
      nibble = readHex(keyword, c, nibble, bytes)
    } else if (c === BACKSLASH) {
      const next = source[++i]
      if (next === undefined || !ESCAPED.includes(next))
        throw new Refused(keyword, 'a backslash may stand only before ; : " and itself')
      bytes.push(next)
    } else bytes.push(c)
  }
  if (hex) throw new Refused(keyword, 'a hex part is not closed')
  if (bytes.length === 0) throw new Refused(keyword, 'the pattern is empty')
  if (bytes.length > LITERAL_BYTES_MAX)
    throw new Refused(keyword, `the pattern is longer than ${LITERAL_BYTES_MAX} bytes`)
  return Uint8Array.from(bytes)
}

const PIPE = 0x7c
const BACKSLASH = 0x5c
const ESCAPED: readonly number[] = [0x3b, 0x3a, 0x22, 0x5c]

function readHex(keyword: string, c: number, nibble: number, bytes: number[]): number {
  if (c === 0x20) return nibble
  const digit = Number.parseInt(String.fromCharCode(c), 16)
  if (Number.isNaN(digit)) throw new Refused(keyword, 'a hex part holds something else')
  if (nibble < 0) return digit
  bytes.push(nibble * 16 + digit)
  return -1
}
