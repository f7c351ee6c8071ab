/** The classic capture file: a header of 24 bytes, then records. */
import type { ByteStream } from './byte-stream.ts'
import type { FrameBatch } from './source.ts'

/** What a reader of a file says after a step: give me more bytes, take this batch, or what is wrong. */
export type Step = 'more' | 'full' | { wrong: string }

export interface FileReader {
  /** Frames read so far. */
  readonly frames: number
  /** Adds the whole records of the window to the batch. */
  read(stream: ByteStream, batch: FrameBatch): Step
  /** What the file ends in the middle of, when it ends here; undefined at a proper end. */
  unfinished(stream: ByteStream): string | undefined
}

/** tcpdump's own bound for any link type but USB. */
export const FRAME_BYTES_MAX = 262_144
const FILE_HEADER_BYTES = 24

interface Form {
  little: boolean
  nanoseconds: boolean
  recordBytes: number
}

/** The first four bytes as a big-endian number; each form exists in both byte orders. */
function formOf(magic: number): Form | undefined {
  const plain = { nanoseconds: false, recordBytes: 16 }
  switch (magic) {
    case 0xa1b2c3d4:
      return { little: false, ...plain }
    case 0xd4c3b2a1:
      return { little: true, ...plain }
    case 0xa1b23c4d:
      return { little: false, nanoseconds: true, recordBytes: 16 }
    case 0x4d3cb2a1:
      return { little: true, nanoseconds: true, recordBytes: 16 }
    case 0xa1b2cd34: // Kuznetsov's: eight more bytes a record
      return { little: false, nanoseconds: false, recordBytes: 24 }
    case 0x34cdb2a1:
      return { little: true, nanoseconds: false, recordBytes: 24 }
    default:
      return undefined
  }
}

export class PcapReader implements FileReader {
  frames = 0
  readonly #form: Form
  #linkType = -1

  constructor(form: Form) {
    this.#form = form
  }

  /** A reader, when the stream begins as such a file does. */
  static of(stream: ByteStream): PcapReader | undefined {
    const form = stream.left >= 4 ? formOf(stream.bytes.readUInt32BE(stream.at)) : undefined
    return form && new PcapReader(form)
  }

  read(stream: ByteStream, batch: FrameBatch): Step {
    const { bytes, view } = stream
    const { little, nanoseconds, recordBytes } = this.#form
    if (this.#linkType < 0) {
      if (stream.left < FILE_HEADER_BYTES) return 'more'
      // The upper half says how long the frame check sequence is; it is behind the datagram.
      this.#linkType = read32(bytes, stream.at + 20, little) & 0xffff
      stream.at += FILE_HEADER_BYTES
    }
    batch.linkType = this.#linkType
    while (stream.left >= recordBytes) {
      if (batch.count === batch.start.length) return 'full'
      const { at } = stream
      const captured = view.getUint32(at + 8, little)
      if (captured > FRAME_BYTES_MAX)
        return { wrong: `frame ${this.frames + 1} claims ${captured} bytes, more than a frame has` }
      if (stream.left < recordBytes + captured) return 'more'
      const fraction = view.getUint32(at + 4, little)
      const i = batch.count++
      batch.start[i] = at + recordBytes
      batch.captured[i] = captured
      // Some writers leave the original length 0 or wrong.
      batch.wire[i] = Math.min(Math.max(captured, view.getUint32(at + 12, little)), 0x7fffffff)
      batch.timeUs[i] =
        view.getUint32(at, little) * 1e6 + (nanoseconds ? Math.floor(fraction / 1000) : fraction)
      batch.restNs[i] = nanoseconds ? fraction % 1000 : 0
      batch.vlan[i] = -1
      this.frames++
      stream.at += recordBytes + captured
    }
    return 'more'
  }

  unfinished(stream: ByteStream): string | undefined {
    if (this.#linkType < 0) return 'its header'
    return stream.left > 0 ? `frame ${this.frames + 1}` : undefined
  }
}

/** Four bytes in the byte order of the machine that wrote the file. */
export function read32(bytes: Buffer, at: number, little: boolean): number {
  return little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)
}

export function read16(bytes: Buffer, at: number, little: boolean): number {
  return little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)
}
