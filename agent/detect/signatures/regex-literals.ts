/**
 * Literals of which one is in whatever an expression matches: by them a rule is found that has none of its own, or a poor one. As
 * in R. Cox, "Regular Expression Matching with a Trigram Index" (2012), for the words of PCRE that rules use; where one is not
 * known nothing is said.
 */
import { fewOf } from './byte-set.ts'
import type { Regex } from './regex.ts'
import { hasFlag, type Node, treeOf } from './regex-tree.ts'

export interface Literals {
  texts: readonly string[]
  nocase: boolean
}

/** Fewer bytes are in any traffic; more literals than that are no hint. */
const BYTES_LEAST = 3
const BYTES_MOST = 24
const TEXTS_MAX = 48

/** What a part of an expression matches. */
interface Part {
  /** It matches these and nothing else. */
  exact?: readonly string[] | undefined
  /** One of these is in what it matches. */
  must?: readonly string[] | undefined
}

const NOTHING_SAID: Part = {}
const EMPTY: Part = { exact: [''] }

export function literalsOf(regex: Pick<Regex, 'pattern' | 'options'>): Literals | undefined {
  const tree = treeOf(regex)
  if (!tree) return undefined
  const { exact, must } = partOf(tree)
  const texts = best([exact, must])
  if (!texts || texts.length > TEXTS_MAX) return undefined
  const cut = [...new Set(texts.map((text) => text.slice(0, BYTES_MOST)))]
  if (cut.some((text) => text.length < BYTES_LEAST)) return undefined
  return { texts: cut, nocase: hasFlag(regex, 'i') }
}

function partOf(node: Node): Part {
  switch (node.type) {
    case 'byte':
      return { exact: fewOf(node.word) }
    case 'nothing':
      return EMPTY
    case 'anything':
      return NOTHING_SAID
    case 'sequence':
      return sequence(node.parts)
    case 'choice': {
      const parts = node.parts.map(partOf)
      return { exact: union(parts.map(({ exact }) => exact)), must: union(parts.map(({ exact, must }) => best([exact, must]))) } // biome-ignore format: one part
    }
    case 'repeat':
      return repeated(partOf(node.part), node.least, node.most)
  }
}

function sequence(parts: readonly Node[]): Part {
  const found: (readonly string[] | undefined)[] = []
  let run: readonly string[] = ['']
  let whole = true
  for (const { exact, must } of parts.map(partOf)) {
    const longer = exact && product(run, exact)
    if (longer) {
      run = longer
      continue
    }
    found.push(run, must)
    whole = false
    run = exact ?? ['']
  }
  found.push(run)
  return whole ? { exact: run } : { must: best(found) }
}

function repeated(part: Part, least: number, most: number): Part {
  if (least === 0)
    return most === 1 && part.exact ? { exact: union([part.exact, ['']]) } : NOTHING_SAID
  return most === 1 ? part : { must: best([part.exact, part.must]) }
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
