/** Frames through the real decode and flow stages; what the listener was told, as plain values. */
import type { Fault } from '../../agent/base/fault.ts'
import { FrameBatch, LINK } from '../../agent/capture/source.ts'
import type { Packet } from '../../agent/decode/packet.ts'
import { FlowEngine, type FlowOptions } from '../../agent/flow/engine.ts'
import { FramePath } from '../../agent/flow/frame-path.ts'
import type { EndReason, FlowListener } from '../../agent/flow/listener.ts'

export interface EndedFlow {
  client: string
  server: string
  protocol: number
  reason: EndReason
  state: number
  packetsToServer: number
  packetsToClient: number
  bytesToServer: number
  bytesToClient: number
  established: boolean
  midstream: boolean
  incomplete: boolean
}

export class FlowRecorder implements FlowListener {
  readonly engine: FlowEngine
  readonly path: FramePath
  /** `flow>` or `flow<`, then the bytes in order; a gap stands as `[n]`. */
  readonly streams = new Map<string, string>()
  readonly ended_: EndedFlow[] = []
  readonly faults: Fault[] = []
  readonly packets: { flow: number; fragment: boolean; toServer: boolean; payload: string }[] = []
  established_ = 0

  constructor(options: FlowOptions = {}) {
    this.engine = new FlowEngine({ flowsMax: 1024, streamBytesMax: 1_048_576, ...options }, this)
    this.path = new FramePath(this.engine)
  }

  /** One batch: frames `stepUs` apart from `startUs`. */
  send(frames: readonly Uint8Array[], startUs = 1_700_000_000_000_000, stepUs = 1000): this {
    this.path.run(batchOf(frames, startUs, stepUs))
    return this
  }

  end(): this {
    this.engine.flush('shutdown')
    return this
  }

  packet(packet: Packet): void {
    const { flow, fragment, toServer, payloadOffset, payloadBytes } = packet
    const payload = latin1(packet.bytes, payloadOffset, payloadOffset + payloadBytes)
    this.packets.push({ flow, fragment, toServer, payload })
  }

  stream(flow: number, toServer: boolean, bytes: Uint8Array, start: number, end: number): void {
    if (end <= start) throw new Error('an empty piece of stream')
    this.#add(flow, toServer, latin1(bytes, start, end))
  }

  gap(flow: number, toServer: boolean, missing: number): void {
    if (missing <= 0) throw new Error('an empty gap')
    this.#add(flow, toServer, `[${missing}]`)
  }

  refused(): void {}

  established(): void {
    this.established_++
  }

  ended(flow: number, reason: EndReason): void {
    const { table } = this.engine
    this.ended_.push({
      client: `${table.clientText(flow)}:${table.clientPort[flow]}`,
      server: `${table.serverText(flow)}:${table.serverPort[flow]}`,
      protocol: table.protocol[flow] as number,
      reason,
      state: table.state[flow] as number,
      packetsToServer: table.packets(flow, true),
      packetsToClient: table.packets(flow, false),
      bytesToServer: table.bytes(flow, true),
      bytesToClient: table.bytes(flow, false),
      established: table.established[flow] === 1,
      midstream: table.midstream[flow] === 1,
      incomplete: table.incomplete[flow] === 1,
    })
  }

  fault(fault: Fault): void {
    this.faults.push(fault)
  }

  #add(flow: number, toServer: boolean, text: string): void {
    const key = `${flow}${toServer ? '>' : '<'}`
    this.streams.set(key, (this.streams.get(key) ?? '') + text)
  }
}

export function batchOf(
  frames: readonly Uint8Array[],
  startUs = 1_700_000_000_000_000,
  stepUs = 1000,
  linkType: number = LINK.ETHERNET,
): FrameBatch {
  const batch = new FrameBatch(frames.length)
  batch.bytes = Buffer.concat(frames)
  batch.linkType = linkType
  let at = 0
  for (const frame of frames) {
    const i = batch.count++
    batch.start[i] = at
    batch.captured[i] = frame.length
    batch.wire[i] = frame.length
    batch.timeUs[i] = startUs + i * stepUs
    batch.vlan[i] = -1
    at += frame.length
  }
  return batch
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
}
