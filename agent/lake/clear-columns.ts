/**
 * All files of a scope as one plain Parquet file in memory, of which only those column chunks exist that a question needs. The footer
 * names all; a chunk that was not opened points at zeros, which no reader takes for a page: it fails, it never reads as fewer rows.
 *
 *   'PAR1' | zeros | chunks, one after the other … | … footer | footer without groups | length | 'PAR1'
 *
 * Places are given once. When the chunks of a question do not fit beside the others, `empty` frees all, and the engine is opened anew:
 * one that remembered a footer of before would find other columns where it looks.
 */
import { closeSync, openSync } from 'node:fs'
import type { Branch } from './cell.ts'
import { type ClearMemory, writeMemory, writePieces } from './clear-memory.ts'
import {
  openChunk,
  readSealedFooter,
  type SealedChunk,
  type SealedFooter,
  type SealedGroup,
} from './parquet-open.ts'

const GROUPS_MAX = 8_192
const HOLE_AT = 64
const CHUNKS_AT = 4_096
const MAGIC = Buffer.from('PAR1')
const TRAILER_BYTES = 8

interface Placed {
  at: number
  bytes: number
}

interface OwnFile {
  path: string
  key: string
  footer: SealedFooter
  /** By group and column. */
  placed: Map<string, Placed>
}

/** A row group of the one file: whose, and where its chunks say where they are. */
export interface ClearGroup {
  file: OwnFile
  ordinal: number
  group: SealedGroup
  /** Number of its first row in the one file. */
  firstRow: number
  slots: number[]
}

export class ClearColumns {
  readonly memory: ClearMemory
  #files = new Map<string, OwnFile>()
  #footer: Buffer = Buffer.alloc(0)
  #emptyBytes = 0
  #isShown: boolean | undefined
  #next = CHUNKS_AT
  groups: ClearGroup[] = []
  columns: string[] = []
  /** For the bench and tests: bytes opened so far, and how often everything had to go. */
  opened = 0
  emptied = 0
  /** Counts how often more was opened; when that was last, and when the memory was last written to. */
  version = 0
  placedMs = 0
  writtenMs = 0

  constructor(memory: ClearMemory) {
    this.memory = memory
  }

  /**
   * Takes these files and forgets others; false when they cannot be shown as one, with nothing taken. So is a file that is not
   * as it was sealed: the engine, asked of the sealed files, says so.
   */
  show(branches: readonly Branch[]): boolean {
    try {
      return this.#show(branches)
    } catch {
      return this.#hideAll()
    }
  }

  #show(branches: readonly Branch[]): boolean {
    const before = this.#files
    this.#files = new Map()
    this.groups = []
    for (const { key, paths, tenant_id, fleet_id } of branches)
      for (const path of paths) {
        const file: OwnFile =
          before.get(path) ??
          ({ path, key, footer: readSealedFooter(path, Buffer.from(key, 'base64')), placed: new Map() }) // biome-ignore format: one line
        if (!isOf(file.footer, { tenant_id, fleet_id })) return this.#hideAll()
        this.#files.set(path, file)
      }
    const [first] = this.#files.values()
    const footers = [...this.#files.values()].map(({ footer }) => footer)
    const count = footers.reduce((sum, { groups }) => sum + groups.length, 0)
    if (!first || count === 0 || count > GROUPS_MAX || !footers.every(agreesWith(first.footer)))
      return this.#hideAll()
    this.columns = first.footer.columns
    this.#writeFooter(first.footer)
    return this.groups.length > 0
  }

