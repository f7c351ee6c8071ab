/** The application layer: any bytes in any cut; what is kept for a flow is given back when it ends. */
import { gzipSync } from 'node:zlib'
import { keepLent } from '../../agent/decode/lent.ts'
import type { Transaction } from '../../agent/decode/records.ts'
import { AppLayer } from '../../agent/flow/app-layer.ts'
import { ICS_TALKS } from '../golden/ics-messages.ts'
import { clientHello, dnsAnswer, dnsQuestion, modbusWrite } from '../golden/messages.ts'
import { IT_TALKS } from '../golden/talks-it.ts'
import type { Chance } from '../traffic/chance.ts'
import { fuzz, recordOrFault } from './fuzz.ts'
import { mutated } from './mutation.ts'
import { realTraffic } from './seeds.ts'

interface Turn {
  toServer: boolean
  bytes: Buffer
}

interface Talk {
  port: number
  turns: Turn[]
  /** Where each turn is cut, for the second hearing. */
  cuts: number[][]
}

const text = (toServer: boolean, words: string): Turn => ({
  toServer,
  bytes: Buffer.from(words, 'latin1'),
})
const framed = (message: Buffer) =>
  Buffer.concat([Buffer.of(message.length >> 8, message.length & 255), message])
const { payloads } = await realTraffic()

const ZIPPED = gzipSync('hello '.repeat(50))
const SSL2_HELLO = Buffer.concat([
  Buffer.from('802e010301001500000010', 'hex'),
  Buffer.from('0000040000050000', 'hex'),
  Buffer.alloc(13 + 16, 7),
])

