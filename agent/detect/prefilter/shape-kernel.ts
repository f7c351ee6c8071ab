/**
 * The kernel that looks for shapes, in WebAssembly: sets of bytes one after another, eight shapes at once, a bit each.
 * Of thirty-two places the tables tell by the halves of four bytes which shapes may begin there; where a bit is left the bytes are
 * asked, and those behind, as far as the shape goes.
 */
import {
  add,
  and,
  and16s,
  anyOf16,
  bits16,
  type Code,
  define,
  differs,
  during,
  equals16,
  get,
  high4s,
  int,
  less,
  load8,
  load16s,
  lookUp,
  moduleBytes,
  mul,
  or,
  or16s,
  set,
  shiftLeft,
  splat,
  sub,
  trailingZeros,
  when,
  window16,
  xor,
} from '../../base/wasm-code.ts'

/** Of one place: the shapes by the low half of its byte, by the high half, and by the byte. */
export const PLACE = { low: 0, high: 16, exact: 32, size: 288 }
/** Places of the longest shape and of the shortest; behind those of the longest a byte for each count: the shapes that are no longer. */
export const PLACES_MAX = 16
const PLACES_LEAST = 3
export const WHOLE = PLACES_MAX * PLACE.size
export const TABLE_BYTES = WHOLE + PLACES_MAX + 1
/** Those that are looked at thirty-two at once; of a shorter shape the last is any byte, or none. */
const PLACES = 4

const TABLES = ['low0_16', 'high0_16', 'low1_16', 'high1_16', 'low2_16', 'high2_16', 'low3_16', 'high3_16'] as const // biome-ignore format: one list
/** Of the first three places, what the sixteen bytes before have: a shape begins there and goes on here. */
const BEFORE = ['before0_16', 'before1_16', 'before2_16'] as const

const shapes = define(
  'shapes',
  {
    parameters: ['table', 'start', 'end'],
    locals: ['p', 'q', 'last', 'left', 'seen', 'bits', 'count', 'low16', 'high16', 'half16', 'own16', 'here16', 'next16', ...BEFORE, ...TABLES], // biome-ignore format: one list
  },
  (l) => {
    const own = (place: number) =>
      and16s(
        lookUp(get(l[TABLES[place * 2] as 'low0_16']), get(l.low16)),
        lookUp(get(l[TABLES[place * 2 + 1] as 'high0_16']), get(l.high16)),
      )
    /** Sets the shapes whose fourth places are the sixteen from there. */
    const look = (into: (typeof l)['here16'], offset: number) => [
      set(l.high16, load16s(get(l.p), offset)),
      set(l.low16, and16s(get(l.high16), get(l.half16))),
      set(l.high16, high4s(get(l.high16), get(l.half16))),
      set(into, own(3)),
      ...BEFORE.flatMap((before, place) => [
        set(l.own16, own(place)),
        set(into, and16s(get(into), window16(get(l[before]), get(l.own16), 13 + place))),
        set(l[before], get(l.own16)),
      ]),
    ]
    const none = (each: Code) => bits16(equals16(each, splat(int(0))))
    const exact = (place: number) =>
      load8(add(get(l.table), load8(get(l.q), place)), place * PLACE.size + PLACE.exact)
    const next = load8(
      add(
        add(get(l.table), mul(get(l.count), int(PLACE.size))),
        load8(add(get(l.q), get(l.count))),
      ),
      PLACE.exact,
    )
    /** Whose every place is there, of those whose first three may be. */
    const goThrough = [
      set(l.bits, and(and(exact(0), exact(1)), exact(2))),
      set(l.count, int(PLACES_LEAST)),
      during(
        and(
          and(differs(get(l.bits), int(0)), less(get(l.count), int(PLACES_MAX))),
          less(add(get(l.q), get(l.count)), get(l.end)),
        ),
        set(l.bits, and(get(l.bits), next)),
        set(l.count, add(get(l.count), int(1))),
      ),
      set(l.bits, and(get(l.bits), load8(add(get(l.table), get(l.count)), WHOLE))),
      set(l.seen, or(get(l.seen), get(l.bits))),
    ]
    return [
      ...TABLES.map((name, i) =>
        set(l[name], load16s(get(l.table), (i >> 1) * PLACE.size + (i & 1) * PLACE.high)),
      ),
      set(l.half16, splat(int(0x0f))),
      set(l.last, sub(get(l.end), int(PLACES_LEAST - 1))),
      set(l.p, get(l.start)),
      during(
        less(get(l.p), add(get(l.last), int(PLACES - 1))),
        ...look(l.here16, 0),
        ...look(l.next16, 16),
        when(
          anyOf16(or16s(get(l.here16), get(l.next16))),
          set(l.left, xor(or(none(get(l.here16)), shiftLeft(none(get(l.next16)), int(16))), int(-1))), // biome-ignore format: one mask
          during(
            get(l.left),
            set(l.q, sub(add(get(l.p), trailingZeros(get(l.left))), int(PLACES - 1))),
            // What lies behind the end is of another time.
            when(less(get(l.q), get(l.last)), ...goThrough),
            set(l.left, and(get(l.left), sub(get(l.left), int(1)))),
          ),
        ),
        set(l.p, add(get(l.p), int(32))),
      ),
      get(l.seen),
    ]
  },
)

export interface ShapeKernel {
  /** The bits of the shapes that are in [start, end), by the tables at `table`. */
  shapes(table: number, start: number, end: number): number
}

let compiled: WebAssembly.Module | undefined

export function shapeKernelOver(memory: WebAssembly.Memory): ShapeKernel {
  compiled ??= new WebAssembly.Module(moduleBytes([shapes]))
  const { exports } = new WebAssembly.Instance(compiled, { bytes: { memory } })
  return { shapes: (exports as unknown as ShapeKernel).shapes }
}
