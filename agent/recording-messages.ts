/** What the main thread and the recorder's thread say to each other. */
import type { MessagePort } from 'node:worker_threads'
import type { SegmentKey } from './lake/segment.ts'
import type { RecorderStatus } from './packets/recorder.ts'

/** Frames of one shard: what they are called, the memory they come in, and who says that they came. */
export interface PacketInlet {
  name: string
  buffer: SharedArrayBuffer
  port: MessagePort
}

export interface RecordingOptions {
  folder: string
  tenant_uid: string
  appliance_uid: string
  quotaBytes: number
  inlets: PacketInlet[]
}

/** The answer to `key?`: a key, or why there is none. */
export type ToRecording = { do: 'key'; key: SegmentKey } | { do: 'no-key'; because: string } | { do: 'stop' } // biome-ignore format: one line

export type FromRecording =
  | { did: 'key?' }
  | { did: 'recorded'; status: RecorderStatus }
  | { did: 'failed'; message: string }
  | { did: 'stopped' }
