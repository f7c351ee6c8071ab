/** Memory for TCP segments that came before their turn: one pool of chunks for all streams of a shard. */
import { copyBytes } from '../base/copy.ts'

const CHUNK_BYTES = 2048 // an Ethernet segment fits in one
export const POOL_BYTES_MAX = 16_777_216

export class SegmentPool {
  readonly bytes: Uint8Array
  /** By chunk: first sequence number, bytes held, the chunk after it in its stream (-1: none). */
  readonly seq: Uint32Array
  readonly length: Int32Array
  readonly next: Int32Array
  /** Chunks in use. */
  used = 0
  #free = -1
  #top = 0

  constructor(bytesMax: number = POOL_BYTES_MAX) {
    const chunks = Math.max(1, Math.floor(bytesMax / CHUNK_BYTES))
    this.bytes = new Uint8Array(chunks * CHUNK_BYTES)
    this.seq = new Uint32Array(chunks)
    this.length = new Int32Array(chunks)
    this.next = new Int32Array(chunks)
  }

  /** An empty chunk that begins at `seq`; -1 when the pool is full. */
  take(seq: number): number {
    let chunk = this.#free
    if (chunk >= 0) this.#free = this.next[chunk] as number
    else if (this.#top < this.seq.length) chunk = this.#top++
    else return -1
    this.seq[chunk] = seq
    this.length[chunk] = 0
    this.next[chunk] = -1
    this.used++
    return chunk
  }

  give(chunk: number): void {
    this.next[chunk] = this.#free
    this.#free = chunk
    this.used--
  }

  start(chunk: number): number {
    return chunk * CHUNK_BYTES
  }

  room(chunk: number): number {
    return CHUNK_BYTES - (this.length[chunk] as number)
  }

  /** The sequence number after the chunk's last byte. */
  endSeq(chunk: number): number {
    return ((this.seq[chunk] as number) + (this.length[chunk] as number)) >>> 0
  }

  /** Adds bytes at the chunk's end; the caller has checked `room`. */
  append(chunk: number, bytes: Uint8Array, from: number, size: number): void {
    const to = chunk * CHUNK_BYTES + (this.length[chunk] as number)
    copyBytes(bytes, from, from + size, this.bytes, to)
    this.length[chunk] = (this.length[chunk] as number) + size
  }

  /**
   * Lays `size` new bytes over those at `offset` of the chunk. Says whether they differ; the new ones stay
   * when `replace`.
   */
  overlay(
    chunk: number,
    offset: number,
    bytes: Uint8Array,
    from: number,
    size: number,
    replace: boolean,
  ): boolean {
    const to = chunk * CHUNK_BYTES + offset
    let differ = false
    for (let i = 0; i < size; i++) {
      if (this.bytes[to + i] === bytes[from + i]) continue
      differ = true
      if (replace) this.bytes[to + i] = bytes[from + i] as number
    }
    return differ
  }
}
