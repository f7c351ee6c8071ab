/**
 * The kernel of the prefilter, in WebAssembly. It knows addresses only; `wasm-grams.ts` lays out what it reads.
 *
 * A sweep looks at the gram at every `step` bytes: a bit says whether any pattern may have a gram of that hash,
 * then the grams of its bucket are compared, then the pattern that one belongs to.
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
  differ16,
  differs,
  during,
  equal,
  equals16,
  get,
  giveBack,
  greater,
  high4s,
  int,
  less,
  load8,
  load16,
  load16s,
  load32,
  lookUp,
  moduleBytes,
  mul,
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

/** Ors a letter to lower case; also folds some others together, which only costs a comparison. */
export const LOW = 0x2020_2020
export const HASH = 0x9e37_79b1 | 0

/** Where things lie in the tables, in bytes. There is a sweep for each of WAYS. */
export const SWEEP = {
  /** How far before the first new byte it begins: a pattern that ends in it may. 0: nothing is looked for. */
  back: 0,
  /** From a hash to the byte where its bit is looked for. */
  shift: 4,
  bits: 8,
  buckets: 12,
  /** From a hash to the number of its bucket. */
  bucketShift: 16,
  size: 20,
}
/** A gram of a pattern, and how far into the pattern it lies. */
export const GRAM = { gram: 0, pattern: 4, at: 8, size: 12 }
/** `round`: the scan that found it last. `fold`: the table through which bytes are compared with its text. */
export const PATTERN = { round: 0, length: 4, text: 8, fold: 12, number: 16, size: 20 }
/** A pattern of one byte: the bits that are set before it is compared. The list ends with END_OF_SINGLES. */
export const SINGLE = { also: 0, value: 4, number: 8, size: 12 }
export const END_OF_SINGLES = 0x100

/** Places of the functions in the module. */
const VERIFY = 0
const PROBE = 1
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

