import { expect, test } from 'vitest'
import { ICS_TALKS } from '../../test/golden/ics-messages.ts'
import { rpcDatagram } from '../../test/golden/small-messages.ts'
import { heard, textTalk } from '../../test/traffic/app-talk.ts'
import { parseAddress } from '../base/address.ts'
import type { AppEvent } from '../decode/app-events.ts'
import { Packet } from '../decode/packet.ts'
import type { Transaction } from '../decode/records.ts'
import { RpcDatagrams } from './app-dcerpc-udp.ts'
import { AppLayer } from './app-layer.ts'
import { bodyDecoder } from './mail-body.ts'

test('POP3: each command with its answer; what is fetched is not kept', () => {
  const talk = textTalk(
    110,
    '<+OK ready\r\n',
    '>USER anna\r\nPASS s3cret\r\n',
    '<+OK\r\n-ERR the password is wrong\r\n',
    '>LIST\r\n',
    '<+OK 2 320\r\n1 120\r\n2 200\r\n.\r\n',
    '>RETR 1\r\n',
    '<+OK\r\nSubject: x\r\n.\r\n',
  )
  const { proto, said, faults } = heard(talk, 3)
  expect([proto, faults]).toEqual(['pop3', []])
  expect(said).toMatchObject([
    { pop3: { command: 'USER', args: ['anna'], success: true } },
    { pop3: { command: 'PASS', success: false, status: 'ERR', header: 'the password is wrong' } },
    { pop3: { command: 'LIST', header: '2 320', data: ['1 120', '2 200'] } },
    { pop3: { command: 'RETR', success: true, data: [] } },
  ])
})

test('DCE/RPC over datagrams: request and answer belong together, whichever way they go', () => {
  const said: Transaction[] = []
  const flow = new RpcDatagrams({
    transaction: (tx) => void said.push(structuredClone(tx)),
    fault: () => {},
    event: () => {},
    expect: () => {},
  })
  for (const bytes of [rpcDatagram(0, 7), rpcDatagram(2, 7), rpcDatagram(0, 8)])
    flow.stream(true, bytes)
  flow.ended()
  expect(flow.held).toBe(0)
  expect(said).toMatchObject([
    { stage: 'request', dcerpc: { sequence: 7, opnum: 9, response: undefined } },
    { stage: 'done', dcerpc: { sequence: 7, response: 2, responseBytes: 4 } },
    { stage: 'request', dcerpc: { sequence: 8 } },
    { stage: 'done', dcerpc: { sequence: 8, response: undefined } },
  ])
})

/** Two flows of the same ends: a control connection (0), and one to another port (1). */
function twoFlows(dataPort: number) {
  const said: Transaction[] = []
  const events: AppEvent[] = []
  const [client, server] = ['10.0.0.5', '10.0.0.1'].map((text) => parseAddress(text) as Uint32Array) // biome-ignore format: one read
  const both = (words: Uint32Array | undefined) =>
    Uint32Array.of(...(words ?? []), ...(words ?? []))
  const flows = {
    flowsMax: 2,
    serverPort: Uint16Array.of(21, dataPort),
    client: both(client),
    server: both(server),
  }
  const app = new AppLayer(flows, {
    transaction: (_, tx) => void said.push(structuredClone(tx)),
    recognised: () => {},
    appFault: () => {},
    appEvent: (_, event) => void events.push(event),
  })
  const speak = (flow: number, toServer: boolean, text: string) => {
    const bytes = Buffer.from(text, 'latin1')
    app.stream(flow, toServer, bytes, 0, bytes.length)
  }
  return { app, said, events, speak }
}

test.each([
  [51_210, 'ftp-data'],
  [51_211, 'failed'],
])('a data connection to the port that was named (%d) is one of FTP', (port, proto) => {
  const { app, said, speak } = twoFlows(port)
  speak(0, false, '220 ready\r\n')
  speak(0, true, 'PASV\r\n')
  speak(0, false, '227 Entering (10,0,0,1,200,10)\r\n')
  speak(0, true, 'RETR plan.txt\r\n')
  speak(1, true, '?') // a client that speaks in it as well
  speak(1, false, 'the plan')
  app.ended(1)
  const found = said.filter((tx) => tx.proto === 'ftp-data')
  expect(app.appProto(0)).toBe('ftp')
  if (proto === 'failed') expect(found).toEqual([])
  else
    expect(found).toMatchObject([
      { stage: 'request' },
      {
        stage: 'file',
        ftpData: { command: 'RETR', filename: 'plan.txt' },
        file: { name: 'plan.txt' },
      },
      { stage: 'done' },
    ])
  app.ended(0)
  expect([app.held, app.states]).toEqual([0, 0])
})

