/**
 * The journal's writer: an acknowledged row is on disk. Appends that wait together share one
 * fdatasync. It knows the subkey of its open segment and no other key (D8); after a restart, or
 * after any failed write, a new segment with a new subkey begins (D6).
 */
import { basename, dirname, join } from 'node:path'
import { type Clock, systemClock } from '../base/clock.ts'
import { type Disk, type DiskFile, diskTrouble, realDisk } from '../base/disk.ts'
import type { EventRow } from '../base/event.ts'
import { Failure } from '../base/failure.ts'
import { lockFile } from './lock.ts'
import { openedUs } from './opened-after.ts'
import {
  encodeHeader,
  FRAME_BYTES_MAX,
  FRAME_END,
  FRAME_ROWS,
  FrameChain,
  type SegmentHeader,
  type SegmentKey,
} from './segment.ts'
import { Waits } from './waits.ts'

const QUEUE_BYTES_MAX = 32 << 20
const SEGMENT_BYTES_MAX = 32 << 20
const TELL_MS = 50
const KEY_RETRY_MS = 200 // picket-keys restarts within a second or two

export interface JournalOptions {
  /** `<data>/journal/<tenant_uid>`; made when absent. */
  folder: string
  tenant_uid: string
  appliance_uid: string
  /** Asks picket-keys for the next segment; retried while it fails, rows wait meanwhile. */
  openSegment(): Promise<SegmentKey>
  /** A segment is complete at `path` (`….closed`): the lake may settle it. */
  onClosed(path: string): void
  /** Keeps outside the disk how many frames were acknowledged: those cut off later are missed. */
  acknowledged?(at: { segment_uid: string; frames: number }): Promise<void>
  /** Age at which a segment with rows in it is closed. */
  settleSeconds: number
  clock?: Clock
  disk?: Disk
}

export interface JournalStatus {
  rowsWritten: number
  /** Refused because the queue was full. */
  rowsDropped: number
  /** Not acknowledged because the disk failed. */
  rowsFailed: number
  queuedBytes: number
  segmentsClosed: number
  /** The longest wait for a write and its sync, in this minute and the one before. */
  slowestSyncMs: number
  /** Why nothing can be written, while that is so. */
  fault?: string
}

interface Waiting {
  lines: string
  bytes: number
  rows: number
  done(): void
  fail(error: unknown): void
}

interface OpenSegment {
  file: DiskFile
  path: string
  segment_uid: string
  chain: FrameChain
  bytes: number
  rows: number
  firstRowMs: number
}

