/** Exact accounting of one interface: workers write, the main thread reads, at any moment. */

/** What a run saw. `pending` frames wait in the ring; it is 0 once the run has ended. */
export interface CaptureTotals {
  /** The interface's own rx_packets over the run. */
  frames: number
  processed: number
  /** Frames the interface counted that were never decoded, for whatever reason. */
  dropped: number
  pending: number
  bytes: number
}

const PROCESSED = 0
const RING_DROPS = 1
const BYTES = 2
const RX_START = 3
const RX_STOP = 4
const SLOTS = 8 // one cache line a shard

/**
 * Each slot has one writer, and an aligned 8-byte store is not torn, so no lock is needed. -1 in RX_START
 * means that the shard has not begun, -1 in RX_STOP that it has not ended.
 */
export class CaptureCounters {
  readonly buffer: SharedArrayBuffer
  readonly #slots: Float64Array

  /** A number makes counters for that many shards; a buffer shares those of another thread. */
  constructor(shards: number | SharedArrayBuffer) {
    this.buffer = typeof shards === 'number' ? new SharedArrayBuffer(shards * SLOTS * 8) : shards
    this.#slots = new Float64Array(this.buffer)
    if (typeof shards !== 'number') return
    for (let i = 0; i < shards; i++) {
      this.#slots[i * SLOTS + RX_START] = -1
      this.#slots[i * SLOTS + RX_STOP] = -1
    }
  }

  get shards(): number {
    return this.#slots.length / SLOTS
  }

  /** The part that one worker writes. */
  shard(index: number): ShardCounters {
    return new ShardCounters(this.#slots.subarray(index * SLOTS, (index + 1) * SLOTS))
  }

  /** The interface's counter when the first shard began; undefined before that. */
  get rxStart(): number | undefined {
    let first: number | undefined
    for (let at = RX_START; at < this.#slots.length; at += SLOTS) {
      const began = this.#slots[at] as number
      if (began >= 0 && (first === undefined || began < first)) first = began
    }
    return first
  }

  /** `rxPackets` is the interface's counter now; it is not needed once every shard has ended. */
  totals(rxPackets = 0): CaptureTotals {
    let [processed, drops, bytes] = [0, 0, 0]
    let [stop, ended] = [-1, true]
    for (let at = 0; at < this.#slots.length; at += SLOTS) {
      processed += this.#slots[at + PROCESSED] as number
      drops += this.#slots[at + RING_DROPS] as number
      bytes += this.#slots[at + BYTES] as number
      const began = this.#slots[at + RX_START] as number
      const rx = this.#slots[at + RX_STOP] as number
      if (rx > stop) stop = rx
      if (began >= 0 && rx < 0) ended = false
    }
    const start = this.rxStart
    if (start === undefined) return { frames: 0, processed: 0, dropped: 0, pending: 0, bytes: 0 }
    const counted = (ended ? stop : rxPackets) - start
    // A frame that was on its way through the kernel when the run began is ours although the
    // interface had counted it just before.
    const frames = Math.max(counted, processed + drops)
    const dropped = ended ? frames - processed : drops
    return { frames, processed, dropped, pending: frames - processed - dropped, bytes }
  }
}

/** One worker's slots. */
export class ShardCounters {
  readonly #slots: Float64Array

  constructor(slots: Float64Array) {
    this.#slots = slots
  }

  processed(frames: number, bytes: number): void {
    this.#slots[PROCESSED] = (this.#slots[PROCESSED] as number) + frames
    this.#slots[BYTES] = (this.#slots[BYTES] as number) + bytes
  }

  dropped(frames: number): void {
    this.#slots[RING_DROPS] = (this.#slots[RING_DROPS] as number) + frames
  }

  /** `rxPackets` of the interface just before this shard could receive. */
  began(rxPackets: number): void {
    this.#slots[RX_STOP] = -1
    this.#slots[RX_START] = rxPackets
  }

  /** `rxPackets` of the interface just after this shard could receive no more. */
  ended(rxPackets: number): void {
    this.#slots[RX_STOP] = rxPackets
  }
}
