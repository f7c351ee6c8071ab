/** What every program of the stage is: something that runs, remembers whom it heard, and can be stopped. */
import type { Server, Socket } from 'node:net'

/** Whom a server heard, and when last: how an asset proves that an attacker no longer reaches it. */
export class Heard {
  readonly #times = new Map<string, { count: number; lastAt: number }>()

  from(address: string | undefined): void {
    const name = plain(address ?? '')
    const one = this.#times.get(name) ?? { count: 0, lastAt: 0 }
    one.count++
    one.lastAt = Date.now()
    this.#times.set(name, one)
  }

  of(address: string): { count: number; lastAt: number } {
    return this.#times.get(address) ?? { count: 0, lastAt: 0 }
  }
}

/** Node names an IPv4 peer of a dual-stack socket `::ffff:a.b.c.d`. */
export function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '')
}

export interface Service {
  readonly heard: Heard
  stop(): Promise<void>
}

/** Resolves once `server` listens there. Stopped, it hangs up on everybody; a connection that breaks is part of the day. */
export function listenAt(server: Server, { host, port }: Place, heard: Heard): Promise<Service> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
  })
  const stop = () =>
    new Promise<void>((stopped) => {
      server.close(() => stopped())
      for (const socket of sockets) socket.destroy()
    })
  return new Promise((done, fail) => {
    server.once('error', fail)
    server.listen(port, host, () => done({ heard, stop }))
  })
}

/** Something that goes on until it is stopped; `did` counts its rounds and what failed. */
export interface Activity {
  readonly did: { rounds: number; failures: number }
  stop(): Promise<void>
}

/** Runs `round` again and again with `pauseMs` between; one that fails is counted, not thrown. */
export function repeat(
  round: (signal: AbortSignal) => Promise<void>,
  pauseMs: () => number,
  end: () => void = () => {},
): Activity {
  const over = new AbortController()
  const did = { rounds: 0, failures: 0 }
  const loop = (async () => {
    while (!over.signal.aborted) {
      try {
        await round(over.signal)
        did.rounds++
      } catch {
        if (!over.signal.aborted) did.failures++
      }
      await pause(pauseMs(), over.signal)
    }
  })()
  return {
    did,
    stop: async () => {
      over.abort()
      await loop
      end()
    },
  }
}

/** Waits, or less when it is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal?.aborted) return done()
    const timer = setTimeout(finish, ms)
    signal?.addEventListener('abort', finish, { once: true })
    function finish() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', finish)
      done()
    }
  })
}

export interface Place {
  host: string
  port: number
}
