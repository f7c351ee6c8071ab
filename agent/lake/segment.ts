/**
 * The bytes of a segment of the journal, or of the packet ring ('PKTR'). One segment = one tenant, one subkey (D6, D8), never appended to
 * after its writer is gone. Header, then frames; integers are big-endian.
 *
 *   header  'PKTJ' | version u16 | bytes u16 | tenant_uid 16 | appliance_uid 16 | epoch u32 |
 *           segment_uid 16 | salt 32 | opened µs u64
 *   frame   length u32 | frame_no u32 | kind u8 | 0 0 0 | rows u32 | ciphertext | tag 16
 *
 * AES-256-GCM, nonce = frame_no (one subkey a segment, so it never repeats). The AAD binds tenant,
 * appliance, epoch, segment, place and the frame before (D7): no frame can be moved, in time or place.
 */
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'

export const SEGMENT_VERSION = 1
export const HEADER_BYTES = 100
export const FRAME_HEAD_BYTES = 16
export const TAG_BYTES = 16
/** Plaintext of one frame; a row is far smaller (RECORD_BYTES_MAX). */
export const FRAME_BYTES_MAX = 4 << 20
/** `end` closes a segment: without it, frames cut off at a boundary would go unseen. */
export const FRAME_ROWS = 0
export const FRAME_END = 1
/** Of the packet ring: whole pcapng blocks. */
export const FRAME_PACKETS = 2

/** The journal's segments and those of the packet ring; their keys are of two layers. */
export const SEGMENT_OF = { journal: 'PKTJ', ring: 'PKTR' } as const
type Magic = (typeof SEGMENT_OF)[keyof typeof SEGMENT_OF]

/** What picket-keys hands to a writer: the subkey of one segment and nothing else (D8). */
export interface SegmentKey {
  segment_uid: string
  epoch: number
  salt: Buffer
  key: Buffer
}

/** The same as it comes from picket-keys: salt in hex, key in base64. */
export function segmentKeyOf(answer: {
  segment_uid: string
  epoch: number
  salt: string
  key: string
}): SegmentKey {
  const { segment_uid, epoch } = answer
  const salt = Buffer.from(answer.salt, 'hex')
  return { segment_uid, epoch, salt, key: Buffer.from(answer.key, 'base64') }
}

export interface SegmentHeader {
  /** Whose segment it is; the journal's when absent. */
  magic?: Magic
  tenant_uid: string
  appliance_uid: string
  epoch: number
  segment_uid: string
  salt: Buffer
  openedUs: number
}

export interface FrameHead {
  length: number
  frameNo: number
  kind: number
  rows: number
}

export function encodeHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES)
  bytes.write(header.magic ?? SEGMENT_OF.journal, 0, 'latin1')
  bytes.writeUInt16BE(SEGMENT_VERSION, 4)
  bytes.writeUInt16BE(HEADER_BYTES, 6)
  bytes.write(header.tenant_uid, 8, 16, 'hex')
  bytes.write(header.appliance_uid, 24, 16, 'hex')
  bytes.writeUInt32BE(header.epoch, 40)
  bytes.write(header.segment_uid, 44, 16, 'hex')
  header.salt.copy(bytes, 60, 0, 32)
  bytes.writeBigUInt64BE(BigInt(header.openedUs), 92)
  return bytes
}

/** The header, or why the bytes hold none. */
export function decodeHeader(
  bytes: Buffer,
  magic: Magic = SEGMENT_OF.journal,
): SegmentHeader | 'truncated' | 'foreign' {
  if (bytes.length < HEADER_BYTES) return 'truncated'
  if (bytes.toString('latin1', 0, 4) !== magic || bytes.readUInt16BE(4) !== SEGMENT_VERSION)
    return 'foreign'
  return {
    magic,
    tenant_uid: bytes.toString('hex', 8, 24),
    appliance_uid: bytes.toString('hex', 24, 40),
    epoch: bytes.readUInt32BE(40),
    segment_uid: bytes.toString('hex', 44, 60),
    salt: Buffer.from(bytes.subarray(60, 92)),
    openedUs: Number(bytes.readBigUInt64BE(92)),
  }
}

export function decodeFrameHead(bytes: Buffer, at: number): FrameHead {
  return {
    length: bytes.readUInt32BE(at),
    frameNo: bytes.readUInt32BE(at + 4),
    kind: bytes.readUInt8(at + 8),
    rows: bytes.readUInt32BE(at + 12),
  }
}

/** Seals or opens the frames of one segment in order; it holds the running chain of D7. */
export class FrameChain {
  readonly #key: Buffer
  readonly #aad: Buffer
  #frameNo = 0

  constructor(header: SegmentHeader, key: Buffer) {
    this.#key = key
    // v | tenant_uid | appliance_uid | epoch | segment | frame_no | sha256 of what stands before | head
    this.#aad = Buffer.alloc(2 + 16 + 16 + 4 + 16 + 4 + 32 + FRAME_HEAD_BYTES)
    const bytes = encodeHeader(header)
    this.#aad.writeUInt16BE(SEGMENT_VERSION, 0)
    bytes.copy(this.#aad, 2, 8, 60)
    this.#follow(createHash('sha256').update(bytes).digest())
  }

  get frameNo(): number {
    return this.#frameNo
  }

  /** The bytes of the next frame. */
  seal(kind: number, rows: number, plain: Buffer): Buffer {
    const head = Buffer.alloc(FRAME_HEAD_BYTES)
    head.writeUInt32BE(plain.length, 0)
    head.writeUInt32BE(this.#frameNo, 4)
    head.writeUInt8(kind, 8)
    head.writeUInt32BE(rows, 12)
    head.copy(this.#aad, 90)
    const cipher = createCipheriv('aes-256-gcm', this.#key, this.#nonce())
    cipher.setAAD(this.#aad)
    const body = cipher.update(plain)
    cipher.final()
    const tag = cipher.getAuthTag()
    this.#next(head, tag)
    return Buffer.concat([head, body, tag])
  }

  /** The plaintext of the frame at `at`, or nothing when it is not the one that belongs here. */
  open(bytes: Buffer, at: number, head: FrameHead): Buffer | undefined {
    if (head.frameNo !== this.#frameNo) return undefined
    const bodyAt = at + FRAME_HEAD_BYTES
    const tag = bytes.subarray(bodyAt + head.length, bodyAt + head.length + TAG_BYTES)
    const headBytes = bytes.subarray(at, bodyAt)
    headBytes.copy(this.#aad, 90)
    const decipher = createDecipheriv('aes-256-gcm', this.#key, this.#nonce())
    decipher.setAAD(this.#aad)
    decipher.setAuthTag(tag)
    const plain = decipher.update(bytes.subarray(bodyAt, bodyAt + head.length))
    try {
      decipher.final()
    } catch {
      return undefined
    }
    this.#next(headBytes, tag)
    return plain
  }

  #nonce(): Buffer {
    const nonce = Buffer.alloc(12)
    nonce.writeUInt32BE(this.#frameNo, 8)
    return nonce
  }

  #next(head: Buffer, tag: Buffer): void {
    this.#frameNo++
    this.#follow(createHash('sha256').update(head).update(tag).digest())
  }

  #follow(hash: Buffer): void {
    this.#aad.writeUInt32BE(this.#frameNo, 54)
    hash.copy(this.#aad, 58)
  }
}