const TALKS: { port: number; turns: Turn[] }[] = [
  {
    port: 80,
    turns: [
      text(
        true,
        'POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET /2 HTTP/1.1\r\n\r\n',
      ),
      text(
        false,
        'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: 1\r\n\r\n',
      ),
      text(false, 'HTTP/1.1 304 Not Modified\r\n\r\n'),
    ],
  },
  { port: 443, turns: [{ toServer: true, bytes: clientHello('mail.example') }] },
  {
    port: 3128,
    turns: [
      text(true, 'CONNECT mail.example:443 HTTP/1.0\r\nUser-Agent: x\r\n\r\n'),
      text(false, 'HTTP/1.0 200 OK\r\nVia: 1.1 proxy\r\n\r\n'),
      { toServer: true, bytes: clientHello('mail.example') },
    ],
  },
  {
    port: 25,
    turns: [
      text(false, '220 mail\r\n'),
      text(true, 'STARTTLS\r\n'),
      { toServer: true, bytes: clientHello('mail.example') },
    ],
  },
  {
    port: 22,
    turns: [
      text(false, 'hi\r\nSSH-2.0-OpenSSH_9\r\n'),
      text(true, 'SSH-2.0-PuTTY\r\n\0\0\0\x0c\x04\x14aaaaaaaaaa'),
    ],
  },
  {
    port: 502,
    turns: [
      { toServer: true, bytes: Buffer.concat([modbusWrite(1, 5, [6]), modbusWrite(1, 6, [7])]) },
      { toServer: false, bytes: modbusWrite(1, 5, [6]).subarray(0, 12) },
    ],
  },
  {
    port: 53,
    turns: [
      { toServer: true, bytes: framed(dnsQuestion('www.example.com')) },
      { toServer: false, bytes: framed(dnsAnswer('www.example.com', [192, 0, 2, 1])) },
    ],
  },
  ...Object.values(ICS_TALKS)
    .filter(({ udp }) => !udp)
    .map(({ port, question, answer }) => ({
      port,
      turns: [
        { toServer: true, bytes: question },
        { toServer: false, bytes: answer },
      ],
    })),
  {
    port: 110,
    turns: [
      text(false, '+OK ready\r\n'),
      text(true, 'CAPA\r\nUSER anna\r\n'),
      text(false, '+OK\r\nTOP\r\n.\r\n+OK\r\n'),
      text(true, 'RETR 1\r\n'),
      text(false, '+OK 9 octets\r\nSubject: a\r\n\r\nb\r\n.\r\n'),
    ],
  },
  {
    port: 80,
    turns: [
      text(
        true,
        'POST /up HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 83\r\n\r\n--b\r\nContent-Disposition: form-data; name=a; filename="a.exe"\r\n\r\nMZ\r\n--b--\r\n       ',
      ),
      {
        toServer: false,
        bytes: Buffer.concat([
          Buffer.from(
            `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${ZIPPED.length}\r\n\r\n`,
          ),
          ZIPPED,
        ]),
      },
      text(true, 'POST /odd HTTP/1.1\r\nHost: x\r\n\r\n!body\r\n!more\r\n'),
      text(false, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
    ],
  },
  // A hello in the way of SSL 2.
  { port: 443, turns: [{ toServer: true, bytes: SSL2_HELLO }] },
  ...IT_TALKS,
]

/** Payloads of one port, taken as if they were one talk: no honest one, so only for what must not break. */
const REAL = [80, 443, 22, 502, 25, 8080, 20_000, 21, 88, 110, 135, 139, 445, 3389]
  .map((port) => ({
    port,
    turns: (payloads.get(port) ?? [])
      .slice(0, 12)
      .map((bytes, i) => ({ toServer: i % 2 === 0, bytes })),
  }))
  .filter(({ turns }) => turns.length > 0)

function talk(chance: Chance, change: boolean): Talk {
  const { port, turns: given } = chance.pick(change ? [...TALKS, ...REAL] : TALKS)
  const turns = given.map((turn) => ({ ...turn }))
  if (change)
    for (let edits = chance.int(0, 3); edits > 0; edits--) {
      const turn = chance.pick(turns)
      turn.bytes = mutated(chance, [turn.bytes])
      if (chance.next() < 0.1) turn.toServer = !turn.toServer
      if (chance.next() < 0.1) turns.push({ ...chance.pick(turns) })
    }
  const cuts = turns.map(({ bytes }) =>
    Array.from({ length: chance.int(0, 6) }, () => chance.int(0, bytes.length)).sort(
      (a, b) => a - b,
    ),
  )
  return { port, turns, cuts }
}

/** What was understood of a talk, in words. */
function hear({ port, turns }: Talk, cuts: number[][] | undefined): string {
  const found = new Set<object>()
  const faults = new Set<string>()
  const serverPort = Uint16Array.of(port, port)
  const keep = (_: number, tx: Transaction) => {
    keepLent(tx)
    if (tx.proto === 'dns') found.add(tx.dns)
    else if (tx.proto === 'http') found.add(tx.http)
    else if (tx.proto === 'tls') found.add(tx.tls)
    else if (tx.proto === 'ssh') found.add(tx.ssh)
    else if ('ics' in tx) found.add(tx.ics)
    else if (tx.proto === 'quic') found.add(tx.quic)
    else if (tx.proto === 'modbus') found.add(tx.modbus)
    else found.add(tx)
  }
  const app = new AppLayer(
    { flowsMax: 2, serverPort },
    { transaction: keep, recognised: () => {}, appFault: (_, fault) => void faults.add(fault) },
  )
  for (const [i, { toServer, bytes }] of turns.entries()) {
    const edges = [0, ...(cuts?.[i] ?? []), bytes.length]
    for (let j = 1; j < edges.length; j++)
      app.stream(0, toServer, bytes, edges[j - 1] as number, edges[j] as number)
  }
  const proto = app.appProto(0)
  app.ended(0)
  for (const fault of faults) recordOrFault(fault)
  if (app.states !== 0 || app.held !== 0)
    throw new Error(`${app.states} states, ${app.held} bytes stayed`)
  const plain = (key: string, value: unknown) => (key === 'waited' ? undefined : value)
  return JSON.stringify([proto, [...found], [...faults].sort()], plain)
}

const show = ({ port, turns, cuts }: Talk) =>
  turns
    .map(
      ({ toServer, bytes }, i) =>
        `${toServer ? '>' : '<'}${port} cut at ${cuts[i]}: ${bytes.toString('hex')}`,
    )
    .join('\n')

fuzz<Talk>({
  name: 'application layer',
  next: (chance) => talk(chance, true),
  judge: (input) => void hear(input, input.cuts),
  show,
})

fuzz<Talk>({
  name: 'application layer, cut anywhere',
  next: (chance) => talk(chance, false),
  judge: (input) => {
    const [a, b] = [hear(input, undefined), hear(input, input.cuts)]
    if (a !== b) throw new Error(`heard in one piece:\n${a}\nin several:\n${b}`)
  },
  show,
})
