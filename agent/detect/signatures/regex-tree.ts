/**
 * An expression as a tree, for all who ask what is in whatever it matches. Of the words of PCRE those that rules use; where one
 * is not known, or does not say the same in each version of PCRE2, there is no tree.
 */
import { FLAG_BITS, type Regex } from './regex.ts'

/** Choices within choices. */
const DEPTH_MAX = 20

export type Node =
  /** One byte of those that the word stands for: `a`, `.`, `\d`, `[^ab]`. */
  | { type: 'byte'; word: string }
  /** No byte of the match: its beginning or end, or what is looked at before it or behind. */
  | { type: 'nothing' }
  /** Any bytes, or none: what a group before has matched. */
  | { type: 'anything' }
  | { type: 'sequence' | 'choice'; parts: readonly Node[] }
  | { type: 'repeat'; part: Node; least: number; most: number }

type Expression = Pick<Regex, 'pattern' | 'options'>

export function hasFlag({ options }: Pick<Regex, 'options'>, letter: 'i' | 'x'): boolean {
  return (options & (FLAG_BITS[letter] ?? 0)) !== 0
}

export function treeOf(expression: Expression): Node | undefined {
  // Spaces that do not count, and bytes that are not what is written.
  if (hasFlag(expression, 'x') || /[^\x20-\x7e]/.test(expression.pattern)) return undefined
  return guarded(() => new Reader(expression.pattern).whole())
}

/** What cannot be said. */
export class Unknown extends Error {}

export function guarded<T>(say: () => T): T | undefined {
  try {
    return say()
  } catch (error) {
    if (error instanceof Unknown) return undefined
    throw error
  }
}

/** Reads one expression from front to back. */
class Reader {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  whole(): Node {
    const node = this.#choice()
    if (this.#at < this.#text.length) throw new Unknown()
    return node
  }

  get #next(): string {
    return this.#text[this.#at] ?? ''
  }

  /** What stands here, if it is that; reading goes on behind it. */
  #take(what: RegExp): RegExpExecArray | undefined {
    what.lastIndex = this.#at
    const found = what.exec(this.#text)
    if (!found) return undefined
    this.#at += found[0].length
    return found
  }

  #choice(): Node {
    if (++this.#depth > DEPTH_MAX) throw new Unknown()
    const parts = [this.#sequence()]
    while (this.#take(/\|/y)) parts.push(this.#sequence())
    this.#depth--
    return parts.length === 1 ? (parts[0] as Node) : { type: 'choice', parts }
  }

  #sequence(): Node {
    const parts: Node[] = []
    while (this.#next !== '' && this.#next !== '|' && this.#next !== ')')
      parts.push(this.#repeated())
    return { type: 'sequence', parts }
  }

  #repeated(): Node {
    const part = this.#atom()
    const count = this.#take(/(?:([*+?])|\{(\d+)(,?)(\d*)\})[?+]?/y)
    if (!count) {
      // From 10.43 on these are counts too.
      if (this.#take(/\{ *,? *\d/y)) throw new Unknown()
      return part
    }
    const [, sign, written, comma, last] = count
    const least = sign === undefined ? Number(written) : sign === '+' ? 1 : 0
    const open = sign === undefined ? comma === ',' && last === '' : sign !== '?'
    const most = sign === '?' ? 1 : comma === ',' ? Number(last) : least
    return { type: 'repeat', part, least, most: open ? Number.POSITIVE_INFINITY : most }
  }

  #atom(): Node {
    const c = this.#next
    this.#at++
    switch (c) {
      case '(':
        return this.#group()
      case '[':
        return this.#class()
      case '^':
      case '$':
        return { type: 'nothing' }
      case '\\':
        return this.#escape()
      case '*':
      case '+':
      case '?':
        throw new Unknown()
      default:
        return { type: 'byte', word: c }
    }
  }

  #group(): Node {
    if (this.#take(/\?P=\w+\)/y)) return { type: 'anything' }
    const kind = this.#take(/\?(:|>|=|!|<=|<!|P?<\w+>)/y)?.[1]
    if (kind === undefined && /[*?]/.test(this.#next)) throw new Unknown()
    const inside = this.#choice()
    if (!this.#take(/\)/y)) throw new Unknown()
    return ['=', '!', '<=', '<!'].includes(kind ?? '') ? { type: 'nothing' } : inside
  }

  #class(): Node {
    const inside = this.#take(/\^?\]?(?:\\[^cQE]|\[:\^?\w+:\]|[^\]\\])*\]/y)
    if (!inside) throw new Unknown()
    return { type: 'byte', word: `[${inside[0]}` }
  }

  #escape(): Node {
    if (this.#take(/[bBAzZG]/y)) return { type: 'nothing' }
    if (this.#take(/R|[1-9](?!\d)/y)) return { type: 'anything' }
    const word = this.#take(/[dDsSwWNvVhHtnrfae]|x[0-9a-fA-F]{2}|[^A-Za-z0-9]/y)
    if (!word) throw new Unknown()
    return { type: 'byte', word: `\\${word[0]}` }
  }
}
