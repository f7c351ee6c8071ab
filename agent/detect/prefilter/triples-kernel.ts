/**
 * Patterns by three bytes of theirs, thirty-two places at once. A triple belongs to one of eight classes, a bit each; six
 * tables tell for the low and the high half of its bytes which classes have such a half. Where a bit is left and the
 * first two bytes are a pair that is looked for with such bytes behind, its bucket is looked at.
 */
import {
  add,
  and,
  and16s,
  anyOf16,
  bits16,
  type Code,
  call,
  define,
  during,
  equals16,
  get,
  high4s,
  int,
  less,
  load16,
  load16s,
  load32,
  lookUp,
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
import { mayBe, PROBE } from './sweep-kernel.ts'
import { HASH, LOW, maskOf, SWEEP } from './table-layout.ts'

const TABLES = ['firstLow16', 'firstHigh16', 'secondLow16', 'secondHigh16', 'thirdLow16', 'thirdHigh16'] as const // biome-ignore format: one list

export const triples = define(
  'triples',
  {
    parameters: ['sweep', 'start', 'end', 'fresh', 'round', 'out'],
    locals: ['p', 'q', 'last', 'left', 'gram', 'half16', 'low16', 'high16', 'first16', 'second16', 'firstBefore16', 'secondBefore16', 'here16', 'next16', ...TABLES], // biome-ignore format: one list
  },
  (l) => {
    const classes = (low: Code, high: Code) =>
      and16s(lookUp(low, get(l.low16)), lookUp(high, get(l.high16)))
    /** Sets the classes of the triples whose last bytes are the sixteen from there. */
    const look = (into: (typeof l)['here16'], offset: number) => [
      set(l.high16, load16s(get(l.p), offset)),
      set(l.low16, and16s(get(l.high16), get(l.half16))),
      set(l.high16, high4s(get(l.high16), get(l.half16))),
      set(l.first16, classes(get(l.firstLow16), get(l.firstHigh16))),
      set(l.second16, classes(get(l.secondLow16), get(l.secondHigh16))),
      set(
        into,
        and16s(
          and16s(
            window16(get(l.firstBefore16), get(l.first16), 14),
            window16(get(l.secondBefore16), get(l.second16), 15),
          ),
          classes(get(l.thirdLow16), get(l.thirdHigh16)),
        ),
      ),
      set(l.firstBefore16, get(l.first16)),
      set(l.secondBefore16, get(l.second16)),
    ]
    const none = (each: Code) => bits16(equals16(each, splat(int(0))))
    return [
      set(l.q, load32(get(l.sweep), SWEEP.marks)),
      ...TABLES.map((name, i) => set(l[name], load16s(get(l.q), i * 16))),
      set(l.half16, splat(int(0x0f))),
      set(l.p, sub(add(get(l.fresh), int(1)), load32(get(l.sweep), SWEEP.back))),
      when(less(get(l.p), get(l.start)), set(l.p, get(l.start))),
      set(l.last, sub(get(l.end), int(1))),
      during(
        less(get(l.p), add(get(l.last), int(2))),
        ...look(l.here16, 0),
        ...look(l.next16, 16),
        when(
          anyOf16(or16s(get(l.here16), get(l.next16))),
          set(
            l.left,
            xor(or(none(get(l.here16)), shiftLeft(none(get(l.next16)), int(16))), int(-1)),
          ),
          during(
            get(l.left),
            set(l.q, sub(add(get(l.p), trailingZeros(get(l.left))), int(2))),
            set(l.gram, or(load16(get(l.q)), int(maskOf(2) & LOW))),
            // What lies behind the end is of another time.
            when(
              and(less(get(l.q), get(l.last)), mayBe(get(l.sweep), get(l.gram), get(l.q), 2)),
              set(
                l.out,
                call(
                  PROBE,
                  get(l.sweep),
                  mul(get(l.gram), int(HASH)),
                  ...[l.q, l.start, l.end, l.fresh, l.round, l.out].map(get),
                ),
              ),
            ),
            set(l.left, and(get(l.left), sub(get(l.left), int(1)))),
          ),
        ),
        set(l.p, add(get(l.p), int(32))),
      ),
      get(l.out),
    ]
  },
)
