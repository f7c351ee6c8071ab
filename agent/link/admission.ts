/** Caps on connections before anybody said who he is: how many at all, how many from one address. */
import type { Server, Socket } from 'node:net'

export interface Caps {
  total: number
  perSource: number
}

export class Admission {
  readonly #caps: Caps
  readonly #perSource = new Map<string, number>()
  readonly #sockets = new Set<Socket>()
  /** Connections ended at once, by the cap they met. */
  readonly refused = { total: 0, perSource: 0 }

  constructor(caps: Caps) {
    this.#caps = caps
  }

  get open(): number {
    return this.#sockets.size
  }

  /** All of them, also those that are in the middle of a handshake: who closes waits for nobody. */
  end(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Listens for raw connections: before the handshake of TLS costs us anything. */
  guard(server: Server): void {
    server.on('connection', (socket: Socket) => {
      if (!this.#admit(socket)) socket.destroy()
    })
  }

  #admit(socket: Socket): boolean {
    const source = socket.remoteAddress ?? ''
    const here = this.#perSource.get(source) ?? 0
    if (this.open >= this.#caps.total) this.refused.total++
    else if (here >= this.#caps.perSource) this.refused.perSource++
    else {
      this.#sockets.add(socket)
      this.#perSource.set(source, here + 1)
      socket.once('close', () => {
        this.#sockets.delete(socket)
        this.#leave(source)
      })
      return true
    }
    return false
  }

  #leave(source: string): void {
    const left = (this.#perSource.get(source) ?? 1) - 1
    if (left > 0) this.#perSource.set(source, left)
    else this.#perSource.delete(source)
  }
}
