/**
 * Plain Parquet → Parquet Modular Encryption (AES_GCM_V1, one footer key), by node:crypto.
 *
 * The engine reads encrypted Parquet but writes it only with a random generator that is not
 * cryptographic, so the bytes are re-framed here. The framing is the one the engine writes itself:
 * no AAD anywhere. With the standard's AAD its reader fails on every filtered scan (measured on
 * 1.5.6). Without AAD, pages under one key could be exchanged by whoever can write the files, so
 * every file's sha256 stands in the signed catalog (D11, D12) and is checked before use.
 *
 *   module  length u32le | nonce 12 | ciphertext | tag 16      one for each page head and each page
 */
import { createCipheriv, randomBytes } from 'node:crypto'
import {
  drop,
  get,
  I32,
  I64,
  type List,
  STRUCT,
  type Struct,
  set,
  ThriftReader,
  writeStruct,
} from './thrift.ts'

const MAGIC_PLAIN = 'PAR1'
export const SEALED_MAGIC = 'PARE'
const MAGIC = Buffer.from(SEALED_MAGIC)
export const NONCE_BYTES = 12
export const TAG_BYTES = 16

// Ids in parquet.thrift.
const FILE_ROW_GROUPS = 4
const GROUP = { columns: 1, fileOffset: 5, compressedSize: 6, ordinal: 7 }
const CHUNK = { fileOffset: 2, meta: 3, offsetIndex: 4, lengths: [5, 6, 7] }
const META = { path: 3, compressedSize: 7, dataPage: 9, indexPage: 10, dictPage: 11, statistics: 12, bloom: [14, 15] } // biome-ignore format: one line
/** Smallest and largest value: once as old readers take them, once as all others do. */
const STATISTICS = { old: [1, 2], extremes: [5, 6, 7, 8] }
/** Texts of which no question wants a range. They would be half of the footer, and each cold cell reads all footers. */
const WITHOUT_EXTREMES = ['message', 'record']
const PAGE_COMPRESSED_SIZE = 3

interface Page {
  head: Buffer
  body: Buffer
}
interface Chunk {
  chunk: Struct
  meta: Struct
  pages: Page[]
  hasDictionary: boolean
}
interface Group {
  group: Struct
  chunks: Chunk[]
}

/** A plain file taken apart: `modules` is how often the key will be used, `bytes` for how much. */
export interface PlainParquet {
  footer: Struct
  groups: Group[]
  modules: number
  bytes: number
}

export function takeApart(file: Buffer): PlainParquet {
  if (file.toString('latin1', file.length - 4) !== MAGIC_PLAIN) throw new Error('not plain Parquet')
  const footerLength = file.readUInt32LE(file.length - 8)
  const footer = new ThriftReader(file, file.length - 8 - footerLength).struct()
  let modules = 1
  const groups = structs(get(footer, FILE_ROW_GROUPS)).map((group) => ({
    group,
    chunks: structs(get(group, GROUP.columns)).map((chunk) => {
      const parts = readChunk(file, chunk)
      modules += parts.pages.length * 2
      return parts
    }),
  }))
  return { footer, groups, modules, bytes: file.length }
}

function readChunk(file: Buffer, chunk: Struct): Chunk {
  const meta = get(chunk, CHUNK.meta) as Struct
  const dataAt = Number(get(meta, META.dataPage))
  const dictAt = Number(get(meta, META.dictPage) ?? 0n)
  const hasDictionary = dictAt > 0 && dictAt < dataAt
  const start = hasDictionary ? dictAt : dataAt
  const end = start + Number(get(meta, META.compressedSize))
  const pages: Page[] = []
  for (let at = start; at < end; ) {
    const reader = new ThriftReader(file, at)
    const size = Number(get(reader.struct(), PAGE_COMPRESSED_SIZE))
    pages.push({
      head: file.subarray(at, reader.at), // its size stays that of the plaintext in this framing
      body: file.subarray(reader.at, reader.at + size),
    })
    at = reader.at + size
  }
  return { chunk, meta, pages, hasDictionary }
}

/** The encrypted file, in pieces to be written one after the other. */
export function sealParquet({ footer, groups }: PlainParquet, key: Buffer): Buffer[] {
  const out: Buffer[] = [MAGIC]
  let at = MAGIC.length
  const emit = (plain: Buffer) => {
    for (const piece of sealModule(key, plain)) {
      out.push(piece)
      at += piece.length
    }
  }
  for (const [ordinal, { group, chunks }] of groups.entries()) {
    const groupAt = at
    for (const { chunk, meta, pages, hasDictionary } of chunks) {
      const chunkAt = at
      let dataAt = at
      for (const [i, { head, body }] of pages.entries()) {
        if (i === (hasDictionary ? 1 : 0)) dataAt = at
        emit(head)
        emit(body)
      }
      set(meta, { id: META.compressedSize, type: I64, value: BigInt(at - chunkAt) })
      set(meta, { id: META.dataPage, type: I64, value: BigInt(dataAt) })
      if (hasDictionary) set(meta, { id: META.dictPage, type: I64, value: BigInt(chunkAt) })
      drop(meta, META.indexPage, ...META.bloom) // the reader takes no encrypted bloom: the catalog has ours
      dropStatistics(meta)
      if (get(chunk, CHUNK.fileOffset) !== 0n)
        set(chunk, { id: CHUNK.fileOffset, type: I64, value: BigInt(chunkAt) })
      drop(chunk, CHUNK.offsetIndex, ...CHUNK.lengths)
    }
    set(group, { id: GROUP.compressedSize, type: I64, value: BigInt(at - groupAt) })
    if (get(group, GROUP.fileOffset) !== undefined)
      set(group, { id: GROUP.fileOffset, type: I64, value: BigInt(groupAt) })
    set(group, { id: GROUP.ordinal, type: I32, value: BigInt(ordinal) })
  }
  const footerAt = at
  out.push(FILE_CRYPTO)
  at += FILE_CRYPTO.length
  emit(writeStruct(footer))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(at - footerAt)
  out.push(length, MAGIC)
  return out
}

function dropStatistics(meta: Struct): void {
  const statistics = get(meta, META.statistics) as Struct | undefined
  if (!statistics) return
  drop(statistics, ...STATISTICS.old)
  const [column] = (get(meta, META.path) as List).items
  if (WITHOUT_EXTREMES.includes(String(column))) drop(statistics, ...STATISTICS.extremes)
}

/** FileCryptoMetaData { encryption_algorithm: AES_GCM_V1 {} }: no aad_file_unique, so no AAD. */
const ALGORITHM: Struct = [{ id: 1, type: STRUCT, value: [{ id: 1, type: STRUCT, value: [] }] }]
export const FILE_CRYPTO = writeStruct(ALGORITHM)

function sealModule(key: Buffer, plain: Buffer): Buffer[] {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const body = cipher.update(plain)
  cipher.final()
  const head = Buffer.alloc(4 + NONCE_BYTES)
  head.writeUInt32LE(NONCE_BYTES + body.length + TAG_BYTES)
  nonce.copy(head, 4)
  return [head, body, cipher.getAuthTag()]
}

function structs(value: ReturnType<typeof get>): Struct[] {
  return (value as List).items as Struct[]
}
