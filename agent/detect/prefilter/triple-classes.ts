/**
 * Which of eight classes each triple of bytes belongs to. A class stands for all that its halves of bytes can be put
 * together to, so those go into one that have halves in common, as few places of ordinary traffic as can be.
 */
import { LIKELY, ZEROS_LIKELY } from './rarity.ts'
import { CLASS_BYTES } from './table-layout.ts'

const CLASSES = 8
const HALVES = 16
const ANY = 0xffff
const BYTES = 3

/** For the first, second and third byte which low and which high halves it may have: six sets, a bit each. */
type Halves = Uint16Array

/** Each byte of a triple, as the values that it may have; one that is missing may have any. */
export type Triple = readonly (readonly number[])[]

export function classTables(triples: readonly Triple[]): Uint8Array {
  const table = new Uint8Array(CLASS_BYTES)
  for (const [which, halves] of grouped(triples.map(halvesOf)).entries())
    for (const [set, bits] of halves.entries())
      for (let half = 0; half < HALVES; half++)
        if (bits & (1 << half)) {
          const at = set * HALVES + half
          table[at] = (table[at] as number) | (1 << which)
        }
  return table
}

function halvesOf(triple: Triple): Halves {
  const halves = new Uint16Array(2 * BYTES)
  for (let i = 0; i < BYTES; i++) {
    if (triple[i] === undefined) halves.fill(ANY, 2 * i, 2 * i + 2)
    for (const value of triple[i] ?? []) {
      halves[2 * i] = (halves[2 * i] as number) | (1 << (value & 15))
      halves[2 * i + 1] = (halves[2 * i + 1] as number) | (1 << (value >> 4))
    }
  }
  return halves
}

interface Group {
  halves: Halves
  likely: number
  /** With which of those before it it is joined for least, and for how much. */
  partner: number
  cost: number
}

/** Joins the two whose joining adds fewest places, until there are no more than CLASSES. */
function grouped(all: readonly Halves[]): Halves[] {
  const groups: Group[] = []
  for (const halves of all) groups.push(groupOf(halves))
  for (let i = 0; i < groups.length; i++) choosePartner(groups, i)
  while (groups.length > CLASSES) {
    let from = 1
    for (let i = 2; i < groups.length; i++) if (costOf(groups, i) < costOf(groups, from)) from = i
    const into = (groups[from] as Group).partner
    groups[into] = groupOf(joined(groups[into]?.halves as Halves, groups[from]?.halves as Halves))
    groups.splice(from, 1)
    choosePartner(groups, into)
    for (let i = into + 1; i < groups.length; i++) {
      const { partner } = groups[i] as Group
      if (partner === into || partner === from) choosePartner(groups, i)
      else {
        if (partner > from) (groups[i] as Group).partner = partner - 1
        offer(groups, i, into)
      }
    }
  }
  return groups.map(({ halves }) => halves)
}

function groupOf(halves: Halves): Group {
  return { halves, likely: likelihood(halves), partner: -1, cost: Number.POSITIVE_INFINITY }
}

const costOf = (groups: readonly Group[], i: number) => (groups[i] as Group).cost

function choosePartner(groups: readonly Group[], i: number): void {
  const group = groups[i] as Group
  group.cost = Number.POSITIVE_INFINITY
  for (let other = 0; other < i; other++) offer(groups, i, other)
}

function offer(groups: readonly Group[], i: number, other: number): void {
  const group = groups[i] as Group
  const { halves, likely } = groups[other] as Group
  const cost = likelihood(joined(group.halves, halves)) - group.likely - likely
  if (cost >= group.cost) return
  group.cost = cost
  group.partner = other
}

const joined = (a: Halves, b: Halves): Halves => a.map((bits, i) => bits | (b[i] as number))

/** By a high half and eight low halves as bits, and again for the other eight: how likely such a byte is. */
const SUMS = Float64Array.from({ length: HALVES * 2 * 256 }, (_, at) => {
  const first = (at >> 9) * HALVES + ((at >> 8) & 1) * 8
  let sum = 0
  for (let i = 0; i < 8; i++) if (at & (1 << i)) sum += LIKELY[first + i] as number
  return sum
})

/** Of how many places of ordinary traffic they let through. */
function likelihood(halves: Halves): number {
  let all = 1
  let zeros = 1
  for (let i = 0; i < 2 * BYTES; i += 2) {
    const low = halves[i] as number
    const high = halves[i + 1] as number
    zeros &= low & high
    let own = 0
    for (let h = 0; h < HALVES; h++)
      if (high & (1 << h))
        own +=
          (SUMS[(h << 9) | (low & 255)] as number) + (SUMS[(h << 9) | 256 | (low >> 8)] as number)
    all *= own
  }
  return all + zeros * ZEROS_LIKELY
}
