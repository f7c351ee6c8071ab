/**
 * Stands between a TLS socket and the MQTT parser, which would buffer whatever length a packet claims
 * (256 MB, MQTT 3.1.1 §2.2.3). Reads the fixed headers only: the first packet must be a small CONNECT, and none may
 * be bigger than a sealed summary.
 */
import { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { CONNECT_BYTES_MAX, PACKET_BYTES_MAX } from './limits.ts'

const CONNECT = 0x10
const LENGTH_BYTES_MAX = 4

export class PacketGate extends Duplex {
  readonly #socket: TLSSocket
  readonly #onRefused: (because: 'too-big' | 'not-mqtt') => void
  #first = true
  /** Bytes of the present packet that are still to come; below 0: reading its fixed header. */
  #left = -1
  #head: number[] = []

  constructor(socket: TLSSocket, onRefused: (because: 'too-big' | 'not-mqtt') => void) {
    super()
    this.#socket = socket
    this.#onRefused = onRefused
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('end', () => this.push(null))
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy())
  }

  #take(chunk: Buffer): void {
    const because = this.#inspect(chunk)
    if (because) {
      this.#onRefused(because)
      this.destroy()
      return
    }
    if (!this.push(chunk)) this.#socket.pause()
  }

  #inspect(chunk: Buffer): 'too-big' | 'not-mqtt' | undefined {
    let at = 0
    while (at < chunk.length) {
      if (this.#left >= 0) {
        const step = Math.min(this.#left, chunk.length - at)
        at += step
        this.#left -= step
        if (this.#left === 0) this.#left = -1
        continue
      }
      const byte = chunk[at++] as number
      this.#head.push(byte)
      if (this.#head.length === 1) {
        if (this.#first && byte !== CONNECT) return 'not-mqtt'
        continue
      }
      if (byte >= 0x80) {
        if (this.#head.length > LENGTH_BYTES_MAX) return 'not-mqtt'
        continue
      }
      const length = this.#head.slice(1).reduce((sum, each, i) => sum + (each & 0x7f) * 128 ** i, 0)
      if (length > (this.#first ? CONNECT_BYTES_MAX : PACKET_BYTES_MAX)) return 'too-big'
      this.#first = false
      this.#head = []
      this.#left = length === 0 ? -1 : length
    }
    return undefined
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#socket.destroyed) done()
    else this.#socket.write(chunk, done)
  }

  /** The parser writes a packet in crumbs between cork and uncork: one TLS record is enough. */
  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    if (this.#socket.destroyed) done()
    else this.#socket.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  override _final(done: () => void): void {
    this.#socket.end()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }
}
