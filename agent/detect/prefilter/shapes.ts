/**
 * Which shapes occur in a buffer: bytes one after another of which each is one of some. For expressions that have no literal.
 * What may stand behind the last byte is not known: a shape of four whose first three are there is said too.
 */
import type { Candidates } from './prefilter.ts'
import type { ScanRoom } from './scan-room.ts'
import { PLACE, PLACES } from './shape-kernel.ts'

/** Shapes that are looked for in one go, a bit each; more take another. */
const BITS = 8

interface Group {
  table: number
  /** By bit. */
  rules: readonly number[]
}

export class ShapeFilter {
  readonly #room: ScanRoom
  readonly #added: { places: readonly Uint8Array[]; rule: number }[] = []
  #sets: readonly Group[] = []

  constructor(room: ScanRoom) {
    this.#room = room
  }

  get empty(): boolean {
    return this.#sets.length === 0
  }

  /** `places`: four, 256 flags each. */
  add(places: readonly Uint8Array[], rule: number): void {
    this.#added.push({ places, rule })
  }

  build(): void {
    const sets: Group[] = []
    for (let from = 0; from < this.#added.length; from += BITS) {
      const own = this.#added.slice(from, from + BITS)
      const table = this.#room.keep(tableOf(own.map(({ places }) => places)))
      sets.push({ table, rules: own.map(({ rule }) => rule) })
    }
    this.#added.length = 0
    this.#sets = sets
  }

  /** In what was put into the room: [start, end) of some bytes, whose shape ends behind `fresh`. */
  look(start: number, end: number, found: Candidates, fresh: number): void {
    const { piece, shapeKernel } = this.#room
    const from = Math.max(start, fresh - PLACES + 1)
    for (const { table, rules } of this.#sets) {
      const seen = shapeKernel.shapes(table, piece + from - start, piece + end - start)
      for (let bits = seen; bits !== 0; bits &= bits - 1)
        found.add(rules[31 - Math.clz32(bits & -bits)] as number)
    }
  }
}

function tableOf(shapes: readonly (readonly Uint8Array[])[]): Uint8Array {
  const table = new Uint8Array(PLACES * PLACE.size)
  const mark = (at: number, bit: number) => {
    table[at] = (table[at] as number) | bit
  }
  for (const [shape, places] of shapes.entries())
    for (const [place, bytes] of places.entries())
      for (let c = 0; c < 256; c++) {
        if (bytes[c] !== 1) continue
        const at = place * PLACE.size
        for (const offset of [PLACE.low + (c & 15), PLACE.high + (c >> 4), PLACE.exact + c])
          mark(at + offset, 1 << shape)
      }
  return table
}
