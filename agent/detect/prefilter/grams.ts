/**
 * Prefilter by 4-grams: one bit a hash of four bytes with letters folded says whether any pattern may
 * have them; only then is a short chain of patterns compared. Patterns of one to three bytes are found
 * by tables over one and two bytes. The first implementation: plain TypeScript, no state but its tables.
 */
import type { Candidates, Prefilter } from './prefilter.ts'

const BITS = 17
const SIZE = 1 << BITS
/** Ors a letter to lower case; also folds some others together, which only costs a comparison. */
const LOW = 0x20

interface Pattern {
  bytes: Uint8Array
  nocase: boolean
  rules: number[]
}

export class GramPrefilter implements Prefilter {
  longest = 0
  readonly #known = new Map<string, Pattern>()
  #patterns: Pattern[] = []

  /** A bit a gram, and from it a chain of patterns: first[hash] → entry, next[entry] → entry. */
  readonly #gramBits = new Uint32Array(SIZE / 32)
  #gramFirst = new Int32Array(0)
  #pairFirst = new Int32Array(0)
  #byteFirst = new Int32Array(0)
  #next = new Int32Array(0)
  /** By entry: where the pattern's key lies in it, its bytes, its rules. */
  #keyAt = new Uint32Array(0)
  #from = new Uint32Array(0)
  #length = new Uint32Array(0)
  #nocase = new Uint8Array(0)
  #text = new Uint8Array(0)
  #rulesFrom = new Uint32Array(0)
  #rules = new Uint32Array(0)

  get patterns(): number {
    return this.#patterns.length
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
    this.longest = Math.max(this.longest, bytes.length)
  }

  *parts(): Generator<void> {
    yield
    this.build()
  }

