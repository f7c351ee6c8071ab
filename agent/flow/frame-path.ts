/**
 * Frames through decode and flow: the loop that every frame of a shard or a file goes through. Timers run by packet time, so that
 * what is found does not depend on where a source cuts its batches.
 */
import type { FrameBatch } from '../capture/source.ts'
import { decodeFrame } from '../decode/frame.ts'
import { Packet } from '../decode/packet.ts'
import type { FlowEngine } from './engine.ts'

/** Packet time between two runs of the timers. */
const TICK_US = 1_000_000
/** Time may stand back this far without being a new capture. */
const BACK_US = 60_000_000

/** After the timers of the flow stage, those of others. */
export interface TickListener {
  ticked(timeUs: number): void
}

export class FramePath {
  /** The one packet of this shard. */
  readonly packet = new Packet()
  /** Of the batch in hand. */
  linkType = 1
  /** Frames taken, faulty or not. */
  processed = 0
  /** Their bytes on the wire. */
  bytes = 0
  #batchBytes: Uint8Array = new Uint8Array(0)
  readonly #engine: FlowEngine
  readonly #listener: TickListener | undefined
  #tickedUs = Number.NEGATIVE_INFINITY

  constructor(engine: FlowEngine, listener?: TickListener) {
    this.#engine = engine
    this.#listener = listener
  }

  /** Every frame of the batch once, in order. */
  run(batch: FrameBatch): void {
    const { packet } = this
    const engine = this.#engine
    const { start, captured, wire, timeUs, vlan } = batch
    this.#batchBytes = batch.bytes
    this.linkType = batch.linkType
    for (let i = 0; i < batch.count; i++) {
      packet.bytes = batch.bytes // a reassembled datagram has its own memory
      packet.start = start[i] as number
      packet.end = packet.start + (captured[i] as number)
      packet.wireBytes = wire[i] as number
      packet.timeUs = timeUs[i] as number
      packet.number = ++this.processed
      this.bytes += packet.wireBytes
      const since = packet.timeUs - this.#tickedUs
      if (since >= TICK_US || since < -BACK_US) this.#tick(packet.timeUs)
      decodeFrame(packet, batch.linkType, vlan[i] as number)
      engine.process(packet)
    }
  }

  /** Whether this memory stays as it is to the end of the batch. */
  stays(bytes: Uint8Array): boolean {
    return bytes === this.#batchBytes
  }

  #tick(timeUs: number): void {
    const first = this.#tickedUs < 0
    this.#tickedUs = timeUs
    if (first) return
    this.#engine.tick(timeUs)
    this.#listener?.ticked(timeUs)
  }
}
