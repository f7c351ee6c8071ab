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
  mul4s,
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
import { HASH, LOW, maskOf, NOTES, SECOND_HASH, SWEEP, type Way } from './table-layout.ts'

/** Its place in the module. */
export const PROBE = 1

const BLOCK = 16
const LANES = [0, 1, 2, 3]

export const sweepOf = ({ width, step, next }: Way, place: number) =>
  define(
    `sweep${place}`,
    {
      parameters: ['sweep', 'start', 'end', 'fresh', 'round', 'out'],
      locals: ['p', 'shift', 'marks', 'gram', 'noted', 'seen', 'hash16', 'low16', 'mask16', 'marks16', 'at16'], // biome-ignore format: one list
    },
    (l) => {
      const mask = maskOf(width)
      const masked = (loaded: Code) => (width === 4 ? loaded : and(loaded, int(mask)))
      const masked16s = (loaded: Code) => (width === 4 ? loaded : and16s(loaded, get(l.mask16)))
      /** Where the marks of four grams are, that begin four bytes apart. */
      const marksOf = (offset: number) =>
        add4s(
          shiftRight4s(
            mul4s(or16s(masked16s(load16s(get(l.p), offset)), get(l.low16)), get(l.hash16)),
            get(l.shift),
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
      const second = add(
        load32(get(l.sweep), SWEEP.seconds),
        shiftLeft(
          shiftRight(mul(get(l.gram), int(SECOND_HASH)), load32(get(l.sweep), SWEEP.secondShift)),
          int(2),
        ),
      )
      return [
        set(l.shift, load32(get(l.sweep), SWEEP.shift)),
        set(l.marks16, splat4(load32(get(l.sweep), SWEEP.marks))),
        set(l.hash16, splat4(int(HASH))),
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
            and(shiftRight(load32(second), nextOf(get(l.p), width, next)), int(1)),
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

/** Which bit the bytes behind a gram have, modulo 32: `bitOfNext` says the same. */
function nextOf(p: Code, width: number, next: number): Code {
  if (next === 1) return load8(p, width)
  return shiftRight(mul(or(load32(p, width), int(LOW)), int(HASH)), int(27))
}
