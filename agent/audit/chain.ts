/**
 * The audit trail: append-only, hash-chained, on disk before the act that it announces. A checkpoint
 * signs the chain every five minutes or thousand lines; edits, reorder and truncation up to there show.
 */
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { Json } from '../base/canonical.ts'
import type { Clock } from '../base/clock.ts'
import { Failure } from '../base/failure.ts'
import { syncFolder } from '../base/files.ts'
import { newUid } from '../base/ids.ts'
import type { Envelope } from '../base/signing.ts'
import {
  EVERY_TENANT,
  FIRST_PREV,
  hashOf,
  LINE_BYTES_MAX,
  type Line,
  type LineDraft,
  lineBytes,
  parseLine,
} from './line.ts'
import { Reserve } from './reserve.ts'
import { linesOf, SEGMENT_BYTES_MAX, segmentPath, segments } from './segment.ts'

export const AUDIT_BYTES_MAX = 2 ** 30
export const CHECKPOINT_LINES_MAX = 1000
const SETBACK_US = 1_000_000

export interface ChainOptions {
  /** `<data>/audit`. */
  folder: string
  clock: Clock
  sign: (type: 'checkpoint', body: Json) => Envelope
  /** Whole trail; above it views and changes stop, detection goes on. */
  bytesMax?: number
  segmentBytesMax?: number
}

export interface Appended {
  seq: number
  hash: string
}

export class Chain {
  readonly folder: string
  readonly #options: Required<ChainOptions>
  readonly #carried = new Map<string, string>()
  readonly #reserve: Reserve
  #file = -1
  #length = 0
  #olderBytes = 0
  #seq = 0
  #hash = FIRST_PREV
  #at = 0
  #checkpointSeq = 0
  #brokenAt: string | undefined

  /** Opens the last file, checks it, cuts a line that a crash left unfinished, and says so in the chain. */
  constructor(options: ChainOptions) {
    this.#options = { bytesMax: AUDIT_BYTES_MAX, segmentBytesMax: SEGMENT_BYTES_MAX, ...options }
    this.folder = options.folder
    mkdirSync(this.folder, { recursive: true, mode: 0o700 })
    this.#reserve = new Reserve(this.folder)
    const files = segments(this.folder)
    const last = files.at(-1)
    this.#olderBytes = files.slice(0, -1).reduce((sum, path) => sum + statSync(path).size, 0)
    if (last === undefined) this.#begin()
    else this.#resume(last)
  }

