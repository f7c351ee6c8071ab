/**
 * Literals of which one is in whatever an expression matches: by them a rule is found that has none of its own, or a poor one. As
 * in R. Cox, "Regular Expression Matching with a Trigram Index" (2012), for the words of PCRE that rules use; where one is not
 * known nothing is said.
 */
import { FLAG_BITS, type Regex } from './regex.ts'

export interface Literals {
  texts: readonly string[]
  nocase: boolean
}

/** Fewer bytes are in any traffic; more literals than that are no hint. */
const BYTES_LEAST = 3
const BYTES_MOST = 24
const TEXTS_MAX = 48
const CLASS_MAX = 4

/** What a part of an expression matches. */
interface Part {
  /** It matches these and nothing else. */
  exact?: readonly string[] | undefined
  /** One of these is in what it matches. */
  must?: readonly string[] | undefined
}

const NOTHING_SAID: Part = {}
const EMPTY: Part = { exact: [''] }

const has = (options: number, letter: string) => (options & (FLAG_BITS[letter] ?? 0)) !== 0

export function literalsOf({
  pattern,
  options,
}: Pick<Regex, 'pattern' | 'options'>): Literals | undefined {
  // Spaces that do not count, and bytes that are not what is written.
  if (has(options, 'x') || /[^\x20-\x7e]/.test(pattern)) return undefined
  const reader = new Reader(pattern)
  const texts = reader.whole()
  if (!texts || texts.length > TEXTS_MAX) return undefined
  const cut = [...new Set(texts.map((text) => text.slice(0, BYTES_MOST)))]
  if (cut.some((text) => text.length < BYTES_LEAST)) return undefined
  return { texts: cut, nocase: has(options, 'i') }
}

class Unknown extends Error {}

/** Reads one expression from front to back. */
class Reader {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  whole(): readonly string[] | undefined {
    try {
      const part = this.#choice()
      return this.#at < this.#text.length ? undefined : best([part.exact, part.must])
    } catch (error) {
      if (error instanceof Unknown) return undefined
      throw error
    }
  }

  get #next(): string {
    return this.#text[this.#at] ?? ''
  }

  #choice(): Part {
    if (++this.#depth > 20) throw new Unknown()
    const parts = [this.#sequence()]
    while (this.#next === '|') {
      this.#at++
      parts.push(this.#sequence())
    }
    this.#depth--
    if (parts.length === 1) return parts[0] as Part
    return { exact: union(parts.map(({ exact }) => exact)), must: union(parts.map(({ exact, must }) => best([exact, must]))) } // biome-ignore format: one part
  }

  #sequence(): Part {
    const found: (readonly string[] | undefined)[] = []
    let run: readonly string[] = ['']
    let whole = true
    while (this.#next !== '' && this.#next !== '|' && this.#next !== ')') {
      const part = this.#repeated(this.#atom())
      const longer = part.exact && product(run, part.exact)
      if (longer) {
        run = longer
        continue
      }
      found.push(run, part.must)
      whole = false
      run = part.exact ?? ['']
    }
    found.push(run)
    return whole ? { exact: run } : { must: best(found) }
  }

  #repeated(part: Part): Part {
    const count = /^(?:[*+?]|\{(\d+)(,\d*)?\})[?+]?/.exec(this.#text.slice(this.#at))
    if (!count) return part
    this.#at += count[0].length
    const [word, least, more] = count
    if (word.startsWith('?'))
      return part.exact ? { exact: union([part.exact, ['']]) } : NOTHING_SAID
    if (word.startsWith('*') || least === '0') return NOTHING_SAID
    if (least === '1' && more === undefined) return part
    return { must: best([part.exact, part.must]) }
  }

  #atom(): Part {
    const c = this.#next
    this.#at++
    switch (c) {
      case '(':
        return this.#group()
      case '[':
        return this.#class()
      case '.':
        return NOTHING_SAID
      case '^':
      case '$':
        return EMPTY
      case '\\':
        return this.#escape()
      case '*':
      case '+':
      case '?':
        throw new Unknown()
      default:
        return { exact: [c] }
    }
  }

  #group(): Part {
    const kind = /^\?(:|=|!|<=|<!)/.exec(this.#text.slice(this.#at))
    if (this.#next === '*' || (this.#next === '?' && !kind)) throw new Unknown()
    if (kind) this.#at += kind[0].length
    const part = this.#choice()
    if (this.#next !== ')') throw new Unknown()
    this.#at++
    // What is looked at, before or behind, is no part of the match.
    return kind && kind[1] !== ':' ? EMPTY : part
  }

  /** A few characters are alternatives, more are any. */
  #class(): Part {
    const inside = /^\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]/.exec(this.#text.slice(this.#at))
    if (!inside) throw new Unknown()
    this.#at += inside[0].length
    const list = inside[0].slice(0, -1)
    const plain = !/[\\^\-[]/.test(list) && list !== '' && list.length <= CLASS_MAX
    return plain ? { exact: [...list] } : NOTHING_SAID
  }

  #escape(): Part {
    const c = this.#next
    this.#at++
    if (/[^A-Za-z0-9]/.test(c)) return { exact: [c] }
    if ('dDsSwWNRvVhH'.includes(c)) return NOTHING_SAID
    if ('bBAzZG'.includes(c)) return EMPTY
    const control = { t: '\t', n: '\n', r: '\r', f: '\f', a: '\x07', e: '\x1b' }[c]
    if (control !== undefined) return { exact: [control] }
    const hex = c === 'x' ? /^[0-9a-fA-F]{2}/.exec(this.#text.slice(this.#at)) : null
    if (!hex) throw new Unknown()
    this.#at += 2
    return { exact: [String.fromCharCode(Number.parseInt(hex[0], 16))] }
  }
}

/** Undefined where one says nothing, or they are too many. */
function union(sets: readonly (readonly string[] | undefined)[]): readonly string[] | undefined {
  const all = new Set<string>()
  for (const set of sets) {
    if (!set) return undefined
    for (const text of set) all.add(text)
    if (all.size > TEXTS_MAX) return undefined
  }
  return [...all]
}

function product(a: readonly string[], b: readonly string[]): readonly string[] | undefined {
  if (a.length * b.length > TEXTS_MAX) return undefined
  return a.flatMap((first) => b.map((second) => first + second))
}

/** The set whose shortest literal is longest, of several the smallest. */
function best(sets: readonly (readonly string[] | undefined)[]): readonly string[] | undefined {
  const worth = (set: readonly string[]) => Math.min(8, ...set.map(({ length }) => length)) * 100 - set.length // biome-ignore format: one measure
  return sets
    .filter((set) => set !== undefined)
    .reduce<readonly string[] | undefined>((a, b) => (a && worth(a) >= worth(b) ? a : b), undefined)
}
