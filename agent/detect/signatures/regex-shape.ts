/**
 * The shape of an expression: three or four bytes that stand in whatever it matches, each one of some. By it a rule is found of
 * whose expression no literal is known, or a poor one: " (3[47]\d\d|2014)" is a space, a two or three, … Which place may follow
 * which is as in V. M. Glushkov, "The abstract theory of automata" (1961). Where a word of PCRE is not known nothing is said.
 */
import { ANY, classAt, escaped, likelihood, single, union } from './byte-set.ts'
import { FLAG_BITS, type Regex } from './regex.ts'

/** Bytes of a shape; one of the least has anything at its last place. */
export const SHAPE_BYTES = 4
const SHAPE_LEAST = 3
/** Bounds on what is read. */
const PLACES_MAX = 500
const DEPTH_MAX = 20
/** A part that is there more often is so often followed by itself, or not. */
const COPIES_MAX = 4

/** For each place the bytes that may stand there: 256 flags. */
export interface Shape {
  places: readonly Uint8Array[]
  /** How likely random traffic is to have it at one place. */
  likelihood: number
}

/** A part of the expression. */
interface Part {
  /** Whether it may match nothing. */
  empty: boolean
  first: readonly number[]
  last: readonly number[]
  /** Places of which every match has one, of each of these. */
  musts: readonly (readonly number[])[]
}

const NOTHING: Part = { empty: true, first: [], last: [], musts: [] }

const has = (options: number, letter: string) => (options & (FLAG_BITS[letter] ?? 0)) !== 0

export function shapeOf({
  pattern,
  options,
}: Pick<Regex, 'pattern' | 'options'>): Shape | undefined {
  // Spaces that do not count, and bytes that are not what is written.
  if (has(options, 'x') || /[^\x20-\x7e]/.test(pattern)) return undefined
  try {
    return new Reader(pattern, has(options, 'i')).shape()
  } catch (error) {
    if (error instanceof Unknown) return undefined
    throw error
  }
}

class Unknown extends Error {}

/** Reads one expression from front to back. */
class Reader {
  readonly #text: string
  readonly #nocase: boolean
  #at = 0
  #depth = 0
  /** By place: what may stand there, and the places that may follow. */
  readonly #bytes: Uint8Array[] = []
  readonly #follow: Set<number>[] = []

  constructor(text: string, nocase: boolean) {
    this.#text = text
    this.#nocase = nocase
  }

