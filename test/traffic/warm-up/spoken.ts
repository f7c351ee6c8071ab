/** Each protocol that is decoded: whole, in small segments, over IPv6, changed in places, and with segments lost, doubled and moved. */
import { deflateSync, gzipSync } from 'node:zlib'
import { disturbed, mutated } from '../../fuzz/mutation.ts'
import { ICS_TALKS } from '../../golden/ics-messages.ts'
import { clientHello, dnsAnswer, dnsQuestion, dtlsHello, modbusWrite } from '../../golden/messages.ts' // biome-ignore format: one list
import { DHCP_ACK, DHCP_REQUEST, DHCP6_REPLY } from '../../golden/messages-it.ts'
import { rpcDatagram, SNMP_GET, SNMP_TRAP, TFTP_READ } from '../../golden/small-messages.ts'
import { IT_TALKS } from '../../golden/talks-it.ts'
import type { Chance } from '../chance.ts'
import { type Ends, type Turn, tcpConversation, udp } from '../frames.ts'
import { cryptoFrames, quicInitial } from '../quic-initial.ts'
import { LARGE, type Said, SHARE_TALKS } from './shares.ts'

interface Spoken {
  port: number
  turns: Turn[]
}

const CHANGED = 0.4
const DISTURBED_FRAMES_MAX = 40
const DATA_PORT = 51_210
const CLOSING_FRAMES = 3
const LONG_PAGES = 80
const LONG_SEGMENT = 30_000
const SIZES = [1400, 300, 60]
const asked = (data: Uint8Array | string): Turn => ({ from: 'client', data })
const answered = (data: Uint8Array | string): Turn => ({ from: 'server', data })
const PAGE = Buffer.from(`<html>${'<p class="x">some words of a page</p>\n'.repeat(40)}</html>`)
const GET =
  'GET /a/../b%41%u0041?x=1&y=%2e%2e HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: curl/8\r\nCookie: a=b; c=d\r\nAccept-Encoding: gzip\r\n\r\n'
const FORM =
  'POST http://shop.example:80/up HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\nExpect: 100-continue\r\n' +
  'Content-Type: multipart/form-data; boundary=xx\r\nContent-Length: 90\r\n\r\n--xx\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\nhi there, all of you\r\n--xx--'

const turnsOf = (said: readonly Said[]): Turn[] => said.flatMap((pair) => [asked(pair.asked), answered(pair.answered)]) // biome-ignore format: one line

function web(head: string, body: Uint8Array, request = GET): Spoken {
  const whole = Buffer.concat([Buffer.from(head.replace('LENGTH', `${body.length}`)), body])
  const again = answered('HTTP/1.1 304 Not Modified\r\n\r\n')
  return { port: 80, turns: [asked(request), answered(whole), asked(request), again] }
}

export const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const framed = (message: Buffer) => Buffer.concat([Buffer.from([0, message.length]), message])
const TALKS: Spoken[] = [
  ...IT_TALKS.map(({ port, turns }) => ({
    port,
    turns: turns.map(({ toServer, bytes }) => (toServer ? asked(bytes) : answered(bytes))),
  })),
  ...SHARE_TALKS.map(({ port, said }) => ({
    port,
    turns: turnsOf(said),
  })),
  ...Object.values(ICS_TALKS).flatMap(
    ({ port, question, answer, udp: datagrams }) =>
    datagrams ? [] : [{ port, turns: [question, answer, question, answer].map((data, i) => (i % 2 ? answered(data) : asked(data))) }], // biome-ignore format: one talk
  ),
  {
    port: 502,
    turns: [
      asked(modbusWrite(7, 100, [70, 280])),
      answered(modbusWrite(7, 100, [70, 280]).subarray(0, 12)),
    ],
  },
  {
    port: 443,
    turns: [asked(clientHello('mail.example')), asked(hex('1403030001011703030004deadbeef'))],
  },
  {
    port: 110,
    turns: [
      answered('+OK ready\r\n'),
      asked('USER anna\r\n'),
      answered('+OK\r\n'),
      asked('RETR 1\r\n'),
      answered('+OK\r\nSubject: one\r\n\r\nhi\r\n.\r\n'),
      asked('QUIT\r\n'),
    ],
  },
  {
    port: 53,
    turns: [
      asked(framed(dnsQuestion('a.example'))),
      answered(framed(dnsAnswer('a.example', [192, 0, 2, 1]))),
    ],
  },
  web('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: LENGTH\r\n\r\n', gzipSync(PAGE)), // biome-ignore format: one answer
  web('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: deflate\r\nContent-Length: LENGTH\r\n\r\n', deflateSync(PAGE)), // biome-ignore format: one answer
  web('HTTP/1.1 200 OK\r\nContent-Length: LENGTH\r\nSet-Cookie: k=v\r\n folded: yes\r\n\r\n', PAGE),
  web('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', Buffer.from('5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: x\r\n\r\n')), // biome-ignore format: one answer
  web('HTTP/1.0 404 Not Found\nServer: x\n\n', PAGE),
  web('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: LENGTH\r\n\r\n', PAGE, FORM),
  web('HTTP/1.1 200 Connection established\r\n\r\n', clientHello('in.example'), 'CONNECT in.example:443 HTTP/1.1\r\nHost: in.example\r\n\r\n'), // biome-ignore format: one talk
]

