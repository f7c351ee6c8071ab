/** Address lists of rule headers, with negation, nesting and variables, made into sorted ranges. */
import { parseAddress } from '../../base/address.ts'
import { members } from './group-text.ts'
import { Refused } from './rule-text.ts'
import type { Variables } from './variables.ts'

const ALL: Range = [0n, (1n << 128n) - 1n]
const V4_FIRST = 0xffffn << 32n
const V4_LAST = V4_FIRST | 0xffff_ffffn

/** Both ends belong to it; addresses as 128-bit numbers, IPv4 mapped. */
type Range = [first: bigint, last: bigint]

export class AddressGroup {
  /** Every address: nothing to compare. */
  readonly any: boolean
  /** Pairs first, last: IPv4 as one word, the rest as four. Sorted, apart from one another. */
  readonly #v4: Uint32Array
  readonly #v6: Uint32Array

  /** Its text leaves addresses out. */
  readonly negated: boolean

  constructor(ranges: readonly Range[], negated = false) {
    this.negated = negated
    this.any = ranges.length === 1 && ranges[0]?.[0] === 0n && ranges[0][1] === ALL[1]
    const v4: number[] = []
    const v6: number[] = []
    for (const [first, last] of ranges) {
      if (first <= V4_LAST && last >= V4_FIRST) {
        v4.push(Number((first < V4_FIRST ? V4_FIRST : first) & 0xffff_ffffn))
        v4.push(Number((last > V4_LAST ? V4_LAST : last) & 0xffff_ffffn))
      }
      if (first < V4_FIRST || last > V4_LAST) v6.push(...words(first), ...words(last))
    }
    this.#v4 = Uint32Array.from(v4)
    this.#v6 = Uint32Array.from(v6)
  }

  equals(other: AddressGroup): boolean {
    return same(this.#v4, other.#v4) && same(this.#v6, other.#v6)
  }

  /** Whether the address at `at` in `words` belongs to the group. */
  has(address: Uint32Array, at: number): boolean {
    if (this.any) return true
    if (address[at] === 0 && address[at + 1] === 0 && address[at + 2] === 0xffff) {
      const word = address[at + 3] as number
      const ranges = this.#v4
      for (let i = 0; i < ranges.length; i += 2)
        if (word <= (ranges[i + 1] as number)) return word >= (ranges[i] as number)
      return false
    }
    const ranges = this.#v6
    for (let i = 0; i < ranges.length; i += 8)
      if (compare(address, at, ranges, i + 4) <= 0) return compare(address, at, ranges, i) >= 0
    return false
  }
}

function same(a: Uint32Array, b: Uint32Array): boolean {
  return a.length === b.length && a.every((word, i) => word === b[i])
}

function compare(a: Uint32Array, at: number, b: Uint32Array, bt: number): number {
  for (let i = 0; i < 4; i++) {
    const difference = (a[at + i] as number) - (b[bt + i] as number)
    if (difference !== 0) return difference
  }
  return 0
}

function words(value: bigint): number[] {
  return [96n, 64n, 32n, 0n].map((shift) => Number((value >> shift) & 0xffff_ffffn))
}

/** Throws Refused where the text is wrong or nothing is left of the group. */
export function parseAddressGroup(text: string, variables: Variables): AddressGroup {
  const ranges = evaluate(text, variables, 0)
  if (ranges.length === 0)
    throw new Refused(undefined, `the address group ${text} leaves no address at all`)
  return new AddressGroup(ranges, negates(text, variables))
}

/** Variables that name one another in a circle have been refused. */
function negates(text: string, variables: Variables): boolean {
  const named = text.match(/\$\w+/g) ?? []
  return (
    text.includes('!') ||
    named.some((name) => negates(variables.addresses[name.slice(1)] ?? '', variables))
  )
}

const DEPTH_MAX = 16

/** Union of what is listed, without what is negated; a list of negations alone starts from all. */
function evaluate(text: string, variables: Variables, depth: number): Range[] {
  if (depth > DEPTH_MAX)
    throw new Refused(undefined, `the address group ${text} is nested too deep`)
  if (text.startsWith('!')) return complement(evaluate(text.slice(1).trim(), variables, depth + 1))
  if (text.startsWith('$')) {
    const value = variables.addresses[text.slice(1)]
    if (value === undefined)
      throw new Refused(undefined, `the address variable ${text} is not defined`)
    return evaluate(value.trim(), variables, depth + 1)
  }
  if (!text.startsWith('[')) return [single(text)]
  const positive: Range[] = []
  let negative: Range[] = []
  let listed = false
  for (const member of members(text)) {
    if (member.startsWith('!')) {
      negative = negative.concat(evaluate(member.slice(1).trim(), variables, depth + 1))
    } else {
      listed = true
      positive.push(...evaluate(member, variables, depth + 1))
    }
  }
  return subtract(listed ? union(positive) : [ALL], union(negative))
}

function single(text: string): Range {
  if (text.toLowerCase() === 'any') return ALL
  const dash = /^([^-]+)-([^-]+)$/.exec(text)
  if (dash) {
    const first = number(dash[1] as string, text)
    const last = number(dash[2] as string, text)
    if (first > last) throw new Refused(undefined, `the address range ${text} runs backwards`)
    return [first, last]
  }
  const [head = '', length, more] = text.split('/')
  const base = number(head, text)
  if (length === undefined) return [base, base]
  const span = head.includes(':') ? 128 : 32
  const bits = prefixBits(length, span)
  if (bits === undefined || more !== undefined)
    throw new Refused(undefined, `${text} is not an address or prefix`)
  const host = (1n << BigInt(span - bits)) - 1n
  return [base & ~host, base | host]
}

/** `8` or, for IPv4, `255.0.0.0`. */
function prefixBits(text: string, span: number): number | undefined {
  if (/^\d{1,3}$/.test(text)) return Number(text) <= span ? Number(text) : undefined
  const mask = span === 32 ? parseAddress(text)?.[3] : undefined
  if (mask === undefined) return undefined
  const bits = Math.clz32(~mask)
  return mask === (bits === 0 ? 0 : (~0 << (32 - bits)) >>> 0) ? bits : undefined
}

function number(text: string, whole: string): bigint {
  const parsed = parseAddress(text.trim())
  if (!parsed) throw new Refused(undefined, `${whole} is not an address or prefix`)
  return parsed.reduce((value, word) => (value << 32n) | BigInt(word), 0n)
}

function union(ranges: readonly Range[]): Range[] {
  const sorted = [...ranges].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))
  const joined: Range[] = []
  for (const [first, last] of sorted) {
    const before = joined.at(-1)
    if (!before || first > before[1] + 1n) joined.push([first, last])
    else if (last > before[1]) before[1] = last
  }
  return joined
}

function complement(ranges: readonly Range[]): Range[] {
  const rest: Range[] = []
  let from = 0n
  for (const [first, last] of union(ranges)) {
    if (first > from) rest.push([from, first - 1n])
    from = last + 1n
  }
  if (from <= ALL[1]) rest.push([from, ALL[1]])
  return rest
}

function subtract(from: readonly Range[], what: readonly Range[]): Range[] {
  if (what.length === 0) return [...from]
  const keep = complement(what)
  const rest: Range[] = []
  for (const [a, b] of from)
    for (const [c, d] of keep) {
      const [first, last] = [a < c ? c : a, d < b ? d : b]
      if (first <= last) rest.push([first, last])
    }
  return union(rest)
}
