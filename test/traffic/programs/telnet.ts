/** A device that answers telnet, and somebody who connects to it: clear text where there should be none. */
import { createConnection, createServer } from 'node:net'
import type { Chance } from '../chance.ts'
import { type Activity, Heard, listenAt, type Place, repeat, type Service } from './service.ts'

const TIMEOUT_MS = 3_000
/** RFC 854: IAC DO terminal-type, IAC DO terminal-speed, IAC WILL suppress-go-ahead. */
const NEGOTIATION = Buffer.from('fffd18fffd20fffb03', 'hex')

export function telnetServer(place: Place): Promise<Service> {
  const heard = new Heard()
  const listener = createServer((socket) => {
    heard.from(socket.remoteAddress)
    socket.write(Buffer.concat([NEGOTIATION, Buffer.from('\r\nbadge reader\r\nlogin: ')]))
    socket.resume()
  })
  return listenAt(listener, place, heard)
}

/** Connects, reads the prompt, hangs up. */
export function lookIn(
  from: string,
  place: Place,
  chance: Chance,
  pauseMs: readonly [number, number],
): Activity {
  return repeat(
    () =>
      new Promise((done, fail) => {
        const socket = createConnection({ ...place, localAddress: from, timeout: TIMEOUT_MS })
        socket.on('data', () => socket.end())
        socket.on('timeout', () => socket.destroy(new Error('no answer')))
        socket.on('error', fail)
        socket.on('close', () => done())
      }),
    () => chance.int(...pauseMs),
  )
}
