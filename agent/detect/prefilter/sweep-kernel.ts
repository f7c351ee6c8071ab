/**
 * A sweep over grams at every `step` bytes, in two parts. The first notes the places whose hash a gram has, and branches
 * on nothing that the bytes say: a note is always written, and kept by moving on. The second goes through the notes.
 */
import {
  add,
  add4s,
  and,
  and16s,
  type Code,
  call,
  define,
  during,
  get,
  int,
  lane4,
  less,
  load8,
  load16,
  load16s,
  load32,
  mul,
  mulAdd8s,
  or,
  or16s,
  set,
  shiftLeft,
  shiftRight,
  shiftRight4s,
  splat4,
  store16,
  sub,
  when,
} from '../../base/wasm-code.ts'
import {
  HASH,
  LOW,
  MARK_HASH,
  MARK_SHIFT,
  maskOf,
  NOTES,
  SECOND_HASH,
  SWEEP,
  type Way,
} from './table-layout.ts'

/** Its place in the module. */
export const PROBE = 1

const BLOCK = 16
const LANES = [0, 1, 2, 3]

export const sweepOf = ({ width, step }: Way, place: number) =>
  define(
    `sweep${place}`,
    {
      parameters: ['sweep', 'start', 'end', 'fresh', 'round', 'out'],
      locals: ['p', 'gram', 'noted', 'seen', 'hash16', 'low16', 'mask16', 'marks16', 'at16', 'size16'], // biome-ignore format: one list
    },
    (l) => {
      const mask = maskOf(width)
      const masked = (loaded: Code) => (width === 4 ? loaded : and(loaded, int(mask)))
      const masked16s = (loaded: Code) => (width === 4 ? loaded : and16s(loaded, get(l.mask16)))
      /** Where the marks of four grams are, that begin four bytes apart: `markOf` says the same. */
      const marksOf = (offset: number) =>
        add4s(
          and16s(
            shiftRight4s(
              mulAdd8s(or16s(masked16s(load16s(get(l.p), offset)), get(l.low16)), get(l.hash16)),
              int(MARK_SHIFT),
            ),
            get(l.size16),
          ),
          get(l.marks16),
        )
      const noteFour = (offset: number) => [
        set(l.at16, marksOf(offset)),
        ...LANES.flatMap((lane) => [
          store16(get(l.noted), add(get(l.p), int(offset + lane * 4))),
          set(l.noted, add(get(l.noted), load8(lane4(get(l.at16), lane)))),
        ]),
      ]
      return [
        set(l.size16, splat4(load32(get(l.sweep), SWEEP.markMask))),
        set(l.marks16, splat4(load32(get(l.sweep), SWEEP.marks))),
        set(l.hash16, splat4(int(MARK_HASH))),
        set(l.low16, splat4(int(mask & LOW))),
        set(l.mask16, splat4(int(mask))),
        set(l.p, sub(add(get(l.fresh), int(1)), load32(get(l.sweep), SWEEP.back))),
        when(less(get(l.p), get(l.start)), set(l.p, get(l.start))),
        set(l.noted, int(NOTES)),
        // What lies behind the end is of another time: no pattern that is compared goes so far.
        during(
          less(add(get(l.p), int(width - 1)), get(l.end)),
          ...Array.from({ length: 4 / step }, (_, i) => noteFour(i * step)).flat(),
          set(l.p, add(get(l.p), int(BLOCK))),
        ),
        set(l.seen, int(NOTES)),
        during(
          less(get(l.seen), get(l.noted)),
          set(l.p, load16(get(l.seen))),
          set(l.gram, or(masked(load32(get(l.p))), int(mask & LOW))),
          when(
            mayBe(get(l.sweep), get(l.gram), get(l.p), width),
            set(
              l.out,
              call(
                PROBE,
                get(l.sweep),
                mul(get(l.gram), int(HASH)),
                ...[l.p, l.start, l.end, l.fresh, l.round, l.out].map(get),
              ),
            ),
          ),
          set(l.seen, add(get(l.seen), int(2))),
        ),
        get(l.out),
      ]
    },
  )

/** Whether a pattern may have this gram, at `p`, and what follows: a word by the second hash, in it a bit by the next two bytes (`bitsOfNext`). */
export function mayBe(sweep: Code, gram: Code, p: Code, width: number): Code {
  const hash = shiftRight(mul(gram, int(SECOND_HASH)), load32(sweep, SWEEP.secondShift))
  const word = load32(add(load32(sweep, SWEEP.seconds), shiftLeft(hash, int(2))))
  // Shifts count modulo 32.
  const next = or(and(load8(p, width), int(7)), shiftLeft(load8(p, width + 1), int(3)))
  return and(shiftRight(word, next), int(1))
}
