/** A TLS server with a certificate of today, and clients that fetch from it. */
import { createServer, request } from 'node:https'
import { selfSigned } from '../certificate.ts'
import type { Chance } from '../chance.ts'
import { type Activity, Heard, listenAt, type Place, repeat, type Service } from './service.ts'

const TIMEOUT_MS = 3_000

export function tlsServer(place: Place, name: string): Promise<Service> {
  const heard = new Heard()
  const server = createServer(selfSigned(name), (incoming, reply) => {
    incoming.resume()
    reply.end(`report of ${name}\n`.repeat(40))
  })
  server.on('connection', (socket) => heard.from(socket.remoteAddress))
  return listenAt(server, place, heard)
}

/** One machine that fetches a report over TLS. The name is sent (SNI); whom it trusts is not the point here. */
export function fetchSecurely(
  from: string,
  site: Place,
  name: string,
  chance: Chance,
  pauseMs: readonly [number, number],
): Activity {
  return repeat(
    () =>
      new Promise((done, fail) => {
        const outgoing = request(
          {
            host: site.host,
            port: site.port,
            path: `/reports/${chance.int(1, 400)}`,
            servername: name,
            rejectUnauthorized: false,
            localAddress: from,
            agent: false,
            timeout: TIMEOUT_MS,
          },
          (reply) => {
            reply.resume()
            reply.on('end', () => done())
          },
        )
        outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')))
        outgoing.on('error', fail)
        outgoing.end()
      }),
    () => chance.int(...pauseMs),
  )
}
