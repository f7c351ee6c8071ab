/** A handshake of TLS over datagrams (QUIC, DTLS), put together from pieces in any order, up to its first message. */
import type { Fault } from '../base/fault.ts'

const BYTES_MAX = 16_384
const PIECES_MAX = 64
const HEADER_BYTES = 4
const BYTES_AT_FIRST = 2048
const NOTHING = Buffer.alloc(0)

export class HandshakePieces {
  #bytes = NOTHING
  /** What has come, as [start, end), sorted and apart. */
  #pieces: [start: number, end: number][] = []

  get held(): number {
    return this.#bytes.length
  }

  get begun(): boolean {
    return this.#pieces.length > 0
  }

  clear(): void {
    this.#bytes = NOTHING
    this.#pieces = []
  }

  add(offset: number, data: Buffer): Fault | undefined {
    const end = offset + data.length
    if (data.length === 0 || this.#pieces.length >= PIECES_MAX) return undefined
    if (end > BYTES_MAX) return 'body-too-long'
    if (end > this.#bytes.length) {
      const size = Math.min(BYTES_MAX, Math.max(end, this.#bytes.length * 2, BYTES_AT_FIRST))
      const grown = Buffer.alloc(size)
      this.#bytes.copy(grown)
      this.#bytes = grown
    }
    data.copy(this.#bytes, offset)
    const last = this.#pieces.at(-1)
    if (last?.[1] === offset)
      last[1] = end // as most come
    else this.#pieces = merged([...this.#pieces, [offset, end]])
    return undefined
  }

  /** The first message, once all of it is there; its body is a view. */
  message(): { type: number; body: Buffer } | undefined {
    const [first] = this.#pieces
    if (first === undefined || first[0] !== 0 || first[1] < HEADER_BYTES) return undefined
    const end = HEADER_BYTES + this.#bytes.readUIntBE(1, 3)
    if (first[1] < end) return undefined
    return { type: this.#bytes[0] as number, body: this.#bytes.subarray(HEADER_BYTES, end) }
  }
}

function merged(pieces: [number, number][]): [number, number][] {
  const sorted = pieces.sort(([a], [b]) => a - b)
  const apart: [number, number][] = []
  for (const [start, end] of sorted) {
    const last = apart.at(-1)
    if (last && start <= last[1]) last[1] = Math.max(last[1], end)
    else apart.push([start, end])
  }
  return apart
}
