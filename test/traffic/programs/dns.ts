/** A name server over UDP, and machines that ask it. */
import { createSocket } from 'node:dgram'
import type { Chance } from '../chance.ts'
import { DNS_TYPE, decodeQuery, encodeAnswer, encodeQuery, textData } from './dns-message.ts'
import { type Activity, Heard, type Place, repeat, type Service } from './service.ts'

const NAMES = ['www', 'mail', 'files', 'erp', 'time', 'print', 'update', 'backup', 'intranet']
const ZONES = ['works.example', 'supplier.example', 'weather.example', 'news.example']
const TIMEOUT_MS = 1_500

/** Knows every name of its zones, and answers TXT questions of any zone: a tunnel's far end does too. */
export function dnsServer(place: Place, chance: Chance): Promise<Service> {
  const heard = new Heard()
  const socket = createSocket(place.host.includes(':') ? 'udp6' : 'udp4')
  socket.on('message', (message, peer) => {
    heard.from(peer.address)
    const query = decodeQuery(message)
    if (!query) return
    const known = ZONES.some((zone) => query.name.endsWith(zone)) && !query.name.startsWith('no-')
    const data =
      query.type === DNS_TYPE.TXT
        ? textData(chance.word(180))
        : known
          ? Buffer.from(
              query.type === DNS_TYPE.AAAA ? 'fd000000000000000000000000000010' : '0a000010',
              'hex',
            )
          : undefined
    socket.send(encodeAnswer(query, data), peer.port, peer.address)
  })
  return new Promise((done, fail) => {
    socket.once('error', fail)
    socket.bind(place.port, place.host, () =>
      done({ heard, stop: () => new Promise((stopped) => socket.close(() => stopped())) }),
    )
  })
}

/** One machine: looks up a few names, as programs do, mostly ones that exist. */
export function resolve(
  from: string,
  server: Place,
  chance: Chance,
  pauseMs: readonly [number, number],
): Activity {
  return repeat(
    async () => {
      for (let i = chance.int(1, 4); i > 0; i--) {
        const missing = chance.next() < 0.03 ? 'no-' : ''
        const name = `${missing}${chance.pick(NAMES)}.${chance.pick(ZONES)}`
        await lookUp(from, server, name, chance.pick([DNS_TYPE.A, DNS_TYPE.AAAA]), chance)
      }
    },
    () => chance.int(...pauseMs),
  )
}

/** One question over a socket of its own; resolves with the answer. */
export function lookUp(
  from: string,
  server: Place,
  name: string,
  type: number,
  chance: Chance,
): Promise<Buffer> {
  const socket = createSocket(from.includes(':') ? 'udp6' : 'udp4')
  const query = encodeQuery({ id: chance.int(0, 0xffff), name, type })
  return new Promise<Buffer>((done, fail) => {
    const timer = setTimeout(() => fail(new Error('no answer')), TIMEOUT_MS)
    socket.once('error', fail)
    socket.once('message', (message) => {
      clearTimeout(timer)
      done(message)
    })
    socket.bind(0, from, () => socket.send(query, server.port, server.host))
  }).finally(() => socket.close())
}
