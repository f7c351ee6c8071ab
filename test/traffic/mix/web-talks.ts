/** What a branch says on the web: HTTP with its bodies, TLS 1.2 and 1.3. */
import type { Chance } from '../chance.ts'
import { type Bodies, randomBytes } from './bodies.ts'
import type { Places } from './places.ts'
import { fromClient, fromServer, type Said, type Talk } from './talk.ts'

export interface Scene {
  chance: Chance
  bodies: Bodies
  places: Places
}

const BROWSERS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15',
  'Microsoft-CryptoAPI/10.0',
  'Debian APT-HTTP/1.3 (2.6.1)',
]
const KINDS = [
  'text/html',
  'application/javascript',
  'text/css',
  'application/json',
  'image/jpeg',
  'application/octet-stream',
] as const

/** Sizes of what is fetched: half below 6 KB, one in a hundred over 300 KB. */
export function size(chance: Chance, middle = 6000): number {
  const spread = Math.sqrt(-2 * Math.log(1 - chance.next())) * Math.cos(2 * Math.PI * chance.next())
  return Math.max(40, Math.min(2_000_000, Math.floor(middle * Math.exp(1.5 * spread))))
}

export function http(scene: Scene): Talk {
  const { chance, places } = scene
  const { client, server, name } = places.outward()
  const browser = chance.pick(BROWSERS)
  const requests = 1 + Math.floor(6 * chance.next() ** 2)
  const said = Array.from({ length: requests }, () => exchange(scene, name, browser)).flat()
  return { client, server, port: chance.next() < 0.92 ? 80 : 8080, said }
}

export function request(
  host: string,
  {
    method = 'GET',
    uri = '/',
    agent = BROWSERS[0],
    headers = '',
    body,
  }: {
    method?: string
    uri?: string
    agent?: string | undefined
    headers?: string
    body?: Uint8Array | undefined
  },
): Said {
  const length = body ? `Content-Length: ${body.length}\r\n` : ''
  const head = `${method} ${uri} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: ${agent}\r\nAccept: */*\r\nAccept-Language: en-GB,en;q=0.8\r\n${headers}${length}Connection: keep-alive\r\n\r\n`
  return fromClient(Buffer.concat([Buffer.from(head, 'latin1'), body ?? Buffer.alloc(0)]))
}

export function response(type: string, body: Uint8Array, headers = ''): Said {
  const head = `HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: ${type}\r\n${headers}Content-Length: ${body.length}\r\nCache-Control: max-age=3600\r\n\r\n`
  return fromServer(Buffer.concat([Buffer.from(head, 'latin1'), body]))
}

function exchange({ chance, bodies }: Scene, host: string, agent: string): Said[] {
  const uri = `/${bodies.word()}/${bodies.word()}-${chance.int(1, 99_999)}${chance.pick(['', '.html', '.js', '.png', '.php?id=7&page=2'])}`
  const headers = `Accept-Encoding: gzip, deflate\r\nReferer: http://${host}/${bodies.word()}\r\nCookie: session=${chance.word(26)}; lang=en\r\n`
  const posts = chance.next() < 0.12
  const asked = posts
    ? request(host, {
        method: 'POST',
        uri,
        agent,
        headers: `${headers}Content-Type: application/x-www-form-urlencoded\r\n`,
        body: Buffer.from(
          `name=${bodies.word()}&text=${bodies.sentence(chance.int(3, 80)).replaceAll(' ', '+')}`,
        ),
      })
    : request(host, { uri, agent, headers })
  const luck = chance.next()
  if (luck < 0.08)
    return [
      asked,
      fromServer('HTTP/1.1 304 Not Modified\r\nServer: nginx\r\nETag: "5f2-1b"\r\n\r\n'),
    ]
  if (luck < 0.28)
    return [asked, response('text/html', bodies.packed(), 'Content-Encoding: gzip\r\n')]
  const kind = chance.pick(KINDS)
  const body = bodyOf(kind, { chance, bodies })
  return [asked, luck < 0.4 ? chunked(kind, body) : response(kind, body)]
}

