/** A pcap file written as it is made: frames are laid straight into the block that is written next. */
import { closeSync, openSync, writeSync } from 'node:fs'

const BLOCK_BYTES = 4_194_304
const FRAME_BYTES_MAX = 65_535
const RECORD_BYTES = 16

export class CaptureFile {
  /** Where the frame of the last `room` is laid. */
  readonly block = Buffer.alloc(BLOCK_BYTES)
  frames = 0
  bytes = 0
  readonly #fd: number
  #used = 0

  constructor(path: string) {
    this.#fd = openSync(path, 'w')
    const head = Buffer.alloc(24)
    head.writeUInt32LE(0xa1b2c3d4)
    head.writeUInt16LE(2, 4)
    head.writeUInt16LE(4, 6)
    head.writeUInt32LE(262_144, 16)
    head.writeUInt32LE(1, 20) // Ethernet
    writeSync(this.#fd, head)
  }

  /** Opens a record; the caller fills `length` bytes of `block` from what is returned. */
  room(timeUs: number, length: number): number {
    if (this.#used + RECORD_BYTES + FRAME_BYTES_MAX > BLOCK_BYTES) this.#flush()
    const { block } = this
    const at = this.#used
    block.writeUInt32LE(Math.floor(timeUs / 1e6), at)
    block.writeUInt32LE(timeUs % 1e6, at + 4)
    block.writeUInt32LE(length, at + 8)
    block.writeUInt32LE(length, at + 12)
    this.#used = at + RECORD_BYTES + length
    this.frames++
    this.bytes += length
    return at + RECORD_BYTES
  }

  close(): void {
    this.#flush()
    closeSync(this.#fd)
  }

  #flush(): void {
    let from = 0
    while (from < this.#used) from += writeSync(this.#fd, this.block, from, this.#used - from)
    this.#used = 0
  }
}
