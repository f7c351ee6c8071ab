/**
 * Bytes from here to there. Node's copy makes no view of what it copies, which for a segment costs as much as the bytes do; of few bytes
 * the way out of JavaScript costs more than they do, and they go eight by eight.
 */
const copy = Buffer.prototype.copy as (
  this: Uint8Array,
  target: Uint8Array,
  at: number,
  start: number,
  end: number,
) => number

/** So many go by themselves. */
const FEW_BYTES = 64
const WORD = 8
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
  else if (size >= WORD) copyWords(sources.of(bytes), start, end, targets.of(target), at)
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

/** Of the two whose words were asked for last: frames come from one memory for a while, and go to few. */
class Views {
  #one: Uint8Array = NOTHING
  #oneView = viewOf(NOTHING)
  #other: Uint8Array = NOTHING
  #otherView = viewOf(NOTHING)

  of(bytes: Uint8Array): DataView {
    if (bytes === this.#one) return this.#oneView
    if (bytes === this.#other) return this.#otherView
    this.#other = this.#one
    this.#otherView = this.#oneView
    this.#one = bytes
    this.#oneView = viewOf(bytes)
    return this.#oneView
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

const sources = new Views()
const targets = new Views()
