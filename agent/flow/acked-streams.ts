/**
 * Bytes in order that wait for their receiver to acknowledge them, so that rules see what it took, as Suricata does where
 * it only watches. Most are acknowledged while the frames they came in are still there, so they wait in those; what is left is
 * copied when the frames go (`settle`). Mostly one segment of a stream waits alone: of that only its place is kept, and no part made. Bounded: past the bound of a stream its oldest are handed on unacknowledged, past that of
 * all its whole.
 */
import { copyBytes } from '../base/copy.ts'
import { SegmentPool } from './segments.ts'

const HELD_BYTES_MAX = 1_048_576
/** Of all streams, with what a part costs besides its bytes. */
const ALL_BYTES_MAX = 67_108_864
const PART_BYTES = 128
/** For parts that outlive their frames; what does not fit has memory of its own. */
const POOL_BYTES = 16_777_216
const POOL_PART_BYTES_MAX = 2048
const PARTS_AT_FIRST = 4096
/** What is acknowledged while more is under way waits for so much: it is looked through at once, as Suricata does (2,560). */
const READY_LEAST = 2560
/** In place of its first part: what waits is one piece of the frames in hand. */
const ALONE = -1
/** Its turn is over: it is in the list yet. */
const GIVEN = 3
const NOTHING = new Uint8Array(0)

/** Words of a stream's row, side by side as in tcp-rows: its first and last part (0: none), and the bytes that wait. */
const FIRST = 0
const LAST = 1
const BYTES = 2
/** Bytes that are acknowledged and wait for more, and for how many turns. */
const READY = 3
const TURNS = 4
/** Where in the frames in hand what waits alone ends. */
const ALONE_TO = 5
const WORDS = 8

export interface AckedListener {
  /** What is acknowledged, in order. `more`: the next part follows before anything else. */
  acked(stream: number, bytes: Uint8Array, start: number, end: number, more: boolean): void
}

export interface AckedOptions {
  /** Directions of flows, numbered from 0. */
  streams: number
  allBytesMax?: number
}

export class AckedStreams {
  /** Times that bytes did not wait, at a bound of all streams. */
  notHeld = 0
  /** Memory in use, about. */
  all = 0
  readonly #listener: AckedListener
  readonly #allMax: number
  readonly #words: Int32Array
  /** Streams of which acknowledged bytes wait for more. */
  readonly #late: number[] = []
  /** The frames in hand; streams of which something has come to wait alone in them. */
  #frames: Uint8Array = NOTHING
  readonly #lonely: number[] = []
  #lonelyCount = 0
  /** By part, from 1 on: where its bytes are, the chunk of the pool they are in (-1: none), whether they are a frame's, the part after it. */
  readonly #memory: Uint8Array[] = [NOTHING]
  #from = new Int32Array(PARTS_AT_FIRST)
  #to = new Int32Array(PARTS_AT_FIRST)
  #chunk = new Int32Array(PARTS_AT_FIRST)
  #borrowed = new Uint8Array(PARTS_AT_FIRST)
  #next = new Int32Array(PARTS_AT_FIRST)
  #free = 0
  readonly #pool = new SegmentPool(POOL_BYTES)
  /** Parts that were borrowed since the last `settle`. */
  readonly #fresh: number[] = []
  #freshCount = 0

  constructor(listener: AckedListener, { streams, allBytesMax = ALL_BYTES_MAX }: AckedOptions) {
    this.#listener = listener
    this.#allMax = allBytesMax
    this.#words = new Int32Array(streams * WORDS)
  }

