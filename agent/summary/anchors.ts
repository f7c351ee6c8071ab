/** What must never fall (D12): the same appliance with lower counters is an older disk, or another box. Pure. */
import type { Summary } from './summary.ts'

const FALLS_MAX = 16

const COUNTERS = {
  catalog_generation: 'catalog generation',
  audit_seq: 'audit line',
  key_epoch: 'key epoch',
  root_generation: 'root generation',
  boot_count: 'boot count',
} as const
type Counter = keyof typeof COUNTERS

const HEADS = [
  ['catalog_generation', 'catalog_head'],
  ['audit_seq', 'audit_head'],
] as const

export interface Fall {
  counter: Counter
  /** When the receiver saw it. */
  at: number
  from: number
  to: number
  /** The same number with another hash: two histories. */
  heads?: true
}

export interface AnchorsSnapshot {
  falls: Fall[]
  more: number
}

type Anchors = Summary['anchors']

export class AnchorWatch {
  #falls: Fall[] = []
  /** Falls that were not kept. */
  more = 0

  /** `newest` follows `before` in the sequence. */
  follow(before: Anchors, newest: Anchors, at: number): void {
    for (const counter of Object.keys(COUNTERS) as Counter[])
      if (newest[counter] < before[counter] && !isUnknown(counter, newest))
        this.#add({ counter, at, from: before[counter], to: newest[counter] })
    this.#compareHeads(before, newest, at)
  }

  /** `late` was back-filled: it lies before `newest`. One fall is told once, from the highest that was seen. */
  insert(late: Anchors, newest: Anchors, at: number): void {
    for (const counter of Object.keys(COUNTERS) as Counter[]) {
      if (late[counter] <= newest[counter] || isUnknown(counter, newest)) continue
      const told = this.#falls.findLast((fall) => fall.counter === counter && !fall.heads)
      if (told) told.from = Math.max(told.from, late[counter])
      else this.#add({ counter, at, from: late[counter], to: newest[counter] })
    }
    this.#compareHeads(late, newest, at)
  }

  #compareHeads(one: Anchors, other: Anchors, at: number): void {
    for (const [counter, head] of HEADS) {
      if (one[counter] !== other[counter] || one[head] === null || other[head] === null) continue
      if (one[head] === other[head]) continue
      const value = one[counter]
      if (this.#falls.some((fall) => fall.heads && fall.counter === counter && fall.to === value))
        continue
      this.#add({ counter, at, from: value, to: value, heads: true })
    }
  }

  #add(fall: Fall): void {
    this.#falls.push(fall)
    if (this.#falls.length <= FALLS_MAX) return
    this.#falls.shift()
    this.more++
  }

  sentences(): { at: number; sentence: string }[] {
    return this.#falls.map(({ counter, at, from, to, heads }) => ({
      at,
      sentence: heads
        ? `${COUNTERS[counter]} ${to} has two different hashes`
        : `${COUNTERS[counter]} went from ${from} to ${to}`,
    }))
  }

  snapshot(): AnchorsSnapshot {
    return { falls: this.#falls.map((fall) => ({ ...fall })), more: this.more }
  }

  static restore(from: AnchorsSnapshot): AnchorWatch {
    const watch = new AnchorWatch()
    watch.#falls = from.falls.map((fall) => ({ ...fall }))
    watch.more = from.more
    return watch
  }
}

/** While picket-lake does not answer, a summary has generation 0 and no head: not a fall. */
function isUnknown(counter: Counter, { catalog_generation, catalog_head }: Anchors): boolean {
  return counter === 'catalog_generation' && catalog_generation === 0 && catalog_head === null
}
