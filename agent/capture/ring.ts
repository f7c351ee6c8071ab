/** Live capture: one TPACKET_V3 ring of one worker. */
import { Failure } from '../base/failure.ts'
import type { CaptureCounters } from './counters.ts'
import type { CapturePort, CaptureSource, FrameBatch } from './source.ts'

export interface RingOptions {
  interface: string
  /** Shared with the main thread; this worker writes the slots of `shard`. */
  counters: CaptureCounters
  shard?: number
  ringMiB?: number
  /** The same for all shards of one interface, another for each interface; absent: no fan-out. */
  fanoutGroup?: number
  /** How long an idle wait blocks before an empty batch is handed on. */
  idleMs?: number
}

export interface RingSource extends CaptureSource {
  readonly port: CapturePort
  /** The next block, or an empty batch after `timeoutMs`; undefined once stopped and drained. Blocks. */
  poll(timeoutMs: number): FrameBatch | undefined
  close(): void
}

export function openRing(options: RingOptions): RingSource {
  throw new Failure('unavailable', `No ring for ${options.interface} yet.`)
}