  /** `stays`: the memory stays as it is up to `settle`. */
  add(stream: number, bytes: Uint8Array, start: number, end: number, stays: boolean): void {
    const words = this.#words
    const at = stream * WORDS
    const size = end - start
    if (size <= 0) return
    if (this.all + size + PART_BYTES > this.#allMax) {
      this.notHeld++
      this.release(stream, 0)
      this.#listener.acked(stream, bytes, start, end, false)
      return
    }
    this.all += size + PART_BYTES
    if (words[at + BYTES] === 0 && stays && this.#areFrames(bytes)) {
      words[at + FIRST] = ALONE
      words[at + ALONE_TO] = end
      words[at + BYTES] = size
      this.#lonely[this.#lonelyCount++] = stream
      if (size > HELD_BYTES_MAX) this.release(stream, HELD_BYTES_MAX)
      return
    }
    if (words[at + FIRST] === ALONE) this.#makePart(stream, true)
    this.#append(stream, bytes, start, end, stays)
    const held = (words[at + BYTES] as number) + size
    words[at + BYTES] = held
    if (held > HELD_BYTES_MAX) this.release(stream, HELD_BYTES_MAX)
  }

  /** All that waits alone lies in one memory. */
  #areFrames(bytes: Uint8Array): boolean {
    if (this.#lonelyCount === 0) this.#frames = bytes
    return this.#frames === bytes
  }