/** The patterns that have this gram, at `p`. */
const probe = define(
  'probe',
  {
    parameters: ['sweep', 'gram', 'hash', 'p', 'start', 'end', 'fresh', 'round', 'out'],
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
        equal(load32(get(l.entry), GRAM.gram), get(l.gram)),
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

/** How patterns of at least `least` bytes are looked for: by grams of `width` bytes, at every `step`. */
export interface Way {
  least: number
  width: number
  step: number
}
/** Of seven bytes four grams of four follow one another, and one of them lies at a place that four divides. */
export const WAYS: readonly Way[] = [
  { least: 7, width: 4, step: 4 },
  { least: 4, width: 3, step: 2 },
]
export const PAIRS: Way = { least: 2, width: 2, step: 1 }

export const maskOf = (width: number) => (width === 4 ? 0xffff_ffff : (1 << (width * 8)) - 1)
const ROUND = 4

const TABLES = ['firstLow16', 'firstHigh16', 'secondLow16', 'secondHigh16'] as const

/** The four tables; behind them a bit for each folded pair. */
export const CLASS_BYTES = 64
export const PAIR_BYTES = 8192

/**
 * Pairs of bytes, thirty-two at once. A pair belongs to one of eight classes, a bit each; four tables tell for the low
 * and the high half of both bytes which classes have such a half. Where a bit is left and the pair is one, its bucket is looked at.
 */
const pairs = define(
  'pairs',
  {
    parameters: ['sweep', 'start', 'end', 'fresh', 'round', 'out'],
    locals: ['p', 'q', 'last', 'left', 'pairs', 'gram', 'hash', 'byte16', 'low16', 'here16', 'next16', ...TABLES], // biome-ignore format: one list
  },
  (l) => {
    const halves = (offset: number, low: Code, high: Code) => [
      ...set(l.byte16, load16s(get(l.p), offset)),
      ...and16s(
        lookUp(low, and16s(get(l.byte16), get(l.low16))),
        lookUp(high, high4s(get(l.byte16))),
      ),
    ]
    /** The classes of the pairs that begin at the sixteen bytes from there. */
    const classesAt = (offset: number) =>
      and16s(
        halves(offset, get(l.firstLow16), get(l.firstHigh16)),
        halves(offset + 1, get(l.secondLow16), get(l.secondHigh16)),
      )
    const some = (classes: Code) => bits16(differ16(classes, splat(int(0))))
    return [
      set(l.q, load32(get(l.sweep), SWEEP.bits)),
      ...TABLES.map((name, i) => set(l[name], load16s(get(l.q), i * 16))),
      set(l.low16, splat(int(0x0f))),
      set(l.pairs, add(get(l.q), int(CLASS_BYTES))),
      set(l.p, sub(add(get(l.fresh), int(1)), load32(get(l.sweep), SWEEP.back))),
      when(less(get(l.p), get(l.start)), set(l.p, get(l.start))),
      set(l.last, sub(get(l.end), int(1))),
      during(
        less(get(l.p), get(l.last)),
        set(l.here16, classesAt(0)),
        set(l.next16, classesAt(16)),
        when(
          anyOf16(or16s(get(l.here16), get(l.next16))),
          set(l.left, or(some(get(l.here16)), shiftLeft(some(get(l.next16)), int(16)))),
          during(
            get(l.left),
            set(l.q, add(get(l.p), trailingZeros(get(l.left)))),
            set(l.gram, or(load16(get(l.q)), int(maskOf(2) & LOW))),
            when(
              and(
                // What lies behind the end is of another time.
                less(get(l.q), get(l.last)),
                and(shiftRight(load8(add(get(l.pairs), shiftRight(get(l.gram), int(3)))), and(get(l.gram), int(7))), int(1)), // biome-ignore format: one question
              ),
              set(l.hash, mul(get(l.gram), int(HASH))),
              set(
                l.out,
                call(
                  PROBE,
                  ...[l.sweep, l.gram, l.hash, l.q, l.start, l.end, l.fresh, l.round, l.out].map(
                    get,
                  ),
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

const sweepOf = ({ width, step }: Way, place: number) =>
  define(
    `sweep${place}`,
    {
      parameters: ['sweep', 'start', 'end', 'fresh', 'round', 'out'],
      locals: ['p', 'last', 'stop', 'shift', 'bits', 'gram', 'hash'],
    },
    (l) => {
      const mask = maskOf(width)
      const own = (offset: number) => {
        const loaded = load32(get(l.p), offset)
        return or(width === 4 ? loaded : and(loaded, int(mask)), int(mask & LOW))
      }
      /** Its lowest bit: whether a pattern may have this gram. Shifts count modulo 32. */
      const bit = (hash: Code) =>
        shiftRight(load32(add(get(l.bits), shiftRight(hash, get(l.shift)))), get(l.hash))
      const hashed = (offset: number) => tee(l.hash, mul(own(offset), int(HASH)))
      const one = [
        set(l.gram, own(0)),
        when(
          and(bit(tee(l.hash, mul(get(l.gram), int(HASH)))), int(1)),
          set(
            l.out,
            call(
              PROBE,
              ...[l.sweep, l.gram, l.hash, l.p, l.start, l.end, l.fresh, l.round, l.out].map(get),
            ),
          ),
        ),
        set(l.p, add(get(l.p), int(step))),
      ]
      const several = Array.from({ length: ROUND }, (_, i) => bit(hashed(i * step))).reduce(or)
      return [
        set(l.shift, load32(get(l.sweep), SWEEP.shift)),
        set(l.bits, load32(get(l.sweep), SWEEP.bits)),
        set(l.p, sub(add(get(l.fresh), int(1)), load32(get(l.sweep), SWEEP.back))),
        when(less(get(l.p), get(l.start)), set(l.p, get(l.start))),
        set(l.last, sub(get(l.end), int(width - 1))),
        during(
          less(add(get(l.p), int((ROUND - 1) * step)), get(l.last)),
          set(l.stop, add(get(l.p), int(ROUND * step))),
          when(and(several, int(1)), during(less(get(l.p), get(l.stop)), ...one)),
          set(l.p, get(l.stop)),
        ),
        during(less(get(l.p), get(l.last)), ...one),
        get(l.out),
      ]
    },
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
    ...[...WAYS, PAIRS].flatMap((_, place) => [
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
    moduleBytes([verify, probe, singles, ...WAYS.map(sweepOf), pairs, scan]),
  )
  return new WebAssembly.Instance(compiled, { bytes: { memory } }).exports as Kernel
}
