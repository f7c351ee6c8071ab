/**
 * Everything that was received, in append-only segments. A message may be acknowledged once `flush` has
 * resolved: many are written and synced as one. Whatever a crash left unfinished at the end is put aside
 * at the next start; it was never acknowledged.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs'
import { type FileHandle, open, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder, writeWhole } from '../base/files.ts'
import type { Log } from '../base/log.ts'
import { DISK_FREE_BYTES_MIN, PENDING_BYTES_MAX, SEGMENT_BYTES_MAX } from './limits.ts'
import { KIND_FORK, type RecordHead, recordAt, type StoredRecord } from './record.ts'

const NAME = /^(\d{10})\.log$/
const AGAIN_MS = 1000
const ROOM_MS = 1000
const FULL = 'the disk is full'

/** A place in the log; segments count up, offsets are bytes. */
export interface Position {
  segment: number
  offset: number
}

export interface ReceivedOptions {
  folder: string
  log: Log
  segmentBytes?: number
  diskFreeMin?: number
}

interface Waiter {
  done(): void
  fail(error: Error): void
}

export class ReceivedLog {
  readonly #options: ReceivedOptions
  #file: FileHandle | undefined
  #segment = 1
  /** Bytes of the open segment that are synced. */
  #written = 0
  #pending: Buffer[] = []
  #pendingBytes = 0
  #waiters: Waiter[] = []
  #flushing: Promise<void> | undefined
  #closed = false
  #fault: string | undefined
  #roomAt = Number.NEGATIVE_INFINITY
  #look: Promise<void> | undefined
  readonly #forks: Set<string>
  /** Bytes of unfinished records found at the start, and records in the middle that do not read. */
  cutBytes = 0
  damaged = 0

  private constructor(options: ReceivedOptions) {
    this.#options = options
    mkdirSync(join(options.folder, 'aside'), { recursive: true, mode: 0o700 })
    this.#forks = new Set([...this.#recordsOf('forks.log')].map(({ head }) => placeKey(head)))
  }

  static async open(options: ReceivedOptions): Promise<ReceivedLog> {
    const log = new ReceivedLog(options)
    await log.#openLast()
    return log
  }

