/** Content-Encoding undone, with a bound: a body of 64 kB may claim to be 64 MB (RFC 9110 §8.4). */
import {
  brotliDecompressSync,
  gunzipSync,
  inflateRawSync,
  inflateSync,
  type ZlibOptions,
  constants as zlib,
} from 'node:zlib'
import type { Fault } from '../base/fault.ts'
import { RawInflate } from './raw-inflate.ts'

const OUTPUT_BYTES_MAX = 262_144
/** zlib cannot expand a byte to more than 1032, so a prefix this short always fits: the halving ends there. */
const PREFIX_BYTES_MIN = 250
const LAYERS_MAX = 8
const DEFLATE = 8
const GZIP_HEAD_BYTES = 10
const GZIP_TAIL_BYTES = 8
const GZIP_BYTES_MIN = GZIP_HEAD_BYTES + GZIP_TAIL_BYTES
const GZIP_EXTRA = 4
const GZIP_NAME = 8
const GZIP_COMMENT = 16
const GZIP_CRC = 2

/** Of the usual body: gzip without more in its head, within the bound. */
const usual = new RawInflate(OUTPUT_BYTES_MAX)

/** Text unpacks to about this many times as much; a body then takes one piece of output, no larger than it is like to need. */
const UNPACKS_TO = 6
const PIECE_BYTES_MIN = 1024
const PIECE_BYTES_MAX = OUTPUT_BYTES_MAX

function bounds(input: Buffer): ZlibOptions {
  return {
    finishFlush: zlib.Z_SYNC_FLUSH,
    maxOutputLength: OUTPUT_BYTES_MAX,
    chunkSize: Math.min(PIECE_BYTES_MAX, Math.max(PIECE_BYTES_MIN, input.length * UNPACKS_TO)),
  }
}

/** One layer undone, as far as it goes. */
interface Undone {
  output: Buffer | undefined
  fault: Fault | undefined
}

export interface Inflated {
  /** Valid until the next call. */
  bytes: Buffer
  fault: Fault | undefined
  /** Nothing was undone: the bytes are a view of what was given. */
  same: boolean
}

/**
 * `body` may be the first part of what was sent: what can be read of it is returned. An encoding that is not known, or a lie
 * about it, gives the bytes as they came: a view of them.
 */
export function inflateBody(
  body: Buffer,
  encoding: string,
  keptMax: number,
  layersMax = 2,
): Inflated {
  if (encoding === '') return { bytes: body.subarray(0, keptMax), fault: undefined, same: true }
  let bytes: Buffer = body
  let fault: Fault | undefined
  let same = true
  let lent = false
  // A name that is none is read over, as clients do.
  const layers = encoding
    .toLowerCase()
    .split(/[\s,\0]+/, LAYERS_MAX * 2)
    .reverse()
    .flatMap((name) => undoer(name) ?? [])
    .slice(0, Math.min(layersMax, LAYERS_MAX))
  for (const [i, undo] of layers.entries()) {
    if (bytes.length === 0) break
    if (lent) bytes = Buffer.from(bytes) // the next layer is written over it
    const max = i === layers.length - 1 ? keptMax : OUTPUT_BYTES_MAX
    const whole = undo === gunzip ? usualGzip(bytes, max) : undefined
    const result = whole ?? longestPrefix(bytes, undo)
    lent = whole !== undefined
    fault ??= result.fault
    if (!result.output) break
    bytes = result.output
    same = false
  }
  return { bytes: bytes.subarray(0, keptMax), fault, same }
}

function undoer(name: string): ((input: Buffer) => Buffer) | undefined {
  if (name === 'gzip' || name === 'x-gzip') return gunzip
  if (name === 'br')
    return (input) =>
      brotliDecompressSync(input, {
        finishFlush: zlib.BROTLI_OPERATION_FLUSH,
        maxOutputLength: OUTPUT_BYTES_MAX,
      })
  if (name === 'deflate')
    return (input) =>
      // RFC 9110 §8.4.1.2 means zlib; many servers send raw deflate.
      ((input[0] as number) & 0x0f) === 8 && input.length > 1 && input.readUInt16BE(0) % 31 === 0
        ? inflateSync(input, bounds(input))
        : inflateRawSync(input, bounds(input))
  return undefined
}

/**
 * A head without further fields, and one member. Its checksum is passed over: a wrong one stops no browser, and it is a fifth of the work.
 * Past `max` nothing is unpacked; whether all of it is more than the bound is told by what its beginning took.
 */
function usualGzip(input: Buffer, max: number): Undone | undefined {
  if (!isPlain(input)) return undefined
  const output = usual.run(input, GZIP_HEAD_BYTES, Math.min(max, OUTPUT_BYTES_MAX))
  if (!output) return undefined
  const { over, read } = usual
  if (!over && goesOn(input, read)) return undefined
  const tooLong = over && output.length * (input.length - GZIP_HEAD_BYTES) > OUTPUT_BYTES_MAX * read
  return { output, fault: tooLong ? 'body-too-long' : undefined }
}

function isPlain(input: Buffer): boolean {
  const plain = input.length >= GZIP_BYTES_MIN && input[2] === DEFLATE && input[3] === 0
  return plain && input[0] === 0x1f && input[1] === 0x8b
}

/** Whether another member follows what was read of this one. */
function goesOn(input: Buffer, read: number): boolean {
  const next = GZIP_HEAD_BYTES + read + GZIP_TAIL_BYTES
  return input[next] === 0x1f && input[next + 1] === 0x8b
}

function gunzip(input: Buffer): Buffer {
  if (!isPlain(input)) return gunzipWhole(input)
  const { buffer, engine } = inflateRawSync(input.subarray(GZIP_HEAD_BYTES), {
    ...bounds(input),
    info: true,
  }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } }
  return goesOn(input, engine.bytesWritten) ? gunzipWhole(input) : buffer
}

/** With the fields a head may have, and further members (RFC 1952 §2.2). Reserved flags stop no browser either. */
function gunzipWhole(input: Buffer): Buffer {
  try {
    return gunzipSync(input, bounds(input))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw error
    return inflateRawSync(input.subarray(gzipHeader(input)), bounds(input))
  }
}

/** Where the data begin (RFC 1952 §2.3). */
function gzipHeader(input: Buffer): number {
  if (input[0] !== 0x1f || input[1] !== 0x8b || input.length < GZIP_HEAD_BYTES)
    throw new Error('no gzip')
  const flags = input[3] as number
  let at = GZIP_HEAD_BYTES
  if (flags & GZIP_EXTRA && at + 2 <= input.length) at += 2 + input.readUInt16LE(at)
  for (const text of [GZIP_NAME, GZIP_COMMENT]) {
    if ((flags & text) === 0) continue
    const end = input.indexOf(0, at)
    at = end === -1 ? input.length : end + 1
  }
  return flags & GZIP_CRC ? at + 2 : at
}

/**
 * node:zlib gives all or nothing when the output bound is met or the data turn bad, so shorter beginnings are
 * tried, each bounded: what comes first in a bomb is still looked at.
 */
function longestPrefix(input: Buffer, undo: (input: Buffer) => Buffer): Undone {
  let fault: Fault | undefined
  for (let size = input.length; size > 0; size = size > PREFIX_BYTES_MIN ? size >> 1 : 0) {
    try {
      const output = undo(input.subarray(0, size))
      if (output.length > 0 || size === input.length) return { output, fault }
    } catch (error) {
      const tooLong = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
      fault ??= tooLong ? 'body-too-long' : 'bad-compression'
    }
  }
  return { output: undefined, fault: fault ?? 'bad-compression' }
}
