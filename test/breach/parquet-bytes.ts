/** The bytes of an encrypted lake file, taken apart and put together again by one who holds its key. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { zstdDecompressSync } from 'node:zlib'
import { type Struct, ThriftReader, writeStruct } from '../../agent/lake/thrift.ts'

const MAGIC_BYTES = 4
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Length, nonce, ciphertext and tag, as one stands in the file. */
function openModule(module: Buffer, key: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, module.subarray(4, 4 + NONCE_BYTES))
  decipher.setAuthTag(module.subarray(-TAG_BYTES))
  const plain = decipher.update(module.subarray(4 + NONCE_BYTES, -TAG_BYTES))
  decipher.final()
  return plain
}

function sealModule(plain: Buffer, key: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  const length = Buffer.alloc(4)
  length.writeUInt32LE(NONCE_BYTES + body.length + TAG_BYTES)
  return Buffer.concat([length, nonce, body, cipher.getAuthTag()])
}

/** Where the footer's plain part begins, and where its module does. */
function footerOf(bytes: Buffer): [from: number, module: number] {
  const from = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8)
  const reader = new ThriftReader(bytes, from)
  reader.struct()
  return [from, reader.at]
}

/** The footer's own bytes. */
export function readFooter(bytes: Buffer, key: Buffer): Buffer {
  return openModule(bytes.subarray(footerOf(bytes)[1], -8), key)
}

/** The same file with another footer, encrypted as it should be. */
export function withFooter(bytes: Buffer, key: Buffer, footer: Buffer): Buffer {
  const [from, at] = footerOf(bytes)
  const module = sealModule(footer, key)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(at - from + module.length)
  return Buffer.concat([bytes.subarray(0, at), module, length, bytes.subarray(-MAGIC_BYTES)])
}

export function withFields(footer: Buffer, change: (footer: Struct) => void): Buffer {
  const fields = new ThriftReader(footer).struct()
  change(fields)
  return writeStruct(fields)
}

/** Head and body of the page that holds `text`: where they begin and end. */
export function pageOf(bytes: Buffer, key: Buffer, text: string): [from: number, to: number] {
  const [end] = footerOf(bytes)
  for (let at = MAGIC_BYTES; at < end; ) {
    const body = at + 4 + bytes.readUInt32LE(at)
    const next = body + 4 + bytes.readUInt32LE(body)
    if (unpacked(openModule(bytes.subarray(body, next), key)).includes(text)) return [at, next]
    at = next
  }
  throw new Error('no page holds it')
}

function unpacked(body: Buffer): Buffer {
  try {
    return zstdDecompressSync(body)
  } catch {
    return body
  }
}

/** The same file with two of its pages exchanged, as one without its key can do. */
export function exchanged(bytes: Buffer, one: [number, number], two: [number, number]): Buffer {
  const out = Buffer.from(bytes)
  bytes.copy(out, one[0], ...two)
  bytes.copy(out, two[0], ...one)
  return out
}
