/**
 * The end of each stream direction, kept so that patterns cut by segments are found, and the rules that
 * have part of what they want there. One block of memory, cut into slabs; when all are in use the one
 * that was given out longest ago is taken, and counted. What comes is put behind what is there; when a slab is full
 * its end moves to its beginning.
 */
import { copyBytes } from '../../base/copy.ts'
import type { AppProto } from '../../decode/records.ts'
import { TAIL_BYTES_MAX } from './rule-set.ts'

/** 32 MB a shard. */
export const TAILS_MAX = 4096
/** A slab: what is kept, and what comes before it moves. */
const SLAB_BYTES = 2 * TAIL_BYTES_MAX
/** Of a stream, taken at once: what was held up by a lost segment comes in one. */
export const PIECE_BYTES_MAX = 16_384
/** What waits for more of its direction: with what is kept and one more segment it has room in a slab. */
const HELD_BYTES_MAX = 2560
/** Rules waiting for more of one direction. */
export const WAITING_MAX = 16
/** Added to the number of a rule that has matched and waits for the protocol of its flow to be known. */
export const MATCHED = 0x8000_0000

const NONE = new Uint8Array(0)

export class Tails {
  /** Directions whose end was forgotten, and rules that could not wait, at a bound. */
  evicted = 0
  crowded = 0
  /** A rule could not wait for more of this direction. */
  onCrowded: ((key: number) => void) | undefined
  /** Whose bytes were put and not taken: the direction of the last. -1: nobody's. */
  heldOf = -1
  /** After `take`: where they lie, [at, stop), and how many of before lie in front of them. */
  held: Uint8Array
  at = 0
  stop = 0
  kept = 0
  readonly #bytes: Uint8Array
  /** For what is longer than a slab has room. */
  readonly #long = new Uint8Array(SLAB_BYTES + PIECE_BYTES_MAX)
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
  /** A rule must know what follows, or that nothing does. */
  readonly #unsettled: Uint8Array
  /** Where plain rules look on, as the flow was then; 0: at the beginning. */
  readonly #goOn: Float64Array
  readonly #goOnState: Uint8Array
  readonly #goOnProto: (AppProto | undefined)[]
  #next = 0

  constructor(flowsMax: number, slabs = Math.min(TAILS_MAX, flowsMax * 2)) {
    this.#bytes = new Uint8Array(slabs * SLAB_BYTES)
    this.held = this.#bytes
    this.#slabOf = new Int32Array(flowsMax * 2).fill(-1)
    this.#streamed = new Float64Array(flowsMax * 2)
    this.#owner = new Int32Array(slabs).fill(-1)
    this.#length = new Uint16Array(slabs)
    this.#waiting = new Uint32Array(slabs * WAITING_MAX)
    this.#waitingFrom = new Float64Array(slabs * WAITING_MAX)
    this.#waitingLook = new Float64Array(slabs * WAITING_MAX)
    this.#waitingCount = new Uint8Array(slabs)
    this.#unsettled = new Uint8Array(slabs)
    this.#goOn = new Float64Array(slabs)
    this.#goOnState = new Uint8Array(slabs)
    this.#goOnProto = Array.from({ length: slabs }, () => undefined)
  }

  /** Bytes that nobody will look back at. */
  passBy(key: number, added: number): void {
    this.#streamed[key] = (this.#streamed[key] as number) + added
    const slab = this.#slabOf[key] as number
    if (slab >= 0) this.#length[slab] = 0
    this.heldOf = -1
  }

  /** Bytes that this direction has had so far. */
  streamed(key: number): number {
    return this.#streamed[key] as number
  }

  /** What is kept: the last bytes, `keep` at most. Read it before the next ones come. */
  tail(key: number, keep: number): Uint8Array {
    const slab = this.#slabOf[key] as number
    if (slab < 0) return NONE
    const end = slab * SLAB_BYTES + (this.#length[slab] as number)
    return this.#bytes.subarray(end - Math.min(keep, this.#length[slab] as number), end)
  }

  /** Puts [from, to) of `bytes`, PIECE_BYTES_MAX at most, behind the last `keep` bytes and those that were not taken yet. */
  append(key: number, bytes: Uint8Array, from: number, to: number, keep: number): void {
    const added = to - from
    const waiting = this.heldOf === key ? this.stop - this.at : 0
    this.heldOf = key
    this.#streamed[key] = (this.#streamed[key] as number) + added
    if (keep === 0) {
      this.held = bytes
      this.at = from
      this.stop = to
      this.kept = 0
      return
    }
    const slab = this.#slab(key)
    const end = slab * SLAB_BYTES + (this.#length[slab] as number)
    const before = Math.min(keep + waiting, this.#length[slab] as number)
    if (before + added > SLAB_BYTES)
      this.#putLong(slab, end, bytes.subarray(from, to), before, keep)
    else this.#putShort(slab, end, bytes, from, to, before)
    const held = Math.min(waiting, before)
    this.at = this.stop - added - held
    this.kept = before - held
  }

  /** Behind what is there; where there is no room, what is needed of it moves to the beginning. */
  #putShort(
    slab: number,
    end: number,
    bytes: Uint8Array,
    from: number,
    to: number,
    before: number,
  ): void {
    const start = slab * SLAB_BYTES
    let at = end
    if (end + to - from > start + SLAB_BYTES) {
      this.#bytes.copyWithin(start, end - before, end)
      at = start + before
    }
    copyBytes(bytes, from, to, this.#bytes, at)
    this.held = this.#bytes
    this.stop = at + to - from
    this.#length[slab] = this.stop - start
  }

  #putLong(slab: number, end: number, fresh: Uint8Array, before: number, keep: number): void {
    const long = this.#long
    long.set(this.#bytes.subarray(end - before, end))
    long.set(fresh, before)
    this.held = long
    this.stop = before + fresh.length
    this.#bytes.set(long.subarray(this.stop - keep, this.stop), slab * SLAB_BYTES)
    this.#length[slab] = keep
  }

  /** Whether another segment may be put before what is there is taken. */
  get hasRoom(): boolean {
    return this.held === this.#bytes && this.stop - this.at < HELD_BYTES_MAX
  }

  /** What was put is looked through now. */
  take(keep: number): void {
    this.heldOf = -1
    this.kept = Math.min(this.kept, keep)
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

  /** Whether a rule waits for more of this direction, or for its protocol. Mostly none does. */
  waits(key: number): boolean {
    const slab = this.#slabOf[key] as number
    return slab >= 0 && this.#waitingCount[slab] !== 0
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
    const slab = this.#slab(key)
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
      this.onCrowded?.(key)
      return
    }
    this.#waiting[at + count] = rule
    this.#waitingFrom[at + count] = from
    this.#waitingLook[at + count] = look
    this.#waitingCount[slab] = count + 1
  }

  /** A rule is to be asked again at the latest when nothing more comes. */
  unsettle(key: number): void {
    this.#unsettled[this.#slab(key)] = 1
  }

  /** Whether one of either direction may be. */
  unsettled(flow: number): boolean {
    const [client, server] = [
      this.#slabOf[flow * 2] as number,
      this.#slabOf[flow * 2 + 1] as number,
    ]
    if (client >= 0 && this.#unsettled[client] === 1) return true
    return server >= 0 && this.#unsettled[server] === 1
  }

  /** Whether one of this direction is; it is no longer. */
  settle(key: number): boolean {
    const slab = this.#slabOf[key] as number
    if (slab < 0 || this.#unsettled[slab] === 0) return false
    this.#unsettled[slab] = 0
    return true
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

  #slab(key: number): number {
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
    this.#unsettled[slab] = 0
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
