/** Frames through decode and flow: the loop that every frame of a shard or a file goes through. */
import type { FrameBatch } from '../capture/source.ts'
import { decodeFrame } from '../decode/frame.ts'
import { Packet } from '../decode/packet.ts'
import type { FlowEngine } from './engine.ts'

export class FramePath {
  /** The one packet of this shard. */
  readonly packet = new Packet()
  /** Of the batch in hand. */
  linkType = 1
  /** Frames taken, faulty or not. */
  processed = 0
  /** Their bytes on the wire. */
  bytes = 0
  readonly #engine: FlowEngine

  constructor(engine: FlowEngine) {
    this.#engine = engine
  }

  /** Every frame of the batch once, in order, then the timers by the newest packet time. */
  run(batch: FrameBatch): void {
    const { packet } = this
    const engine = this.#engine
    packet.bytes = batch.bytes
    this.linkType = batch.linkType
    let newest = 0
    for (let i = 0; i < batch.count; i++) {
      packet.bytes = batch.bytes // a reassembled datagram has its own memory
      packet.start = batch.start[i] as number
      packet.end = packet.start + (batch.captured[i] as number)
      packet.wireBytes = batch.wire[i] as number
      packet.timeUs = batch.timeUs[i] as number
      packet.number = ++this.processed
      this.bytes += packet.wireBytes
      if (packet.timeUs > newest) newest = packet.timeUs
      decodeFrame(packet, batch.linkType, batch.vlan[i] as number)
      engine.process(packet)
    }
    if (batch.count > 0) engine.tick(newest)
  }
}
