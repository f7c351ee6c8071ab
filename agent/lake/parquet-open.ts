/**
 * A sealed Parquet file read back by node:crypto: its footer, and single column chunks as the engine would have written them
 * without a key. Node's OpenSSL opens about a gigabyte a second, the engine's own cryptography less than a fifth of it.
 *
 * The footer is gone through without being built up: what must change for other places is cut out, the rest stays bytes.
 * All of it passed its authentication tag, and the file its sha256, before it is read here; odd bytes throw.
 */
import { createDecipheriv } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { FILE_CRYPTO, NONCE_BYTES, SEALED_MAGIC, TAG_BYTES } from './parquet-seal.ts'
import { ThriftSkimmer } from './thrift-skim.ts'

const FOOTER_BYTES_MAX = 64 << 20
const CHUNK_BYTES_MAX = 256 << 20
const LENGTH_BYTES = 4
/** What sealing adds to a module, a page being two of them. */
const MODULE_OVERHEAD = LENGTH_BYTES + NONCE_BYTES + TAG_BYTES

export interface SealedChunk {
  /** Where its modules lie in the file. */
  at: number
  length: number
  /** Plain bytes of its dictionary page, which stands before the data; 0 without one. */
  dictionaryBytes: number
  hasDictionary: boolean
  /** Where in the footer the fields stand that say where it lies: sizes and statistics before and behind them keep their bytes. */
  placeFrom: number
  placeTo: number
}

/** Smallest and largest value as the engine wrote them; nothing where it wrote none or some are null. */
export interface Range {
  min: Buffer
  max: Buffer
}

export interface SealedGroup {
  rows: number
  chunks: SealedChunk[]
  ranges: Map<string, Range>
  /** Where in the footer its chunks and what follows them stand. */
  from: number
  to: number
}

export interface SealedFooter {
  bytes: Buffer
  /** Version and schema, and what follows the row groups: equal in files that may be shown as one. */
  schema: Buffer
  tail: Buffer
  columns: string[]
  rows: number
  groups: SealedGroup[]
}

/** Columns whose ranges say which row groups a question needs, and whose rows they are. */
export const RANGED = ['tenant_id', 'fleet_id', 'event_time', 'ingest_time'] as const

export function readSealedFooter(path: string, key: Buffer): SealedFooter {
  const fd = openSync(path, 'r')
  try {
    const { size } = fstatSync(fd)
    const end = readAt(fd, size - 8, 8)
    const length = end.readUInt32LE(0)
    if (end.toString('latin1', 4) !== SEALED_MAGIC || length > Math.min(size, FOOTER_BYTES_MAX))
      throw new Error('not sealed Parquet')
    const bytes = readAt(fd, size - 8 - length, length)
    if (!bytes.subarray(0, FILE_CRYPTO.length).equals(FILE_CRYPTO))
      throw new Error('Parquet of another framing')
    return skimFooter(openModule(bytes, FILE_CRYPTO.length, key))
  } finally {
    closeSync(fd)
  }
}

/** The plain pages of a chunk, heads and bodies. */
export function openChunk(fd: number, { at, length }: SealedChunk, key: Buffer): Buffer[] {
  if (length > CHUNK_BYTES_MAX) throw new Error('a column chunk is too long')
  const bytes = readAt(fd, at, length)
  const pages: Buffer[] = []
  for (let from = 0; from < length; ) {
    const page = openModule(bytes, from, key)
    pages.push(page)
    from += page.length + MODULE_OVERHEAD
  }
  return pages
}

function openModule(bytes: Buffer, at: number, key: Buffer): Buffer {
  const from = at + LENGTH_BYTES + NONCE_BYTES
  const end = at + LENGTH_BYTES + bytes.readUInt32LE(at)
  if (end > bytes.length || end - TAG_BYTES < from) throw new Error('a module is cut')
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(at + LENGTH_BYTES, from))
  decipher.setAuthTag(bytes.subarray(end - TAG_BYTES, end))
  const plain = decipher.update(bytes.subarray(from, end - TAG_BYTES))
  decipher.final()
  return plain
}

function readAt(fd: number, at: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  if (at < 0 || readSync(fd, bytes, 0, length, at) !== length) throw new Error('a lake file is cut')
  return bytes
}

// Ids in parquet.thrift.
const FILE = { schema: 2, rowGroups: 4 }
const GROUP = { columns: 1, rows: 3, sortingColumns: 4 }
const CHUNK = { fileOffset: 2, meta: 3 }
const META = { path: 3, uncompressedSize: 6, compressedSize: 7, dataPage: 9, dictPage: 11, statistics: 12 } // biome-ignore format: one line
const STATISTICS = { nulls: 3, max: 5, min: 6 }

