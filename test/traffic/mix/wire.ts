/** One end's packets: headers from a template, checksums as a sender computes them. */
import type { CaptureFile } from './capture-file.ts'

const ETHERNET_BYTES = 14
const FRAME_BYTES_MIN = 60
/** No-operation twice, then timestamps (RFC 7323). */
const TIMESTAMPS = Buffer.from('0101080a0000000000000000', 'hex')
/** MSS 1460, SACK, timestamps, window scale 7. */
const SYN_OPTIONS = Buffer.from('020405b40402080a000000000000000001030307', 'hex')
/** A segment without headers, on a wire of 1500 bytes with timestamps. */
export const SEGMENT_BYTES = 1448

export interface Segment {
  seq: number
  ack: number
  flags: number
  data: Uint8Array
}

export interface Ends {
  src: Uint8Array
  dest: Uint8Array
  srcPort: number
  destPort: number
}

export class Sender {
  readonly #head: Buffer
  readonly #v6: boolean
  readonly #transportAt: number
  readonly #pseudo: number
  readonly #srcPort: number
  readonly #destPort: number
  /** What the other end sent last as its time: it is echoed (RFC 7323 §4). */
  #echo = 0
  #peer: Sender | undefined
  #id: number

  constructor({ src, dest, srcPort, destPort }: Ends, protocol: 6 | 17) {
    this.#v6 = src.length === 16
    this.#transportAt = ETHERNET_BYTES + (this.#v6 ? 40 : 20)
    this.#srcPort = srcPort
    this.#destPort = destPort
    this.#id = (srcPort * 7919) & 0xffff
    this.#head = Buffer.concat([
      macOf(dest),
      macOf(src),
      Buffer.from(this.#v6 ? '86dd6000000000000040' : '0800450000000000400040000000', 'hex'),
      src,
      dest,
    ])
    this.#head[ETHERNET_BYTES + (this.#v6 ? 6 : 9)] = protocol
    this.#pseudo = sum(src, 0, src.length) + sum(dest, 0, dest.length) + protocol
  }

  /** Both ends of a stream tell each other the time. */
  meet(peer: Sender): void {
    this.#peer = peer
    peer.#peer = this
  }

  tcp(file: CaptureFile, timeUs: number, { seq, ack, flags, data }: Segment): void {
    const options = (flags & 2) !== 0 ? SYN_OPTIONS : TIMESTAMPS
    const size = 20 + options.length + data.length
    const at = this.#ip(file, timeUs, size)
    const { block } = file
    block.writeUInt16BE(this.#srcPort, at)
    block.writeUInt16BE(this.#destPort, at + 2)
    block.writeUInt32BE(seq, at + 4)
    block.writeUInt32BE(ack, at + 8)
    block[at + 12] = (20 + options.length) << 2
    block[at + 13] = flags
    block.writeUInt16BE(1026, at + 14)
    block.writeUInt32BE(0, at + 16)
    block.set(options, at + 20)
    const stampAt = at + 20 + ((flags & 2) !== 0 ? 8 : 4)
    const stamp = Math.floor(timeUs / 1000) & 0x7fff_ffff
    block.writeUInt32BE(stamp, stampAt)
    block.writeUInt32BE(this.#echo, stampAt + 4)
    if (this.#peer) this.#peer.#echo = stamp
    block.set(data, at + 20 + options.length)
    block.writeUInt16BE(folded(this.#pseudo + size + sum(block, at, at + size)), at + 16)
  }

  udp(file: CaptureFile, timeUs: number, data: Uint8Array): void {
    const size = 8 + data.length
    const at = this.#ip(file, timeUs, size)
    const { block } = file
    block.writeUInt16BE(this.#srcPort, at)
    block.writeUInt16BE(this.#destPort, at + 2)
    block.writeUInt16BE(size, at + 4)
    block.writeUInt16BE(0, at + 6)
    block.set(data, at + 8)
    block.writeUInt16BE(folded(this.#pseudo + size + sum(block, at, at + size)) || 0xffff, at + 6)
  }

  /** Opens a frame for `size` bytes behind the IP header, and returns where they go. */
  #ip(file: CaptureFile, timeUs: number, size: number): number {
    const whole = this.#transportAt + size
    const at = file.room(timeUs, Math.max(whole, FRAME_BYTES_MIN))
    const { block } = file
    block.set(this.#head, at)
    if (whole < FRAME_BYTES_MIN) block.fill(0, at + whole, at + FRAME_BYTES_MIN)
    const ip = at + ETHERNET_BYTES
    if (this.#v6) block.writeUInt16BE(size, ip + 4)
    else {
      block.writeUInt16BE(20 + size, ip + 2)
      this.#id = (this.#id + 1) & 0xffff
      block.writeUInt16BE(this.#id, ip + 4)
      block.writeUInt16BE(folded(sum(block, ip, ip + 20)), ip + 10)
    }
    return at + this.#transportAt
  }
}

function macOf(address: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(2, 0), address.subarray(address.length - 4)])
}

function sum(bytes: Uint8Array, from: number, to: number): number {
  let total = 0
  const even = to - ((to - from) & 1)
  for (let i = from; i < even; i += 2)
    total += ((bytes[i] as number) << 8) | (bytes[i + 1] as number)
  if (even < to) total += (bytes[even] as number) << 8
  return total
}

function folded(total: number): number {
  let rest = total
  while (rest > 0xffff) rest = (rest & 0xffff) + Math.floor(rest / 0x1_0000)
  return ~rest & 0xffff
}
