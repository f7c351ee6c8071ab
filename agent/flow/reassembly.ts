/**
 * One TCP direction put back in order (RFC 9293 §3.4 for the arithmetic). In-order bytes go straight
 * from the frame to the listener; only what came early is copied. Bytes already handed on cannot be
 * changed by a later segment, so against those the first always wins; among waiting ones by policy.
 */
import type { FlowCounters } from './counters.ts'
import type { FlowListener } from './listener.ts'
import { SegmentPool } from './segments.ts'
import { STREAM, tcpRows } from './tcp-rows.ts'

/** Chunks that one direction may hold: half a MiB of full segments. */
export const STREAM_CHUNKS_MAX = 256
/** What a receiver may have opened when we did not see how wide. */
const WINDOW_UNSEEN = 16_777_216
const WINDOW_LEAST = 65_535
/** Segments outside the window in a row, after which we believe them and not ourselves. */
const STRIKES_MAX = 8
/** More than a stream may hold; an integer, as what it is reckoned with. */
const ALL_BYTES = 0x7fffffff
// Not by their names in the other file: what is imported is looked up at each use.
const { WORDS, NEXT, KNOWN, ACK, ACKED, WINDOW, HEAD, TAIL, CHUNKS, STRIKES } = STREAM

export interface ReassemblyOptions {
  flowsMax: number
  overlap: 'first' | 'last'
  poolBytes?: number
  listener: FlowListener
  counters: FlowCounters
  trouble: StreamTrouble
}

export interface StreamTrouble {
  /** Two segments brought different bytes for one place. */
  overlapped(row: number): void
  /** A bound was met: bytes of this flow go uninspected. */
  streamFull(row: number): void
}

export class Reassembly {
  /** What is known of each connection: as tcp-rows has it. */
  readonly words: Int32Array
  readonly pool: SegmentPool
  readonly #replace: boolean
  readonly #listener: FlowListener
  readonly #counters: FlowCounters
  readonly #trouble: StreamTrouble

  constructor(options: ReassemblyOptions) {
    this.words = tcpRows(options.flowsMax)
    this.pool = new SegmentPool(options.poolBytes)
    this.#replace = options.overlap === 'last'
    this.#listener = options.listener
    this.#counters = options.counters
    this.#trouble = options.trouble
  }

  open(row: number): void {
    const { words } = this
    for (let at = row * 2 * WORDS; at < (row * 2 + 2) * WORDS; at++) words[at] = 0
    for (let stream = row * 2; stream < row * 2 + 2; stream++) {
      words[stream * WORDS + HEAD] = -1
      words[stream * WORDS + TAIL] = -1
    }
  }

  expect(stream: number, seq: number): void {
    const { words } = this
    const at = stream * WORDS
    words[at + NEXT] = seq
    words[at + KNOWN] = 1
  }

  /** Whether bytes wait for a hole before them to fill. */
  waits(stream: number): boolean {
    return (this.words[stream * WORDS + HEAD] as number) >= 0
  }

  /** Whether a sequence number lies where the receiver would take it. */
  inWindow(stream: number, seq: number): boolean {
    const next = this.words[stream * WORDS + NEXT] as number
    return ((seq - next) | 0) >= -1 && !this.beyond(stream, seq)
  }

  /** Whether a sequence number lies past what the receiver has opened. */
  beyond(stream: number, seq: number): boolean {
    const { words } = this
    const at = stream * WORDS
    const next = words[at + NEXT] as number
    const ack = words[at + ACK] as number
    // What we lost ourselves must not make the rest look foreign: the receiver's word counts.
    const base = words[at + ACKED] === 1 && ((ack - next) | 0) > 0 ? ack : next
    const seen = words[at + WINDOW] as number
    const limit = seen === 0 ? WINDOW_UNSEEN : Math.max(WINDOW_LEAST, seen)
    return ((seq - base) | 0) > limit
  }

  /** Bytes handed on past the last acknowledgement; without one, all. */
  unacknowledged(stream: number): number {
    const { words } = this
    const at = stream * WORDS
    if (words[at + ACKED] === 0) return ALL_BYTES
    return Math.max(0, ((words[at + NEXT] as number) - (words[at + ACK] as number)) | 0)
  }

  /** The receiver acknowledges up to `ack`: a hole below that will never be filled for us. */
  acknowledge(stream: number, ack: number): void {
    const { words } = this
    const at = stream * WORDS
    const ahead = (ack - (words[at + ACK] as number)) | 0
    if (words[at + ACKED] === 1 && ahead <= 0) return
    words[at + ACK] = ack
    words[at + ACKED] = 1
    this.#skipAcknowledged(stream)
  }