  shape(): Shape | undefined {
    const whole = this.#choice()
    if (this.#at < this.#text.length) return undefined
    const ends = new Set(whole.last)
    let best: Shape | undefined
    for (const must of whole.musts) {
      const own = this.#from(must, ends)
      if (own && (!best || own.likelihood < best.likelihood)) best = own
    }
    return best
  }

  /** What stands at these places and behind them. */
  #from(must: readonly number[], ends: ReadonlySet<number>): Shape | undefined {
    const places: Uint8Array[] = []
    let here: readonly number[] = must
    while (places.length < SHAPE_BYTES) {
      places.push(union(here.map((place) => this.#bytes[place] as Uint8Array)))
      if (here.some((place) => ends.has(place))) break
      here = [...new Set(here.flatMap((place) => [...(this.#follow[place] as Set<number>)]))]
    }
    if (places.length < SHAPE_LEAST) return undefined
    if (places.length < SHAPE_BYTES) places.push(ANY)
    return { places, likelihood: likelihood(places) }
  }

  get #next(): string {
    return this.#text[this.#at] ?? ''
  }

  #choice(): Part {
    if (++this.#depth > DEPTH_MAX) throw new Unknown()
    const parts = [this.#sequence()]
    while (this.#next === '|') {
      this.#at++
      parts.push(this.#sequence())
    }
    this.#depth--
    if (parts.length === 1) return parts[0] as Part
    const empty = parts.some((part) => part.empty)
    const first = parts.flatMap((part) => part.first)
    return { empty, first, last: parts.flatMap(({ last }) => last), musts: empty ? [] : [first] }
  }

  #sequence(): Part {
    let all = NOTHING
    while (this.#next !== '' && this.#next !== '|' && this.#next !== ')')
      all = this.#then(all, this.#repeated())
    return all
  }

  #then(a: Part, b: Part): Part {
    this.#link(a.last, b.first)
    return {
      empty: a.empty && b.empty,
      first: a.empty ? [...a.first, ...b.first] : a.first,
      last: b.empty ? [...a.last, ...b.last] : b.last,
      musts: [...a.musts, ...b.musts],
    }
  }

  #link(from: readonly number[], to: readonly number[]): void {
    for (const place of from) for (const next of to) (this.#follow[place] as Set<number>).add(next)
  }

  #repeated(): Part {
    const start = this.#at
    const once = this.#atom()
    const count = /^(?:[*+?]|\{(\d+)(?:,(\d*))?\})[?+]?/.exec(this.#text.slice(this.#at))
    if (!count) {
      if (/^\{,?\d/.test(this.#text.slice(this.#at))) throw new Unknown()
      return once
    }
    const [word, written, most] = count
    const behind = this.#at + word.length
    const least = written === undefined ? (word.startsWith('+') ? 1 : 0) : Number(written)
    const loops = most !== undefined ? most === '' || Number(most) > least : written === undefined
    const single = word.startsWith('?') || (least === 0 && most === '1')
    let all = least === 0 ? optional(once) : once
    for (let copy = 1; copy < Math.min(least, COPIES_MAX); copy++) {
      this.#at = start
      all = this.#then(all, this.#atom())
    }
    if ((loops && !single) || least > COPIES_MAX) all = this.#more(all, start)
    this.#at = behind
    return all
  }

  /** And after it the part that begins at `start`, as often as there is. */
  #more(all: Part, start: number): Part {
    this.#at = start
    const again = this.#atom()
    this.#link(again.last, again.first)
    return this.#then(all, optional(again))
  }

  #atom(): Part {
    const c = this.#next
    this.#at++
    switch (c) {
      case '(':
        return this.#group()
      case '[': {
        const found = classAt(this.#text, this.#at, this.#nocase)
        if (!found) throw new Unknown()
        this.#at = found.end
        return this.#place(found.bytes)
      }
      case '.':
        return this.#place(ANY)
      case '^':
      case '$':
        return NOTHING
      case '\\':
        return this.#escape()
      case '*':
      case '+':
      case '?':
        throw new Unknown()
      default:
        return this.#place(single(c.charCodeAt(0), this.#nocase))
    }
  }

  #group(): Part {
    const kind = /^\?(:|>|=|!|<=|<!|P?<\w+>)/.exec(this.#text.slice(this.#at))
    if (this.#text.startsWith('?P=', this.#at)) return this.#reference()
    if (this.#next === '*' || (this.#next === '?' && !kind)) throw new Unknown()
    if (kind) this.#at += kind[0].length
    const part = this.#choice()
    if (this.#next !== ')') throw new Unknown()
    this.#at++
    // What is looked at, before or behind, is no part of the match.
    return kind && ['=', '!', '<=', '<!'].includes(kind[1] as string) ? NOTHING : part
  }

  /** Of a group before, by its name: anything. */
  #reference(): Part {
    const name = /^\?P=\w+\)/.exec(this.#text.slice(this.#at))
    if (!name) throw new Unknown()
    this.#at += name[0].length
    return this.#anything()
  }

  #escape(): Part {
    const c = this.#next
    if ('bBAzZG'.includes(c)) {
      this.#at++
      return NOTHING
    }
    if (/[1-9]/.test(c)) {
      if (/^\d\d/.test(this.#text.slice(this.#at))) throw new Unknown()
      this.#at++
      return this.#anything()
    }
    const found = escaped(this.#text, this.#at, this.#nocase)
    if (!found) throw new Unknown()
    this.#at = found.end
    return this.#place(found.bytes)
  }

  #anything(): Part {
    const any = this.#place(ANY)
    this.#link(any.last, any.first)
    return optional(any)
  }

  #place(bytes: Uint8Array): Part {
    const place = this.#bytes.length
    if (place >= PLACES_MAX) throw new Unknown()
    this.#bytes.push(bytes)
    this.#follow.push(new Set())
    return { empty: false, first: [place], last: [place], musts: [[place]] }
  }
}

const optional = (part: Part): Part => ({ ...part, empty: true, musts: [] })
