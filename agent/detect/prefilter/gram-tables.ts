/** The grams by which patterns are found, and the tables in which a sweep looks for them. */
import { likelyBytes, likelyGram, rarestFrom } from './rarity.ts'
import { HASH, LOW, MARK, maskOf, PAIR_BYTES, SECOND_HASH, type Way } from './table-layout.ts'
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
const MARKS_A_GRAM = 32
const MARK_BITS_LEAST = 12
const MARK_BITS_MOST = 16
/** Words by the second hash. */
const SECONDS_A_GRAM = 4
const SECOND_BITS_LEAST = 6
const SECOND_BITS_MOST = 14
/** A gram lies among so many last bytes of its pattern: what came before is looked at again in every piece of a stream. */
const END_BYTES = 40

/** As the kernel loads it, the first byte lowest, and folds it. */
export function gramAt(bytes: Uint8Array, at: number, width: number): number {
  return (wordAt(bytes, at, width) | (maskOf(width) & LOW)) >>> 0
}

export function wordAt(bytes: Uint8Array, at: number, width: number): number {
  let word = 0
  for (let i = 0; i < width; i++) word |= (bytes[at + i] as number) << (i * 8)
  return word >>> 0
}

export function hashOf(gram: number): number {
  return Math.imul(gram, HASH) >>> 0
}

/** Where the grams begin that are looked for: where traffic is least likely to have them, in buckets where few are yet. */
export function placeOf(
  bytes: Uint8Array,
  { width, step, next }: Way,
  crowd: (gram: number) => number,
): number {
  const grams = step + width - 1
  const span = bytes.length >= grams + next ? grams + next : grams
  return rarestFrom(Math.max(0, bytes.length - END_BYTES), bytes.length - span, (at) => {
    let cost = 0
    for (let i = at; i < at + step; i++) {
      cost += likelyGram(bytes, i, width) + crowd(gramAt(bytes, i, width)) * CROWD_COST
    }
    return cost
  })
}

/** Where the three bytes lie that traffic is least likely to have, letters as they are looked for. */
export function triplePlaceOf(bytes: Uint8Array, nocase: boolean): number {
  const first = Math.max(0, bytes.length - END_BYTES)
  return rarestFrom(first, Math.max(first, bytes.length - 3), (at) =>
    likelyBytes(bytes.subarray(at, at + 3), nocase),
  )
}

/** A gram more in a bucket, as the share of places at which one would be looked for in vain. */
const CROWD_COST = 1e-6

export function bitsFor(count: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, Math.ceil(Math.log2(count))))
}

export function marksOf(grams: readonly Gram[]): { shift: number; table: Uint8Array } {
  const bits = bitsFor(grams.length * MARKS_A_GRAM, MARK_BITS_LEAST, MARK_BITS_MOST)
  const shift = 32 - bits
  const table = new Uint8Array(1 << bits)
  for (const { gram } of grams) table[hashOf(gram) >>> shift] = MARK
  return { shift, table }
}

/** By the second hash of a gram, a bit for each of what may follow; all of them where the pattern ends before. */
export function secondsOf(
  grams: readonly Gram[],
  { width, next }: Way,
): { secondShift: number; seconds: Uint32Array } {
  const bits = bitsFor(grams.length * SECONDS_A_GRAM, SECOND_BITS_LEAST, SECOND_BITS_MOST)
  const secondShift = 32 - bits
  const seconds = new Uint32Array(1 << bits)
  for (const { gram, bytes, at } of grams) {
    const place = (Math.imul(gram, SECOND_HASH) >>> 0) >>> secondShift
    const behind = at + width
    const bit = behind + next > bytes.length ? 0xffff_ffff : 1 << bitOfNext(bytes, behind, next)
    seconds[place] = ((seconds[place] as number) | bit) >>> 0
  }
  return { secondShift, seconds }
}

/** `nextOf` in the kernel says the same. */
function bitOfNext(bytes: Uint8Array, at: number, next: number): number {
  return next === 1 ? (bytes[at] as number) & 31 : hashOf(gramAt(bytes, at, next)) >>> 27
}

/** Which classes have which halves of bytes; behind it which pairs there are. */
export function triplesOf(grams: readonly Gram[]): { shift: number; table: Uint8Array } {
  const table = new Uint8Array(PAIR_BYTES)
  for (const { gram } of grams)
    table[gram >>> 3] = (table[gram >>> 3] as number) | (1 << (gram & 7))
  const classes = classTables(
    grams.map(({ bytes, nocase, at }) =>
      [...bytes.subarray(at, at + 3)].map((c) => (nocase && isLetter(c) ? [c, c - 0x20] : [c])),
    ),
  )
  return { shift: 0, table: Buffer.concat([classes, table]) }
}

export function isLetter(c: number): boolean {
  return c >= 0x61 && c <= 0x7a
}