  build(): void {
    const count = this.#patterns.length
    this.#next = new Int32Array(count).fill(-1)
    this.#keyAt = new Uint32Array(count)
    this.#from = new Uint32Array(count)
    this.#length = new Uint32Array(count)
    this.#nocase = new Uint8Array(count)
    this.#rulesFrom = new Uint32Array(count + 1)
    this.#text = Buffer.concat(this.#patterns.map(({ bytes }) => bytes))
    this.#rules = Uint32Array.from(this.#patterns.flatMap(({ rules }) => rules))
    let from = 0
    let rulesFrom = 0
    const load = new Uint16Array(SIZE)
    this.#patterns.forEach(({ bytes, nocase, rules }, entry) => {
      this.#from[entry] = from
      this.#length[entry] = bytes.length
      this.#nocase[entry] = nocase ? 1 : 0
      this.#rulesFrom[entry] = rulesFrom
      from += bytes.length
      rulesFrom += rules.length
      this.#link(entry, bytes, load)
    })
    this.#rulesFrom[count] = rulesFrom
    this.#known.clear()
  }

  #link(entry: number, bytes: Uint8Array, load: Uint16Array): void {
    if (bytes.length === 1) {
      if (this.#byteFirst.length === 0) this.#byteFirst = new Int32Array(256).fill(-1)
      this.#chain(this.#byteFirst, (bytes[0] as number) | LOW, entry)
    } else if (bytes.length < 4) {
      if (this.#pairFirst.length === 0) this.#pairFirst = new Int32Array(65_536).fill(-1)
      const pair = (((bytes[0] as number) << 8) | (bytes[1] as number) | 0x2020) & 0xffff
      this.#chain(this.#pairFirst, pair, entry)
    } else {
      if (this.#gramFirst.length === 0) this.#gramFirst = new Int32Array(SIZE).fill(-1)
      const at = rarest(bytes, load)
      const hash = gramHash(gramAt(bytes, at))
      load[hash] = (load[hash] as number) + 1
      this.#keyAt[entry] = at
      this.#gramBits[hash >>> 5] = (this.#gramBits[hash >>> 5] as number) | (1 << (hash & 31))
      this.#chain(this.#gramFirst, hash, entry)
    }
  }

  #chain(first: Int32Array, key: number, entry: number): void {
    this.#next[entry] = first[key] as number
    first[key] = entry
  }

  scan(bytes: Uint8Array, start: number, end: number, found: Candidates, fresh: number): void {
    if (this.#gramFirst.length > 0) this.#scanGrams(bytes, start, end, found, fresh)
    if (this.#pairFirst.length > 0) this.#scanPairs(bytes, start, end, found, fresh)
    if (this.#byteFirst.length > 0) this.#scanBytes(bytes, start, end, found, fresh)
  }

  #scanGrams(
    bytes: Uint8Array,
    start: number,
    end: number,
    found: Candidates,
    fresh: number,
  ): void {
    if (end - start < 4) return
    const bits = this.#gramBits
    let gram =
      ((bytes[start] as number) << 16) |
      ((bytes[start + 1] as number) << 8) |
      (bytes[start + 2] as number) |
      0
    for (let i = start + 3; i < end; i++) {
      gram = (gram << 8) | (bytes[i] as number)
      const hash = Math.imul(gram | 0x2020_2020, 0x9e37_79b1) >>> (32 - BITS)
      if (((bits[hash >>> 5] as number) & (1 << (hash & 31))) === 0) continue
      for (
        let entry = this.#gramFirst[hash] as number;
        entry >= 0;
        entry = this.#next[entry] as number
      )
        this.#verify(entry, bytes, i - 3 - (this.#keyAt[entry] as number), start, end, found, fresh)
    }
  }

  #scanPairs(
    bytes: Uint8Array,
    start: number,
    end: number,
    found: Candidates,
    fresh: number,
  ): void {
    const first = this.#pairFirst
    let pair = bytes[start] as number
    for (let i = start + 1; i < end; i++) {
      pair = ((pair << 8) | (bytes[i] as number)) & 0xffff
      for (
        let entry = first[pair | 0x2020] as number;
        entry >= 0;
        entry = this.#next[entry] as number
      )
        this.#verify(entry, bytes, i - 1, start, end, found, fresh)
    }
  }

  #scanBytes(
    bytes: Uint8Array,
    start: number,
    end: number,
    found: Candidates,
    fresh: number,
  ): void {
    const first = this.#byteFirst
    for (let i = start; i < end; i++)
      for (
        let entry = first[(bytes[i] as number) | LOW] as number;
        entry >= 0;
        entry = this.#next[entry] as number
      )
        this.#verify(entry, bytes, i, start, end, found, fresh)
  }

  #verify(
    entry: number,
    bytes: Uint8Array,
    at: number,
    start: number,
    end: number,
    found: Candidates,
    fresh: number,
  ): void {
    const length = this.#length[entry] as number
    if (at < start || at + length > end || at + length <= fresh) return
    const text = this.#text
    const from = this.#from[entry] as number
    if (this.#nocase[entry] === 0) {
      for (let i = 0; i < length; i++) if (bytes[at + i] !== text[from + i]) return
    } else {
      for (let i = 0; i < length; i++) {
        const c = bytes[at + i] as number
        const low = c >= 0x41 && c <= 0x5a ? c | LOW : c
        if (low !== text[from + i]) return
      }
    }
    const last = this.#rulesFrom[entry + 1] as number
    for (let i = this.#rulesFrom[entry] as number; i < last; i++)
      found.add(this.#rules[i] as number)
  }
}

function lower(c: number): number {
  return c >= 0x41 && c <= 0x5a ? c | LOW : c
}

function gramAt(bytes: Uint8Array, at: number): number {
  let gram = 0
  for (let i = 0; i < 4; i++) gram = (gram << 8) | (bytes[at + i] as number)
  return gram
}

function gramHash(gram: number): number {
  return Math.imul(gram | 0x2020_2020, 0x9e37_79b1) >>> (32 - BITS)
}

/** How common a byte is in traffic, coarsely: text and zeros lead. */
function commonness(c: number): number {
  const low = c | LOW
  if (c === 0 || c === 0x20) return 8
  if (low === 0x65 || low === 0x74 || low === 0x61 || low === 0x6f) return 6
  if (low >= 0x61 && low <= 0x7a) return 4
  if (c >= 0x21 && c <= 0x7e) return 3
  return c === 0xff || c === 0x0d || c === 0x0a ? 5 : 2
}

/** Where the four bytes begin that are likely to be seen least, apart from this pattern. */
function rarest(bytes: Uint8Array, load: Uint16Array): number {
  let best = 0
  let bestCost = Number.POSITIVE_INFINITY
  const last = Math.min(bytes.length - 4, 64)
  for (let at = 0; at <= last; at++) {
    let cost = (load[gramHash(gramAt(bytes, at))] as number) * 4
    for (let i = 0; i < 4; i++) cost += commonness(bytes[at + i] as number)
    if (cost >= bestCost) continue
    bestCost = cost
    best = at
  }
  return best
}
