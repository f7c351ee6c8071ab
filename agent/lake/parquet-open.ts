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
  /** Where in the footer its metadata up to total_compressed_size stand, and those from the statistics on. */
  head: [from: number, to: number]
  tail: [from: number, to: number]
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
  /** Where in the footer the fields after the columns stand. */
  rest: [from: number, to: number]
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

/** Hands over the plain pages of a chunk, one after the other; their bytes together. */
export function openChunk(
  fd: number,
  { at, length }: SealedChunk,
  key: Buffer,
  take: (page: Buffer) => void,
): number {
  if (length > CHUNK_BYTES_MAX) throw new Error('a column chunk is too long')
  const bytes = readAt(fd, at, length)
  let plain = 0
  for (let from = 0; from < length; ) {
    const page = openModule(bytes, from, key)
    take(page)
    plain += page.length
    from += page.length + MODULE_OVERHEAD
  }
  return plain
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
const CHUNK_META = 3
const META = { path: 3, uncompressedSize: 6, compressedSize: 7, dataPage: 9, dictPage: 11, statistics: 12 } // biome-ignore format: one line
const STATISTICS = { nulls: 3, max: 5, min: 6 }

function skimFooter(bytes: Buffer): SealedFooter {
  const skim = new ThriftSkimmer(bytes)
  let schema: Buffer | undefined
  let tail: Buffer | undefined
  const columns: string[] = []
  const groups: SealedGroup[] = []
  skim.struct((id) => {
    if (id === FILE.rowGroups) {
      const count = skim.listSize()
      for (let i = 0; i < count; i++) groups.push(skimGroup(skim, i === 0 ? columns : undefined))
      tail = bytes.subarray(skim.at)
      return
    }
    skim.skip()
    if (id === FILE.schema) schema = bytes.subarray(0, skim.at)
  })
  if (!schema || !tail) throw new Error('a footer without schema or row groups')
  return {
    bytes,
    schema,
    tail,
    columns,
    groups,
    rows: groups.reduce((sum, { rows }) => sum + rows, 0),
  }
}

function skimGroup(skim: ThriftSkimmer, names: string[] | undefined): SealedGroup {
  const group: SealedGroup = { rows: 0, chunks: [], ranges: new Map(), rest: [0, 0] }
  let restFrom = 0
  let restTo = 0
  skim.struct((id) => {
    if (id === GROUP.columns) {
      const count = skim.listSize()
      for (let i = 0; i < count; i++) skimChunk(skim, group, names)
      restFrom = restTo = skim.at
      return
    }
    if (id === GROUP.rows) group.rows = skim.number()
    else skim.skip()
    if (id <= GROUP.sortingColumns) restTo = skim.at
  })
  group.rest = [restFrom, restTo]
  return group
}

function skimChunk(skim: ThriftSkimmer, group: SealedGroup, names: string[] | undefined): void {
  skim.struct((id) => {
    if (id === CHUNK_META) skimMeta(skim, group, names)
    else skim.skip()
  })
}

function skimMeta(skim: ThriftSkimmer, group: SealedGroup, names: string[] | undefined): void {
  const from = skim.at
  let [headTo, tailFrom, length, dataAt, dictAt] = [0, 0, 0, 0, 0]
  let name = ''
  skim.struct((id) => {
    if (id === META.compressedSize) length = skim.number()
    else if (id === META.dataPage) dataAt = skim.number()
    else if (id === META.dictPage) dictAt = skim.number()
    else if (id === META.path) name = skim.firstText()
    else if (id === META.statistics) skimRange(skim, group, name)
    else skim.skip()
    if (id === META.uncompressedSize) headTo = skim.at
    else if (id === META.dataPage || id === META.dictPage) tailFrom = skim.at
    else if (id > META.uncompressedSize && id < META.dictPage && id !== META.compressedSize)
      throw new Error('a chunk with fields of its own') // their place would be lost
  })
  names?.push(name)
  const hasDictionary = dictAt > 0 && dictAt < dataAt
  group.chunks.push({
    at: hasDictionary ? dictAt : dataAt,
    length,
    hasDictionary,
    dictionaryBytes: hasDictionary ? dataAt - dictAt - 2 * MODULE_OVERHEAD : 0,
    head: [from, headTo],
    tail: [tailFrom, skim.at],
  })
}

function skimRange(skim: ThriftSkimmer, group: SealedGroup, name: string): void {
  if (!(RANGED as readonly string[]).includes(name)) {
    skim.skip()
    return
  }
  let min: Buffer | undefined
  let max: Buffer | undefined
  let nulls = 0
  skim.struct((id) => {
    if (id === STATISTICS.max) max = skim.binary()
    else if (id === STATISTICS.min) min = skim.binary()
    else if (id === STATISTICS.nulls) nulls = skim.number()
    else skim.skip()
  })
  if (min && max && nulls === 0) group.ranges.set(name, { min, max })
}