function skimFooter(bytes: Buffer): SealedFooter {
  const skim = new ThriftSkimmer(bytes)
  let schema: Buffer | undefined
  let tail: Buffer | undefined
  const columns: string[] = []
  const groups: SealedGroup[] = []
  for (let id = skim.field(0); id > 0; id = skim.field(id)) {
    if (id !== FILE.rowGroups) skim.skip()
    if (id === FILE.schema) schema = bytes.subarray(0, skim.at)
    if (id !== FILE.rowGroups) continue
    const count = skim.listSize()
    for (let i = 0; i < count; i++) groups.push(skimGroup(skim, columns))
    tail = bytes.subarray(skim.at)
  }
  if (!schema || !tail) throw new Error('a footer without schema or row groups')
  const rows = groups.reduce((sum, group) => sum + group.rows, 0)
  return { bytes, schema, tail, columns, groups, rows }
}

/** `columns` is filled by the first group; the others have theirs in the same order. */
function skimGroup(skim: ThriftSkimmer, columns: string[]): SealedGroup {
  const group: SealedGroup = { rows: 0, chunks: [], ranges: new Map(), from: 0, to: 0 }
  for (let id = skim.field(0); id > 0; id = skim.field(id)) {
    if (id === GROUP.columns) {
      const count = skim.listSize()
      group.from = skim.at
      for (let i = 0; i < count; i++) skimChunk(skim, group, columns)
    } else if (id === GROUP.rows) group.rows = skim.number()
    else skim.skip()
    if (id <= GROUP.sortingColumns) group.to = skim.at
  }
  if (group.chunks.length !== columns.length) throw new Error('a row group of other columns')
  return group
}

function skimChunk(skim: ThriftSkimmer, group: SealedGroup, columns: string[]): void {
  for (let id = skim.field(0); id > 0; id = skim.field(id))
    if (id === CHUNK.meta) skimMeta(skim, group, columns)
    else if (id !== CHUNK.fileOffset || skim.number() !== 0)
      throw new Error('a chunk with a place of its own') // it would not move with the others
}

function skimMeta(skim: ThriftSkimmer, group: SealedGroup, columns: string[]): void {
  const chunk: SealedChunk = { at: 0, length: 0, dictionaryBytes: 0, hasDictionary: false, placeFrom: 0, placeTo: 0 } // biome-ignore format: one line
  const ordinal = group.chunks.length
  let [dataAt, dictAt] = [0, 0]
  for (let id = skim.field(0); id > 0; id = skim.field(id)) {
    if (id === META.compressedSize) chunk.length = skim.number()
    else if (id === META.dataPage) dataAt = skim.number()
    else if (id === META.dictPage) dictAt = skim.number()
    else if (id === META.path && ordinal === columns.length) columns.push(skim.firstText())
    else if (id === META.statistics && isRanged(columns[ordinal]))
      skimRange(skim, group, columns[ordinal]) // biome-ignore format: one line
    else if (id > META.uncompressedSize && id < META.dictPage)
      throw new Error('a chunk with fields of its own') // their place would be lost
    else skim.skip()
    if (id === META.uncompressedSize) chunk.placeFrom = skim.at
    else if (id === META.dataPage || id === META.dictPage) chunk.placeTo = skim.at
  }
  chunk.hasDictionary = dictAt > 0 && dictAt < dataAt
  chunk.at = chunk.hasDictionary ? dictAt : dataAt
  if (chunk.hasDictionary) chunk.dictionaryBytes = dataAt - dictAt - 2 * MODULE_OVERHEAD
  group.chunks.push(chunk)
}

type Ranged = (typeof RANGED)[number]

function isRanged(column: string | undefined): column is Ranged {
  return (RANGED as readonly (string | undefined)[]).includes(column)
}

function skimRange(skim: ThriftSkimmer, group: SealedGroup, column: Ranged): void {
  let min: Buffer | undefined
  let max: Buffer | undefined
  let nulls = 0
  for (let id = skim.field(0); id > 0; id = skim.field(id))
    if (id === STATISTICS.max) max = skim.binary()
    else if (id === STATISTICS.min) min = skim.binary()
    else if (id === STATISTICS.nulls) nulls = skim.number()
    else skim.skip()
  if (min && max && nulls === 0) group.ranges.set(column, { min, max })
}
