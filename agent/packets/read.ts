/** Reads one segment of the packet ring: chunk by chunk, each in its place, up to its end or to where a writer died. */
import { closeSync, fstatSync, readFileSync, readSync } from 'node:fs'
import { Failure } from '../base/failure.ts'
import { openPlain } from '../base/files.ts'
import {
  decodeFrameHead,
  decodeHeader,
  FRAME_BYTES_MAX,
  FRAME_END,
  FRAME_HEAD_BYTES,
  FRAME_PACKETS,
  FrameChain,
  HEADER_BYTES,
  SEGMENT_OF,
  type SegmentHeader,
  TAG_BYTES,
} from '../lake/segment.ts'

const SEGMENT_FILE_BYTES_MAX = 128 << 20

/** `open`: its writer is at work, or was when it died; what it had handed to the kernel is here. */
export type SegmentEnd = 'whole' | 'open' | 'broken'

/** The header of a segment of this tenant, or nothing: it is being made, is another's, or no file at all. */
export function readHeader(path: string, tenant_uid: string): SegmentHeader | undefined {
  const bytes = Buffer.alloc(HEADER_BYTES)
  const fd = plainOf(path)
  if (fd === undefined) return undefined
  try {
    if (readSync(fd, bytes, 0, HEADER_BYTES, 0) < HEADER_BYTES) return undefined
  } finally {
    closeSync(fd)
  }
  const header = decodeHeader(bytes, SEGMENT_OF.ring)
  return typeof header === 'string' || header.tenant_uid !== tenant_uid ? undefined : header
}

/** Hands over every chunk of blocks; what does not verify ends the reading. */
export function readSegmentChunks(
  path: string,
  { tenant_uid, key }: { tenant_uid: string; key: Buffer },
  take: (chunk: Buffer) => boolean,
): SegmentEnd {
  const bytes = readBounded(path)
  const header = bytes && decodeHeader(bytes, SEGMENT_OF.ring)
  if (!header || typeof header === 'string') return 'broken'
  if (header.tenant_uid !== tenant_uid) return 'broken'
  const chain = new FrameChain(header, key)
  const isClosed = path.endsWith('.closed')
  for (let at = HEADER_BYTES; at + FRAME_HEAD_BYTES + TAG_BYTES <= bytes.length; ) {
    const head = decodeFrameHead(bytes, at)
    const size = FRAME_HEAD_BYTES + head.length + TAG_BYTES
    if (head.length > FRAME_BYTES_MAX || at + size > bytes.length) break
    const plain = chain.open(bytes, at, head)
    if (!plain) return 'broken'
    if (head.kind === FRAME_END) return 'whole'
    if (head.kind !== FRAME_PACKETS || !take(plain)) return 'broken'
    at += size
  }
  return isClosed ? 'broken' : 'open'
}

/** Whoever decodes the wire writes this folder: nothing that it could put there may make a reader wait, or read elsewhere. */
function plainOf(path: string): number | undefined {
  try {
    return openPlain(path)
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}

function readBounded(path: string): Buffer | undefined {
  const fd = plainOf(path)
  if (fd === undefined) return undefined
  try {
    return fstatSync(fd).size > SEGMENT_FILE_BYTES_MAX ? undefined : readFileSync(fd)
  } finally {
    closeSync(fd)
  }
}
