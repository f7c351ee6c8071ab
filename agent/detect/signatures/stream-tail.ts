/**
 * The end of each stream direction, kept so that patterns cut by segments are found, and the rules that
 * have part of what they want there. One block of memory, cut into rings; when all are in use the one
 * that was given out longest ago is taken, and counted. What comes is gathered where the prefilter looks at it, and is kept once
 * that is done; what came before is put in front of it when a rule is to be judged, which seldom is.
 */
import { copyBytes } from '../../base/copy.ts'
import type { AppProto } from '../../decode/records.ts'
import { type ScanRoom, STREAM_BYTES_MAX } from '../prefilter/scan-room.ts'
import { TAIL_BYTES_MAX } from './rule-set.ts'

/** 16 MB a shard. */
export const TAILS_MAX = 4096
/** Of one ring. */
const RING_BYTES = TAIL_BYTES_MAX
/** What waits for more of its direction. */
const HELD_BYTES_MAX = 2560
/** Of a stream, taken at once: what was held up by a lost segment comes in one. It has room behind what waits. */
export const PIECE_BYTES_MAX = STREAM_BYTES_MAX - HELD_BYTES_MAX
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
  /** After `take`: where they lie, [at, stop) of the room, with those from `start` on in front that are looked at again; and how many of before are kept. */
  held: Uint8Array
  start = 0
  at: number
  stop: number
  kept = 0
  readonly #bytes: Uint8Array
  /** By flow and direction. */
  readonly #slabOf: Int32Array
  readonly #streamed: Float64Array
  /** By slab. */
  readonly #owner: Int32Array
  /** Where the next byte of its ring goes, and how many are there. */
  readonly #end: Uint16Array
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
  /** Whose bytes were taken last. */
  #taken = -1

  constructor(room: ScanRoom, flowsMax: number, slabs = Math.min(TAILS_MAX, flowsMax * 2)) {
    this.held = room.bytes
    this.at = room.stream
    this.stop = this.at
    this.#bytes = new Uint8Array(slabs * RING_BYTES)
    this.#slabOf = new Int32Array(flowsMax * 2).fill(-1)
    this.#streamed = new Float64Array(flowsMax * 2)
    this.#owner = new Int32Array(slabs).fill(-1)
    this.#end = new Uint16Array(slabs)
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

  /** The last bytes of this direction, `keep` at most. Read it before the next ones come. */
  tail(key: number, keep: number): Uint8Array {
    const held = this.heldOf === key ? this.stop - this.at : 0
    const slab = this.#slabOf[key] as number
    if (!(slab >= 0)) return NONE
    const before = Math.min(Math.max(0, keep - held), this.#length[slab] as number)
    this.#bringBack(slab, before)
    const end = this.at + held
    return this.held.subarray(end - Math.min(keep, before + held), end)
  }

  /** Puts [from, to) of `bytes`, PIECE_BYTES_MAX at most, behind those that were not taken yet. */
  append(key: number, bytes: Uint8Array, from: number, to: number, keep: number): void {
    if (this.heldOf !== key) this.stop = this.at
    this.heldOf = key
    this.#streamed[key] = (this.#streamed[key] as number) + to - from
    if (keep > 0) this.#slab(key)
    copyBytes(bytes, from, to, this.held, this.stop)
    this.stop += to - from
  }

  /** Whether another segment may be put before what is there is taken. */
  get hasRoom(): boolean {
    return this.stop - this.at < HELD_BYTES_MAX
  }

  /** What was put is looked through now, with the last `again` bytes of what is kept, of which `keep` are asked for at most. */
  take(key: number, keep: number, again: number): void {
    this.heldOf = -1
    const slab = this.#slabOf[key] as number
    this.kept = slab >= 0 ? Math.min(keep, this.#length[slab] as number) : 0
    this.#taken = slab
    this.start = this.#bringBack(slab, Math.min(this.kept, Math.max(0, again)))
  }

  /** Puts all of what is kept in front of what was taken; gives where it begins. */
  all(): number {
    return this.#bringBack(this.#taken, this.kept)
  }

  #bringBack(slab: number, count: number): number {
    const begins = this.at - count
    if (count === 0) return begins
    const start = slab * RING_BYTES
    const end = start + (this.#end[slab] as number)
    const last = Math.min(count, end - start)
    const older = count - last
    copyBytes(this.#bytes, end - last, end, this.held, this.at - last)
    if (older > 0) copyBytes(this.#bytes, start + RING_BYTES - older, start + RING_BYTES, this.held, begins) // biome-ignore format: one line
    return begins
  }

  /** What was taken is of before from now on. */
  keep(key: number): void {
    const slab = this.#slabOf[key] as number
    if (!(slab >= 0)) return
    const { held, stop } = this
    const start = slab * RING_BYTES
    const end = this.#end[slab] as number
    const from = Math.max(this.at, stop - RING_BYTES)
    const cut = Math.min(stop, from + RING_BYTES - end)
    copyBytes(held, from, cut, this.#bytes, start + end)
    if (cut < stop) copyBytes(held, cut, stop, this.#bytes, start)
    this.#end[slab] = (end + stop - from) % RING_BYTES
    this.#length[slab] = Math.min(RING_BYTES, (this.#length[slab] as number) + stop - from)
  }

  /** Into another set's room: nothing waits to be taken now. */
  moveTo(room: ScanRoom): void {
    this.held = room.bytes
    this.at = room.stream
    this.stop = this.at
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
    this.#end[slab] = 0
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