  /** What waited alone does so no more, or its frames go. */
  #makePart(stream: number, stays: boolean): void {
    const words = this.#words
    const at = stream * WORDS
    const end = words[at + ALONE_TO] as number
    words[at + FIRST] = 0
    this.#append(stream, this.#frames, end - (words[at + BYTES] as number), end, stays)
  }

  #append(stream: number, bytes: Uint8Array, start: number, end: number, stays: boolean): void {
    const words = this.#words
    const at = stream * WORDS
    const part = this.#take()
    this.#memory[part] = bytes
    this.#from[part] = start
    this.#to[part] = end
    this.#borrowed[part] = 1
    if (stays) this.#fresh[this.#freshCount++] = part
    else this.#own(part)
    const last = words[at + LAST] as number
    if (last === 0) words[at + FIRST] = part
    else this.#next[last] = part
    words[at + LAST] = part
  }

  /** All but the last `keep` bytes have reached their receiver: handed on when they are worth it, or nothing is under way. */
  acknowledged(stream: number, keep: number): void {
    const words = this.#words
    const at = stream * WORDS
    const ready = (words[at + BYTES] as number) - keep
    if (ready >= READY_LEAST || keep === 0) this.release(stream, keep)
    else if (ready > 0) {
      words[at + READY] = ready
      const turns = words[at + TURNS]
      if (turns === 0) this.#late.push(stream)
      // What comes drop by drop waits no longer for that.
      if (turns === 0 || turns === GIVEN) words[at + TURNS] = 1
    }
  }

  /** Called once in a while: what has been acknowledged since before the call before, and waits for more, waits no longer. */
  giveLate(): void {
    const words = this.#words
    let left = 0
    for (const stream of this.#late) {
      const at = stream * WORDS
      const turns = words[at + TURNS] as number
      if (turns === 1) {
        words[at + TURNS] = 2
        this.#late[left++] = stream
        continue
      }
      words[at + TURNS] = 0
      if (turns === 2) this.release(stream, (words[at + BYTES] as number) - (words[at + READY] as number)) // biome-ignore format: one line
    }
    this.#late.length = left
  }

  waits(stream: number): boolean {
    return (this.#words[stream * WORDS + BYTES] as number) > 0
  }

  /** Hands on all but the last `keep` bytes. */
  release(stream: number, keep: number): void {
    const words = this.#words
    const at = stream * WORDS
    let held = words[at + BYTES] as number
    if (held > keep && words[at + TURNS] !== 0) words[at + TURNS] = GIVEN
    if (held > keep && words[at + FIRST] === ALONE) {
      this.#giveAlone(stream, held, keep)
      return
    }
    while (held > keep) {
      const part = words[at + FIRST] as number
      const from = this.#from[part] as number
      const to = Math.min(this.#to[part] as number, from + held - keep)
      held -= to - from
      this.#from[part] = to
      words[at + BYTES] = held
      this.all -= to - from
      const whole = to === this.#to[part]
      if (whole) this.#unlink(stream, part)
      this.#listener.acked(stream, this.#memory[part] as Uint8Array, from, to, held > keep)
      if (whole) this.#putBack(part)
    }
  }

  #giveAlone(stream: number, held: number, keep: number): void {
    const words = this.#words
    const at = stream * WORDS
    const end = words[at + ALONE_TO] as number
    words[at + BYTES] = keep
    this.all -= held - keep
    if (keep === 0) this.#unlinkAlone(stream)
    this.#listener.acked(stream, this.#frames, end - held, end - keep, false)
  }

  #unlinkAlone(stream: number): void {
    const words = this.#words
    const at = stream * WORDS
    words[at + FIRST] = 0
    this.all -= PART_BYTES
  }

  /** The stream is over: the last `refused` bytes were taken by nobody, all others are handed on. */
  end(stream: number, refused: number): void {
    const words = this.#words
    const at = stream * WORDS
    this.release(stream, refused)
    if (words[at + FIRST] === ALONE) {
      this.all -= words[at + BYTES] as number
      words[at + BYTES] = 0
      this.#unlinkAlone(stream)
    }
    while (this.waits(stream)) {
      const part = words[at + FIRST] as number
      const size = (this.#to[part] as number) - (this.#from[part] as number)
      words[at + BYTES] = (words[at + BYTES] as number) - size
      this.all -= size
      this.#unlink(stream, part)
      this.#putBack(part)
    }
  }

  /** The memory that was to stay goes: what still waits in it is copied. */
  settle(): void {
    const words = this.#words
    for (let i = 0; i < this.#lonelyCount; i++) {
      const stream = this.#lonely[i] as number
      if (words[stream * WORDS + FIRST] === ALONE) this.#makePart(stream, false)
    }
    this.#lonelyCount = 0
    for (let i = 0; i < this.#freshCount; i++) {
      const part = this.#fresh[i] as number
      if (this.#borrowed[part] === 1) this.#own(part)
    }
    this.#freshCount = 0
  }

  #own(part: number): void {
    const from = this.#from[part] as number
    const to = this.#to[part] as number
    const chunk = to - from <= POOL_PART_BYTES_MAX ? this.#pool.take(0) : -1
    const at = chunk < 0 ? 0 : this.#pool.start(chunk)
    const own = chunk < 0 ? new Uint8Array(to - from) : this.#pool.bytes
    copyBytes(this.#memory[part] as Uint8Array, from, to, own, at)
    this.#memory[part] = own
    this.#chunk[part] = chunk
    this.#from[part] = at
    this.#to[part] = at + to - from
    this.#borrowed[part] = 0
  }

  #take(): number {
    const part = this.#free
    if (part === 0) {
      const made = this.#memory.length
      if (made === this.#from.length) this.#grow()
      this.#chunk[made] = -1
      this.#next[made] = 0
      return made
    }
    this.#free = this.#next[part] as number
    this.#next[part] = 0
    return part
  }

  #grow(): void {
    const grown = <T extends Int32Array | Uint8Array>(made: T, old: T): T => {
      made.set(old)
      return made
    }
    const size = this.#from.length * 2
    this.#from = grown(new Int32Array(size), this.#from)
    this.#to = grown(new Int32Array(size), this.#to)
    this.#chunk = grown(new Int32Array(size), this.#chunk)
    this.#borrowed = grown(new Uint8Array(size), this.#borrowed)
    this.#next = grown(new Int32Array(size), this.#next)
  }

  #unlink(stream: number, part: number): void {
    const words = this.#words
    const at = stream * WORDS
    const next = this.#next[part] as number
    words[at + FIRST] = next
    if (next === 0) words[at + LAST] = 0
    this.all -= PART_BYTES
  }

  #putBack(part: number): void {
    const chunk = this.#chunk[part] as number
    if (chunk >= 0) this.#pool.give(chunk)
    this.#chunk[part] = -1
    this.#memory[part] = NOTHING
    this.#borrowed[part] = 0
    this.#next[part] = this.#free
    this.#free = part
  }
}