  /** Opens what of these is not open yet. `full`: they fit once `empty` was called. `no`: they never do. */
  place(wanted: ReadonlyMap<ClearGroup, ReadonlySet<number>>): 'ready' | 'full' | 'no' {
    const missing = this.#missing(wanted)
    const bytes = missing.reduce((sum, { chunk }) => sum + chunk.length, 0)
    if (bytes > this.#footerAt - this.#next)
      return total(wanted) > this.#footerAt - CHUNKS_AT ? 'no' : 'full'
    if (missing.length === 0) return 'ready'
    for (const [file, chunks] of Map.groupBy(missing, ({ at }) => at.file)) {
      const key = Buffer.from(file.key, 'base64')
      const fd = openSync(file.path, 'r')
      try {
        for (const { at, column, chunk } of chunks) this.#open(fd, key, { at, column, chunk })
      } finally {
        closeSync(fd)
        key.fill(0)
      }
    }
    writeMemory(this.memory, this.#footer, this.#footerAt)
    this.opened += bytes
    this.version++
    this.placedMs = this.writtenMs = Date.now()
    return 'ready'
  }

  get #footerAt(): number {
    return this.memory.bytes - TRAILER_BYTES - this.#footer.length
  }

  #missing(wanted: ReadonlyMap<ClearGroup, ReadonlySet<number>>): Missing[] {
    const missing: Missing[] = []
    for (const [at, columns] of wanted)
      for (const column of columns)
        if (!at.file.placed.has(placeOf(at, column)))
          missing.push({ at, column, chunk: at.group.chunks[column] as SealedChunk })
    return missing
  }

  #open(fd: number, key: Buffer, { at, column, chunk }: Missing): void {
    const start = this.#next
    const pages = openChunk(fd, chunk, key)
    const bytes = pages.reduce((sum, { length }) => sum + length, 0)
    if (start + bytes > this.#footerAt) throw new Error('the memory is full')
    writePieces(this.memory, pages, start)
    this.#next = start + bytes
    const placed = { at: start, bytes }
    at.file.placed.set(placeOf(at, column), placed)
    this.#point(at.slots[column] as number, chunk, placed)
  }

