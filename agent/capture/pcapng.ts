/** pcapng (draft-ietf-opsawg-pcapng): sections of blocks; what is not a frame is skipped. */
import type { ByteStream } from './byte-stream.ts'
import { type FileReader, FRAME_BYTES_MAX, read16, read32, type Step } from './pcap.ts'
import type { FrameBatch } from './source.ts'

const SECTION = 0x0a0d0d0a // the same in both byte orders
const INTERFACE = 1
const OLD_PACKET = 2
const SIMPLE_PACKET = 3
const ENHANCED_PACKET = 6
const BYTE_ORDER = 0x1a2b3c4d

const INTERFACES_MAX = 4096
const OPTIONS_MAX = 64
/** Of blocks that we read; others may have any length. */
const BLOCK_BYTES_MAX = 2 * FRAME_BYTES_MAX
/** The year 2255: past it a microsecond is no exact number, and signed texts refuse it. */
const TIME_US_MAX = Number.MAX_SAFE_INTEGER

interface Interface {
  linkType: number
  snapLength: number
  /** Microseconds in 2^32 ticks, and the fraction `num/den` of a microsecond that a tick is. */
  wholeUs: number
  restTicks: number
  num: number
  den: number
  offsetUs: number
}

export class PcapngReader implements FileReader {
  frames = 0
  #little = true
  #interfaces: Interface[] = []
  /** Bytes of an uninteresting block that are still to come. */
  #skip = 0
  #lastUs = 0
  #restNs = 0

  static of(stream: ByteStream): PcapngReader | undefined {
    return stream.left >= 4 && stream.bytes.readUInt32BE(stream.at) === SECTION
      ? new PcapngReader()
      : undefined
  }

