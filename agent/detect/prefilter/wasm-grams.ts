/**
 * Prefilter by grams, in WebAssembly. The longer a pattern, the fewer places are looked at for it: of seven bytes
 * four grams of four follow one another, and one of them lies at a place that four divides. The four that are
 * likely to be seen least are the ones looked for.
 */
import type { Candidates, Prefilter } from './prefilter.ts'
import { costOf, rarestFrom } from './rarity.ts'
import {
  CLASS_BYTES,
  END_OF_SINGLES,
  GRAM,
  HASH,
  LOW,
  maskOf,
  PAIR_BYTES,
  PAIRS,
  PATTERN,
  SWEEP,
  WAYS,
  type Way,
} from './scan-kernel.ts'
import { PIECE_BYTES_MAX, type ScanRoom } from './scan-room.ts'

interface Pattern {
  bytes: Uint8Array
  nocase: boolean
  rules: number[]
}

type Numbered = readonly [number: number, pattern: Pattern]

/** So many patterns are found sooner as pairs, sixteen places at a time, than each in its own way. */
const PAIRS_FEW = 32

interface Gram {
  gram: number
  bucket: number
  pattern: number
  at: number
  bytes: Uint8Array
  nocase: boolean
}

/** Bits a gram, so that few places of ordinary traffic find theirs set. */
const BITS_A_GRAM = 64
const BITS_LEAST = 13
const BITS_MOST = 18
/** A gram lies among so many last bytes of its pattern: what came before is looked at again in every piece of a stream. */
const END_BYTES = 40
/** Patterns between two parts of the work. */
const KEPT_AT_ONCE = 64
/** A bucket a gram, within these. */
const BUCKETS_LEAST = 6
const BUCKETS_MOST = 16

export class WasmPrefilter implements Prefilter {
  longest = 0
  readonly #room: ScanRoom
  readonly #known = new Map<string, Pattern>()
  #patterns: Pattern[] = []
  #sweeps = 0
  #singles = 0
  #out = 0
  #first = 0
  #round = 0
  #rulesFrom = new Uint32Array(1)
  #rules = new Uint32Array(0)
  #count = 0

  constructor(room: ScanRoom) {
    this.#room = room
  }

  get patterns(): number {
    return this.#count
  }

  add(pattern: Uint8Array, nocase: boolean, rule: number): void {
    const bytes = nocase ? pattern.map(lower) : pattern
    const key = `${nocase ? 'i' : 's'}${Buffer.from(bytes).toString('latin1')}`
    const known = this.#known.get(key)
    if (known) {
      known.rules.push(rule)
      return
    }
    const added = { bytes, nocase, rules: [rule] }
    this.#known.set(key, added)
    this.#patterns.push(added)
    this.#count++
    this.longest = Math.max(this.longest, bytes.length)
  }

  build(): void {
    for (const _ of this.parts());
  }

