/**
 * Which shapes occur in a buffer: bytes one after another of which each is one of some. For expressions that have no literal.
 */
import type { Candidates } from './prefilter.ts'
import { PIECE_BYTES_MAX, type ScanRoom } from './scan-room.ts'
import { PLACE, PLACES_MAX, TABLE_BYTES, WHOLE } from './shape-kernel.ts'

/** Shapes that are looked for in one go, a bit each; more take another. */
const BITS = 8

interface Group {
  table: number
  /** By bit. */
  rules: readonly number[]
}

export class ShapeFilter {
  /** Places of the longest; what a caller must keep of a stream is one less. */
  longest = 0
  readonly #room: ScanRoom
  readonly #added: { places: readonly Uint8Array[]; rule: number }[] = []
  #sets: readonly Group[] = []

  constructor(room: ScanRoom) {
    this.#room = room
  }

  get empty(): boolean {
    return this.#sets.length === 0
  }

  /** `places`: three to sixteen, 256 flags each. */
  add(places: readonly Uint8Array[], rule: number): void {
    this.longest = Math.max(this.longest, places.length)
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

  /** In [start, end) of `bytes`. */
  scan(bytes: Uint8Array, start: number, end: number, found: Candidates): void {
    if (this.empty) return
    for (let from = start; ; ) {
      const to = Math.min(end, from + PIECE_BYTES_MAX)
      const at = this.#room.put(bytes, from, to)
      this.look(at, at + to - from, found, at)
      if (to === end) return
      from = to - this.longest + 1
    }
  }

  /** In what lies in [start, end) of the room. Those that end behind `fresh`, and maybe others. */
  look(start: number, end: number, found: Candidates, fresh: number): void {
    const { shapeKernel } = this.#room
    const from = Math.max(start, fresh - this.longest + 1)
    for (const { table, rules } of this.#sets) {
      const seen = shapeKernel.shapes(table, from, end)
      for (let bits = seen; bits !== 0; bits &= bits - 1)
        found.add(rules[31 - Math.clz32(bits & -bits)] as number)
    }
  }
}

function tableOf(shapes: readonly (readonly Uint8Array[])[]): Uint8Array {
  const table = new Uint8Array(TABLE_BYTES)
  const mark = (at: number, bit: number) => {
    table[at] = (table[at] as number) | bit
  }
  for (const [shape, places] of shapes.entries()) {
    for (let count = places.length; count <= PLACES_MAX; count++) mark(WHOLE + count, 1 << shape)
    for (let place = 0; place < PLACES_MAX; place++)
      for (let c = 0; c < 256; c++) {
        if (places[place]?.[c] === 0) continue
        const at = place * PLACE.size
        for (const offset of [PLACE.low + (c & 15), PLACE.high + (c >> 4), PLACE.exact + c])
          mark(at + offset, 1 << shape)
      }
  }
  return table
}
