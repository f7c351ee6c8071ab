/** One pattern in one buffer: Horspool, with ASCII case folded where the rule says nocase. */
import { type ByteAsked, findThree, WHICHEVER } from './search-kernel.ts'

/** A–Z → a–z, all else itself. */
export const FOLD = Uint8Array.from({ length: 256 }, (_, c) =>
  c >= 0x41 && c <= 0x5a ? c + 32 : c,
)

export function folded(bytes: Uint8Array): Uint8Array {
  return bytes.map((c) => FOLD[c] as number)
}

/** `pattern` folded already when `nocase`. Moves longer than 255 are cut to 255, which is only slower. */
export function skipTable(pattern: Uint8Array, nocase: boolean): Uint8Array {
  const last = pattern.length - 1
  const table = new Uint8Array(256).fill(Math.min(255, pattern.length))
  for (let i = 0; i < last; i++) {
    const c = pattern[i] as number
    table[c] = Math.min(255, last - i)
    if (nocase && c >= 0x61 && c <= 0x7a) table[c - 32] = table[c] as number
  }
  return table
}

/** Where `pattern` first lies whole in [from, to) of `bytes`, or -1. */
export function find(
  bytes: Uint8Array,
  from: number,
  to: number,
  what: { bytes: Uint8Array; nocase: boolean; skip: Uint8Array },
): number {
  const { bytes: pattern, skip } = what
  if (pattern.length <= SHORT_BYTES) return findSoon(bytes, from, to, what)
  const last = pattern.length - 1
  const fold = what.nocase ? FOLD : SAME
  for (let at = from; at + last < to; ) {
    const c = bytes[at + last] as number
    if (fold[c] === pattern[last]) {
      let i = 0
      while (i < last && fold[bytes[at + i] as number] === pattern[i]) i++
      if (i === last) return at
    }
    at += skip[c] as number
  }
  return -1
}

/** So short a pattern moves on by too little for its table to be worth asking. */
const SHORT_BYTES = 3
/** What is not found in so many is worth copying to where sixteen places are looked at at once. */
const SOON_BYTES = 64

function findSoon(
  bytes: Uint8Array,
  from: number,
  to: number,
  what: { bytes: Uint8Array; nocase: boolean },
): number {
  const { bytes: pattern, nocase } = what
  if (to - from <= 2 * SOON_BYTES) return findShort(bytes, from, to, what)
  const soon = findShort(bytes, from, from + SOON_BYTES + pattern.length - 1, what)
  if (soon >= 0) return soon
  const asked = (value: number | undefined): ByteAsked =>
    value === undefined ? WHICHEVER : { value, also: nocase && isLetter(value) ? 0x20 : 0 }
  const three = [asked(pattern[0]), asked(pattern[1]), asked(pattern[2])] as const
  return findThree(bytes, from + SOON_BYTES, to - pattern.length + 1, three)
}

/** Place by place, by a byte of it that has one case if there is one. */
function findShort(
  bytes: Uint8Array,
  from: number,
  to: number,
  { bytes: pattern, nocase }: { bytes: Uint8Array; nocase: boolean },
): number {
  const last = pattern.length - 1
  const fold = nocase ? FOLD : SAME
  let key = 0
  while (key < last && nocase && isLetter(pattern[key] as number)) key++
  const lower = pattern[key] as number
  const upper = nocase && isLetter(lower) ? lower - 32 : lower
  for (let at = from + key; at + last - key < to; at++) {
    const c = bytes[at] as number
    if (c !== lower && c !== upper) continue
    let i = 0
    while (i <= last && fold[bytes[at - key + i] as number] === pattern[i]) i++
    if (i > last) return at - key
  }
  return -1
}

const isLetter = (c: number) => c >= 0x61 && c <= 0x7a

const SAME = Uint8Array.from({ length: 256 }, (_, c) => c)