  /** Where the next record will begin, counting those that wait. */
  get position(): Position {
    return { segment: this.#segment, offset: this.#written + this.#pendingBytes }
  }

  /** Why nothing can be taken in now, in words. */
  get fault(): string | undefined {
    return this.#fault
  }

  /** False while the disk is full, fails, or is far behind: then nothing is received, and nothing is lost. */
  async takes(): Promise<boolean> {
    if (performance.now() - this.#roomAt >= ROOM_MS) {
      this.#roomAt = performance.now()
      this.#look = this.#lookForRoom()
    }
    await this.#look // all that come meanwhile wait for the same look, and keep their order
    return this.#fault === undefined && this.#pendingBytes < PENDING_BYTES_MAX && !this.#closed
  }

  async #lookForRoom(): Promise<void> {
    const { bavail, bsize } = await statfs(this.#options.folder)
    const hasRoom = bavail * bsize >= (this.#options.diskFreeMin ?? DISK_FREE_BYTES_MIN)
    if (!hasRoom && this.#fault !== FULL)
      this.#options.log.error({ error: FULL }, 'received.stalled')
    if (!hasRoom) this.#fault = FULL
    else if (this.#fault === FULL) this.#fault = undefined
  }

  append(bytes: Buffer, head: RecordHead): void {
    this.#pending.push(bytes)
    this.#pendingBytes += bytes.length
    if (head.kind === KIND_FORK) this.#forks.add(placeKey(head))
  }

  /** Resolves once all that was appended before is on disk, however long the disk needs; rejects at close. */
  flush(): Promise<void> {
    if (this.#pending.length === 0 && !this.#flushing) return Promise.resolve()
    return new Promise((done, fail) => {
      this.#waiters.push({ done, fail })
      this.#flushing ??= this.#writeAll()
    })
  }

  async #writeAll(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#pending
      const waiters = this.#waiters
      const bytes = Buffer.concat(batch)
      this.#pending = []
      this.#waiters = []
      try {
        await this.#write(bytes)
        this.#fault = undefined
        for (const { done } of waiters) done()
      } catch (error) {
        this.#pending = [...batch, ...this.#pending]
        this.#waiters = [...waiters, ...this.#waiters]
        if (this.#closed) break
        this.#fault = `the disk does not take it: ${(error as Error).message}`
        this.#options.log.error({ error: this.#fault }, 'received.stalled')
        await new Promise((done) => setTimeout(done, AGAIN_MS))
      }
    }
    const left = this.#waiters
    this.#waiters = []
    this.#flushing = undefined
    for (const { done, fail } of left)
      if (this.#pending.length === 0) done()
      else fail(new Error('the log of received summaries was closed'))
  }

  async #write(bytes: Buffer): Promise<void> {
    const file = this.#file as FileHandle
    // What a failed try left behind is written over, or cut off with the rest at the next start.
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, at, bytes.length - at, this.#written + at)
      at += bytesWritten
    }
    await file.datasync()
    this.#written += bytes.length
    this.#pendingBytes -= bytes.length
    if (this.#written >= (this.#options.segmentBytes ?? SEGMENT_BYTES_MAX)) await this.#roll()
  }

  async #roll(): Promise<void> {
    const next = await open(this.#pathOf(this.#segment + 1), 'w', 0o600)
    syncFolder(this.#options.folder)
    await this.#file?.close()
    this.#file = next
    this.#segment++
    this.#written = 0
  }

  async #openLast(): Promise<void> {
    const { folder, log } = this.#options
    this.#segment = this.#segments().at(-1) ?? 1
    const path = this.#pathOf(this.#segment)
    await (await open(path, 'a', 0o600)).close() // there from now on
    const file = await open(path, 'r+')
    this.#file = file
    syncFolder(folder)
    const bytes = readFileSync(path)
    let end = 0
    for (const record of recordsIn(bytes)) end = record.end
    this.#written = end
    this.cutBytes = bytes.length - end
    if (this.cutBytes === 0) return
    log.warn({ segment: this.#segment, bytes: this.cutBytes }, 'received.cut')
    writeWhole(join(folder, 'aside', `${this.#segment}-${end}.cut`), bytes.subarray(end))
    truncateSync(path, end)
    await file.datasync()
  }

  /** All whole records from there on, in the order they came, with where each begins. */
  *read(from: Position = { segment: 0, offset: 0 }): Generator<StoredRecord & { at: Position }> {
    for (const segment of this.#segments()) {
      if (segment < from.segment) continue
      const offset = segment === from.segment ? from.offset : 0
      for (const record of this.#recordsOf(fileName(segment), offset))
        yield { ...record, at: { segment, offset: record.end - record.bytes.length } }
    }
  }

  /** The forks of segments that were dropped already. */
  keptForks(): Iterable<StoredRecord> {
    return this.#recordsOf('forks.log')
  }

  *#recordsOf(name: string, from = 0): Generator<StoredRecord> {
    let bytes: Buffer
    try {
      bytes = readFileSync(join(this.#options.folder, name))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      throw error
    }
    let at = from
    for (const record of recordsIn(bytes, from)) {
      this.#noteDamage(name, at, record.end - record.bytes.length)
      at = record.end
      yield record
    }
    this.#noteDamage(name, at, bytes.length)
  }

  #noteDamage(file: string, at: number, end: number): void {
    if (at >= end) return
    this.damaged++
    this.#options.log.error({ file, at, bytes: end - at }, 'received.damaged')
  }

  /** Drops segments that ended before then and that no start-up needs; forks in them are kept. */
  async retain(keep: { sinceUs: number; from: Position }): Promise<number> {
    let dropped = 0
    for (const segment of this.#segments()) {
      const path = this.#pathOf(segment)
      const old = statSync(path).mtimeMs * 1000 < keep.sinceUs
      if (segment >= keep.from.segment || segment >= this.#segment || !old) break
      await this.#keepForksOf(segment)
      rmSync(path)
      dropped++
    }
    return dropped
  }

  async #keepForksOf(segment: number): Promise<void> {
    const kept = [...this.#recordsOf(fileName(segment))].filter(({ head }) =>
      this.#forks.has(placeKey(head)),
    )
    if (kept.length === 0) return
    const file = await open(join(this.#options.folder, 'forks.log'), 'a', 0o600)
    await file.appendFile(Buffer.concat(kept.map(({ bytes }) => bytes)))
    await file.datasync()
    await file.close()
    syncFolder(this.#options.folder)
  }

  #segments(): number[] {
    return readdirSync(this.#options.folder)
      .flatMap((name) => NAME.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b)
  }

  #pathOf(segment: number): string {
    return join(this.#options.folder, fileName(segment))
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.flush().catch(() => {})
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }
}

/** Whole records; bytes between them that are none are stepped over: what was acknowledged behind them still counts. */
function* recordsIn(bytes: Buffer, from = 0): Generator<StoredRecord> {
  for (let at = from; at < bytes.length; ) {
    const record = recordAt(bytes, at)
    at = record?.end ?? at + 1
    if (record) yield record
  }
}

function fileName(segment: number): string {
  return `${String(segment).padStart(10, '0')}.log`
}

function placeKey({ tenant_uid, appliance_id, epoch, sequence }: RecordHead): string {
  return `${tenant_uid}|${appliance_id}|${epoch}|${sequence}`
}