  /** The last line written. */
  get head(): Appended {
    return { seq: this.#seq, hash: this.#hash }
  }

  /** False once this process found a line that does not fit. */
  get intact(): boolean {
    return this.#brokenAt === undefined
  }

  /** A fact that an earlier line carried, from any earlier run. */
  carried(name: string): string | undefined {
    return this.#carried.get(name)
  }

  carriedNames(): string[] {
    return [...this.#carried.keys()]
  }

  /** Returns when the line is on disk: only then may the act happen. */
  append(draft: LineDraft): Appended {
    const nowUs = this.#options.clock.nowUs()
    if (nowUs < this.#at - SETBACK_US) {
      const seconds = Math.round((this.#at - nowUs) / 1_000_000)
      this.#write(ours('clock.back', { count: seconds }), nowUs)
    }
    this.#roll()
    this.#write(draft, nowUs)
    const written = this.head
    if (this.#seq - this.#checkpointSeq >= CHECKPOINT_LINES_MAX) this.checkpoint()
    return written
  }

  /** Signs the chain up to here, if there is anything new. */
  checkpoint(): void {
    if (this.#seq === this.#checkpointSeq) return
    const nowUs = this.#options.clock.nowUs()
    const body = {
      chain: this.#carried.get('chain') ?? '',
      seq: this.#seq,
      hash: this.#hash,
      at: nowUs,
    }
    const envelope = this.#options.sign('checkpoint', body)
    this.#write(ours('checkpoint', { subject: String(this.#seq), envelope }), nowUs)
    this.#checkpointSeq = this.#seq
  }

  close(): void {
    if (this.#file < 0) return
    this.checkpoint()
    closeSync(this.#file)
    this.#file = -1
  }

  #begin(): void {
    this.#openFile(segmentPath(this.folder, this.#seq + 1))
    const fresh = this.#seq === 0
    const carry = fresh ? { chain: newUid() } : Object.fromEntries(this.#carried)
    const verb = fresh ? 'audit.opened' : 'audit.segment'
    this.#write(ours(verb, { carry }), this.#options.clock.nowUs())
  }

  #roll(): void {
    if (this.#length < this.#options.segmentBytesMax) return
    closeSync(this.#file)
    this.#olderBytes += this.#length
    this.#begin()
  }

  #openFile(path: string): void {
    this.#file = openSync(path, 'a', 0o600)
    this.#length = fstatSync(this.#file).size
    syncFolder(dirname(path))
  }

  #resume(path: string): void {
    let good = 0
    let number = 0
    let torn = 0
    for (const { bytes, whole } of linesOf(path)) {
      number++
      if (!whole) {
        torn = bytes.length
        break
      }
      this.#take(bytes, `${path.slice(this.folder.length + 1)}:${number}`)
      good += bytes.length + 1
    }
    this.#openFile(path)
    if (torn > 0) ftruncateSync(this.#file, good)
    this.#length = good
    if (good === 0) {
      this.#beginAgain(path)
      return
    }
    const nowUs = this.#options.clock.nowUs()
    if (torn > 0) this.#write(ours('audit.torn', { count: torn }), nowUs)
    if (this.#brokenAt !== undefined)
      this.#write(ours('audit.broken', { subject: this.#brokenAt }), nowUs)
  }

  /** The crash came between making the file and its first line. What came before stands in the file before. */
  #beginAgain(path: string): void {
    closeSync(this.#file)
    const before = segments(this.folder)
      .filter((each) => each < path)
      .at(-1)
    if (before !== undefined)
      for (const { bytes } of linesOf(before))
        this.#take(bytes, before.slice(this.folder.length + 1))
    this.#begin()
  }

  /** Follows the chain over one stored line. A line that does not fit is named once, and not repaired. */
  #take(bytes: Buffer, place: string): void {
    const line = parseLine(bytes)
    const first = this.#seq === 0 // the file's first line: its predecessor stands in the file before
    const fits = line && (first || (line.seq === this.#seq + 1 && line.prev === this.#hash))
    if (!fits) this.#brokenAt ??= place
    this.#seq = Math.max(line?.seq ?? 0, this.#seq + 1)
    this.#hash = hashOf(bytes)
    if (!line) return
    this.#at = line.at
    if (line.verb === 'checkpoint') this.#checkpointSeq = line.seq
    for (const [name, value] of Object.entries(line.carry ?? {})) this.#carried.set(name, value)
  }

  #write(draft: LineDraft, at: number): void {
    const { tenant_id = EVERY_TENANT, tenant_uid = EVERY_TENANT, subject = '-' } = draft
    const line = { ...draft, tenant_id, tenant_uid, subject, v: 1, seq: this.#seq + 1 } as const
    const bytes = lineBytes({ ...line, prev: this.#hash, at } as Line)
    const total = this.#olderBytes + this.#length + bytes.length + 1
    if (bytes.length > LINE_BYTES_MAX) throw new Error('an audit line is too long')
    if (total > this.#options.bytesMax) throw full()
    this.#put(Buffer.concat([bytes, Buffer.from('\n')]))
    this.#seq++
    this.#hash = hashOf(bytes)
    this.#at = at
    for (const [name, value] of Object.entries(draft.carry ?? {})) this.#carried.set(name, value)
  }

  #put(bytes: Buffer): void {
    try {
      writeAll(this.#file, bytes)
    } catch (error) {
      ftruncateSync(this.#file, this.#length) // no half line before the next
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC' || !this.#reserve.release())
        throw full(error)
      writeAll(this.#file, bytes)
    }
    this.#length += bytes.length
  }
}

function writeAll(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
  fdatasyncSync(file)
}

/** A line of the trail about itself or the box. */
function ours(verb: LineDraft['verb'], rest: Partial<LineDraft>): LineDraft {
  return { verb, outcome: 'done', actor: 'process:keys', ...rest }
}

function full(cause?: unknown): Failure {
  return new Failure(
    'unavailable',
    'The audit trail cannot take another line, so views and changes stop; detection goes on. Free space on the disk, or move the oldest files of the audit folder to an archive.',
    {},
    cause,
  )
}
