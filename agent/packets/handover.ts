/**
 * From a shard to the recorder: a few slots in shared memory, each as large as a block of the kernel's ring. The shard
 * copies a block and goes on; it never waits. Where no slot is free the frames are not kept, and counted.
 */
import { BATCH_FRAMES_MAX, FRAME_NUMBERS_BYTES, FrameBatch } from '../capture/source.ts'

/** A quarter of a second of a quiet wire, whose blocks come every 8 ms; memory that is not used is not there. */
const SLOTS = 32
const SLOT_BYTES = 1_048_576
const NUMBERS_BYTES = BATCH_FRAMES_MAX * FRAME_NUMBERS_BYTES
/** Of each slot, as 32-bit numbers: its state, how many frames, their link type, where the first began. */
const STATE = 0
const COUNT = 1
const LINK_TYPE = 2
const BASE = 3
const WORDS = 4
const HEAD_BYTES = SLOTS * WORDS * 4
const LOST_BYTES = 8
const FREE = 0
const FULL = 1

export const HANDOVER_BYTES = LOST_BYTES + HEAD_BYTES + SLOTS * (SLOT_BYTES + NUMBERS_BYTES)

export class Handover {
  readonly buffer: SharedArrayBuffer
  readonly #lost: Float64Array
  readonly #heads: Int32Array
  readonly #batches: FrameBatch[]
  #next = 0

  /** Both ends make one over the same memory. */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(HANDOVER_BYTES)) {
    this.buffer = buffer
    this.#lost = new Float64Array(buffer, 0, 1)
    this.#heads = new Int32Array(buffer, LOST_BYTES, SLOTS * WORDS)
    this.#batches = Array.from({ length: SLOTS }, (_, i) => {
      const at = LOST_BYTES + HEAD_BYTES + i * (SLOT_BYTES + NUMBERS_BYTES)
      const batch = new FrameBatch(BATCH_FRAMES_MAX, buffer, at)
      batch.bytes = Buffer.from(buffer, at + NUMBERS_BYTES, SLOT_BYTES)
      return batch
    })
  }

  /** Frames that found no slot. Written by the shard alone. */
  get lost(): number {
    return this.#lost[0] as number
  }

  /** The shard's end. True when the batch was copied: then tell the recorder. */
  offer(batch: FrameBatch): boolean {
    const { count } = batch
    if (count === 0) return false
    const head = this.#next * WORDS
    const to = this.#batches[this.#next] as FrameBatch
    const from = batch.start[0] as number
    const end = (batch.start[count - 1] as number) + (batch.captured[count - 1] as number)
    if (Atomics.load(this.#heads, head + STATE) !== FREE || end - from > SLOT_BYTES) {
      this.#lost[0] = this.lost + count
      return false
    }
    to.bytes.set(batch.bytes.subarray(from, end))
    to.timeUs.set(batch.timeUs.subarray(0, count))
    to.start.set(batch.start.subarray(0, count))
    to.captured.set(batch.captured.subarray(0, count))
    to.wire.set(batch.wire.subarray(0, count))
    to.vlan.set(batch.vlan.subarray(0, count))
    to.restNs.set(batch.restNs.subarray(0, count))
    to.vlanType.set(batch.vlanType.subarray(0, count))
    this.#heads[head + COUNT] = count
    this.#heads[head + LINK_TYPE] = batch.linkType
    this.#heads[head + BASE] = from
    Atomics.store(this.#heads, head + STATE, FULL)
    this.#next = (this.#next + 1) % SLOTS
    return true
  }

  /** The recorder's end: the next batch, valid until `release`; undefined while there is none. */
  take(): FrameBatch | undefined {
    const head = this.#next * WORDS
    if (Atomics.load(this.#heads, head + STATE) !== FULL) return undefined
    const batch = this.#batches[this.#next] as FrameBatch
    batch.count = this.#heads[head + COUNT] as number
    batch.linkType = this.#heads[head + LINK_TYPE] as number
    const base = this.#heads[head + BASE] as number
    const { start, count } = batch
    for (let i = 0; i < count; i++) start[i] = (start[i] as number) - base
    return batch
  }

  release(): void {
    Atomics.store(this.#heads, this.#next * WORDS + STATE, FREE)
    this.#next = (this.#next + 1) % SLOTS
  }
}