export class JournalWriter {
  readonly #options: JournalOptions
  readonly #clock: Clock
  readonly #disk: Disk
  #queue: Waiting[] = []
  #segment: OpenSegment | undefined
  #pumping: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #closed = false
  #status: JournalStatus = {
    rowsWritten: 0,
    rowsDropped: 0,
    rowsFailed: 0,
    queuedBytes: 0,
    segmentsClosed: 0,
    slowestSyncMs: 0,
  }
  readonly #waits = new Waits()
  #toTell: { segment_uid: string; frames: number } | undefined
  #isTelling = false

  private constructor(options: JournalOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#disk = options.disk ?? realDisk
  }

  static async open(options: JournalOptions): Promise<JournalWriter> {
    const journals = dirname(options.folder)
    const inside = join(basename(journals), basename(options.folder))
    const journal = new JournalWriter(options)
    journal.#disk.makeFolder(dirname(journals), inside)
    return journal
  }

  /** Resolves once every one of `rows` is on disk; rejects when that cannot be said. */
  append(rows: readonly EventRow[]): Promise<void> {
    if (rows.length === 0) return Promise.resolve()
    if (this.#closed) return Promise.reject(new Failure('unavailable', 'The journal is closed.'))
    const lines = encodeLines(rows)
    const bytes = Buffer.byteLength(lines)
    if (bytes > FRAME_BYTES_MAX && rows.length > 1) return this.#appendHalves(rows)
    if (bytes > FRAME_BYTES_MAX || this.#status.queuedBytes + bytes > QUEUE_BYTES_MAX) {
      this.#status.rowsDropped += rows.length
      return Promise.reject(
        new Failure('too-many', 'The journal cannot keep up: rows were dropped and counted.'),
      )
    }
    this.#status.queuedBytes += bytes
    return new Promise((done, fail) => {
      this.#queue.push({ lines, bytes, rows: rows.length, done, fail })
      this.#pump()
    })
  }

  status(): JournalStatus {
    return { ...this.#status, slowestSyncMs: this.#waits.slowest(this.#clock.steadyMs()) }
  }

  /** Closes the open segment now, so that the lake may settle what was acknowledged. */
  async rotate(): Promise<void> {
    while (this.#pumping !== undefined) await this.#pumping
    await this.#closeAlone()
  }

  async #closeAlone(): Promise<void> {
    this.#pumping = this.#closeSegment()
    await this.#pumping
    this.#pumping = undefined
    this.#pump()
  }

  /** Writes what waits, closes the segment. Rows appended later are refused. */
  async close(): Promise<void> {
    this.#closed = true
    while (this.#pumping !== undefined) await this.#pumping
    clearTimeout(this.#timer)
    await this.#closeSegment()
  }

  async #appendHalves(rows: readonly EventRow[]): Promise<void> {
    const middle = rows.length >>> 1
    await Promise.all([this.append(rows.slice(0, middle)), this.append(rows.slice(middle))])
  }

  #pump(): void {
    if (this.#pumping !== undefined || this.#queue.length === 0) return
    this.#pumping = this.#drain().finally(() => {
      this.#pumping = undefined
      this.#pump()
    })
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const segment = this.#segment ?? (await this.#openSegment())
      if (!segment) return
      const group = this.#takeGroup()
      try {
        const from = this.#clock.steadyMs()
        await this.#write(segment, group)
        this.#waits.add(this.#clock.steadyMs(), this.#clock.steadyMs() - from)
        delete this.#status.fault
        this.#tell(segment)
        for (const each of group) {
          this.#status.rowsWritten += each.rows
          each.done()
        }
      } catch (error) {
        this.#abandon(segment)
        this.#status.fault = diskTrouble(error) ?? (error as Error).message
        const failure = new Failure('unavailable', 'The journal could not be written: the rows are not acknowledged.', { path: segment.path }, error) // biome-ignore format: one line
        for (const each of group) {
          this.#status.rowsFailed += each.rows
          each.fail(failure)
        }
      } finally {
        for (const each of group) this.#status.queuedBytes -= each.bytes
      }
      if (segment.bytes >= SEGMENT_BYTES_MAX || this.#isDue(segment)) await this.#closeSegment()
    }
  }

  /** As many waiting appends as fit one frame. */
  #takeGroup(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const each of this.#queue) {
      if (bytes + each.bytes > FRAME_BYTES_MAX) break
      bytes += each.bytes
      count++
    }
    return this.#queue.splice(0, count)
  }

  /** At most one report under way and one in `TELL_MS`: the newest waits. Where it fails, the next says more. */
  #tell({ segment_uid, chain }: OpenSegment): void {
    const { acknowledged } = this.#options
    if (!acknowledged) return
    this.#toTell = { segment_uid, frames: chain.frameNo }
    if (this.#isTelling) return
    this.#isTelling = true
    const tell = () => {
      const at = this.#toTell
      this.#toTell = undefined
      this.#isTelling = at !== undefined
      if (at) acknowledged(at).then(later, later)
    }
    const later = () => void setTimeout(tell, TELL_MS).unref()
    tell()
  }

  async #write(segment: OpenSegment, group: readonly Waiting[]): Promise<void> {
    const rows = group.reduce((sum, each) => sum + each.rows, 0)
    const plain = Buffer.from(group.map((each) => each.lines).join(''))
    const frame = segment.chain.seal(FRAME_ROWS, rows, plain)
    await segment.file.write(frame, segment.bytes)
    await segment.file.sync()
    segment.bytes += frame.length
    if (segment.rows === 0) {
      segment.firstRowMs = this.#clock.steadyMs()
      const due = this.#options.settleSeconds * 1000
      this.#timer = setTimeout(() => void this.#closeDue(segment), due)
    }
    segment.rows += rows
  }

  #isDue(segment: OpenSegment): boolean {
    return this.#clock.steadyMs() - segment.firstRowMs >= this.#options.settleSeconds * 1000
  }

  async #closeDue(segment: OpenSegment): Promise<void> {
    while (this.#pumping !== undefined) await this.#pumping
    if (this.#segment === segment) await this.#closeAlone()
  }

  async #openSegment(): Promise<OpenSegment | undefined> {
    for (;;) {
      try {
        this.#segment = await this.#create(await this.#options.openSegment())
        return this.#segment
      } catch (error) {
        this.#status.fault = diskTrouble(error) ?? (error as Error).message
        if (this.#closed) {
          this.#refuseAll(error)
          return undefined
        }
        await new Promise((done) => setTimeout(done, KEY_RETRY_MS))
      }
    }
  }

  /** Under another name until it is locked and its header is on disk: a reader never meets half a header. */
  async #create({ segment_uid, epoch, salt, key }: SegmentKey): Promise<OpenSegment> {
    const { folder, tenant_uid, appliance_uid } = this.#options
    const header: SegmentHeader = { tenant_uid, appliance_uid, epoch, segment_uid, salt, openedUs: openedUs(folder, this.#clock.nowUs()) } // biome-ignore format: one line
    const path = join(folder, `${segment_uid}.seg`)
    const part = join(folder, `${segment_uid}.new`)
    const file = await this.#disk.create(part, true)
    try {
      if (!lockFile(file.fd)) throw new Failure('internal', 'A new segment was already locked.')
      const bytes = encodeHeader(header)
      await file.write(bytes, 0)
      await file.sync()
      await this.#disk.rename(part, path)
      await this.#disk.syncFolder(folder)
      const chain = new FrameChain(header, key)
      return { file, path, segment_uid, chain, bytes: bytes.length, rows: 0, firstRowMs: 0 }
    } catch (error) {
      await file.close()
      await this.#disk.remove(part)
      throw error
    }
  }

  async #closeSegment(): Promise<void> {
    const segment = this.#segment
    if (!segment) return
    clearTimeout(this.#timer)
    this.#segment = undefined
    try {
      const end = segment.chain.seal(FRAME_END, segment.rows, Buffer.alloc(0))
      await segment.file.write(end, segment.bytes)
      await segment.file.sync()
      const closed = segment.path.replace(/\.seg$/, '.closed')
      await this.#disk.rename(segment.path, closed)
      await this.#disk.syncFolder(this.#options.folder)
      await segment.file.close()
      this.#status.segmentsClosed++
      this.#options.onClosed(closed)
    } catch {
      this.#abandon(segment) // its rows are on disk; without a lock it is settled like a dead writer's
    }
  }

  /** After a failed write nothing may follow in this file: what the disk holds is unknown. */
  #abandon(segment: OpenSegment): void {
    if (this.#segment === segment) this.#segment = undefined
    void segment.file.close().catch(() => {})
  }

  #refuseAll(error: unknown): void {
    for (const each of this.#queue.splice(0)) {
      this.#status.queuedBytes -= each.bytes
      this.#status.rowsFailed += each.rows
      each.fail(new Failure('unavailable', 'The journal closed before it had a key.', {}, error))
    }
  }
}

/** One JSON object a line. JSON.stringify writes a lone surrogate as `\udXXX`, which no reader takes. */
export function encodeLines(rows: readonly EventRow[]): string {
  const lines = rows.map((row) => {
    const line = JSON.stringify(row)
    return line.includes('\\ud') ? JSON.stringify(row, wellFormed) : line
  })
  return `${lines.join('\n')}\n`
}

function wellFormed(_key: string, value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed()
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key.toWellFormed(), each]))
}
