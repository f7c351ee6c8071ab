/** Out of chunks of the packet ring, oldest first, one pcapng of the frames that were asked for, in the order of their times. */
import { BlockWriter, PACKET_HEAD_BYTES, readBlocks, timeOf } from './blocks.ts'
import { FrameMatch, type WantedFrames } from './match.ts'

/** Fragments that wait for the first of their datagram. */
const WAITING_MAX = 1024
const HEAD_BYTES = 16_384
const INTERFACES_MAX = 32

interface Kept {
  timeUs: number
  /** Nanoseconds and all: the low half of its time, for frames of one microsecond. */
  low: number
  block: Buffer
}

export interface CutFrames {
  pcapng: Buffer
  frames: number
  /** The bound was reached: later frames are not in it. */
  truncated: boolean
  /** Frames that were not kept: their interface was one too many, or too many fragments waited for their first. */
  leftOut: number
  /** Packet time of the oldest frame that was looked at, asked for or not. */
  oldestUs?: number
}

export class FrameCut {
  readonly #wanted: WantedFrames
  readonly #bytesMax: number
  readonly #match: FrameMatch
  readonly #kept: Kept[] = []
  #waiting: { datagram: string; kept: Kept }[] = []
  /** Interfaces of the section that is read, and all that were met, as the result names them. */
  #section: { linkType: number; id: number }[] = []
  readonly #interfaces = new Map<string, { linkType: number; name: string }>()
  #bytes = HEAD_BYTES
  #leftOut = 0
  #oldestUs = Number.POSITIVE_INFINITY
  truncated = false

  constructor(wanted: WantedFrames, bytesMax: number) {
    this.#wanted = wanted
    this.#bytesMax = bytesMax
    this.#match = new FrameMatch(wanted)
  }

  /** The next chunk of a segment; false where it is not what the recorder writes. */
  chunk(bytes: Buffer): boolean {
    return readBlocks(bytes, {
      section: () => {
        this.#section = []
      },
      interface: (linkType, name) => this.#section.push({ linkType, id: this.#idOf(linkType, name) }), // biome-ignore format: one line
      packet: (at, length, captured) => this.#packet(bytes, at, length, captured),
    })
  }

  /** `broken`: segments of that time that could not be read. What is missing is said in the file itself: it goes from hand to hand. */
  result({ broken = 0 }: { broken?: number } = {}): CutFrames {
    for (const { datagram, kept } of this.#waiting)
      if (this.#match.isOurs({ datagram })) this.#keep(kept)
    this.#waiting = []
    const head = new BlockWriter(HEAD_BYTES)
    head.section(missingInWords({ truncated: this.truncated, leftOut: this.#leftOut, broken }))
    for (const each of this.#interfaces.values()) head.interface(each)
    this.#kept.sort((a, b) => a.timeUs - b.timeUs || a.low - b.low)
    const parts = [head.bytes.subarray(0, head.used), ...this.#kept.map(({ block }) => block)]
    return {
      ...{ pcapng: Buffer.concat(parts), frames: this.#kept.length, truncated: this.truncated },
      ...{ leftOut: this.#leftOut },
      ...(Number.isFinite(this.#oldestUs) && { oldestUs: this.#oldestUs }),
    }
  }

  #packet(bytes: Buffer, at: number, length: number, captured: number): void {
    const timeUs = timeOf(bytes, at)
    if (timeUs < this.#oldestUs) this.#oldestUs = timeUs
    if (timeUs < this.#wanted.fromUs || timeUs > this.#wanted.toUs || this.truncated) return
    const source = this.#section[bytes.readUInt32LE(at + 8)]
    if (!source) return
    const start = at + PACKET_HEAD_BYTES
    const has = this.#match.has(bytes, { start, end: start + captured }, source.linkType)
    if (has === false) return
    if (source.id < 0) {
      this.#leftOut++
      return
    }
    const block = Buffer.from(bytes.subarray(at, at + length))
    block.writeUInt32LE(source.id, 8)
    const kept = { timeUs, low: bytes.readUInt32LE(at + 16), block }
    if (has === true) this.#keep(kept)
    else if (this.#waiting.length < WAITING_MAX) this.#waiting.push({ ...has, kept })
    else this.#leftOut++
  }

  #keep(kept: Kept): void {
    if (this.#bytes + kept.block.length > this.#bytesMax) {
      this.truncated = true
      return
    }
    this.#bytes += kept.block.length
    this.#kept.push(kept)
  }

  #idOf(linkType: number, name: string): number {
    const key = `${linkType}/${name}`
    const at = [...this.#interfaces.keys()].indexOf(key)
    if (at >= 0) return at
    if (this.#interfaces.size >= INTERFACES_MAX) return -1
    this.#interfaces.set(key, { linkType, name })
    return this.#interfaces.size - 1
  }
}

/** Which frames that were asked for are not in an answer; nothing when none that we know of. */
export function missingInWords({
  truncated,
  leftOut,
  broken,
}: {
  truncated: boolean
  leftOut: number
  broken: number
}): string | undefined {
  const said = [
    truncated && 'The bound of 32 MiB was reached: later frames are not in it.',
    leftOut > 0 && `${leftOut} frames are left out: too many fragments or interfaces.`,
    broken > 0 &&
      `${broken} segments of the packet ring do not verify: their frames are not in it.`,
  ].filter((each) => each !== false)
  return said.length > 0 ? said.join('\n') : undefined
}
