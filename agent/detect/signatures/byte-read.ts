/** Numbers in payloads, for byte_test, byte_jump and byte_extract. */
import type { ByteJump, ByteRead } from './condition.ts'

const DIGITS: Readonly<Record<number, number>> = { 8: 8, 10: 10, 16: 16 }

/** NaN where the digits are none. The caller has checked that `count` bytes are there. `little`: the lowest comes first. */
export function readNumber(
  bytes: Uint8Array,
  at: number,
  count: number,
  little: boolean,
  read: ByteRead,
): number {
  let value = read.base === 0 ? binary(bytes, at, count, little) : text(bytes, at, count, read)
  if (read.mask !== undefined && !Number.isNaN(value)) value = masked(value, read.mask)
  return value
}

function binary(bytes: Uint8Array, at: number, count: number, little: boolean): number {
  let value = 0
  for (let i = 0; i < count; i++)
    value = value * 256 + (bytes[little ? at + count - 1 - i : at + i] as number)
  return value
}

/** As strtoull: leading spaces, perhaps 0x, then as many digits as there are; none is no number. */
function text(bytes: Uint8Array, at: number, count: number, { base }: ByteRead): number {
  const radix = DIGITS[base] as number
  const end = at + count
  let i = at
  while (
    i < end &&
    (bytes[i] === 0x20 || ((bytes[i] as number) >= 9 && (bytes[i] as number) <= 13))
  )
    i++
  if (
    radix === 16 &&
    bytes[i] === 0x30 &&
    ((bytes[i + 1] as number) | 0x20) === 0x78 &&
    i + 2 < end
  )
    i += 2
  let value = Number.NaN
  for (; i < end; i++) {
    const digit = digitOf(bytes[i] as number)
    if (digit >= radix) break
    value = (Number.isNaN(value) ? 0 : value) * radix + digit
  }
  return value
}

function digitOf(c: number): number {
  if (c >= 0x30 && c <= 0x39) return c - 0x30
  const lower = c | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : 99
}

/** The bits under the mask, moved down to the mask's lowest bit. */
function masked(value: number, mask: number): number {
  if (mask === 0) return 0
  const wide = BigInt(mask)
  let shift = 0n
  while (((wide >> shift) & 1n) === 0n) shift++
  return Number((BigInt(value) & wide) >> shift)
}

/** Where a jump ends, from the start of the buffer; -1 when it cannot be made. */
export function jumpTo(jump: ByteJump, number: number, readEnd: number, length: number): number {
  if (Number.isNaN(number)) return -1
  let by = number * jump.multiplier
  if (jump.align) by = Math.ceil(by / 4) * 4
  const from = jump.from === 'beginning' ? 0 : jump.from === 'end' ? length : readEnd
  return from + by + jump.postOffset
}
