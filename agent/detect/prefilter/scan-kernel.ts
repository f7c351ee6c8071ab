/**
 * The kernel of the prefilter, in WebAssembly. It knows addresses only; `wasm-grams.ts` lays out what it reads.
 *
 * Its sweeps pass over the bytes and name places where a pattern may be: then the grams of a bucket are compared, then
 * the pattern that one belongs to.
 */
import {
  add,
  and,
  bits16,
  call,
  define,
  differs,
  during,
  equal,
  equals16,
  get,
  giveBack,
  greater,
  int,
  less,
  load8,
  load16s,
  load32,
  moduleBytes,
  or,
  or16s,
  set,
  shiftLeft,
  shiftRight,
  splat,
  store32,
  sub,
  tee,
  trailingZeros,
  when,
} from '../../base/wasm-code.ts'
import { sweepOf } from './sweep-kernel.ts'
import { END_OF_SINGLES, GRAM, PATTERN, SINGLE, SWEEP, TRIPLES, WAYS } from './table-layout.ts'
import { triples } from './triples-kernel.ts'

/** Places of the functions in the module. */
const VERIFY = 0
const SINGLES = 2
const SWEEPS = 3

const verify = define(
  'verify',
  { parameters: ['pattern', 'at', 'round', 'out'], locals: ['i', 'length', 'text', 'fold'] },
  ({ pattern, at, round, out, i, length, text, fold }) => [
    set(length, load32(get(pattern), PATTERN.length)),
    set(text, load32(get(pattern), PATTERN.text)),
    set(fold, load32(get(pattern), PATTERN.fold)),
    during(
      less(get(i), get(length)),
      when(
        differs(load8(add(get(fold), load8(add(get(at), get(i))))), load8(add(get(text), get(i)))),
        giveBack(get(out)),
      ),
      set(i, add(get(i), int(1))),
    ),
    store32(get(pattern), get(round), PATTERN.round),
    store32(get(out), load32(get(pattern), PATTERN.number)),
    add(get(out), int(4)),
  ],
)

/** The patterns that have a gram of this hash, at `p`. */
const probe = define(
  'probe',
  {
    parameters: ['sweep', 'hash', 'p', 'start', 'end', 'fresh', 'round', 'out'],
    locals: ['entry', 'stop', 'pattern', 'at', 'last'],
  },
  (l) => [
    set(
      l.entry,
      add(
        load32(get(l.sweep), SWEEP.buckets),
        shiftLeft(shiftRight(get(l.hash), load32(get(l.sweep), SWEEP.bucketShift)), int(2)),
      ),
    ),
    set(l.stop, load32(get(l.entry), 4)),
    set(l.entry, load32(get(l.entry))),
    during(
      less(get(l.entry), get(l.stop)),
      when(
        equal(
          and(
            or(
              load32(sub(get(l.p), load32(get(l.entry), GRAM.before))),
              load32(get(l.entry), GRAM.fold),
            ),
            load32(get(l.entry), GRAM.mask),
          ),
          load32(get(l.entry), GRAM.bytes),
        ),
        set(l.pattern, load32(get(l.entry), GRAM.pattern)),
        set(l.at, sub(get(l.p), load32(get(l.entry), GRAM.at))),
        set(l.last, add(get(l.at), load32(get(l.pattern), PATTERN.length))),
        when(
          and(
            and(
              differs(load32(get(l.pattern), PATTERN.round), get(l.round)),
              less(get(l.start), add(get(l.at), int(1))),
            ),
            and(greater(get(l.last), get(l.fresh)), less(get(l.last), add(get(l.end), int(1)))),
          ),
          set(l.out, call(VERIFY, get(l.pattern), get(l.at), get(l.round), get(l.out))),
        ),
      ),
      set(l.entry, add(get(l.entry), int(GRAM.size))),
    ),
    get(l.out),
  ],
)

/** Patterns of one byte, sixteen places at a time. */
const singles = define(
  'singles',
  {
    parameters: ['single', 'end', 'fresh', 'out'],
    locals: ['p', 'found', 'also', 'value'],
  },
  (l) => [
    during(
      differs(tee(l.also, load32(get(l.single), SINGLE.also)), int(END_OF_SINGLES)),
      set(l.value, load32(get(l.single), SINGLE.value)),
      set(l.p, get(l.fresh)),
      during(
        less(get(l.p), get(l.end)),
        when(
          tee(
            l.found,
            bits16(equals16(or16s(load16s(get(l.p)), splat(get(l.also))), splat(get(l.value)))),
          ),
          // What lies behind the end is of another time.
          when(
            less(add(get(l.p), trailingZeros(get(l.found))), get(l.end)),
            store32(get(l.out), load32(get(l.single), SINGLE.number)),
            set(l.out, add(get(l.out), int(4))),
          ),
          set(l.p, get(l.end)),
        ),
        set(l.p, add(get(l.p), int(16))),
      ),
      set(l.single, add(get(l.single), int(SINGLE.size))),
    ),
    get(l.out),
  ],
)

/** Writes the numbers of the patterns that were found from `out` on; gives where the next would go. */
const scan = define(
  'scan',
  { parameters: ['sweep', 'single', 'start', 'end', 'fresh', 'round', 'out'], locals: [] },
  (l) => [
    ...[...WAYS, TRIPLES].flatMap((_, place) => [
      when(
        load32(get(l.sweep), place * SWEEP.size + SWEEP.back),
        set(
          l.out,
          call(
            SWEEPS + place,
            add(get(l.sweep), int(place * SWEEP.size)),
            ...[l.start, l.end, l.fresh, l.round, l.out].map(get),
          ),
        ),
      ),
    ]),
    call(SINGLES, ...[l.single, l.end, l.fresh, l.out].map(get)),
  ],
)

export interface Kernel {
  scan(
    sweeps: number,
    singles: number,
    start: number,
    end: number,
    fresh: number,
    round: number,
    out: number,
  ): number
}

let compiled: WebAssembly.Module | undefined

export function kernelOver(memory: WebAssembly.Memory): Kernel {
  compiled ??= new WebAssembly.Module(
    moduleBytes([verify, probe, singles, ...WAYS.map(sweepOf), triples, scan]),
  )
  const { exports } = new WebAssembly.Instance(compiled, { bytes: { memory } })
  return { scan: (exports as Kernel).scan } // of one shape, as the exports of two instances are not
}
