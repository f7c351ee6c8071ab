/** The grams by which patterns are found, and the tables in which a sweep looks for them. */
import { likelyBytes, likelyGram, rarestFrom } from './rarity.ts'
import {
  gramAt,
  MARK,
  MARK_HASH,
  MARK_SHIFT,
  NEXT_BYTES,
  SECOND_HASH,
  type Way,
} from './table-layout.ts'
import { classTables } from './triple-classes.ts'

export interface Gram {
  gram: number
  bucket: number
  /** Address of its pattern, and how far into that it lies. */
  pattern: number
  at: number
  bytes: Uint8Array
  nocase: boolean
}

/** Bytes of marks a gram, so that few places of ordinary traffic are noted. */
const MARKS_A_GRAM = 16
const MARK_BITS_LEAST = 12
const MARK_BITS_MOST = 18
/** Words by the second hash. */
const SECONDS_A_GRAM = 4
const SECOND_BITS_LEAST = 6
const SECOND_BITS_MOST = 14
/** A gram lies among so many last bytes of its pattern: what came before is looked at again in every piece of a stream. */
const END_BYTES = 40

/** What each gram costs that begins so far behind the first place at which one may. */
const costs = new Float64Array(END_BYTES)

/** Where the grams begin that are looked for: where traffic is least likely to have them, in buckets where few are yet. */
export function placeOf(
  bytes: Uint8Array,
  { width, step }: Way,
  crowd: (gram: number) => number,
): number {
  const first = Math.max(0, bytes.length - END_BYTES)
  for (let at = first; at + width <= bytes.length; at++) {
    const known = Math.min(NEXT_BYTES, bytes.length - at - width)
    costs[at - first] =
      likelyGram(bytes, at, width) * (COST_BY_KNOWN[known] as number) +
      crowd(gramAt(bytes, at, width)) * CROWD_COST
  }
  return rarestFrom(first, bytes.length - (step + width - 1), (at) => {
    let cost = 0
    for (let i = at - first; i < at - first + step; i++) cost += costs[i] as number
    return cost
  })
}
/** By how many bytes behind it are known: what is noted costs little, what is compared then a lot. */
const COST_BY_KNOWN = [10, 4, 2] as const
/** A gram more in a bucket, as the share of places at which one would be looked for in vain. */
const CROWD_COST = 1e-6

/** Of a pattern so long, where the four bytes begin that are compared first: such as its gram has said least about. */
export function comparedFrom(length: number, at: number, { width }: Way): number {
  const behind = Math.max(0, Math.min(length - 4, at + width))
  const ahead = Math.max(0, at - 4)
  return at + width - behind <= ahead + 4 - at ? behind : ahead
}

/** Where the three bytes lie that traffic is least likely to have, letters as they are looked for. */
export function triplePlaceOf(bytes: Uint8Array, nocase: boolean): number {
  const first = Math.max(0, bytes.length - END_BYTES)
  return rarestFrom(first, Math.max(first, bytes.length - 3), (at) =>
    likelyBytes(bytes.subarray(at, at + 3), nocase),
  )
}

export function bitsFor(count: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, Math.ceil(Math.log2(count))))
}

export function marksOf(grams: readonly Gram[]): { markMask: number; table: Uint8Array } {
  const markMask = 2 ** bitsFor(grams.length * MARKS_A_GRAM, MARK_BITS_LEAST, MARK_BITS_MOST) - 1
  const table = new Uint8Array(markMask + 1)
  for (const { gram } of grams) table[markOf(gram) & markMask] = MARK
  return { markMask, table }
}

/** `marksOf` in the kernel says the same, of four at once. */
export function markOf(gram: number): number {
  const half = (value: number) => (value << 16) >> 16
  const low = half(gram) * half(MARK_HASH)
  return ((low + (gram >> 16) * (MARK_HASH >> 16)) | 0) >>> MARK_SHIFT
}

/** By the second hash of a gram, what may follow. */
export function secondsOf(
  grams: readonly Gram[],
  { width }: Way,
): { secondShift: number; seconds: Uint32Array } {
  const bits = bitsFor(grams.length * SECONDS_A_GRAM, SECOND_BITS_LEAST, SECOND_BITS_MOST)
  const secondShift = 32 - bits
  const seconds = new Uint32Array(1 << bits)
  for (const { gram, bytes, at } of grams) {
    const place = (Math.imul(gram, SECOND_HASH) >>> 0) >>> secondShift
    seconds[place] = ((seconds[place] as number) | bitsOfNext(bytes, at + width)) >>> 0
  }
  return { secondShift, seconds }
}

/** A bit for each two bytes that may lie there, by three bits of the first and two of the second: `mayBe` in the kernel says the same. */
function bitsOfNext(bytes: Uint8Array, at: number): number {
  const [first, second] = [bytes[at], bytes[at + 1]]
  if (first === undefined) return 0xffff_ffff
  return (second === undefined ? 0x0101_0101 : 1 << ((second & 3) * 8)) << (first & 7)
}

/** Which classes have which halves of bytes. */
export function classesOf(grams: readonly Gram[]): { markMask: number; table: Uint8Array } {
  const triples = grams.map(({ bytes, nocase, at }) =>
    [...bytes.subarray(at, at + 3)].map((c) => (nocase && isLetter(c) ? [c, c - 0x20] : [c])),
  )
  return { markMask: 0, table: classTables(triples) }
}

export function isLetter(c: number): boolean {
  return c >= 0x61 && c <= 0x7a
}