  /** All places are free; what stands in them is overwritten by and by, with what is of the same scope. */
  empty(): void {
    this.emptied++
    this.#next = CHUNKS_AT
    for (const file of this.#files.values()) file.placed.clear()
    for (const { slots, group } of this.groups)
      for (const [column, chunk] of group.chunks.entries())
        this.#point(slots[column] as number, chunk, undefined)
    writeMemory(this.memory, this.#footer, this.#footerAt)
  }

  #hideAll(): false {
    this.#files = new Map()
    this.groups = []
    this.#next = CHUNKS_AT
    return false
  }

  #writeFooter(first: SealedFooter): void {
    const files = [...this.#files.values()]
    const groups = files.flatMap((file) =>
      file.footer.groups.map((group, ordinal) => ({ file, group, ordinal })),
    )
    const rows = files.reduce((sum, { footer }) => sum + footer.rows, 0)
    const empty = Buffer.concat([first.schema, rowsAndGroups(0, 0), first.tail])
    const start = Buffer.concat([first.schema, rowsAndGroups(rows, groups.length)])
    const out = Buffer.allocUnsafe(start.length + sizeOf(files) + first.tail.length + empty.length)
    let at = start.copy(out)
    const add = (piece: Buffer, from = 0, to = piece.length) => {
      at += piece.copy(out, at, from, to)
    }
    let firstRow = 0
    for (const each of groups) {
      const { file, group } = each
      const slots: number[] = []
      add(Buffer.from([0x19, ...listHead(group.chunks.length)]))
      let from = group.from
      for (const { placeFrom, placeTo, hasDictionary } of group.chunks) {
        add(file.footer.bytes, from, placeFrom)
        slots.push(at)
        add(hasDictionary ? HOLE_WITH_DICTIONARY : HOLE)
        from = placeTo
      }
      add(file.footer.bytes, from, group.to)
      add(STOP)
      this.groups.push({ ...each, slots, firstRow })
      firstRow += group.rows
    }
    add(first.tail)
    add(empty)
    this.#footer = out.subarray(0, at)
    this.#emptyBytes = empty.length
    if (CHUNKS_AT > this.#footerAt) return void this.#hideAll()
    if (this.#next > this.#footerAt) this.empty()
    for (const { file, group, ordinal, slots } of this.groups)
      if (file.placed.size > 0)
        for (const [column, chunk] of group.chunks.entries()) {
          const placed = file.placed.get(`${ordinal} ${column}`)
          if (placed) this.#point(slots[column] as number, chunk, placed)
        }
    writeMemory(this.memory, MAGIC, 0)
    writeMemory(this.memory, this.#footer, this.#footerAt)
    this.#isShown = undefined
    this.showRows(false)
  }

  /**
   * Without rows the one file is a schema, which is all that a view or a plan needs: the engine reads the footer at each of
   * them. The footer without groups stands behind the one with all, so only its length changes.
   */
  showRows(shown: boolean): void {
    if (shown === this.#isShown) return // a write would look like a change of the file
    this.#isShown = shown
    const trailer = Buffer.alloc(TRAILER_BYTES)
    trailer.writeUInt32LE(shown ? this.#footer.length : this.#emptyBytes)
    MAGIC.copy(trailer, 4)
    writeMemory(this.memory, trailer, this.memory.bytes - TRAILER_BYTES)
    this.writtenMs = Date.now()
  }

  #point(slot: number, { hasDictionary, dictionaryBytes }: SealedChunk, placed?: Placed): void {
    const at = placed?.at ?? HOLE_AT
    this.#footer.set(wide(placed?.bytes ?? 1), slot + 1)
    this.#footer.set(wide(at + (hasDictionary ? (placed ? dictionaryBytes : 1) : 0)), slot + 7)
    if (hasDictionary) this.#footer.set(wide(at), slot + 13)
  }
}

interface Missing {
  at: ClearGroup
  column: number
  chunk: SealedChunk
}

function placeOf({ ordinal }: ClearGroup, column: number): string {
  return `${ordinal} ${column}`
}

function total(wanted: ReadonlyMap<ClearGroup, ReadonlySet<number>>): number {
  let bytes = 0
  for (const [{ group }, columns] of wanted)
    for (const column of columns) bytes += group.chunks[column]?.length ?? 0
  return bytes
}

/** The views say whose rows these are; here the rows do, so every row group must say the same. */
function isOf({ groups }: SealedFooter, whose: { tenant_id: string; fleet_id: string }): boolean {
  return groups.every(({ ranges }) =>
    (['tenant_id', 'fleet_id'] as const).every((name) => {
      const range = ranges.get(name)
      const wanted = Buffer.from(whose[name])
      return range?.min.equals(wanted) && range.max.equals(wanted)
    }),
  )
}

function agreesWith(first: SealedFooter): (footer: SealedFooter) => boolean {
  return ({ schema, columns }) =>
    schema.equals(first.schema) && columns.join() === first.columns.join()
}

// Thrift's compact protocol: field heads are (step to this id << 4 | type), 6 is i64, 9 a list, 12 a struct.
const STOP = Buffer.from([0])
const WIDE_BYTES = 5
/** total_compressed_size, data_page_offset, dictionary_page_offset: five bytes each, so that they change in place. */
const HOLE = Buffer.from([0x16, ...wide(1), 0x26, ...wide(HOLE_AT)])
const HOLE_WITH_DICTIONARY = Buffer.from([0x16, ...wide(1), 0x26, ...wide(HOLE_AT + 1), 0x26, ...wide(HOLE_AT)]) // biome-ignore format: one line

/** Fields 3 and 4 of a footer: the number of rows, and the head of the list of groups. */
function rowsAndGroups(rows: number, groups: number): Buffer {
  return Buffer.from([0x16, ...varint(rows * 2), 0x19, ...listHead(groups)])
}

/** At most what their row groups take in a footer. */
function sizeOf(files: readonly OwnFile[]): number {
  let bytes = 0
  for (const { footer } of files) {
    bytes += footer.bytes.length
    for (const { chunks } of footer.groups)
      bytes += LIST_HEAD_BYTES_MAX + STOP.length + chunks.length * HOLE_WITH_DICTIONARY.length
  }
  return bytes
}
const LIST_HEAD_BYTES_MAX = 8

function listHead(size: number): number[] {
  return size < 15 ? [(size << 4) | 12] : [0xfc, ...varint(size)]
}

function varint(value: number): number[] {
  const out: number[] = []
  for (; value > 0x7f; value = Math.floor(value / 128)) out.push((value % 128) | 0x80)
  return [...out, value]
}

/** A positive number as a zigzag varint of five bytes, whatever its size. */
function wide(value: number): number[] {
  let rest = value * 2
  return Array.from({ length: WIDE_BYTES }, (_, i) => {
    const byte = rest % 128
    rest = Math.floor(rest / 128)
    return i < WIDE_BYTES - 1 ? byte | 0x80 : byte
  })
}