  read(stream: ByteStream, batch: FrameBatch): Step {
    for (;;) {
      const skipped = Math.min(this.#skip, stream.left)
      stream.at += skipped
      this.#skip -= skipped
      if (this.#skip > 0 || stream.left < 12) return 'more'
      if (batch.count === batch.start.length) return 'full'
      const step = this.#block(stream, batch)
      if (step !== undefined) return step
    }
  }

  unfinished(stream: ByteStream): string | undefined {
    return stream.left > 0 || this.#skip > 0 ? `the block after frame ${this.frames}` : undefined
  }

  /** One block at the start of the window; undefined when it was taken. */
  #block(stream: ByteStream, batch: FrameBatch): Step | undefined {
    const { bytes, at } = stream
    const isSection = bytes.readUInt32BE(at) === SECTION
    if (isSection) {
      if (bytes.readUInt32LE(at + 8) === BYTE_ORDER) this.#little = true
      else if (bytes.readUInt32BE(at + 8) === BYTE_ORDER) this.#little = false
      else return this.#wrong(stream, 'begins a section of unknown byte order')
      this.#interfaces = []
    }
    const type = isSection ? SECTION : read32(bytes, at, this.#little)
    const length = read32(bytes, at + 4, this.#little)
    if (length < (isSection ? 28 : 12) || length % 4 !== 0)
      return this.#wrong(stream, `has the impossible length ${length}`)
    const wanted =
      type === INTERFACE ||
      type === ENHANCED_PACKET ||
      type === SIMPLE_PACKET ||
      type === OLD_PACKET
    if (!wanted) {
      this.#skip = length
      return undefined
    }
    if (length > BLOCK_BYTES_MAX) return this.#wrong(stream, `has the impossible length ${length}`)
    if (stream.left < length) return 'more'
    if (read32(bytes, at + length - 4, this.#little) !== length)
      return this.#wrong(stream, 'ends with another length than it began with')
    const step =
      type === INTERFACE
        ? this.#interface(stream, length)
        : this.#packet(type, stream, length, batch)
    if (step === undefined) stream.at += length
    return step
  }

  #interface(stream: ByteStream, length: number): Step | undefined {
    if (length < 20) return this.#wrong(stream, 'describes an interface in too few bytes')
    if (this.#interfaces.length >= INTERFACES_MAX)
      return this.#wrong(stream, `describes more than ${INTERFACES_MAX} interfaces`)
    const { bytes, at } = stream
    const little = this.#little
    let ticks = 1_000_000n
    let offset = 0n
    let here = at + 16
    const end = at + length - 4
    for (let count = 0; count < OPTIONS_MAX && here + 4 <= end; count++) {
      const [code, size] = [read16(bytes, here, little), read16(bytes, here + 2, little)]
      if (code === 0 || here + 4 + size > end) break
      if (code === 9 && size === 1) ticks = ticksPerSecond(bytes[here + 4] as number)
      if (code === 14 && size === 8)
        offset = little ? bytes.readBigInt64LE(here + 4) : bytes.readBigInt64BE(here + 4)
      here += 4 + size + ((4 - (size % 4)) % 4)
    }
    this.#interfaces.push({
      linkType: read16(bytes, at + 8, little),
      snapLength: read32(bytes, at + 12, little),
      ...scale(ticks),
      offsetUs: Number(offset) * 1e6,
    })
    return undefined
  }

  /** Enhanced, simple and the obsolete packet block. */
  #packet(type: number, stream: ByteStream, length: number, batch: FrameBatch): Step | undefined {
    const { bytes, at } = stream
    const little = this.#little
    const simple = type === SIMPLE_PACKET
    const headBytes = simple ? 12 : 28
    if (length < headBytes + 4) return this.#wrong(stream, 'holds a frame in too few bytes')
    const id = simple
      ? 0
      : type === OLD_PACKET
        ? read16(bytes, at + 8, little)
        : read32(bytes, at + 8, little)
    const source = this.#interfaces[id]
    if (!source)
      return {
        wrong: `frame ${this.frames + 1} names interface ${id}, which the file does not describe`,
      }
    if (batch.count > 0 && batch.linkType !== source.linkType) return 'full'
    const room = length - headBytes - 4
    const wire = read32(bytes, at + headBytes - 4, little)
    const snap = source.snapLength === 0 ? room : source.snapLength
    const captured = simple ? Math.min(wire, snap, room) : read32(bytes, at + 20, little)
    if (captured > room || captured > FRAME_BYTES_MAX)
      return { wrong: `frame ${this.frames + 1} claims ${captured} bytes, more than its block has` }
    if (!simple) this.#readTime(source, read32(bytes, at + 12, little), read32(bytes, at + 16, little)) // biome-ignore format: one line
    batch.linkType = source.linkType
    const i = batch.count++
    batch.start[i] = at + headBytes
    batch.captured[i] = captured
    batch.wire[i] = Math.min(Math.max(captured, wire), 0x7fffffff)
    batch.timeUs[i] = this.#lastUs
    batch.restNs[i] = this.#restNs
    batch.vlan[i] = -1
    this.frames++
    return undefined
  }

  #readTime(
    { wholeUs, restTicks, num, den, offsetUs }: Interface,
    high: number,
    low: number,
  ): void {
    const parts = high * restTicks + low * num
    const us = Math.floor(parts / den)
    this.#restNs = Math.floor(((parts - us * den) * 1000) / den)
    this.#lastUs = Math.min(Math.max(high * wholeUs + us + offsetUs, 0), TIME_US_MAX)
  }

  #wrong(stream: ByteStream, what: string): Step {
    return { wrong: `the block at byte ${stream.base + stream.at} ${what}` }
  }
}

/** if_tsresol: a power of ten, or of two when the top bit is set. */
function ticksPerSecond(resolution: number): bigint {
  const power = BigInt(resolution & 0x7f)
  return resolution & 0x80 ? 2n ** power : 10n ** power
}

/** Whole-number arithmetic that a double does exactly for every resolution in use. */
function scale(ticks: bigint): Pick<Interface, 'wholeUs' | 'restTicks' | 'num' | 'den'> {
  let [a, b] = [1_000_000n, ticks]
  while (b > 0n) [a, b] = [b, a % b]
  const [num, den] = [1_000_000n / a, ticks / a]
  const wrap = 2n ** 32n * num
  return {
    wholeUs: Number(wrap / den),
    restTicks: Number(wrap % den),
    num: Number(num),
    den: Number(den),
  }
}
