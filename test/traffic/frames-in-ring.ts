/** Frames into a packet ring and out again, with keys that the test holds. */
import { randomBytes } from 'node:crypto'
import { FrameBatch } from '../../agent/capture/source.ts'
import type { SegmentKey } from '../../agent/lake/segment.ts'
import { FrameCut } from '../../agent/packets/cut.ts'
import { listSegments } from '../../agent/packets/folder.ts'
import type { WantedFrames } from '../../agent/packets/match.ts'
import { readSegmentChunks, type SegmentEnd } from '../../agent/packets/read.ts'
import { Recorder } from '../../agent/packets/recorder.ts'

export const RING_TENANT = 'a1'.repeat(16)
export const ALL_TIME = { fromUs: 0, toUs: Number.MAX_SAFE_INTEGER }

export interface WireFrame {
  bytes: Uint8Array
  timeUs: number
  restNs?: number
  wire?: number
  vlan?: number
  vlanType?: number
}

export function batchOf(frames: readonly WireFrame[], linkType = 1): FrameBatch {
  const batch = new FrameBatch(frames.length)
  batch.bytes = Buffer.concat(frames.map(({ bytes }) => bytes))
  batch.linkType = linkType
  let at = 0
  for (const { bytes, timeUs, restNs = 0, wire, vlan = -1, vlanType = 0 } of frames) {
    const i = batch.count++
    batch.start[i] = at
    batch.captured[i] = bytes.length
    batch.wire[i] = wire ?? bytes.length
    batch.timeUs[i] = timeUs
    batch.restNs[i] = restNs
    batch.vlan[i] = vlan
    batch.vlanType[i] = vlanType
    at += bytes.length
  }
  return batch
}

/** What picket-keys does, for one tenant: a fresh subkey a segment, remembered by the segment's name. */
export class RingKeys {
  readonly #keys = new Map<string, Buffer>()

  readonly openSegment = async (): Promise<SegmentKey> => {
    const segment_uid = randomBytes(16).toString('hex')
    const key = randomBytes(32)
    this.#keys.set(segment_uid, Buffer.from(key))
    return { segment_uid, epoch: 1, salt: randomBytes(32), key }
  }

  of(segment_uid: string): Buffer {
    return Buffer.from(this.#keys.get(segment_uid) ?? Buffer.alloc(32))
  }
}

export function openRecorder(folder: string, keys: RingKeys, quotaBytes = 64 << 20): Recorder {
  return Recorder.open({ folder, tenant_uid: RING_TENANT, appliance_uid: 'b2'.repeat(16), quotaBytes, openSegment: keys.openSegment }) // biome-ignore format: one line
}

/** Cuts out of all segments of a folder, oldest first, and says how each ended. */
export function cutRing(folder: string, keys: RingKeys, wanted: WantedFrames, bytesMax = 32 << 20) {
  const cut = new FrameCut(wanted, bytesMax)
  const ends: SegmentEnd[] = listSegments(folder).map(({ path, segment_uid }) =>
    readSegmentChunks(path, { tenant_uid: RING_TENANT, key: keys.of(segment_uid) }, (chunk) =>
      cut.chunk(chunk),
    ),
  )
  return { ...cut.result(), ends }
}
