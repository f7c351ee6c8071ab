/**
 * Live capture: the TPACKET_V3 ring of one worker. A block is copied once into the worker's own memory
 * and given back to the kernel at once, so a slow stage costs frames only when the whole ring is full.
 *
 * Accounting. The interface's rx_packets is read just after the ring begins to hear and just before it
 * stops; what lies between is the run. The ring's own count says when it has been drained to the last
 * frame, its drops are dropped, and whatever else the interface counted and we did not get is dropped too
 * (CaptureCounters.totals).
 */
import type { CaptureCounters, ShardCounters } from './counters.ts'
import { frameMemory } from './frame-memory.ts'
import { rxPackets } from './interface.ts'
import { offloadsOff } from './offload.ts'
import { PacketSocket } from './packet-socket.ts'
import { BATCH_FRAMES_MAX, type CapturePort, type CaptureSource, FrameBatch } from './source.ts'

export interface RingOptions {
  interface: string
  /** Of a bridge: frames are merged where they come in. */
  members?: readonly string[]
  /** Shared with the main thread; this worker writes the slots of `shard`. */
  counters: CaptureCounters
  shard?: number
  ringMiB?: number
  /** The same for all shards of one interface, another for each interface; absent: no fan-out. */
  fanoutGroup?: number
  /** The memory is there, and no frame comes yet. */
  beforeHearing?: () => void
}

export interface RingSource extends CaptureSource {
  readonly port: CapturePort
  /** The next block, or an empty batch after `timeoutMs`; undefined once stopped and drained. Blocks. */
  poll(timeoutMs: number): FrameBatch | undefined
  close(): void
}

/** Holds the largest merged segment many times over. */
const BLOCK_BYTES = 1_048_576
const RING_MIB_DEFAULT = 64
/** A quiet wire is seen this late at most. */
const RETIRE_MS = 8
const STATISTICS_MS = 100
const DRAIN_MS_MAX = 1000
const IDLE_MS = 50

// struct tpacket_block_desc and tpacket3_hdr, in bytes; the kernel lays both at multiples of 8
const BLOCK_STATUS = 8
const BLOCK_FRAMES = 12
const BLOCK_FIRST = 16
const BLOCK_LENGTH = 20
const FRAME_HEADER_BYTES = 48
// In words of a tpacket3_hdr, which begins with how far away the next one is.
const FRAME_SECONDS = 1
const FRAME_NANOSECONDS = 2
const FRAME_CAPTURED = 3
const FRAME_LENGTH = 4
const FRAME_STATUS = 5
const FRAME_MAC = 6
const FRAME_VLAN = 8
const FRAME_VLAN_TYPE = 9
const STATUS_USER = 1
const STATUS_VLAN_VALID = 0x10
const STATUS_VLAN_TYPE_VALID = 0x40
const OUTGOING = 4

export function openRing(options: RingOptions): RingSource {
  return new Ring(options)
}

class Ring implements RingSource {
  readonly name: string
  readonly port: CapturePort
  readonly #socket: PacketSocket
  readonly #counters: ShardCounters
  readonly #blocks: number
  /** The kernel's memory, and its status words: one owner a block, passed by these. */
  readonly #ring: Uint8Array
  readonly #status: Int32Array
  readonly #copy = frameMemory(BLOCK_BYTES)
  /** The same memory by words. */
  readonly #words = new Uint32Array(this.#copy.buffer, this.#copy.byteOffset, BLOCK_BYTES / 4)
  readonly #batch = new FrameBatch()
  readonly #empty = new FrameBatch(0)
  #block = 0
  /** Frames the kernel says it put into the ring, and those that came out. */
  #taken = 0
  #seen = 0
  #statisticsAt = 0
  /** rx_packets at the moment of stopping; -1 while running. */
  #rxStop = -1
  #drainUntil = 0
  #open = true