  /**
   * `size` bytes of payload that begin at `seq`, of which the last `cut` were not captured. All of the
   * direction's payload comes through here.
   */
  data(
    stream: number,
    seq: number,
    bytes: Uint8Array,
    from: number,
    size: number,
    cut: number,
  ): void {
    const { words } = this
    const at = stream * WORDS
    const ahead = (seq - (words[at + NEXT] as number)) | 0
    if (ahead > 0) {
      this.#early(stream, seq >>> 0, bytes, from, size)
      return
    }
    words[at + STRIKES] = 0
    if (ahead === 0 && cut === 0 && (words[at + HEAD] as number) < 0) {
      // As nearly all of it comes.
      words[at + NEXT] = seq + size
      words[at + KNOWN] = 2
      this.#listener.stream(stream >> 1, (stream & 1) === 0, bytes, from, from + size)
      return
    }
    // Not `-ahead`: that is minus zero for what comes in order, and all that is reckoned with it a float.
    const old = 0 - ahead
    if (old > 0) {
      this.#counters.retransmissions++
      if (old >= size + cut) return
    }
    if (old < size) this.#inOrder(stream, bytes, from + old, size - old)
    const lost = (seq + size + cut - (words[at + NEXT] as number)) | 0
    if (cut > 0 && lost > 0) this.#gap(stream, lost)
    this.#drain(stream)
  }

  /** Hands on what waits, with its holes: nothing more will come. */
  finish(stream: number): void {
    while (this.waits(stream)) this.#skipHole(stream)
  }

  /** Nothing before `seq` will come any more. */
  skipTo(stream: number, seq: number): void {
    this.finish(stream)
    const missing = (seq - (this.words[stream * WORDS + NEXT] as number)) | 0
    if (missing > 0) this.#gap(stream, missing)
  }