const DATAGRAMS: [port: number, data: Uint8Array][] = [
  [161, SNMP_GET],
  [162, SNMP_TRAP],
  [69, TFTP_READ],
  [135, rpcDatagram(0, 1)],
  [67, DHCP_REQUEST],
  [68, DHCP_ACK],
  [546, DHCP6_REPLY],
  [4433, dtlsHello('desk.example')[0] as Buffer],
  [443, quicInitial(cryptoFrames([[0, clientHello('quic.example')]]))],
  [53, dnsQuestion('www.example.com')],
  [53, dnsAnswer('www.example.com', [192, 0, 2, 1])],
  [47_808, ICS_TALKS.bacnet.question],
  [500, Buffer.alloc(60, 3)],
  [123, Buffer.alloc(48, 0x23)],
]

/** Ends that nobody else has: inside and outside, of either family. */
export class Neighbours {
  #count = 0

  next(destPort: number, v6 = false): Ends {
    const n = ++this.#count
    const [high, low] = [(n >> 8) & 255, n & 255]
    const srcPort = 40_000 + (n % 9000)
    if (v6) return { src: `fd00::${n.toString(16)}:5`, dest: `2001:db8::${n.toString(16)}`, srcPort, destPort } // biome-ignore format: one end
    const dest = `${n % 2 === 0 ? '10.8' : '198.18'}.${high}.${low}`
    return { src: `10.9.${high}.${low}`, dest, srcPort, destPort }
  }
}

export function back({ src, dest, srcPort = 0, destPort = 0 }: Ends): Ends {
  return { src: dest, dest: src, srcPort: destPort, destPort: srcPort }
}

export function spokenFrames(chance: Chance, ends: Neighbours, times: number): Uint8Array[] {
  const whole = TALKS.flatMap(({ port, turns }) => [
    tcpConversation(ends.next(port), turns),
    tcpConversation(ends.next(port, true), turns, 90),
  ])
  const frames: Uint8Array[] = whole.flat()
  frames.push(...fetched(ends), ...long(ends))
  for (let i = 0; i < times; i++) for (const talk of TALKS) frames.push(...changed(chance, ends, talk)) // biome-ignore format: one line
  for (let i = 0; i < times * 20; i++) frames.push(...disturbed(chance, whole).slice(0, DISTURBED_FRAMES_MAX)) // biome-ignore format: one line
  for (const [port, data] of DATAGRAMS) {
    const both = ends.next(port)
    frames.push(udp(both, data), udp(back(both), data), udp(ends.next(port, true), data, [5]))
  }
  for (let i = 0; i < times * 4; i++)
    for (const [port, data] of DATAGRAMS)
      frames.push(
        udp(ends.next(port, chance.next() < 0.2), mutated(chance, [data]).subarray(0, 1400)),
      )
  return frames
}

/** More than is kept at once, in segments as a network card hands them on. */
function long(ends: Neighbours): Uint8Array[] {
  const body = Buffer.concat(Array<Buffer>(LONG_PAGES).fill(PAGE))
  const { turns } = web('HTTP/1.1 200 OK\r\nContent-Length: LENGTH\r\n\r\n', body)
  return [
    ...tcpConversation(ends.next(80), turns, LONG_SEGMENT),
    ...tcpConversation(ends.next(445), turnsOf(LARGE), LONG_SEGMENT),
  ]
}

/** A file over FTP: its data come on a connection that was told of on the first, before that ends. */
function fetched(ends: Neighbours): Uint8Array[] {
  const control = ends.next(21)
  const place = `${control.dest.replaceAll('.', ',')},${DATA_PORT >> 8},${DATA_PORT & 255}`
  const talk = tcpConversation(control, [
    answered('220 ready\r\n'),
    asked('PASV\r\n'),
    answered(`227 Entering Passive Mode (${place})\r\n`),
    asked('RETR plan.pdf\r\n'),
    answered('150 Opening\r\n'),
  ])
  const data = { ...control, srcPort: 39_000, destPort: DATA_PORT }
  const file = tcpConversation(data, [answered(PAGE)])
  return [...talk.slice(0, -CLOSING_FRAMES), ...file, ...talk.slice(-CLOSING_FRAMES)]
}

function changed(chance: Chance, ends: Neighbours, { port, turns }: Spoken): Uint8Array[] {
  const said = turns.map(({ from, data }): Turn => {
    const bytes = Buffer.from(data as Uint8Array)
    return { from, data: chance.next() < CHANGED ? mutated(chance, [bytes]).subarray(0, 4000) : bytes } // biome-ignore format: one turn
  })
  const both = ends.next(chance.next() < 0.1 ? 9000 : port, chance.next() < 0.2)
  const first = [chance.int(0, 2 ** 32 - 1), chance.int(0, 2 ** 32 - 1)]
  return tcpConversation(both, said, chance.pick(SIZES), first)
}
