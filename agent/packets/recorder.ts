/**
 * Writes the packet ring: frames as pcapng blocks, sealed by the mebibyte, in segments under a subkey each. It knows the
 * subkey of its open segment alone (D8). The oldest segments go before a new one begins, so the quota is never passed.
 * Nothing here is synced before a segment ends: these are the last frames, not the record of what happened.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fdatasync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Clock, systemClock } from '../base/clock.ts'
import { Failure } from '../base/failure.ts'
import { sharedMode, syncFolder } from '../base/files.ts'
import type { FrameBatch } from '../capture/source.ts'
import { lockFile } from '../lake/lock.ts'
import {
  encodeHeader,
  FRAME_END,
  FRAME_HEAD_BYTES,
  FRAME_PACKETS,
  FrameChain,
  SEGMENT_OF,
  type SegmentHeader,
  type SegmentKey,
  TAG_BYTES,
} from '../lake/segment.ts'
import { BlockWriter } from './blocks.ts'
import { closedName, listSegments, openName, type SegmentFile } from './folder.ts'

const CHUNK_BYTES = 1 << 20
const SEGMENT_BYTES_MIN = 2 << 20
const SEGMENT_BYTES_MAX = 64 << 20
/** So long a broken decoder could read back, at most. */
const SEGMENT_AGE_MS_MAX = 3_600_000
/** For another chunk and the end mark, sealed. */
const ROOM_BYTES = CHUNK_BYTES + 2 * (FRAME_HEAD_BYTES + TAG_BYTES)
/** Segments that a quota is cut into: as much as leaves at once. */
const SEGMENTS = 16
const KEY_RETRY_MS = 200
/** After the disk refused: until it is tried again, frames are lost and counted. */
const DISK_RETRY_MS = 2000
/** The ring is the first to give way on a disk that others fill. */
const DISK_FREE_MIN = 256 << 20
const DISK_FREE_PART = 0.02

export interface RecorderOptions {
  folder: string
  tenant_uid: string
  appliance_uid: string
  /** Bytes on disk, all segments together. */
  quotaBytes: number
  /** Asks picket-keys for the subkey of the next segment; tried again while it fails. */
  openSegment(): Promise<SegmentKey>
  clock?: Clock
}

export interface RecorderStatus {
  framesKept: number
  /** Not kept because the disk or picket-keys did not answer, or because they were longer than a chunk. */
  framesLost: number
  bytes: number
  segments: number
  segmentsRetired: number
  /** Packet time of the oldest segment that is whole. */
  oldestUs?: number
  /** Why nothing is kept, while that is so. */
  fault?: string
}

interface OpenSegment {
  fd: number
  file: SegmentFile
  chain: FrameChain
  key: Buffer
  openedMs: number
  fromUs: number
  toUs: number
  frames: number
}

export class Recorder {
  readonly #options: RecorderOptions
  readonly #clock: Clock
  readonly #lock: number
  readonly #segmentBytes: number
  readonly #chunk = new BlockWriter(CHUNK_BYTES)
  /** Interfaces that the open section describes, as `link type/name`. */
  readonly #interfaces = new Map<string, number>()
  #segments: SegmentFile[]
  #segment: OpenSegment | undefined
  #closing: Promise<void> = Promise.resolve()
  #retryMs = Number.NEGATIVE_INFINITY
  #closed = false
  #status = { framesKept: 0, framesLost: 0, segmentsRetired: 0 }
  #fault: string | undefined

