/**
 * The kernel that looks for shapes, in WebAssembly: four sets of bytes one after another, eight shapes at once, a bit each.
 * Of sixteen places the tables tell by the halves of a byte which shapes may have it there; where a bit is left the bytes are asked.
 */
import {
  add,
  and,
  and16s,
  anyOf16,
  bits16,
  type Code,
  define,
  differ16,
  during,
  get,
  high4s,
  int,
  less,
  load8,
  load16s,
  lookUp,
  moduleBytes,
  or,
  set,
  shiftLeft,
  splat,
  sub,
  trailingZeros,
  when,
} from '../../base/wasm-code.ts'

/** Of one place: the shapes by the low half of its byte, by the high half, and by the byte. */
export const PLACE = { low: 0, high: 16, exact: 32, size: 288 }
export const PLACES = 4
const BLOCK = 16
/** A shape of three places may end at the last byte. */
const LEAST = 3

const TABLES = ['low0_16', 'high0_16', 'low1_16', 'high1_16', 'low2_16', 'high2_16', 'low3_16', 'high3_16'] as const // biome-ignore format: one list

const shapes = define(
  'shapes',
  {
    parameters: ['table', 'start', 'end'],
    locals: ['p', 'q', 'last', 'left', 'seen', 'byte16', 'half16', 'here16', ...TABLES],
  },
  (l) => {
    const at = (place: number): Code[] => [
      set(l.byte16, load16s(get(l.p), place)),
      set(
        l.here16,
        and16s(
          and16s(get(l.here16), lookUp(get(l[TABLES[place * 2] as 'low0_16']), and16s(get(l.byte16), get(l.half16)))), // biome-ignore format: one question
          lookUp(get(l[TABLES[place * 2 + 1] as 'high0_16']), high4s(get(l.byte16), get(l.half16))),
        ),
      ),
    ]
    const exact = (place: number) =>
      load8(add(get(l.table), load8(get(l.q), place)), place * PLACE.size + PLACE.exact)
    const left = bits16(differ16(get(l.here16), splat(int(0))))
    return [
      ...TABLES.map((name, i) =>
        set(l[name], load16s(get(l.table), (i >> 1) * PLACE.size + (i & 1) * PLACE.high)),
      ),
      set(l.half16, splat(int(0x0f))),
      set(l.last, sub(get(l.end), int(LEAST - 1))),
      set(l.p, get(l.start)),
      during(
        less(get(l.p), get(l.last)),
        set(l.here16, splat(int(-1))),
        ...[0, 1, 2, 3].flatMap(at),
        when(
          anyOf16(get(l.here16)),
          set(l.left, left),
          // What lies behind the end is of another time.
          when(
            less(sub(get(l.last), get(l.p)), int(BLOCK)),
            set(l.left, and(get(l.left), sub(shiftLeft(int(1), sub(get(l.last), get(l.p))), int(1)))), // biome-ignore format: one mask
          ),
          during(
            get(l.left),
            set(l.q, add(get(l.p), trailingZeros(get(l.left)))),
            set(l.seen, or(get(l.seen), and(and(exact(0), exact(1)), and(exact(2), exact(3))))),
            set(l.left, and(get(l.left), sub(get(l.left), int(1)))),
          ),
        ),
        set(l.p, add(get(l.p), int(BLOCK))),
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
  return new WebAssembly.Instance(compiled, { bytes: { memory } }).exports as unknown as ShapeKernel
}
