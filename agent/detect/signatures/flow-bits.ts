/** flowbits: names that rules give to flows. Few flows ever have one. */
import type { FlowBit } from './rule.ts'

const FLOWS_MAX = 65_536
const NAMES_MAX = 64

export class FlowBits {
  /** Names that were not kept, at a bound. */
  dropped = 0
  readonly #names = new Map<number, Set<string>>()

  fits(tests: readonly FlowBit[], flow: number): boolean {
    if (tests.length === 0) return true
    const set = this.#names.get(flow)
    for (const { verb, names } of tests) {
      let any = false
      if (set) for (const name of names) any ||= set.has(name)
      if (any !== (verb === 'isset')) return false
    }
    return true
  }

  /** False when a name could not be kept. */
  change(changes: readonly FlowBit[], flow: number): boolean {
    let kept = true
    for (const { verb, names } of changes) {
      const [name = ''] = names
      const set = this.#names.get(flow)
      if (verb === 'unset' || (verb === 'toggle' && set?.has(name))) set?.delete(name)
      else kept = this.#add(flow, set, name) && kept
    }
    return kept
  }

  #add(flow: number, known: Set<string> | undefined, name: string): boolean {
    if (known?.has(name)) return true
    if (known ? known.size >= NAMES_MAX : this.#names.size >= FLOWS_MAX) {
      this.dropped++
      return false
    }
    if (known) known.add(name)
    else this.#names.set(flow, new Set([name]))
    return true
  }

  names(flow: number): string[] {
    return [...(this.#names.get(flow) ?? [])]
  }

  ended(flow: number): void {
    this.#names.delete(flow)
  }
}
