/**
 * The end of each stream direction, kept so that patterns cut by segments are found, and the rules that
 * have part of what they want there. One block of memory, cut into slabs; when all are in use the one
 * that was given out longest ago is taken, and counted.
 */
import type { AppProto } from '../../decode/records.ts'
import { TAIL_BYTES_MAX } from './rule-set.ts'

/** 16 MB a shard. */
export const TAILS_MAX = 4096
/** Rules waiting for more of one direction. */
export const WAITING_MAX = 16
/** Added to the number of a rule that has matched and waits for the protocol of its flow to be known. */
export const MATCHED = 0x8000_0000

export class Tails {
  /** Directions whose end was forgotten, and rules that could not wait, at a bound. */
  evicted = 0
  crowded = 0
  readonly #bytes: Uint8Array
  /** By flow and direction. */
  readonly #slabOf: Int32Array
  readonly #streamed: Float64Array
  /** By slab. */
  readonly #owner: Int32Array
  readonly #length: Uint16Array
  readonly #waiting: Uint32Array
  readonly #waitingFrom: Float64Array
  /** Where in the stream the rule looks on. */
  readonly #waitingLook: Float64Array
  readonly #waitingCount: Uint8Array
  /** Where plain rules look on, as the flow was then; 0: at the beginning. */
  readonly #goOn: Float64Array
  readonly #goOnState: Uint8Array
  readonly #goOnProto: (AppProto | undefined)[]
  #next = 0

  constructor(flowsMax: number, slabs = TAILS_MAX) {
    this.#bytes = new Uint8Array(slabs * TAIL_BYTES_MAX)
    this.#slabOf = new Int32Array(flowsMax * 2).fill(-1)
    this.#streamed = new Float64Array(flowsMax * 2)
    this.#owner = new Int32Array(slabs).fill(-1)
    this.#length = new Uint16Array(slabs)
    this.#waiting = new Uint32Array(slabs * WAITING_MAX)
    this.#waitingFrom = new Float64Array(slabs * WAITING_MAX)
    this.#waitingLook = new Float64Array(slabs * WAITING_MAX)
    this.#waitingCount = new Uint8Array(slabs)
    this.#goOn = new Float64Array(slabs)
    this.#goOnState = new Uint8Array(slabs)
    this.#goOnProto = Array.from({ length: slabs }, () => undefined)
  }

  /** Bytes that nobody will look back at. */
  passBy(key: number, added: number): void {
    this.#streamed[key] = (this.#streamed[key] as number) + added
  }

  /** Bytes that this direction has had so far. */
  streamed(key: number): number {
    return this.#streamed[key] as number
  }

