/** Three bytes one after another in WebAssembly, sixteen places at once: where a pattern is too short to move on by. */
import { copyBytes } from '../../base/copy.ts'
import {
  add,
  and16s,
  bits16,
  type Code,
  define,
  during,
  equals16,
  get,
  giveBack,
  int,
  less,
  load16s,
  moduleBytes,
  or16s,
  set,
  splat,
  tee,
  trailingZeros,
  when,
} from '../../base/wasm-code.ts'

/** Bytes that are copied to it: few at first, as a place may be found soon. */
const PIECE_BYTES_LEAST = 512
const PIECE_BYTES_MOST = 8192
const BLOCK = 16

const three = define(
  'three',
  {
    parameters: ['p', 'last', 'first', 'alsoFirst', 'second', 'alsoSecond', 'third', 'alsoThird'],
    locals: ['found', 'one16', 'oneAlso16', 'two16', 'twoAlso16', 'three16', 'threeAlso16'],
  },
  (l) => {
    const same = (offset: number, also: Code, value: Code) =>
      equals16(or16s(load16s(get(l.p), offset), also), value)
    const first = same(0, get(l.oneAlso16), get(l.one16))
    const second = same(1, get(l.twoAlso16), get(l.two16))
    const third = same(2, get(l.threeAlso16), get(l.three16))
    return [
      set(l.one16, splat(get(l.first))),
      set(l.oneAlso16, splat(get(l.alsoFirst))),
      set(l.two16, splat(get(l.second))),
      set(l.twoAlso16, splat(get(l.alsoSecond))),
      set(l.three16, splat(get(l.third))),
      set(l.threeAlso16, splat(get(l.alsoThird))),
      during(
        less(get(l.p), get(l.last)),
        when(
          tee(l.found, bits16(and16s(and16s(first, second), third))),
          giveBack(add(get(l.p), trailingZeros(get(l.found)))),
        ),
        set(l.p, add(get(l.p), int(BLOCK))),
      ),
      get(l.last),
    ]
  },
)

interface Kernel {
  three(
    at: number,
    last: number,
    ...asked: [number, number, number, number, number, number]
  ): number
}

const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 })
const room = new Uint8Array(memory.buffer)
const kernel = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes([three])), {
  bytes: { memory },
}).exports as Kernel

/** A byte that is `value` once the bits `also` are set. */
export interface ByteAsked {
  value: number
  also: number
}

/** One that any byte is. */
export const WHICHEVER: ByteAsked = { value: 0xff, also: 0xff }

/** The first place in [from, last) of `bytes` where these three stand, or -1; what lies behind the bytes is any. */
export function findThree(
  bytes: Uint8Array,
  from: number,
  last: number,
  [a, b, c]: readonly [ByteAsked, ByteAsked, ByteAsked],
): number {
  let piece = PIECE_BYTES_LEAST
  for (let start = from; start < last; ) {
    const count = Math.min(piece, last - start)
    copyBytes(bytes, start, Math.min(bytes.length, start + count + 2), room, 0)
    const at = kernel.three(0, count, a.value, a.also, b.value, b.also, c.value, c.also)
    // What lies behind the end is of another time.
    if (at < count) return start + at
    start += count
    piece = Math.min(PIECE_BYTES_MOST, piece * 4)
  }
  return -1
}
