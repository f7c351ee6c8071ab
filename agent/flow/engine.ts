/** Packets in, flows and streams out. */
import type { Packet } from '../decode/packet.ts'
import type { AssetWatch } from './asset-watch.ts'
import { FlowCounters } from './counters.ts'
import type { EndReason, FlowListener } from './listener.ts'
import { FlowTable, type FlowTableOptions } from './table.ts'

export interface FlowOptions extends FlowTableOptions {
  /** Made beforehand where the listener needs it too. */
  table?: FlowTable
  assets?: AssetWatch
  overlap?: 'first' | 'last'
  /** Segments whose TCP checksum is wrong are not streamed. Off by default: veth and offloads leave it unset. */
  verifyChecksums?: boolean
}

export class FlowEngine {
  readonly table: FlowTable
  readonly counters = new FlowCounters()
  readonly #listener: FlowListener

  constructor(options: FlowOptions, listener: FlowListener) {
    this.table = options.table ?? new FlowTable(options)
    this.#listener = listener
  }

  process(packet: Packet): void {
    this.#listener.packet(packet)
  }

  /** Runs timeouts; called once a batch with the newest packet time. */
  tick(timeUs: number): void {
    void timeUs
  }

  /** Ends every flow. */
  flush(reason: EndReason): void {
    void reason
  }
}
