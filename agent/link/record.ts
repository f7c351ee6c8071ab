/**
 * The bytes of what was received: `length u32 | crc32 u32 | kind u8 | tenant_uid 16 | appliance_id 16 | epoch u64 |
 * sequence u64 | received µs u64 | payload bytes u32 | sealed`, where length and crc cover what follows them.
 * `sealed` is AES-256-GCM under that member's own store key; all of the head is its AAD, so that nothing can
 * be moved to another site, place or time.
 */
import { crc32 } from 'node:zlib'
import type { Envelope } from '../base/signing.ts'
import { aad, seal, unseal } from '../keys/seal.ts'

export const KIND_SUMMARY = 1
/** The same sequence with other content: evidence, kept beside the first. */
export const KIND_FORK = 2

const FRAME_BYTES = 8
const HEAD_BYTES = 61
const RECORD_BYTES_MAX = 64 << 10

export interface RecordHead {
  kind: number
  tenant_uid: string
  appliance_id: string
  epoch: number
  sequence: number
  /** Microseconds since 1970, by this box's clock. */
  receivedAt: number
  /** Of the sealed message as it came. */
  bytes: number
}

export interface ReceivedRecord extends RecordHead {
  envelope: Envelope
}

/** One that lies in a segment: what it says in clear, and the bytes. */
export interface StoredRecord {
  head: RecordHead
  bytes: Buffer
  /** Offset of what comes after it. */
  end: number
}

export function encodeRecord({ envelope, ...head }: ReceivedRecord, storeKey: Buffer): Buffer {
  const sealed = seal(storeKey, Buffer.from(JSON.stringify(envelope)), bound(head))
  const bytes = Buffer.allocUnsafe(FRAME_BYTES + HEAD_BYTES + sealed.length)
  bytes.writeUInt8(head.kind, 8)
  bytes.write(head.tenant_uid, 9, 16, 'hex')
  bytes.write(head.appliance_id, 25, 16, 'hex')
  bytes.writeBigUInt64BE(BigInt(head.epoch), 41)
  bytes.writeBigUInt64BE(BigInt(head.sequence), 49)
  bytes.writeBigUInt64BE(BigInt(head.receivedAt), 57)
  bytes.writeUInt32BE(head.bytes, 65)
  sealed.copy(bytes, FRAME_BYTES + HEAD_BYTES)
  bytes.writeUInt32BE(bytes.length - FRAME_BYTES, 0)
  bytes.writeUInt32BE(crc32(bytes.subarray(FRAME_BYTES)), 4)
  return bytes
}

/** The record at `at`, or nothing when no whole one lies there. */
export function recordAt(segment: Buffer, at: number): StoredRecord | undefined {
  if (segment.length - at < FRAME_BYTES + HEAD_BYTES) return undefined
  const length = segment.readUInt32BE(at)
  const end = at + FRAME_BYTES + length
  if (length < HEAD_BYTES || length > RECORD_BYTES_MAX || end > segment.length) return undefined
  const bytes = segment.subarray(at, end)
  if (crc32(bytes.subarray(FRAME_BYTES)) !== bytes.readUInt32BE(4)) return undefined
  const head = {
    kind: bytes.readUInt8(8),
    tenant_uid: bytes.toString('hex', 9, 25),
    appliance_id: bytes.toString('hex', 25, 41),
    epoch: Number(bytes.readBigUInt64BE(41)),
    sequence: Number(bytes.readBigUInt64BE(49)),
    receivedAt: Number(bytes.readBigUInt64BE(57)),
    bytes: bytes.readUInt32BE(65),
  }
  return { head, bytes, end }
}

/** Nothing when the key is another's or a bit was changed. */
export function openRecord({ head, bytes }: StoredRecord, storeKey: Buffer): Envelope | undefined {
  const plain = unseal(storeKey, bytes.subarray(FRAME_BYTES + HEAD_BYTES), bound(head))
  return plain && (JSON.parse(plain.toString()) as Envelope)
}

function bound(head: RecordHead): Buffer {
  const { tenant_uid, appliance_id, epoch, sequence, kind, receivedAt, bytes } = head
  return aad(tenant_uid, appliance_id, epoch, sequence, kind, receivedAt, bytes)
}
