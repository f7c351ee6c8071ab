/** Transforms that may stand between a sticky buffer and its contents. */
import { createHash } from 'node:crypto'
import { FOLD } from './search.ts'

export type Transform = (bytes: Uint8Array) => Uint8Array

const SPACE: readonly boolean[] = Array.from(
  { length: 256 },
  (_, c) => c === 0x20 || (c >= 9 && c <= 13),
)

export const TRANSFORMS: Readonly<Record<string, Transform>> = {
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
