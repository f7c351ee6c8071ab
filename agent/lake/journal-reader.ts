/** Reads one journal segment: every frame in its place, or the sentence that says which is not. */
import { closeSync, fstatSync, readFileSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { Failure } from '../base/failure.ts'
import { openPlain } from '../base/files.ts'
import {
  decodeFrameHead,
  decodeHeader,
  FRAME_BYTES_MAX,
  FRAME_END,
  FRAME_HEAD_BYTES,
  FRAME_ROWS,
  FrameChain,
  HEADER_BYTES,
  type SegmentHeader,
  TAG_BYTES,
} from './segment.ts'

const SEGMENT_FILE_BYTES_MAX = 256 << 20

export interface SegmentReading {
  header: SegmentHeader
  rows: number
  frames: number
  /** NDJSON of all good frames, in order. */
  lines: Buffer[]
  /**
   * How the file ended. `whole`: with its end mark. `torn`: a writer died, nothing acknowledged is
   * missing. `broken`: a frame is wrong or frames are gone; `fault` says which, the rest is not read.
   */
  end: 'whole' | 'torn' | 'broken'
  fault?: string
}

export interface ReadOptions {
  /** Whose folder the file was found in. */
  tenant_uid: string
  key(header: SegmentHeader): Promise<Buffer>
}

export async function readSegment(path: string, options: ReadOptions): Promise<SegmentReading> {
  const name = basename(path)
  const bytes = readBounded(path)
  const header = decodeHeader(bytes)
  if (typeof header === 'string')
    throw new Failure('invalid', `${name} is no journal segment (${header}).`, { path })
  if (header.tenant_uid !== options.tenant_uid)
    throw new Failure('refused', `${name} belongs to another tenant than its folder.`, { path })
  if (!name.startsWith(`${header.segment_uid}.`))
    throw new Failure('refused', `${name} was renamed: inside it is another segment.`, { path })
  const key = await options.key(header)
  const closed = name.endsWith('.closed')
  try {
    return readFrames(bytes, { header, chain: new FrameChain(header, key), name, closed })
  } finally {
    key.fill(0)
  }
}

function readBounded(path: string): Buffer {
  const fd = openPlain(path)
  try {
    if (fstatSync(fd).size > SEGMENT_FILE_BYTES_MAX)
      throw new Failure('invalid', `${basename(path)} is too big to be a journal segment.`, { path }) // biome-ignore format: one line
    return readFileSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Who wrote it and when it was opened, by its own unproved word. */
export function readHeader(path: string): SegmentHeader | 'truncated' | 'foreign' {
  const bytes = Buffer.alloc(HEADER_BYTES)
  let fd: number
  try {
    fd = openPlain(path)
  } catch {
    return 'truncated'
  }
  try {
    return decodeHeader(bytes.subarray(0, readSync(fd, bytes, 0, HEADER_BYTES, 0)))
  } finally {
    closeSync(fd)
  }
}

interface Source {
  header: SegmentHeader
  chain: FrameChain
  name: string
  /** Closed by its writer: it must have its end mark. */
  closed: boolean
}

function readFrames(bytes: Buffer, { header, chain, name, closed }: Source): SegmentReading {
  const reading: SegmentReading = { header, rows: 0, frames: 0, lines: [], end: 'torn' }
  const broken = (what: string) =>
    ({ ...reading, end: 'broken', fault: `${name}: frame ${chain.frameNo} ${what}` }) as const
  let at = HEADER_BYTES
  while (at < bytes.length) {
    const left = bytes.length - at
    if (left < FRAME_HEAD_BYTES) break
    const head = decodeFrameHead(bytes, at)
    const size = FRAME_HEAD_BYTES + head.length + TAG_BYTES
    if (head.length > FRAME_BYTES_MAX || size > left) break
    const plain = chain.open(bytes, at, head)
    // The last thing in the file: a write that power loss cut short looks like this, in any of its sectors.
    if (!plain && !closed) break
    if (!plain) return broken('does not belong here or was changed; nothing after it was read.')
    at += size
    if (head.kind === FRAME_END) {
      if (head.rows !== reading.rows || at !== bytes.length)
        return broken('ends the segment, but the rows before or the bytes after it do not agree.')
      return { ...reading, end: 'whole' }
    }
    if (head.kind !== FRAME_ROWS) return broken('is of a kind this version does not know.')
    reading.rows += head.rows
    reading.frames++
    reading.lines.push(plain)
  }
  if (closed) return broken('is missing: the segment was closed, but its end is gone.')
  return holdsMoreFrames(bytes, at, chain.frameNo)
    ? broken('was changed; nothing after it was read.')
    : reading
}

/** Each frame is synced before the next is written: behind one that was cut short stands no head with a later number. */
function holdsMoreFrames(bytes: Buffer, at: number, frameNo: number): boolean {
  if (bytes.length - at < FRAME_HEAD_BYTES) return false
  for (let i = at + FRAME_HEAD_BYTES; i + FRAME_HEAD_BYTES + TAG_BYTES <= bytes.length; i++) {
    const head = decodeFrameHead(bytes, i)
    if (head.frameNo !== frameNo + 1 || head.kind > FRAME_END || head.rows > 1_000_000) continue
    if (bytes[i + 9] !== 0 || bytes[i + 10] !== 0 || bytes[i + 11] !== 0) continue
    if (i + FRAME_HEAD_BYTES + head.length + TAG_BYTES <= bytes.length) return true
  }
  return false
}