  private constructor(options: RecorderOptions, lock: number) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#lock = lock
    const wanted = Math.floor(options.quotaBytes / SEGMENTS)
    this.#segmentBytes = Math.min(Math.max(wanted, SEGMENT_BYTES_MIN), SEGMENT_BYTES_MAX)
    this.#segments = listSegments(options.folder)
    this.#makeRoom(0)
  }

  /** `conflict` when another process writes this ring. What a dead one left stays, and counts. */
  static open(options: RecorderOptions): Recorder {
    mkdirSync(options.folder, { recursive: true, mode: 0o700 })
    const lock = openSync(join(options.folder, 'lock'), 'a', 0o600)
    if (lockFile(lock)) return new Recorder(options, lock)
    closeSync(lock)
    throw new Failure('conflict', 'Another process writes this packet ring.')
  }

  /** Keeps the frames of a batch, or counts them. Waits only for the key of a new segment. */
  async record(name: string, batch: FrameBatch): Promise<void> {
    for (let i = 0; i < batch.count; ) {
      const segment = this.#segment ?? (await this.#begin())
      if (!segment) return this.#lose(batch.count - i)
      if (this.#put(segment, name, batch, i)) i++
      else if (this.#chunk.frames > 0) this.flush()
      else {
        this.#lose(1) // longer than a chunk
        i++
      }
    }
  }

  /** Seals what waits and hands it to the kernel: a reader sees it from now on, and a kill leaves it. */
  flush(): void {
    const segment = this.#segment
    const { frames, used } = this.#chunk
    if (!segment || frames === 0) return
    const sealed = segment.chain.seal(FRAME_PACKETS, frames, this.#chunk.bytes.subarray(0, used))
    this.#chunk.clear()
    try {
      this.#write(segment, sealed)
    } catch (error) {
      this.#abandon(segment, frames, error)
      return
    }
    segment.frames += frames
    this.#status.framesKept += frames
    const isOld = this.#clock.steadyMs() - segment.openedMs > SEGMENT_AGE_MS_MAX
    if (isOld || segment.file.bytes + ROOM_BYTES > this.#segmentBytes) this.#end(segment)
  }

  get status(): RecorderStatus {
    const oldest = this.#segments.find(({ fromUs }) => fromUs !== undefined)
    return {
      ...this.#status,
      bytes: this.#segments.reduce((sum, { bytes }) => sum + bytes, 0),
      segments: this.#segments.length,
      ...(oldest?.fromUs !== undefined && { oldestUs: oldest.fromUs }),
      ...(this.#fault !== undefined && { fault: this.#fault }),
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.flush()
    if (this.#segment) this.#end(this.#segment)
    await this.#closing
    closeSync(this.#lock)
  }

  #put(segment: OpenSegment, name: string, batch: FrameBatch, i: number): boolean {
    const chunk = this.#chunk
    if (CHUNK_BYTES - chunk.used < INTERFACE_ROOM) return false
    const id = this.#interfaceOf(name, batch.linkType)
    if (!chunk.frame(batch, i, id)) return false
    const timeUs = batch.timeUs[i] as number
    if (timeUs < segment.fromUs) segment.fromUs = timeUs
    if (timeUs > segment.toUs) segment.toUs = timeUs
    return true
  }

  /** Described the first time that a frame of it comes in this section. */
  #interfaceOf(name: string, linkType: number): number {
    const key = `${linkType}/${name}`
    const known = this.#interfaces.get(key)
    if (known !== undefined) return known
    const id = this.#interfaces.size
    this.#interfaces.set(key, id)
    this.#chunk.interface({ linkType, name })
    return id
  }

  async #begin(): Promise<OpenSegment | undefined> {
    if (this.#clock.steadyMs() < this.#retryMs) return undefined
    const key = await this.#nextKey()
    if (!key) return undefined
    try {
      if (!this.#makeRoom(this.#segmentBytes)) throw new Failure('unavailable', 'The disk is full: no frames are kept.') // biome-ignore format: one line
      this.#segment = this.#create(key)
      this.#fault = undefined
    } catch (error) {
      this.#refused(error)
    }
    return this.#segment
  }

  async #nextKey(): Promise<SegmentKey | undefined> {
    while (!this.#closed) {
      try {
        return await this.#options.openSegment()
      } catch (error) {
        this.#fault = (error as Error).message
        await new Promise((done) => setTimeout(done, KEY_RETRY_MS))
      }
    }
    return undefined
  }

  #create({ segment_uid, epoch, salt, key }: SegmentKey): OpenSegment {
    const { folder, tenant_uid, appliance_uid } = this.#options
    const openedUs = this.#clock.nowUs()
    const header: SegmentHeader = { magic: SEGMENT_OF.ring, tenant_uid, appliance_uid, epoch, segment_uid, salt, openedUs } // biome-ignore format: one line
    const seq = (this.#segments.at(-1)?.seq ?? 0) + 1
    const path = join(folder, openName(seq, segment_uid))
    const fd = openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600)
    const mode = sharedMode(folder) // picket-cut reads it under another user
    const file: SegmentFile = { seq, segment_uid, path, bytes: 0 }
    const chain = new FrameChain(header, key)
    const segment: OpenSegment = { ...{ fd, file, chain, key }, openedMs: this.#clock.steadyMs(), fromUs: Number.POSITIVE_INFINITY, toUs: 0, frames: 0 } // biome-ignore format: one line
    try {
      if (mode !== 0o600) fchmodSync(fd, mode)
      this.#write(segment, encodeHeader(header))
    } catch (error) {
      closeSync(fd)
      rmSync(path, { force: true }) // half a header is no segment
      throw error
    }
    this.#segments.push(file)
    this.#interfaces.clear()
    this.#chunk.clear()
    this.#chunk.section()
    return segment
  }

  #write({ fd, file }: OpenSegment, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const written = writeSync(fd, bytes, at, bytes.length - at, file.bytes)
      at += written
      file.bytes += written
    }
  }

  /** Its end mark, then its last name; the disk takes its time with that while the next one fills. */
  #end(segment: OpenSegment): void {
    this.#segment = undefined
    try {
      this.#write(segment, segment.chain.seal(FRAME_END, segment.frames, Buffer.alloc(0)))
    } catch (error) {
      this.#abandon(segment, 0, error)
      return
    }
    segment.key.fill(0)
    const before = this.#closing
    this.#closing = new Promise((done) => {
      fdatasync(segment.fd, () => void before.then(() => done(this.#rename(segment))))
    })
  }

  #rename({ fd, file, fromUs, toUs, frames }: OpenSegment): void {
    try {
      closeSync(fd)
      if (frames === 0 || !this.#segments.includes(file)) return
      const path = closedName(file.path, fromUs, toUs)
      renameSync(file.path, path)
      syncFolder(this.#options.folder)
      Object.assign(file, { path, fromUs, toUs })
    } catch (error) {
      this.#fault = (error as Error).message // it stays under its first name, which a reader knows too
    }
  }

  /** Retires the oldest until `coming` more fit the quota and the disk; false when nothing is left to retire. */
  #makeRoom(coming: number): boolean {
    const { folder, quotaBytes } = this.#options
    let held = this.#segments.reduce((sum, { bytes }) => sum + bytes, 0)
    const disk = statfsSync(folder)
    const keepFree = Math.min(DISK_FREE_MIN, disk.blocks * disk.bsize * DISK_FREE_PART)
    let free = disk.bavail * disk.bsize
    while (held + coming > quotaBytes || free < keepFree + coming) {
      const oldest = this.#segments.shift()
      if (!oldest) return false
      rmSync(oldest.path, { force: true })
      held -= oldest.bytes
      free += oldest.bytes
      this.#status.segmentsRetired++
    }
    return true
  }

  #abandon(segment: OpenSegment, frames: number, error: unknown): void {
    if (this.#segment === segment) this.#segment = undefined
    segment.key.fill(0)
    closeSync(segment.fd)
    this.#status.framesLost += frames
    this.#refused(error)
    // Others took the disk: the next segment begins at once, and the oldest make room for it.
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') this.#retryMs = Number.NEGATIVE_INFINITY
  }

  #refused(error: unknown): void {
    this.#segment = undefined
    this.#fault = error instanceof Failure ? error.message : `The packet ring cannot be written: ${(error as NodeJS.ErrnoException).code}.` // biome-ignore format: one line
    this.#retryMs = this.#clock.steadyMs() + DISK_RETRY_MS
  }

  #lose(frames: number): void {
    this.#status.framesLost += frames
  }
}

/** An interface's description with the longest name there can be, and some. */
const INTERFACE_ROOM = 512
