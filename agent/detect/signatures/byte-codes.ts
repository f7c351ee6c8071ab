/** Base64 as rules decode it, and the entropy of bytes. */

const BASE64_BYTES_MAX = 65_535
const VALUE: Int8Array = new Int8Array(256).fill(-1)
for (const [i, c] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
].entries())
  VALUE[c.charCodeAt(0)] = i

/** The bytes of [from, to) up to the first that is none of Base64; spaces and line ends are read over (RFC 2045). */
export function decodeBase64(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const decoded = new Uint8Array(Math.min(BASE64_BYTES_MAX, Math.max(0, to - from)))
  let length = 0
  let bits = 0
  let kept = 0
  for (let i = from; i < to && length < decoded.length; i++) {
    const c = bytes[i] as number
    if (c === 0x20 || c === 0x0d || c === 0x0a || c === 0x09) continue
    const value = VALUE[c] as number
    if (value < 0) break
    kept = ((kept << 6) | value) & 0xffff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    decoded[length++] = (kept >> bits) & 0xff
  }
  return decoded.subarray(0, length)
}

/** Shannon's, in bits a byte: 0 to 8. */
export function entropyOf(bytes: Uint8Array, from: number, to: number): number {
  const size = to - from
  if (size <= 0) return 0
  const counts = new Uint32Array(256)
  for (let i = from; i < to; i++) {
    const c = bytes[i] as number
    counts[c] = (counts[c] as number) + 1
  }
  let sum = 0
  for (const count of counts) if (count > 0) sum -= (count / size) * Math.log2(count / size)
  return sum
}