test('what names another protocol of itself is not taken for data of FTP', () => {
  const { app, speak } = twoFlows(51_210)
  speak(0, false, '220 ready\r\n')
  speak(0, true, 'PASV\r\n')
  speak(0, false, '227 Entering (10,0,0,1,200,10)\r\n')
  speak(1, true, 'GET /beacon HTTP/1.1\r\nHost: x\r\n\r\n')
  expect(app.appProto(1)).toBe('http')
})

test('events of one flow are bounded, and what is not told is counted', () => {
  const { app, events, speak } = twoFlows(1)
  speak(0, false, '220 ready\r\n')
  speak(0, true, 'USER a\r\n')
  for (let i = 0; i < 100; i++) speak(0, true, `NOOP ${'x'.repeat(5000)}\r\n`)
  app.ended(0)
  expect(events).toEqual(Array.from({ length: 64 }, () => 'ftp.request_command_too_long'))
  expect(app.eventsDropped).toBe(36)
})

test.each([1, 3, 10, 12])('a hello in the way of SSL 2 is one in segments of %d bytes', (size) => {
  const head = Buffer.from('802e010301001500000010', 'hex')
  const bytes = Buffer.concat([head, Buffer.alloc(21 + 16, 7)])
  const { proto, said } = heard({ port: 443, turns: [{ toServer: true, bytes }] }, size)
  expect([proto, said.map((tx) => tx.proto)]).toEqual(['tls', ['tls', 'tls']])
})

test.each([1e6, 70, 7, 1])(
  'a body that nobody announced is the same in segments of %d bytes',
  (size) => {
    const talk = textTalk(
      80,
      '>POST /odd HTTP/1.1\r\nHost: x\r\n\r\n!body\r\n!more\r\n',
      '<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    )
    const done = heard(talk, size).said.at(-1)
    const body = done?.proto === 'http' ? Buffer.from(done.http.requestBody).toString() : ''
    expect([body, done]).toMatchObject(['!body\r\n!more\r\n', { http: { requestBodyBytes: 14 } }])
  },
)

test('what a datagram leaves unfinished is no longer counted as held', () => {
  const { app } = twoFlows(1)
  const { port, question } = ICS_TALKS.dnp3
  const packet = new Packet()
  packet.flow = 0
  for (const size of [question.length, 12, 5, 12]) {
    packet.bytes = Buffer.from(question.subarray(0, size))
    packet.payloadBytes = size
    packet.srcPort = 40_000
    packet.destPort = port
    app.datagram(packet)
  }
  expect(app.appProto(0)).toBe('dnp3')
  app.ended(0)
  expect([app.held, app.states]).toEqual([0, 0])
})

test('bodies of mail: what is no letter is passed over, padding may stand inside', () => {
  const read = (encoding: string, ...lines: string[]) => {
    const parts: Buffer[] = []
    const body = bodyDecoder(encoding, (bytes) => void parts.push(Buffer.from(bytes)))
    for (const line of lines) body.line(Buffer.from(line))
    body.ended()
    return Buffer.concat(parts).toString()
  }
  expect(read('base64', 'NA=', '=Mg', '==')).toBe('42')
  expect(read('BASE64', 'aGVs-', ' bG8*')).toBe('hello')
  expect(read('base64', 'QQ==QkM=', 'Q=Q=RA==', 'RUU')).toBe('ABCDEE')
  expect(read('base64', 'QU', 'J', 'DRA=', '=')).toBe('ABCD')
  expect(read('quoted-printable', 'a=', 'b=3D', 'c')).toBe('ab=\r\nc')
  expect(read('7bit', 'one', '', 'two')).toBe('one\r\n\r\ntwo')
})
