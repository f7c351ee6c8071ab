/**
 * The rules that are judged with every piece of a stream. Those that ask one expression of anybody's stream are put as one
 * question first, all expressions as one: mostly none is there.
 */
import type { Pcre } from './condition.ts'
import type { LookOn } from './look-on.ts'
import { alternative, anyOf, type Regex } from './regex.ts'
import type { Signature } from './rule.ts'

export class PlainRules {
  readonly #any: Regex | undefined
  readonly #all: readonly number[]
  readonly #others: readonly number[]

  constructor(always: readonly Signature[]) {
    const together = always.filter(mayBeOfAny)
    this.#any = anyOf(together.map(expressionOf))
    const others = this.#any ? always.filter((each) => !together.includes(each)) : always
    this.#all = always.map(({ index }) => index)
    this.#others = others.map(({ index }) => index)
  }

  /** Those to judge with this piece, which ends the window that begins at `base` of the stream. */
  due(window: Uint8Array, base: number, lookOn: LookOn): readonly number[] {
    if (!this.#any) return this.#all
    const from = Math.max(0, lookOn.plain - base)
    // Where a limit was met, each answers for itself.
    if (this.#any.searchOn(window, from) !== 0) return this.#all
    lookOn.plainNext = Math.min(lookOn.plainNext, base + this.#any.rest)
    return this.#others
  }

  release(): void {
    this.#any?.release()
  }
}

const expressionOf = ({ payload }: Signature) => (payload[0] as Pcre).regex

function mayBeOfAny(signature: Signature): boolean {
  const { plain, header, appProto, established } = signature
  const anybody = header.source.any && header.destination.any
  const anyPorts = header.sourcePorts.any && header.destinationPorts.any
  if (!plain || !anybody || !anyPorts || appProto !== undefined || established !== 0) return false
  return alternative(expressionOf(signature)) !== undefined
}
