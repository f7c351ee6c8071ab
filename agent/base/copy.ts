/**
 * Bytes from here to there. Node's copy makes no view of what it copies, which for a segment costs as much as the bytes do; of few bytes
 * the way out of JavaScript costs more than they do, and they go eight by eight where both memories are there to stay.
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
/** What is smaller comes and goes, and making a view of it costs more than its bytes do one by one. */
const LASTING_BYTES = 65_536
const NOTHING = new Uint8Array(0)
const VIEWS = 4

/** [start, end) of `bytes` to `at` of `target`, which has room for it; within one array they may overlap. */
export function copyBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): void {
  const size = end - start
  if (size > FEW_BYTES || bytes === target) {
    copy.call(bytes, target, at, start, end)
    return
  }
  const from = size < WORD ? undefined : sources.of(bytes)
  const to = from && targets.of(target)
  if (to) copyWords(from, start, end, to, at)
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

/** Of the four whose words were asked for last: frames come from one memory for a while, and go to few. No list: to look through one costs as much as a copy. */
class Views {
  #first: Uint8Array = NOTHING
  #second: Uint8Array = NOTHING
  #third: Uint8Array = NOTHING
  #fourth: Uint8Array = NOTHING
  #ofFirst = viewOf(NOTHING)
  #ofSecond = viewOf(NOTHING)
  #ofThird = viewOf(NOTHING)
  #ofFourth = viewOf(NOTHING)

  /** Undefined: it is none that stays. */
  of(bytes: Uint8Array): DataView | undefined {
    if (bytes === this.#first) return this.#ofFirst
    if (bytes === this.#second) return this.#ofSecond
    if (bytes === this.#third) return this.#ofThird
    if (bytes === this.#fourth) return this.#ofFourth
    return bytes.length < LASTING_BYTES ? undefined : this.#make(bytes)
  }

  /** Holds none of them any more. */
  forget(): void {
    for (let i = 0; i < VIEWS; i++) this.#make(NOTHING)
  }

  /** In the place of the oldest. */
  #make(bytes: Uint8Array): DataView {
    this.#fourth = this.#third
    this.#ofFourth = this.#ofThird
    this.#third = this.#second
    this.#ofThird = this.#ofSecond
    this.#second = this.#first
    this.#ofSecond = this.#ofFirst
    this.#first = bytes
    this.#ofFirst = viewOf(bytes)
    return this.#ofFirst
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

const sources = new Views()
const targets = new Views()

/** Who held large memory that was copied from or to, and holds it no more: without this the last of it stays until others are copied. */
export function forgetCopied(): void {
  sources.forget()
  targets.forget()
}
