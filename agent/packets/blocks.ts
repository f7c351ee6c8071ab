/**
 * The pcapng blocks of the packet ring (draft-ietf-opsawg-pcapng): one section, interfaces with their names, enhanced
 * packets in nanoseconds. Little-endian whatever the machine. Only what stands here is ever written, so only that is read.
 */
import { type FrameBatch, LINK } from '../capture/source.ts'

const SECTION = 0x0a0d0d0a
const INTERFACE = 1
const ENHANCED_PACKET = 6
const BYTE_ORDER = 0x1a2b3c4d
const OPTION = { comment: 1, name: 2, application: 4, resolution: 9 } as const
const NANOSECONDS = 9
const NAME_BYTES_MAX = 255
const TAG_AT = 12 // behind the two addresses of an Ethernet header
const TAG_BYTES = 4
const TAG_802_1Q = 0x8100
const TWO_32 = 2 ** 32

/** Of an enhanced packet beside its frame: head, and the length once more. */
export const PACKET_HEAD_BYTES = 28
const PACKET_BYTES = PACKET_HEAD_BYTES + 4

/** Blocks one behind the other in a buffer of fixed size; what does not fit is refused whole. */
export class BlockWriter {
  readonly bytes: Buffer
  used = 0
  frames = 0

  constructor(size: number) {
    this.bytes = Buffer.alloc(size)
  }

  clear(): void {
    this.used = 0
    this.frames = 0
  }

  /** `comment`: what whoever opens the file must know. */
  section(comment?: string): void {
    const said = comment === undefined ? [] : [option(OPTION.comment, Buffer.from(comment))]
    this.#block(SECTION, Buffer.concat([sectionHead(), ...said, option(OPTION.application, Buffer.from('Picket')), END])) // biome-ignore format: one line
  }

  interface({ linkType, name }: { linkType: number; name: string }): void {
    const head = Buffer.alloc(8)
    head.writeUInt16LE(linkType, 0)
    const called = Buffer.from(name).subarray(0, NAME_BYTES_MAX)
    const resolution = option(OPTION.resolution, Buffer.of(NANOSECONDS))
    this.#block(INTERFACE, Buffer.concat([head, option(OPTION.name, called), resolution, END]))
  }

  /** Frame `i` of a batch, the tag that the kernel took off put back. False when there is no room for it. */
  frame(batch: FrameBatch, i: number, id: number): boolean {
    const from = batch.start[i] as number
    const there = batch.captured[i] as number
    const vlan = batch.vlan[i] as number
    const isTagged = vlan >= 0 && batch.linkType === LINK.ETHERNET && there >= TAG_AT
    const added = isTagged ? TAG_BYTES : 0
    const captured = there + added
    const length = PACKET_BYTES + ((captured + 3) & ~3)
    const at = this.used
    const { bytes } = this
    if (at + length > bytes.length) return false
    const timeUs = batch.timeUs[i] as number
    const high = Math.floor(timeUs / TWO_32)
    const low = (timeUs - high * TWO_32) * 1000 + (batch.restNs[i] as number)
    bytes.writeUInt32LE(ENHANCED_PACKET, at)
    bytes.writeUInt32LE(length, at + 4)
    bytes.writeUInt32LE(id, at + 8)
    bytes.writeUInt32LE(high * 1000 + Math.floor(low / TWO_32), at + 12)
    bytes.writeUInt32LE(low % TWO_32, at + 16)
    bytes.writeUInt32LE(captured, at + 20)
    bytes.writeUInt32LE((batch.wire[i] as number) + added, at + 24)
    const to = at + PACKET_HEAD_BYTES
    bytes.fill(0, to + captured, at + length - 4)
    copy(batch.bytes, from, bytes, to, isTagged ? TAG_AT : there)
    if (isTagged) {
      bytes.writeUInt16BE((batch.vlanType[i] as number) || TAG_802_1Q, to + TAG_AT)
      bytes.writeUInt16BE(vlan, to + TAG_AT + 2)
      copy(batch.bytes, from + TAG_AT, bytes, to + TAG_AT + TAG_BYTES, there - TAG_AT)
    }
    bytes.writeUInt32LE(length, at + length - 4)
    this.used += length
    this.frames++
    return true
  }

  #block(type: number, body: Buffer): void {
    const length = body.length + 12
    const { bytes, used: at } = this
    if (at + length > bytes.length)
      throw new Error('a buffer of blocks holds its own head at least')
    bytes.writeUInt32LE(type, at)
    bytes.writeUInt32LE(length, at + 4)
    body.copy(bytes, at + 8)
    bytes.writeUInt32LE(length, at + length - 4)
    this.used += length
  }
}

const END = Buffer.alloc(4)

function sectionHead(): Buffer {
  const head = Buffer.alloc(16, 0xff) // the length of the section is not said
  head.writeUInt32LE(BYTE_ORDER, 0)
  head.writeUInt16LE(1, 4)
  head.writeUInt16LE(0, 6)
  return head
}

function option(code: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + ((value.length + 3) & ~3))
  bytes.writeUInt16LE(code, 0)
  bytes.writeUInt16LE(value.length, 2)
  value.copy(bytes, 4)
  return bytes
}

/** No view is made for it: this runs once a frame. */
function copy(from: Uint8Array, at: number, to: Buffer, toAt: number, size: number): void {
  if (size > 64 && Buffer.isBuffer(from)) from.copy(to, toAt, at, at + size)
  else for (let i = 0; i < size; i++) to[toAt + i] = from[at + i] as number
}

/** What a reader of blocks is told. */
export interface BlockVisitor {
  section(): void
  interface(linkType: number, name: string): void
  /** An enhanced packet: `at` is where its block begins; its frame is `captured` bytes from PACKET_HEAD_BYTES on. */
  packet(at: number, length: number, captured: number): void
}

/** Every block of `bytes`; false where they are not what this file writes. */
export function readBlocks(bytes: Buffer, visitor: BlockVisitor): boolean {
  let at = 0
  while (at + 12 <= bytes.length) {
    const type = bytes.readUInt32LE(at)
    const length = bytes.readUInt32LE(at + 4)
    if (length < 12 || length % 4 !== 0 || at + length > bytes.length) return false
    if (type === SECTION) visitor.section()
    else if (type === INTERFACE && length >= 24) {
      const size = Math.min(bytes.readUInt16LE(at + 18), NAME_BYTES_MAX, length - 24)
      visitor.interface(bytes.readUInt16LE(at + 8), bytes.toString('utf8', at + 20, at + 20 + size))
    } else if (type === ENHANCED_PACKET && length >= PACKET_BYTES) {
      const captured = bytes.readUInt32LE(at + 20)
      if (captured > length - PACKET_BYTES) return false
      visitor.packet(at, length, captured)
    } else return false
    at += length
  }
  return at === bytes.length
}

/** Microseconds since 1970 of the packet whose block begins at `at`. */
export function timeOf(bytes: Buffer, at: number): number {
  const high = bytes.readUInt32LE(at + 12)
  const low = bytes.readUInt32LE(at + 16)
  // high * 2^32 + low, divided by 1000 without leaving whole numbers.
  const rest = (high % 1000) * TWO_32 + low
  return Math.floor(high / 1000) * TWO_32 + Math.floor(rest / 1000)
}