  /** What it was made from is forgotten at the end: the tables have it. */
  *parts(): Generator<void> {
    const room = this.#room
    const patterns = this.#patterns
    this.#rulesFrom = new Uint32Array(patterns.length + 1)
    let rulesFrom = 0
    for (const [number, { rules }] of patterns.entries()) {
      this.#rulesFrom[number] = rulesFrom
      rulesFrom += rules.length
    }
    this.#rulesFrom[patterns.length] = rulesFrom
    this.#rules = new Uint32Array(rulesFrom)
    for (const [number, { rules }] of patterns.entries())
      this.#rules.set(rules, this.#rulesFrom[number] as number)
    this.#out = room.take(patterns.length * 4)
    this.#first = room.take(patterns.length * PATTERN.size)
    for (const [number, pattern] of patterns.entries()) {
      this.#keep(number, pattern)
      if (number % KEPT_AT_ONCE === 0) yield
    }
    const sweeps: number[] = []
    for (const { way, own } of byWay(patterns)) sweeps.push(...(yield* this.#layOut(way, own)))
    this.#sweeps = room.keepWords(Uint32Array.from(sweeps))
    const singles = patterns.flatMap(({ bytes: [value = 0, ...more], nocase }, number) =>
      more.length > 0 ? [] : [isLetter(value) && nocase ? 0x20 : 0, value, number],
    )
    this.#singles = room.keepWords(Uint32Array.from([...singles, END_OF_SINGLES]))
    this.#known.clear()
    this.#patterns = []
  }

  #keep(number: number, { bytes, nocase }: Pattern): void {
    const room = this.#room
    const at = this.#first + number * PATTERN.size
    const text = room.keep(bytes)
    room.setWord(at + PATTERN.length, bytes.length)
    room.setWord(at + PATTERN.text, text)
    room.setWord(at + PATTERN.fold, nocase ? room.folded : room.same)
    room.setWord(at + PATTERN.number, number)
  }

  /** The words of one sweep over these patterns, each with its number. */
  *#layOut(way: Way, own: readonly Numbered[]): Generator<void, number[]> {
    const { step } = way
    if (own.length === 0) return Array.from({ length: SWEEP.size / 4 }, () => 0)
    const bucketShift = 32 - bitsFor(own.length * step, BUCKETS_LEAST, BUCKETS_MOST)
    const load = new Uint32Array(2 ** (32 - bucketShift))
    const grams: Gram[] = []
    let back = 0
    for (const [i, [number, { bytes, nocase }]] of own.entries()) {
      if (i % KEPT_AT_ONCE === 0) yield
      const crowd = (gram: number) => load[hashOf(gram) >>> bucketShift] as number
      const from = placeOf(bytes, way, crowd)
      back = Math.max(back, bytes.length - from)
      for (let at = from; at < from + step; at++) {
        const gram = gramAt(bytes, at, way.width)
        const bucket = hashOf(gram) >>> bucketShift
        load[bucket] = (load[bucket] as number) + 1
        grams.push({
          gram,
          bucket,
          pattern: this.#first + number * PATTERN.size,
          at,
          bytes,
          nocase,
        })
      }
    }
    yield
    const { shift, table } = way === PAIRS ? classes(grams) : bitsOf(grams)
    yield
    return [back, shift, this.#room.keep(table), this.#keepBuckets(grams, load), bucketShift]
  }

  /** The grams of one bucket after another, of which `load` tells the sizes; gives where the list of where each begins is. */
  #keepBuckets(grams: readonly Gram[], load: Uint32Array): number {
    const starts = new Uint32Array(load.length + 1)
    for (const [bucket, count] of load.entries())
      starts[bucket + 1] = (starts[bucket] as number) + count
    const words = new Uint32Array((grams.length * GRAM.size) / 4)
    const next = starts.slice()
    for (const { gram, bucket, pattern, at } of grams) {
      const place = next[bucket] as number
      next[bucket] = place + 1
      words[(place * GRAM.size + GRAM.gram) / 4] = gram
      words[(place * GRAM.size + GRAM.pattern) / 4] = pattern
      words[(place * GRAM.size + GRAM.at) / 4] = at
    }
    const entries = this.#room.keepWords(words)
    return this.#room.keepWords(starts.map((place) => entries + place * GRAM.size))
  }

