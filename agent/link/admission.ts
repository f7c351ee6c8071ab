/** Caps on connections before anybody said who he is: how many at all, how many from one address. */
import type { Server, Socket } from 'node:net'

export interface Caps {
  total: number
  perSource: number
}

export class Admission {
  readonly #caps: Caps
  readonly #perSource = new Map<string, number>()
  #open = 0
  /** Connections ended at once, by the cap they met. */
  readonly refused = { total: 0, perSource: 0 }

  constructor(caps: Caps) {
    this.#caps = caps
  }

  get open(): number {
    return this.#open
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
    if (this.#open >= this.#caps.total) this.refused.total++
    else if (here >= this.#caps.perSource) this.refused.perSource++
    else {
      this.#open++
      this.#perSource.set(source, here + 1)
      socket.once('close', () => this.#leave(source))
      return true
    }
    return false
  }

  #leave(source: string): void {
    this.#open--
    const left = (this.#perSource.get(source) ?? 1) - 1
    if (left > 0) this.#perSource.set(source, left)
    else this.#perSource.delete(source)
  }
}