  constructor(options: RingOptions) {
    this.name = options.interface
    this.#counters = options.counters.shard(options.shard ?? 0)
    this.#blocks = options.ringMiB ?? RING_MIB_DEFAULT
    this.#socket = new PacketSocket(options.interface)
    try {
      const memory = this.#socket.ring({
        blockBytes: BLOCK_BYTES,
        blocks: this.#blocks,
        retireMs: RETIRE_MS,
      })
      this.#ring = new Uint8Array(memory)
      this.#status = new Int32Array(memory)
      this.#batch.bytes = this.#copy
      const each = [options.interface, ...(options.members ?? [])].map(offloadsOff)
      const offloads = each.every((is) => is === 'off') ? 'off' : 'unchanged'
      this.#socket.join(options.fanoutGroup)
      const linkType = this.#socket.linkType()
      this.port = { interface: options.interface, linkType, offloads }
      this.#batch.linkType = linkType
      this.#empty.linkType = linkType
      this.#socket.statistics() // begin to count at zero
      options.beforeHearing?.()
      this.#socket.hear()
      this.#counters.began(rxPackets(options.interface))
    } catch (error) {
      this.#socket.close()
      throw error
    }
  }

  poll(timeoutMs: number): FrameBatch | undefined {
    if (!this.#open) return undefined
    if (this.#ready()) return this.#take()
    if (this.#rxStop >= 0) return this.#drain()
    this.#count(performance.now())
    const waited = this.#socket.wait(timeoutMs)
    if (waited === 'error') {
      this.#socket.settle()
      pause(timeoutMs) // a port that is down reports so at once, again and again
    }
    return this.#ready() ? this.#take() : this.#empty
  }

  stop(): void {
    if (!this.#open || this.#rxStop >= 0) return
    let rx = 0
    try {
      rx = rxPackets(this.name)
    } catch {
      // The interface is gone and its counter with it: what was processed is all there is to count.
    }
    this.#socket.deafen()
    this.#rxStop = rx
    this.#drainUntil = performance.now() + DRAIN_MS_MAX
  }

  close(): void {
    if (!this.#open) return
    this.stop()
    this.#count(Number.POSITIVE_INFINITY)
    this.#counters.ended(this.#rxStop)
    this.#open = false
    this.#socket.close()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FrameBatch> {
    try {
      for (let batch = this.poll(IDLE_MS); batch; batch = this.poll(IDLE_MS)) {
        yield batch
        await new Promise((resolve) => setImmediate(resolve))
      }
    } finally {
      this.close()
    }
  }

  #ready(): boolean {
    const at = (this.#block * BLOCK_BYTES + BLOCK_STATUS) >> 2
    return (Atomics.load(this.#status, at) & STATUS_USER) !== 0
  }

  /** After the stop: until all that the kernel took has come out. */
  #drain(): FrameBatch | undefined {
    this.#count(Number.POSITIVE_INFINITY)
    if (this.#seen < this.#taken && performance.now() < this.#drainUntil) {
      this.#socket.wait(RETIRE_MS)
      return this.#ready() ? this.#take() : this.#empty
    }
    this.close()
    return undefined
  }

  #count(now: number): void {
    if (now - this.#statisticsAt < STATISTICS_MS) return
    if (Number.isFinite(now)) this.#statisticsAt = now
    const { taken, dropped } = this.#socket.statistics()
    this.#taken += taken
    if (dropped > 0) this.#counters.dropped(dropped)
  }

  /** Copies the block, gives it back, and finds its frames in the copy. */
  #take(): FrameBatch {
    const from = this.#block * BLOCK_BYTES
    const at = from >> 2
    const used = Math.min(this.#status[at + BLOCK_LENGTH / 4] as number, BLOCK_BYTES)
    const frames = this.#status[at + BLOCK_FRAMES / 4] as number
    const first = this.#status[at + BLOCK_FIRST / 4] as number
    this.#copy.set(this.#ring.subarray(from, from + used))
    Atomics.store(this.#status, at + BLOCK_STATUS / 4, 0)
    this.#block = (this.#block + 1) % this.#blocks
    this.#seen += frames
    this.#index(first, Math.min(frames, BATCH_FRAMES_MAX), used)
    this.#count(performance.now())
    return this.#batch
  }

  #index(first: number, frames: number, used: number): void {
    const batch = this.#batch
    const { start: starts, captured, wire, timeUs, restNs, vlan, vlanType } = batch
    const words = this.#words
    let at = first
    let slot = 0
    for (let i = 0; i < frames && at + FRAME_HEADER_BYTES + 20 <= used; i++) {
      const word = at >> 2
      const start = at + ((words[word + FRAME_MAC] as number) & 0xffff)
      // With the hook's own flag set no frame of ours gets here; an older kernel's group lacks it.
      if (this.#copy[at + FRAME_HEADER_BYTES + 10] !== OUTGOING && start <= used) {
        starts[slot] = start
        captured[slot] = Math.min(words[word + FRAME_CAPTURED] as number, used - start)
        wire[slot] = words[word + FRAME_LENGTH] as number
        const ns = words[word + FRAME_NANOSECONDS] as number
        const us = (ns / 1000) | 0
        timeUs[slot] = (words[word + FRAME_SECONDS] as number) * 1e6 + us
        restNs[slot] = ns - us * 1000
        const status = words[word + FRAME_STATUS] as number
        if ((status & STATUS_VLAN_VALID) === 0) vlan[slot] = -1
        else {
          vlan[slot] = (words[word + FRAME_VLAN] as number) & 0xffff
          const hasType = (status & STATUS_VLAN_TYPE_VALID) !== 0
          vlanType[slot] = hasType ? (words[word + FRAME_VLAN_TYPE] as number) & 0xffff : 0
        }
        slot++
      }
      at += words[word] as number
    }
    batch.count = slot
  }
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