  scan(bytes: Uint8Array, start: number, end: number, found: Candidates, fresh: number): void {
    if (this.#count === 0) return
    for (let from = start; ; ) {
      const to = Math.min(end, from + PIECE_BYTES_MAX)
      this.#room.put(bytes, from, to)
      this.look(from, to, found, fresh)
      if (to === end) return
      from = to - this.longest + 1
      fresh = to
    }
  }

  /** In what was put into the room: [start, end) of some bytes. */
  look(start: number, end: number, found: Candidates, fresh: number): void {
    const room = this.#room
    if (++this.#round > 0xffff_fff0) this.#forgetRounds()
    const shift = room.piece - start
    const stop = room.kernel.scan(
      this.#sweeps,
      this.#singles,
      room.piece,
      end + shift,
      Math.max(start, fresh) + shift,
      this.#round,
      this.#out,
    )
    for (let at = this.#out; at < stop; at += 4) {
      const number = room.word(at)
      const last = this.#rulesFrom[number + 1] as number
      for (let i = this.#rulesFrom[number] as number; i < last; i++)
        found.add(this.#rules[i] as number)
    }
  }

  #forgetRounds(): void {
    for (let number = 0; number < this.#count; number++)
      this.#room.setWord(this.#first + number * PATTERN.size + PATTERN.round, 0)
    this.#round = 1
  }
}

function isLetter(c: number): boolean {
  return c >= 0x61 && c <= 0x7a
}

function lower(c: number): number {
  return c >= 0x41 && c <= 0x5a ? c | 0x20 : c
}

/** Which patterns each sweep is about. */
function byWay(patterns: readonly Pattern[]): { way: Way; own: Numbered[] }[] {
  const sweeps = [...WAYS, PAIRS].map((way) => ({ way, own: [] as Numbered[] }))
  for (const numbered of patterns.entries())
    sweeps.find(({ way }) => numbered[1].bytes.length >= way.least)?.own.push(numbered)
  const pairs = sweeps.at(-1)
  for (const sweep of sweeps.slice(0, -1).reverse())
    if (pairs && pairs.own.length + sweep.own.length <= PAIRS_FEW)
      pairs.own.push(...sweep.own.splice(0))
  return sweeps
}

/** As the kernel loads it, the first byte lowest, and folds it. */
function gramAt(bytes: Uint8Array, at: number, width: number): number {
  let gram = 0
  for (let i = 0; i < width; i++) gram |= (bytes[at + i] as number) << (i * 8)
  return (gram | (maskOf(width) & LOW)) >>> 0
}

function hashOf(gram: number): number {
  return Math.imul(gram, HASH) >>> 0
}

/** Where the grams begin that are looked for: rare bytes, in buckets where few are yet. */
function placeOf(bytes: Uint8Array, { width, step }: Way, crowd: (gram: number) => number): number {
  const span = step + width - 1
  return rarestFrom(Math.max(0, bytes.length - END_BYTES), bytes.length - span, (at) => {
    let crowded = 0
    for (let i = at; i < at + step; i++) crowded += crowd(gramAt(bytes, i, width))
    return costOf(bytes, at, span) + crowded * 4
  })
}

function bitsFor(count: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, Math.ceil(Math.log2(count))))
}

/** A bit for each gram: in the byte that its highest bits name, or one of the next three. */
function bitsOf(grams: readonly Gram[]): { shift: number; table: Uint8Array } {
  const bits = bitsFor(grams.length * BITS_A_GRAM, BITS_LEAST, BITS_MOST)
  const shift = 32 - bits + 3
  const table = new Uint8Array((1 << (bits - 3)) + 4)
  for (const { gram } of grams) {
    const hash = hashOf(gram)
    const bit = (hash >>> shift) * 8 + (hash & 31)
    table[bit >>> 3] = (table[bit >>> 3] as number) | (1 << (bit & 7))
  }
  return { shift, table }
}

/** Pairs in eight classes, those with neighbouring first bytes in one: which classes have a half of a byte. And which pairs they are. */
function classes(grams: readonly Gram[]): { shift: number; table: Uint8Array } {
  const table = new Uint8Array(CLASS_BYTES + PAIR_BYTES)
  for (const { gram } of grams) {
    const at = CLASS_BYTES + (gram >>> 3)
    table[at] = (table[at] as number) | (1 << (gram & 7))
  }
  const sorted = [...grams].sort((a, b) => (a.bytes[a.at] as number) - (b.bytes[b.at] as number))
  for (const [place, { bytes, nocase, at }] of sorted.entries()) {
    const bit = 1 << Math.floor((place * 8) / sorted.length)
    for (const i of [0, 1]) {
      const c = bytes[at + i] as number
      for (const each of nocase && isLetter(c) ? [c, c - 0x20] : [c])
        for (const half of [i * 32 + (each & 15), i * 32 + 16 + (each >> 4)])
          table[half] = (table[half] as number) | bit
    }
  }
  return { shift: 0, table }
}
