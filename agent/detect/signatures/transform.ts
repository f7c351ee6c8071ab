/** Transforms that may stand between a sticky buffer and its contents. */
import { createHash } from 'node:crypto'
import { constants, gunzipSync, inflateSync } from 'node:zlib'
import { decodeBase64 } from './byte-codes.ts'
import { Regex } from './regex.ts'
import { quoted, Refused } from './rule-text.ts'
import { FOLD } from './search.ts'

export type Transform = (bytes: Uint8Array) => Uint8Array

const SPACE: readonly boolean[] = Array.from(
  { length: 256 },
  (_, c) => c === 0x20 || (c >= 9 && c <= 13),
)

const BYTES_MAX = 65_536

const PLAIN: Readonly<Record<string, Transform>> = {
  dotprefix: (bytes) => Buffer.concat([Buffer.from('.'), bytes]),
  to_lowercase: (bytes) => bytes.map((c) => FOLD[c] as number),
  to_uppercase: (bytes) => bytes.map((c) => (c >= 0x61 && c <= 0x7a ? c - 32 : c)),
  strip_whitespace: (bytes) => bytes.filter((c) => !SPACE[c]),
  compress_whitespace: (bytes) =>
    bytes.filter((c, i) => !(SPACE[c] && i > 0 && SPACE[bytes[i - 1] as number])),
  to_md5: (bytes) => createHash('md5').update(bytes).digest(),
  to_sha1: (bytes) => createHash('sha1').update(bytes).digest(),
  to_sha256: (bytes) => createHash('sha256').update(bytes).digest(),
  url_decode: urlDecode,
  header_lowercase: lowerNames,
  strip_pseudo_headers: (bytes) =>
    Buffer.from(
      Buffer.from(bytes)
        .toString('latin1')
        .replace(/^:.*\r?\n?/gm, ''),
      'latin1',
    ),
}

/** Those that have a value, required or not: how each is made from it. */
const MADE: Readonly<Record<string, (value: string) => Transform>> = {
  xor: (value) => {
    const { text } = quoted('xor', value)
    const key = Buffer.from(text, 'hex')
    if (key.length === 0 || key.length * 2 !== text.length)
      throw new Refused('xor', `"${text}" is not bytes in hex`)
    return (bytes) => bytes.map((c, i) => c ^ (key[i % key.length] as number))
  },
  pcrexform: (value) => {
    const { text } = quoted('pcrexform', value)
    const [, pattern = text] = /^\/(.*)\/$/.exec(text) ?? []
    const regex = new Regex(pattern, 0)
    return (bytes) => regex.capture(bytes) ?? bytes
  },
  from_base64: (value) => {
    const { offset = 0, bytes: bytesMax = BYTES_MAX } = numbers('from_base64', value, [
      'offset',
      'bytes',
      'mode',
    ])
    return (bytes) => {
      const decoded = decodeBase64(bytes, offset, Math.min(bytes.length, offset + bytesMax))
      return decoded.length > 0 ? decoded : bytes
    }
  },
  gunzip: (value) => inflater('gunzip', value, gunzipSync),
  zlib_deflate: (value) => inflater('zlib_deflate', value, inflateSync),
  subslice: (value) => {
    const [from = Number.NaN, length, ...more] = value.split(',').map((each) => Number(each.trim()))
    if (!Number.isSafeInteger(from) || more.length > 0)
      throw new Refused('subslice', `"${value}" is not an offset and a length`)
    return (bytes) =>
      length === undefined || length < 0
        ? bytes.subarray(from, length)
        : bytes.slice(from).subarray(0, length)
  },
}

function inflater(name: string, value: string, undo: typeof inflateSync): Transform {
  const { 'max-size': most = BYTES_MAX } = numbers(name, value, ['max-size'])
  return (bytes) => {
    try {
      const whole = undo(bytes, {
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: BYTES_MAX * 16,
      })
      return whole.subarray(0, most)
    } catch {
      return bytes.subarray(0, 0) // what is no such data has no content to look at
    }
  }
}

function numbers(name: string, value: string, known: string[]): Record<string, number> {
  const found: Record<string, number> = {}
  for (const part of value.split(',')) {
    const [key = '', text = ''] = part.trim().split(/\s+/)
    if (key === '') continue
    if (!known.includes(key)) throw new Refused(name, `it does not know "${key}"`)
    if (key === 'mode') continue
    if (!/^\d{1,7}$/.test(text)) throw new Refused(name, `"${text}" is not a number`)
    found[key] = Number(text)
  }
  return found
}

export const TRANSFORM_NAMES: readonly string[] = [...Object.keys(PLAIN), ...Object.keys(MADE)]

/** `name`, or `name:value`. Throws Refused. */
export function transformOf(text: string): Transform {
  const colon = text.indexOf(':')
  const [name, value] = colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)]
  const plain = PLAIN[name]
  if (plain) {
    if (value !== '') throw new Refused(name, 'it takes no value')
    return plain
  }
  const make = MADE[name]
  if (!make) throw new Refused(name, 'there is no such transform')
  return make(value)
}

function lowerNames(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1')
  return Buffer.from(
    text.replace(/^[^:\r\n]+/gm, (name) => name.toLowerCase()),
    'latin1',
  )
}

/** `+` is a space, %xx a byte; anything else stays. */
function urlDecode(bytes: Uint8Array): Uint8Array {
  const decoded = new Uint8Array(bytes.length)
  let length = 0
  for (let i = 0; i < bytes.length; i++) {
    let c = bytes[i] as number
    if (c === 0x2b) c = 0x20
    else if (c === 0x25 && i + 2 < bytes.length) {
      const hex = String.fromCharCode(bytes[i + 1] as number, bytes[i + 2] as number)
      if (/^[0-9a-f]{2}$/i.test(hex)) {
        c = Number.parseInt(hex, 16)
        i += 2
      }
    }
    decoded[length++] = c
  }
  return decoded.subarray(0, length)
}
