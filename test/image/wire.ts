/**
 * The other end of a network port of the machine: every frame of its wire passes through this process and none
 * through this machine's own network. QEMU sends a length of four bytes before each frame.
 */
import type { Socket } from 'node:net'

const FRAME_BYTES_MAX = 65_536
const KEPT_MAX = 20_000
/** Below what Ethernet carries: a card hands a shorter frame on only because nothing pads it here. */
const FRAME_BYTES_MIN = 60

export class Wire {
  /** What the machine sent, the last of it. */
  readonly heard: Buffer[] = []
  sent = 0
  #socket: Socket | undefined
  #draining: Promise<void> | undefined
  #rest: Buffer = Buffer.alloc(0)
  readonly #listeners = new Set<(frame: Buffer) => void>()

  attach(socket: Socket): void {
    this.#socket = socket
    this.#rest = Buffer.alloc(0)
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
  }

  /** Each frame, as often as the machine itself takes them. */
  async send(frames: Iterable<Uint8Array>): Promise<void> {
    for (const frame of frames) {
      const socket = this.#socket
      if (!socket || socket.destroyed) throw new Error('the wire has no machine at its end')
      const padded = Buffer.alloc(Math.max(frame.length, FRAME_BYTES_MIN))
      padded.set(frame)
      const length = Buffer.alloc(4)
      length.writeUInt32BE(padded.length)
      this.sent++
      if (!socket.write(Buffer.concat([length, padded]))) await this.#drained(socket)
    }
  }

  /** One wait, however many senders there are. */
  #drained(socket: Socket): Promise<void> {
    this.#draining ??= new Promise<void>((done) => {
      const go = () => {
        this.#draining = undefined
        socket.off('drain', go).off('close', go)
        done()
      }
      socket.on('drain', go).on('close', go)
    })
    return this.#draining
  }

  listen(listener: (frame: Buffer) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #take(chunk: Buffer): void {
    let rest = Buffer.concat([this.#rest, chunk])
    while (rest.length >= 4) {
      const length = rest.readUInt32BE(0)
      if (length > FRAME_BYTES_MAX) throw new Error(`QEMU sent a frame of ${length} bytes`)
      if (rest.length < 4 + length) break
      const frame = rest.subarray(4, 4 + length)
      rest = rest.subarray(4 + length)
      this.heard.push(frame)
      if (this.heard.length > KEPT_MAX) this.heard.shift()
      for (const listener of this.#listeners) listener(frame)
    }
    this.#rest = rest
  }
}

/** QEMU's router has several addresses, each with a MAC of its own. */
const ROUTER_MACS = /^525[56]/
const GROUP_BIT = 1

/** As a switch does: the router hears what is for it or for all, and what it says reaches the port. */
export function joinRouter(port: Wire, router: Wire): void {
  const pass = (to: Wire, frame: Buffer): void => {
    to.send([frame]).catch(() => undefined) // the machine went off
  }
  port.listen((frame) => {
    const isForAll = ((frame[0] ?? 0) & GROUP_BIT) !== 0
    if (isForAll || ROUTER_MACS.test(frame.toString('hex', 0, 2))) pass(router, frame)
  })
  router.listen((frame) => pass(port, frame))
}
