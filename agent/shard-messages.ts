/** What picket-agent and its shard workers say to each other. All of it is cloned between threads but memory, which is handed over. */
import type { MessagePort } from 'node:worker_threads'
import type { EventDraft } from './base/event.ts'
import type { Observations } from './detect/baselines/observation-batch.ts'
import type { AssetSeen } from './flow/asset-watch.ts'
import type { Inspection } from './inspection.ts'

/** A rule's match, ready to become a finding once thresholds and the rate breaker agree. */
export interface SeenAlert {
  draft: EventDraft
  sid: number
  /** The TCP handshake of its flow was seen whole: evidence class "proven" (D34). */
  proven: boolean
}

/** What a shard is made with. */
export interface ShardOptions {
  interface: string
  /** Where it is a bridge. */
  members: readonly string[]
  shard: number
  /** Names this run in flow ids. */
  run: number
  counters: SharedArrayBuffer
  ringMiB: number
  fanoutGroup: number
  home: string[]
  ruleFiles: string[]
  inspection: Inspection
  selfTestSecret: string
  /** Where the frames of this shard are kept; absent without a packet ring. */
  packets?: PacketOutlet
}

/** One end of a `Handover`, and where the other is told that something lies in it. */
export interface PacketOutlet {
  buffer: SharedArrayBuffer
  port: MessagePort
}

export type ToShard = { do: 'rules'; files: string[] } | { do: 'self-test' } | { do: 'stop' }

/** What happened since the last batch; sent after BATCH_MS, or when there is much of it (shard.ts). */
export interface ShardBatch {
  did: 'batch'
  events: EventDraft[]
  alerts: SeenAlert[]
  observations: Observations
  sightings: AssetSeen[]
}

/** Sent about once a second. */
export interface ShardCounted {
  did: 'counters'
  /** `eth1/0` */
  shard: string
  counters: Record<string, number>
  liveFlows: number
}

export type FromShard =
  | ShardBatch
  | { did: 'ready' }
  | { did: 'self-test-found' }
  | { did: 'rules'; loaded: number; refused: number }
  | ShardCounted
  | { did: 'failed'; message: string }
  | { did: 'stopped' }