function bodyOf(kind: (typeof KINDS)[number], { chance, bodies }: Omit<Scene, 'places'>): Buffer {
  if (kind === 'text/html') return bodies.page(size(chance, 9000))
  if (kind === 'application/json') return bodies.record(size(chance, 3000))
  if (kind === 'application/javascript' || kind === 'text/css') return bodies.script(size(chance))
  return bodies.picture(size(chance, 14_000))
}

function chunked(type: string, body: Buffer): Said {
  const parts: Buffer[] = [
    Buffer.from(
      `HTTP/1.1 200 OK\r\nServer: Apache\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    ),
  ]
  for (let at = 0; at < body.length; at += 4096) {
    const part = body.subarray(at, at + 4096)
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'))
  }
  parts.push(Buffer.from('0\r\n\r\n'))
  return fromServer(Buffer.concat(parts))
}

export function tls(scene: Scene, serverName?: string): Talk {
  const { chance, bodies, places } = scene
  const { client, server, name } = places.outward()
  const said: Said[] = [
    fromClient(clientHello(chance, serverName ?? name)),
    fromServer(serverHello(chance)),
    fromClient(Buffer.concat([record(20, Buffer.of(1)), record(23, randomBytes(chance, 53))])),
  ]
  const turns = chance.int(1, 5)
  for (let i = 0; i < turns; i++) {
    said.push(fromClient(record(23, bodies.picture(chance.int(80, 900)))))
    said.push(fromServer(sealed(bodies.picture(size(chance, 5000)))))
  }
  said.push(fromClient(record(23, bodies.picture(19))))
  return { client, server, port: 443, said }
}

/** As TLS 1.3 seals what it carries: records of at most 16 KB. */
function sealed(bytes: Buffer): Buffer {
  const records: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 16_384)
    records.push(record(23, bytes.subarray(at, at + 16_384)))
  return Buffer.concat(records)
}

function record(type: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(type, 3, 3), u16(bytes.length), bytes])
}

function clientHello(chance: Chance, name: string): Buffer {
  const host = Buffer.from(name, 'latin1')
  const extensions = Buffer.concat([
    extension(0, Buffer.concat([u16(host.length + 3), Buffer.of(0), u16(host.length), host])),
    extension(10, Buffer.from('0006001d00170018', 'hex')),
    extension(11, Buffer.from('0100', 'hex')),
    extension(13, Buffer.from('000e0403080404010503080505010806', 'hex')),
    extension(16, Buffer.from('000c02683208687474702f312e31', 'hex')),
    extension(43, Buffer.from('0403040303', 'hex')),
    extension(51, Buffer.concat([Buffer.from('0024001d0020', 'hex'), randomBytes(chance, 32)])),
  ])
  const ciphers = Buffer.from('130113021303c02bc02fc02cc030cca9cca8009c', 'hex')
  return handshake(1, [
    Buffer.of(3, 3),
    randomBytes(chance, 32),
    Buffer.of(32),
    randomBytes(chance, 32),
    u16(ciphers.length),
    ciphers.subarray(0, ciphers.length),
    Buffer.of(1, 0),
    u16(extensions.length),
    extensions,
  ])
}

function serverHello(chance: Chance): Buffer {
  const share = Buffer.concat([Buffer.from('001d0020', 'hex'), randomBytes(chance, 32)])
  const extensions = Buffer.concat([extension(43, Buffer.of(3, 4)), extension(51, share)])
  const hello = handshake(2, [
    Buffer.of(3, 3),
    randomBytes(chance, 32),
    Buffer.of(32),
    randomBytes(chance, 32),
    Buffer.of(0x13, 1, 0),
    u16(extensions.length),
    extensions,
  ])
  const rest = record(23, randomBytes(chance, chance.int(1900, 3800)))
  return Buffer.concat([hello, record(20, Buffer.of(1)), rest])
}

function handshake(type: number, parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([
    Buffer.of(22, 3, 1),
    u16(body.length + 4),
    Buffer.of(type, 0),
    u16(body.length),
    body,
  ])
}

function extension(type: number, body: Buffer): Buffer {
  return Buffer.concat([u16(type), u16(body.length), body])
}

function u16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 255)
}
