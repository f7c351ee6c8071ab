/**
 * Prefilter by grams, in WebAssembly. The longer a pattern, the fewer places are looked at for it: of seven bytes
 * four grams of four follow one another, and one of them lies at a place that four divides. The four that are
 * likely to be seen least are the ones looked for.
 */
import {
  bitsFor,
  classesOf,
  comparedFrom,
  type Gram,
  isLetter,
  marksOf,
  placeOf,
  secondsOf,
  triplePlaceOf,
} from './gram-tables.ts'
import type { Candidates, Prefilter } from './prefilter.ts'
import { PIECE_BYTES_MAX, type ScanRoom } from './scan-room.ts'
import {
  END_OF_SINGLES,
  GRAM,
  gramAt,
  hashOf,
  LOW,
  maskOf,
  PATTERN,
  SWEEP,
  TRIPLES,
  WAYS,
  type Way,
  wordAt,
} from './table-layout.ts'

interface Pattern {
  bytes: Uint8Array
  nocase: boolean
  rules: number[]
}

type Numbered = readonly [number: number, pattern: Pattern]

/** So many patterns are found sooner as triples, thirty-two places at a time, than each in its own way. */
const TRIPLES_FEW = 80

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
      const from = way === TRIPLES ? triplePlaceOf(bytes, nocase) : placeOf(bytes, way, crowd)
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
    const { markMask, table } = way === TRIPLES ? classesOf(grams) : marksOf(grams)
    const { secondShift, seconds } = secondsOf(grams, way)
    yield
    const room = this.#room
    return [
      ...[back, markMask, room.keep(table), this.#keepBuckets(grams, load, way), bucketShift],
      ...[secondShift, room.keepWords(seconds)],
    ]
  }

  /** The grams of one bucket after another, of which `load` tells the sizes; gives where the list of where each begins is. */
  #keepBuckets(grams: readonly Gram[], load: Uint32Array, way: Way): number {
    const starts = new Uint32Array(load.length + 1)
    for (const [bucket, count] of load.entries())
      starts[bucket + 1] = (starts[bucket] as number) + count
    const words = new Uint32Array((grams.length * GRAM.size) / 4)
    const next = starts.slice()
    for (const { bucket, pattern, at, bytes, nocase } of grams) {
      const place = next[bucket] as number
      next[bucket] = place + 1
      const from = comparedFrom(bytes.length, at, way)
      const count = Math.min(4, bytes.length - from)
      const fold = nocase ? (LOW & maskOf(count)) >>> 0 : 0
      const entry = (place * GRAM.size) / 4
      words[entry + GRAM.before / 4] = at - from
      words[entry + GRAM.fold / 4] = fold
      words[entry + GRAM.mask / 4] = maskOf(count)
      words[entry + GRAM.bytes / 4] = wordAt(bytes, from, count) | fold
      words[entry + GRAM.pattern / 4] = pattern
      words[entry + GRAM.at / 4] = at
    }
    const entries = this.#room.keepWords(words)
    return this.#room.keepWords(starts.map((place) => entries + place * GRAM.size))
  }

  scan(bytes: Uint8Array, start: number, end: number, found: Candidates, fresh: number): void {
    if (this.#count === 0) return
    for (let from = start; ; ) {
      const to = Math.min(end, from + PIECE_BYTES_MAX)
      const at = this.#room.put(bytes, from, to)
      this.look(at, at + to - from, found, at + Math.max(0, fresh - from))
      if (to === end) return
      from = to - this.longest + 1
      fresh = to
    }
  }

  /** In text whose characters are bytes; all of it is new. */
  scanText(text: string, found: Candidates): void {
    if (this.#count === 0) return
    if (text.length > PIECE_BYTES_MAX) {
      this.scan(Buffer.from(text, 'latin1'), 0, text.length, found, 0)
      return
    }
    const at = this.#room.putText(text)
    this.look(at, at + text.length, found, at)
  }

  /** In what lies in [start, end) of the room and ends behind `fresh`. */
  look(start: number, end: number, found: Candidates, fresh: number): void {
    const room = this.#room
    if (++this.#round > 0xffff_fff0) this.#forgetRounds()
    const stop = room.kernel.scan(
      this.#sweeps,
      this.#singles,
      start,
      end,
      fresh,
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

function lower(c: number): number {
  return c >= 0x41 && c <= 0x5a ? c | 0x20 : c
}

/** Which patterns each sweep is about. */
function byWay(patterns: readonly Pattern[]): { way: Way; own: Numbered[] }[] {
  const sweeps = [...WAYS, TRIPLES].map((way) => ({ way, own: [] as Numbered[] }))
  const triples = sweeps.at(-1)?.own as Numbered[]
  for (const numbered of patterns.entries())
    sweeps.find(({ way }) => numbered[1].bytes.length >= way.least)?.own.push(numbered)
  for (const { own } of sweeps.slice(0, -1).reverse())
    if (triples.length + own.length <= TRIPLES_FEW) triples.push(...own.splice(0))
  return sweeps
}
