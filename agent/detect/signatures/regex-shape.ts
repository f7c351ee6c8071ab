/**
 * The shape of an expression: three to sixteen bytes that stand in whatever it matches, each one of some. By it a rule is found of
 * whose expression no literal is known, or a poor one: " (3[47]\d\d|2014)" is a space, a two or three, … Which place may follow
 * which is as in V. M. Glushkov, "The abstract theory of automata" (1961). Where a word of PCRE is not known nothing is said.
 */

import { PLACES_MAX as SHAPE_MOST } from '../prefilter/shape-kernel.ts'
import { ANY, bytesOf, likelihood, union } from './byte-set.ts'
import type { Regex } from './regex.ts'
import { guarded, hasFlag, type Node, treeOf, Unknown } from './regex-tree.ts'

/** By the first so many of a shape it is told how likely one is: these are looked for, the others only asked where they are. */
export const SHAPE_BYTES = 4
const SHAPE_LEAST = 3
const PLACES_MAX = 2000
/** A part that is there more often is so often followed by itself, or not. */
const COPIES_MAX = 16

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

export function shapeOf(regex: Pick<Regex, 'pattern' | 'options'>): Shape | undefined {
  const tree = treeOf(regex)
  return tree && guarded(() => new Places(hasFlag(regex, 'i')).shape(tree))
}

class Places {
  readonly #nocase: boolean
  /** By place: what may stand there, and the places that may follow. */
  readonly #bytes: Uint8Array[] = []
  readonly #follow: Set<number>[] = []

  constructor(nocase: boolean) {
    this.#nocase = nocase
  }

  shape(tree: Node): Shape | undefined {
    const whole = this.#of(tree)
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
    while (places.length < SHAPE_MOST) {
      places.push(union(here.map((place) => this.#bytes[place] as Uint8Array)))
      if (here.some((place) => ends.has(place))) break
      here = [...new Set(here.flatMap((place) => [...(this.#follow[place] as Set<number>)]))]
    }
    if (places.length < SHAPE_LEAST) return undefined
    return { places, likelihood: likelihood(places.slice(0, SHAPE_BYTES)) }
  }

  #of(node: Node): Part {
    switch (node.type) {
      case 'byte': {
        const bytes = bytesOf(node.word, this.#nocase)
        if (!bytes) throw new Unknown()
        return this.#place(bytes)
      }
      case 'nothing':
        return NOTHING
      case 'anything': {
        const any = this.#place(ANY)
        this.#link(any.last, any.first)
        return optional(any)
      }
      case 'sequence':
        return node.parts.reduce((all, part) => this.#then(all, this.#of(part)), NOTHING)
      case 'choice': {
        const parts = node.parts.map((part) => this.#of(part))
        const empty = parts.some((part) => part.empty)
        const first = parts.flatMap((part) => part.first)
        const last = parts.flatMap((part) => part.last)
        return { empty, first, last, musts: empty ? [] : [first] }
      }
      case 'repeat':
        return this.#repeated(node.part, node.least, node.most)
    }
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

  #repeated(part: Node, least: number, most: number): Part {
    const once = this.#of(part)
    let all = least === 0 ? optional(once) : once
    for (let copy = 1; copy < Math.min(least, COPIES_MAX); copy++)
      all = this.#then(all, this.#of(part))
    if ((most > least && most > 1) || least > COPIES_MAX) {
      const again = this.#of(part)
      this.#link(again.last, again.first)
      all = this.#then(all, optional(again))
    }
    return all
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
