/** Where things lie in the tables that the kernel reads and `wasm-grams.ts` lays out, in bytes; and by what grams are hashed. */

/** Ors a letter to lower case; also folds some others together, which only costs a comparison. */
export const LOW = 0x2020_2020
export const HASH = 0x9e37_79b1 | 0
/** What the two halves of a gram are multiplied by, as signed numbers; the sum is moved by MARK_SHIFT. */
export const MARK_HASH = 0x4f1b_6b43
export const MARK_SHIFT = 8
/** Of what was noted by the first. */
export const SECOND_HASH = 0x85eb_ca6b | 0

/** There is a sweep for each of WAYS, and one for TRIPLES. */
export const SWEEP = {
  /** How far before the first new byte it begins: a pattern that ends in it may. 0: nothing is looked for. */
  back: 0,
  /** Of a hash, the bits that name the byte that says whether a gram has it; of TRIPLES, where their tables are. */
  markMask: 4,
  marks: 8,
  buckets: 12,
  /** From a hash to the number of its bucket. */
  bucketShift: 16,
  /** From a second hash to the word that has a bit for what may follow. */
  secondShift: 20,
  seconds: 24,
  size: 28,
}
/**
 * A gram of a pattern. `before`: so far before it, or behind, begin the four bytes that are compared, less where the pattern is
 * shorter (`mask`), with letters low if in the pattern they may have either case (`fold`). `at`: how far into the pattern the gram lies.
 */
export const GRAM = { before: 0, fold: 4, mask: 8, bytes: 12, pattern: 16, at: 20, size: 24 }
/** `round`: the scan that found it last. `fold`: the table through which bytes are compared with its text. */
export const PATTERN = { round: 0, length: 4, text: 8, fold: 12, number: 16, size: 20 }
/** A pattern of one byte: the bits that are set before it is compared. The list ends with END_OF_SINGLES. */
export const SINGLE = { also: 0, value: 4, number: 8, size: 12 }
export const END_OF_SINGLES = 0x100

/** What a byte of the marks is where a gram has that hash: the bytes of a note, for each is added to where the next note goes. */
export const MARK = 2
/** Where places are noted that are to be looked at again; every address of a byte in hand is below it, so two bytes are enough. */
export const NOTES = 65_536

/** How patterns of at least `least` bytes are looked for: by grams of `width` bytes, at every `step`. */
export interface Way {
  least: number
  width: number
  step: number
}
/** Of seven bytes four grams of four follow one another, and one of them lies at a place that four divides. */
export const WAYS: readonly Way[] = [
  { least: 7, width: 4, step: 4 },
  { least: 4, width: 3, step: 2 },
]
/** Bytes behind a gram by which it is told from others like it, as far as its pattern goes. */
export const NEXT_BYTES = 2
/** By three bytes, of which the last may be any; their buckets are told apart by the first two. */
export const TRIPLES: Way = { least: 2, width: 2, step: 1 }

/** Six tables: which classes have a low and which a high half of the first, second and third byte. */
export const CLASS_BYTES = 96

export const maskOf = (width: number) => (width >= 4 ? 0xffff_ffff : 2 ** (width * 8) - 1)

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