  /** Copies what is kept to the start of `into`; gives its length. */
  copy(key: number, into: Uint8Array): number {
    const slab = this.#slabOf[key] as number
    if (slab < 0) return 0
    const from = slab * TAIL_BYTES_MAX
    const length = this.#length[slab] as number
    into.set(this.#bytes.subarray(from, from + length))
    return length
  }

  /** Keeps the last `keep` of [0, end) of `window`, of which `added` bytes are new. */
  store(key: number, window: Uint8Array, end: number, added: number, keep: number): void {
    this.#streamed[key] = (this.#streamed[key] as number) + added
    const length = Math.min(end, keep)
    if (length === 0) return
    const slab = this.#take(key)
    this.#bytes.set(window.subarray(end - length, end), slab * TAIL_BYTES_MAX)
    this.#length[slab] = length
  }

  /** Bytes are missing: nothing may match across the hole. */
  gap(key: number, missing: number): void {
    this.#streamed[key] = (this.#streamed[key] as number) + missing
    this.#release(key)
  }

  forget(key: number): void {
    this.#streamed[key] = 0
    this.#release(key)
  }

  /** Takes out from where in the stream plain rules look on; 0 where rules may see it otherwise than then. */
  goOn(key: number, state: number, proto: AppProto): number {
    const slab = this.#slabOf[key] as number
    if (slab < 0) return 0
    const from = this.#goOn[slab] as number
    this.#goOn[slab] = 0
    const before = this.#goOnProto[slab]
    return this.#goOnState[slab] === state && (before === proto || before === 'unknown') ? from : 0
  }

  setGoOn(key: number, from: number, state: number, proto: AppProto): void {
    const slab = this.#slabOf[key] as number
    if (slab < 0) return
    this.#goOn[slab] = from
    this.#goOnState[slab] = state
    this.#goOnProto[slab] = proto
  }

  /** `rule` will be looked at again with the next bytes, as long as `from` is kept; what it begins with from `look` on. */
  wait(key: number, rule: number, from: number, look = 0): void {
    const slab = this.#take(key)
    const count = this.#waitingCount[slab] as number
    const at = slab * WAITING_MAX
    for (let i = 0; i < count; i++)
      if (this.#waiting[at + i] === rule) {
        this.#waitingFrom[at + i] = from
        this.#waitingLook[at + i] = look
        return
      }
    if (count === WAITING_MAX) {
      this.crowded++
      return
    }
    this.#waiting[at + count] = rule
    this.#waitingFrom[at + count] = from
    this.#waitingLook[at + count] = look
    this.#waitingCount[slab] = count + 1
  }

  /** Takes out the rules whose bytes have matched already into `rules`; gives how many. */
  matched(key: number, rules: Uint32Array): number {
    const slab = this.#slabOf[key] as number
    if (slab < 0 || this.#waitingCount[slab] === 0) return 0
    const at = slab * WAITING_MAX
    const count = this.#waitingCount[slab] as number
    let taken = 0
    let left = 0
    for (let i = 0; i < count; i++) {
      const rule = this.#waiting[at + i] as number
      if (rule >= MATCHED) rules[taken++] = rule - MATCHED
      else {
        this.#waitingFrom[at + left] = this.#waitingFrom[at + i] as number
        this.#waitingLook[at + left] = this.#waitingLook[at + i] as number
        this.#waiting[at + left++] = rule
      }
    }
    this.#waitingCount[slab] = left
    return taken
  }

  /** Takes out the rules that wait for bytes into `rules`, leaving out those that came too far; gives how many. */
  waiting(key: number, rules: Uint32Array, looks: Float64Array, oldest: number): number {
    const slab = this.#slabOf[key] as number
    if (slab < 0) return 0
    const at = slab * WAITING_MAX
    const count = this.#waitingCount[slab] as number
    let taken = 0
    let left = 0
    for (let i = 0; i < count; i++) {
      const rule = this.#waiting[at + i] as number
      const from = this.#waitingFrom[at + i] as number
      if (rule >= MATCHED) {
        this.#waitingFrom[at + left] = from
        this.#waiting[at + left++] = rule
      } else if (from >= oldest) {
        looks[taken] = this.#waitingLook[at + i] as number
        rules[taken++] = rule
      }
    }
    this.#waitingCount[slab] = left
    return taken
  }

  /** Rules come that have not seen what is kept. */
  beginAnew(): void {
    this.#goOn.fill(0)
  }

  /** Rule numbers mean something else from now on. */
  forgetWaiting(): void {
    this.#waitingCount.fill(0)
  }

  #take(key: number): number {
    const own = this.#slabOf[key] as number
    if (own >= 0) return own
    const slab = this.#next
    this.#next = (slab + 1) % this.#owner.length
    const before = this.#owner[slab] as number
    if (before >= 0) {
      this.#slabOf[before] = -1
      this.evicted++
    }
    this.#owner[slab] = key
    this.#slabOf[key] = slab
    this.#length[slab] = 0
    this.#waitingCount[slab] = 0
    this.#goOn[slab] = 0
    return slab
  }

  #release(key: number): void {
    const slab = this.#slabOf[key] as number
    if (slab < 0) return
    this.#owner[slab] = -1
    this.#slabOf[key] = -1
  }
}
