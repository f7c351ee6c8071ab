/**
 * Bytes from here to there. Node's copy makes no view of what it copies, which for a segment costs as much as the bytes do; of few bytes
 * the way out of JavaScript costs more than they do, and from memory that lasts to such memory they go eight by eight.
 */
const copy = Buffer.prototype.copy as (
  this: Uint8Array,
  target: Uint8Array,
  at: number,
  start: number,
  end: number,
) => number

/** So many go by themselves; of memory that comes and goes, so many one by one. */
const FEW_BYTES = 128
const LEAST_BYTES = 16
const WORD = 8
/** Memory that stays is at least so long: a view of what comes and goes would serve once. */
const LASTING_BYTES = 65_536
const NOTHING = new Uint8Array(0)

/** [start, end) of `bytes` to `at` of `target`, which has room for it; within one array they may overlap. */
export function copyBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): void {
  const size = end - start
  if (size > FEW_BYTES || bytes === target) copy.call(bytes, target, at, start, end)
  else if (size >= WORD && bytes.length >= LASTING_BYTES && target.length >= LASTING_BYTES)
    copyWords(sources.of(bytes), start, end, targets.of(target), at)
  else if (size > LEAST_BYTES) copy.call(bytes, target, at, start, end)
  else for (let i = 0; i < size; i++) target[at + i] = bytes[start + i] as number
}

/** The last word may have bytes of the one before. */
function copyWords(from: DataView, start: number, end: number, to: DataView, at: number): void {
  const last = end - WORD
  let there = at
  for (let next = start; next < last; next += WORD, there += WORD)
    to.setBigInt64(there, from.getBigInt64(next, true), true)
  to.setBigInt64(at + last - start, from.getBigInt64(last, true), true)
}

/** Of four whose words were asked for, the oldest of which gives way to another; asked in turn, they cost no call. */
class Views {
  #a: Uint8Array = NOTHING
  #b: Uint8Array = NOTHING
  #c: Uint8Array = NOTHING
  #d: Uint8Array = NOTHING
  #viewA = viewOf(NOTHING)
  #viewB = this.#viewA
  #viewC = this.#viewA
  #viewD = this.#viewA

  of(bytes: Uint8Array): DataView {
    if (bytes === this.#a) return this.#viewA
    if (bytes === this.#b) return this.#viewB
    if (bytes === this.#c) return this.#viewC
    if (bytes === this.#d) return this.#viewD
    this.#d = this.#c
    this.#viewD = this.#viewC
    this.#c = this.#b
    this.#viewC = this.#viewB
    this.#b = this.#a
    this.#viewB = this.#viewA
    this.#a = bytes
    this.#viewA = viewOf(bytes)
    return this.#viewA
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

const sources = new Views()
const targets = new Views()