  /** Bytes for exactly `next`. Parts that already wait here were first. */
  #inOrder(stream: number, bytes: Uint8Array, start: number, size: number): void {
    const { words } = this
    const at = stream * WORDS
    let from = start
    let left = size
    while (left > 0) {
      const head = words[at + HEAD] as number
      const next = words[at + NEXT] as number
      const free = head < 0 ? left : Math.min(left, ((this.pool.seq[head] as number) - next) | 0)
      if (free > 0) {
        words[at + NEXT] = next + free
        words[at + KNOWN] = 2
        this.#listener.stream(stream >> 1, (stream & 1) === 0, bytes, from, from + free)
        from += free
        left -= free
      } else {
        const offset = (next - (this.pool.seq[head] as number)) | 0
        const both = Math.min(left, (this.pool.length[head] as number) - offset)
        if (both > 0) this.#overlay(stream, head, offset, bytes, from, both)
        from += Math.max(both, 0)
        left -= Math.max(both, 0)
        this.#drainOne(stream)
      }
    }
  }

  #early(stream: number, seq: number, bytes: Uint8Array, from: number, size: number): void {
    const { words } = this
    const at = stream * WORDS
    if (!this.inWindow(stream, seq)) {
      this.#counters.segmentsOutOfWindow++
      words[at + STRIKES] = (words[at + STRIKES] as number) + 1
      if ((words[at + STRIKES] as number) < STRIKES_MAX) return
      this.skipTo(stream, seq)
      words[at + NEXT] = seq
    }
    words[at + STRIKES] = 0
    if (words[at + NEXT] === (seq | 0)) {
      this.#inOrder(stream, bytes, from, size)
      return
    }
    this.#counters.segmentsOutOfOrder++
    if (!this.#keep(stream, seq, bytes, from, size)) this.#full(stream, seq, bytes, from, size)
    this.#skipAcknowledged(stream)
  }

  /** No room to wait: the hole is given up, and what follows it goes on. */
  #full(stream: number, seq: number, bytes: Uint8Array, from: number, size: number): void {
    this.#counters.segmentsRefused++
    this.#trouble.streamFull(stream >> 1)
    this.skipTo(stream, seq)
    const old = ((this.words[stream * WORDS + NEXT] as number) - seq) | 0
    if (old < size) this.#inOrder(stream, bytes, from + old, size - old)
  }

  /** Puts an early segment in its place among those that wait; false when a bound was met on the way. */
  #keep(stream: number, first: number, bytes: Uint8Array, offset: number, size: number): boolean {
    const { pool, words } = this
    const at = stream * WORDS
    let seq = first
    let from = offset
    let left = size
    let before = -1
    let here = words[at + HEAD] as number
    const tail = words[at + TAIL] as number
    if (tail >= 0 && ((seq - pool.endSeq(tail)) | 0) >= 0) {
      before = tail
      here = -1
    }
    while (left > 0) {
      while (here >= 0 && ((seq - pool.endSeq(here)) | 0) >= 0) {
        before = here
        here = pool.next[here] as number
      }
      const free = here < 0 ? left : Math.min(left, ((pool.seq[here] as number) - seq) | 0)
      let taken = free
      if (free > 0) {
        const last = this.#insert(stream, before, seq, bytes, from, free)
        if (last < 0) return false
        before = last
      } else {
        const into = (seq - (pool.seq[here] as number)) | 0
        taken = Math.min(left, (pool.length[here] as number) - into)
        this.#overlay(stream, here, into, bytes, from, taken)
      }
      seq = (seq + taken) >>> 0
      from += taken
      left -= taken
    }
    return true
  }

  /** Adds chunks after `before`; gives the last one, or -1 when there was no room. */
  #insert(
    stream: number,
    before: number,
    first: number,
    bytes: Uint8Array,
    offset: number,
    size: number,
  ): number {
    const { pool, words } = this
    const at = stream * WORDS
    let last = before
    let seq = first
    let from = offset
    let left = size
    while (left > 0) {
      // Many small segments share a chunk, else one byte each would cost 2 KiB.
      if (last < 0 || pool.endSeq(last) !== seq || pool.room(last) === 0) {
        if ((words[at + CHUNKS] as number) >= STREAM_CHUNKS_MAX) return -1
        const chunk = pool.take(seq)
        if (chunk < 0) return -1
        words[at + CHUNKS] = (words[at + CHUNKS] as number) + 1
        pool.next[chunk] = (last < 0 ? words[at + HEAD] : pool.next[last]) as number
        if (last < 0) words[at + HEAD] = chunk
        else pool.next[last] = chunk
        if ((pool.next[chunk] as number) < 0) words[at + TAIL] = chunk
        last = chunk
      }
      const fits = Math.min(left, pool.room(last))
      pool.append(last, bytes, from, fits)
      seq = (seq + fits) >>> 0
      from += fits
      left -= fits
    }
    return last
  }

  #overlay(
    stream: number,
    chunk: number,
    offset: number,
    bytes: Uint8Array,
    from: number,
    size: number,
  ): void {
    if (!this.pool.overlay(chunk, offset, bytes, from, size, this.#replace)) return
    this.#counters.streamOverlaps++
    this.#trouble.overlapped(stream >> 1)
  }

  #skipAcknowledged(stream: number): void {
    const { words } = this
    const at = stream * WORDS
    for (;;) {
      const head = words[at + HEAD] as number
      if (head < 0 || words[at + ACKED] === 0) return
      const past = ((words[at + ACK] as number) - (this.pool.seq[head] as number)) | 0
      if (past < 0) return
      this.#skipHole(stream)
    }
  }

  /** Gives up the bytes before the first waiting chunk. */
  #skipHole(stream: number): void {
    const head = this.words[stream * WORDS + HEAD] as number
    const next = this.words[stream * WORDS + NEXT] as number
    const missing = ((this.pool.seq[head] as number) - next) | 0
    if (missing > 0) this.#gap(stream, missing)
    this.#drain(stream)
  }

  #gap(stream: number, missing: number): void {
    const { words } = this
    const at = stream * WORDS
    words[at + NEXT] = (words[at + NEXT] as number) + missing
    this.#counters.gaps++
    this.#counters.gapBytes += missing
    this.#listener.gap(stream >> 1, (stream & 1) === 0, missing)
  }

  #drain(stream: number): void {
    const { words } = this
    const at = stream * WORDS
    for (;;) {
      const head = words[at + HEAD] as number
      if (head < 0) return
      if ((((this.pool.seq[head] as number) - (words[at + NEXT] as number)) | 0) > 0) return
      this.#drainOne(stream)
    }
  }

  /** Hands on the first waiting chunk, from `next` on, and frees it. */
  #drainOne(stream: number): void {
    const { pool, words } = this
    const at = stream * WORDS
    const head = words[at + HEAD] as number
    const offset = ((words[at + NEXT] as number) - (pool.seq[head] as number)) | 0
    const length = pool.length[head] as number
    words[at + HEAD] = pool.next[head] as number
    if ((words[at + HEAD] as number) < 0) words[at + TAIL] = -1
    words[at + CHUNKS] = (words[at + CHUNKS] as number) - 1
    if (offset < length) {
      words[at + NEXT] = pool.endSeq(head)
      words[at + KNOWN] = 2
      const start = pool.start(head)
      this.#listener.stream(
        stream >> 1,
        (stream & 1) === 0,
        pool.bytes,
        start + offset,
        start + length,
      )
    }
    pool.give(head)
  }
}
