/** A web server with a few pages, and people who read them. */
import { Agent, createServer, type IncomingMessage, request } from 'node:http'
import type { Chance } from '../chance.ts'
import { type Activity, Heard, listenAt, type Place, repeat, type Service } from './service.ts'

const PAGES = ['/', '/orders', '/orders/8841', '/stock?part=M8-20', '/shifts', '/manuals/press.pdf']
const BROWSERS = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15',
]
const PAGE_BYTES = { least: 400, most: 60_000 }
const TIMEOUT_MS = 3_000

/** Answers every path that exists with a page, the others with 404; it is no fool to be exploited. */
export function webServer(place: Place, chance: Chance): Promise<Service> {
  const heard = new Heard()
  const server = createServer((incoming, reply) => {
    heard.from(incoming.socket.remoteAddress)
    incoming.resume()
    incoming.on('end', () => {
      const path = incoming.url?.split('?')[0] ?? ''
      const known = PAGES.some((page) => page.split('?')[0] === path)
      const size = known ? chance.int(PAGE_BYTES.least, PAGE_BYTES.most) : 120
      reply.writeHead(incoming.method === 'POST' ? 303 : known ? 200 : 404, {
        'content-type': 'text/html; charset=utf-8',
        server: 'nginx',
      })
      reply.end(`<!doctype html><title>Works</title>${'<p>part in stock</p>'.repeat(size / 20)}`)
    })
  })
  server.on('clientError', (_error, socket) => socket.destroy())
  return listenAt(server, place, heard)
}

/** One person: reads two to five pages over one kept connection, now and then sends a form. */
export function browse(
  from: string,
  sites: readonly Place[],
  chance: Chance,
  pauseMs: readonly [number, number],
): Activity {
  const userAgent = chance.pick(BROWSERS)
  return repeat(
    async (signal) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      const site = chance.pick(sites)
      try {
        for (let i = chance.int(2, 5); i > 0 && !signal.aborted; i--) {
          const form = chance.next() < 0.15 ? `part=M8-20&count=${chance.int(1, 90)}` : undefined
          const path = form ? '/orders' : chance.pick(PAGES)
          await ask({ from, site, path, agent, headers: { 'user-agent': userAgent }, body: form })
        }
      } finally {
        agent.destroy()
      }
    },
    () => chance.int(...pauseMs),
  )
}

export interface WebRequest {
  from: string
  site: Place
  path: string
  method?: string
  headers?: Record<string, string>
  body?: string | undefined
  agent?: Agent
}

/** One request to its end; gives the status. */
export function ask({
  from,
  site,
  path,
  headers,
  body,
  agent,
  method,
}: WebRequest): Promise<number> {
  return new Promise((done, fail) => {
    const outgoing = request(
      {
        host: site.host,
        port: site.port,
        path,
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        localAddress: from,
        timeout: TIMEOUT_MS,
        ...(agent && { agent }),
        headers: {
          host: site.host.includes(':') ? `[${site.host}]` : site.host,
          accept: '*/*',
          ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
          ...headers,
        },
      },
      (reply: IncomingMessage) => {
        reply.resume()
        reply.on('end', () => done(reply.statusCode ?? 0))
        reply.on('error', fail)
      },
    )
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')))
    outgoing.on('error', fail)
    outgoing.end(body)
  })
}
