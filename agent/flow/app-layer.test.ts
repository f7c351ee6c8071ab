import { createHash } from 'node:crypto'
import { deflateSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { Packet } from '../decode/packet.ts'
import type { HttpTransaction, Transaction } from '../decode/records.ts'
import { AppLayer } from './app-layer.ts'

interface Said {
  stage: string
  http: HttpTransaction
}

/** One flow table of a few rows, and all that was said. */
function layer(serverPort = 80, bounds = {}, clientPort = 40_000) {
  const said: Transaction[] = []
  const words: string[] = []
  const flows = {
    flowsMax: 8,
    serverPort: new Uint16Array(8).fill(serverPort),
    clientPort: new Uint16Array(8).fill(clientPort),
  }
  const app = new AppLayer(
    flows,
    {
      // A copy, as it was at that stage.
      transaction: (_, tx) => void said.push(copyOf(tx)),
      recognised: (_, proto) => void words.push(proto),
      appFault: (_, fault) => void words.push(fault),
    },
    bounds,
  )
  const send = (toServer: boolean, data: string | Uint8Array, size = 1e6, flow = 0) => {
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : Buffer.from(data)
    // Bytes lie somewhere in a larger buffer, as they do in a frame.
    for (let at = 0; at < bytes.length; at += size) {
      const part = bytes.subarray(at, at + size)
      const frame = new Uint8Array(part.length + 10).fill(0xee)
      frame.set(part, 5)
      app.stream(flow, toServer, frame, 5, 5 + part.length)
      frame.fill(0xee) // views must not outlive the call
    }
  }
  return {
    app,
    said,
    words,
    client: (data: string | Uint8Array, size?: number, flow?: number) =>
      send(true, data, size, flow),
    server: (data: string | Uint8Array, size?: number, flow?: number) =>
      send(false, data, size, flow),
    stages: () => said.map((tx) => tx.stage),
    http: () => said.filter((tx) => tx.stage === 'done').map((tx) => (tx as unknown as Said).http),
  }
}

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('latin1')

const GET = 'GET /a/../b?c=%20d HTTP/1.1\r\nHost: example.com\r\nUser-Agent: me\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello'

test.each([1e6, 7, 1])('reads one exchange in segments of %d bytes', (size) => {
  const one = layer()
  one.client(GET, size)
  one.server(OK, size)
  expect(one.stages()).toEqual(['request', 'response', 'response-body', 'done'])
  expect(one.words).toEqual(['http'])
  const [http] = one.http()
  expect(http).toMatchObject({
    id: 0,
    method: 'GET',
    rawUri: '/a/../b?c=%20d',
    uri: '/b?c= d',
    version: 'HTTP/1.1',
    host: 'example.com',
    status: 200,
    reason: 'OK',
    responseBodyBytes: 5,
    requestDone: true,
    responseDone: true,
  })
  expect(http?.requestHeaders).toEqual([
    { name: 'Host', value: 'example.com' },
    { name: 'User-Agent', value: 'me' },
  ])
  expect(text(http?.rawRequestHeaders)).toBe('Host: example.com\r\nUser-Agent: me\r\n\r\n')
  expect(text(http?.responseBody)).toBe('hello')
  one.app.ended(0)
  expect([one.app.held, one.app.states]).toEqual([0, 0])
})

test.each([1e6, 3, 1])('answers belong to pipelined questions in order (%d)', (size) => {
  const one = layer()
  one.client('GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n', size)
  one.server(
    'HTTP/1.1 200 A\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n' +
      'HTTP/1.1 200 B\r\nContent-Length: 999\r\n\r\nHTTP/1.1 204 C\r\n\r\n',
    size,
  )
  const answers = one.http().map((http) => [http.uri, http.reason, text(http.responseBody)])
  expect(answers).toEqual([
    ['/1', 'A', 'abcde'],
    ['/2', 'B', ''],
    ['/3', 'C', ''],
  ])
})

test('reads a posted body, after 100 Continue', () => {
  const one = layer()
  one.client('POST /up HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n')
  one.server('HTTP/1.1 100 Continue\r\n\r\n')
  one.client('a=1&')
  one.server('HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n')
  expect(one.stages()).toEqual(['request', 'request-body', 'response', 'done'])
  expect(one.http()[0]).toMatchObject({ status: 201, requestBodyBytes: 4, requestDone: true })
  expect(text(one.http()[0]?.requestBody)).toBe('a=1&')
})

test.each([
  ['gzip', gzipSync('a page '.repeat(50))],
  ['deflate', deflateSync('a page '.repeat(50))],
])('undoes %s, chunked', (encoding, body) => {
  const one = layer()
  one.client(GET)
  one.server(
    `HTTP/1.1 200 OK\r\nContent-Encoding: ${encoding}\r\nTransfer-Encoding: chunked\r\n\r\n`,
  )
  one.server(`${body.length.toString(16)}\r\n`)
  one.server(body, 10)
  one.server('\r\n0\r\n\r\n')
  expect(text(one.http()[0]?.responseBody)).toBe('a page '.repeat(50))
  expect(one.http()[0]?.responseBodyBytes).toBe(body.length)
})

test('hands on a long body once it keeps no more of it, and counts the rest', () => {
  const one = layer()
  one.client(GET)
  one.server('HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n')
  one.server(Buffer.alloc(70_000, 97), 1400)
  expect(one.stages()).toEqual(['request', 'response', 'response-body'])
  one.server(Buffer.alloc(130_000, 97), 1400)
  expect(one.stages().at(-1)).toBe('done')
  expect(one.http()[0]).toMatchObject({ responseBodyBytes: 200_000 })
  expect(one.http()[0]?.responseBody.length).toBe(65_536)
})

test('a body that only the end of the flow ends', () => {
  const one = layer()
  one.client(GET)
  one.server('HTTP/1.0 200 OK\r\n\r\nhel')
  one.server('lo')
  one.app.ended(0)
  expect(one.stages()).toEqual(['request', 'response', 'response-body', 'done'])
  expect(text(one.http()[0]?.responseBody)).toBe('hello')
})

test('HTTP/0.9: one line, and an answer without a head', () => {
  const one = layer()
  one.client('GET /old\r\n')
  one.server('<html>')
  one.app.ended(0)
  expect(one.http()[0]).toMatchObject({ uri: '/old', version: '', status: 0 })
  expect(text(one.http()[0]?.responseBody)).toBe('<html>')
})

test('a head that is never finished is handed on when the flow ends', () => {
  const one = layer()
  one.client('GET /slow HTTP/1.1\r\nHost: a\r\nX: ')
  one.app.ended(0)
  expect(one.http()[0]).toMatchObject({ uri: '/slow', host: 'a' })
})

test('TLS inside CONNECT is found, and 101 ends HTTP', () => {
  const one = layer(8080)
  one.client('CONNECT host:443 HTTP/1.1\r\nHost: host:443\r\n\r\n')
  one.server('HTTP/1.1 200 Connection established\r\n\r\n')
  one.client(hello)
  expect(one.words).toEqual(['http', 'tls'])
  expect(one.said.at(-1)).toMatchObject({
    proto: 'tls',
    stage: 'request',
    tls: { sni: 'a.example' },
  })

  const two = layer()
  two.client('GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n')
  two.server('HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\x81\x05hello')
  expect(two.http()[0]).toMatchObject({ status: 101 })
  expect(two.app.wants(0)).toBe(false)
})

test.each([
  [
    'two lengths',
    'GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'ambiguous-length',
  ],
  [
    'a chunk that is none',
    'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'bad-chunk',
  ],
  ['a line without colon', 'GET / HTTP/1.1\r\nnothing\r\n\r\n', 'bad-header'],
  ['a head without end', `GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(20_000)}`, 'headers-too-long'],
  [
    'a second request that is none',
    'GET / HTTP/1.1\r\n\r\n\x00\x01 rubbish\r\n\r\n',
    'bad-request-line',
  ],
  ['more questions than are kept', 'GET / HTTP/1.1\r\n\r\n'.repeat(70), 'transactions-full'],
])('%s is a fault beside the transaction', (_, data, fault) => {
  const one = layer()
  one.client(data)
  one.app.ended(0)
  expect(one.words).toContain(fault)
  expect(one.http().length).toBeGreaterThan(0)
})

test('a gap inside a body of known length is bridged, one past its end is read over', () => {
  const one = layer()
  one.client(GET)
  one.server('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab')
  one.app.gap(0, false, 6)
  one.server('ij')
  expect(one.http()[0]).toMatchObject({ responseBodyBytes: 10, responseDone: true })
  one.client(GET)
  one.server('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab')
  one.app.gap(0, false, 50)
  expect(one.http()[1]).toMatchObject({ responseBodyBytes: 10, responseDone: true, gap: true })
  one.server('the rest of something\r\n')
  one.client(GET)
  one.server('end\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n')
  expect(one.http()[2]).toMatchObject({ status: 404, gap: false })
})

test('between two requests a gap is read over up to the next, inside a head it ends the reading', () => {
  const one = layer()
  one.client(GET)
  one.app.gap(0, true, 5)
  one.client('Host: lost\r\n\r\nGET /next HTTP/1.1\r\n\r\n')
  one.client('GET /cut HTTP/1.1\r\nHo')
  one.app.gap(0, true, 5)
  expect(one.app.wants(0)).toBe(false)
  expect(one.http().map(({ rawUri }) => rawUri)).toEqual(['/a/../b?c=%20d', '/next', '/cut'])
})

test('in a tunnel of CONNECT any protocol may begin, HTTP anew too', () => {
  const one = layer()
  one.client('CONNECT host:80 HTTP/1.1\r\nHost: host:80\r\n\r\n')
  one.server('HTTP/1.1 200 OK\r\n\r\n')
  expect(one.app.appProtoOrig(0)).toBe('http')
  one.client('GET /in')
  one.client('side HTTP/1.1\r\n\r\n')
  one.server('HTTP/1.1 204 No\r\n\r\n')
  expect(one.http().map(({ id, rawUri, status }) => [id, rawUri, status])).toEqual([
    [0, 'host:80', 200],
    [0, '/inside', 204],
  ])
})

test('a request that breaks off within its first line is told at the end', () => {
  const one = layer()
  one.client('GET /')
  one.app.ended(0)
  expect(one.http()).toMatchObject([{ method: 'GET', rawUri: '/', version: '' }])
  const two = layer()
  two.client('GE /')
  two.app.ended(0)
  expect(two.http()).toEqual([])
})

test('an answer whose status is no number', () => {
  const one = layer()
  one.client(GET)
  one.server('HTTP/1.1 2XX Fine\r\nContent-Length: 0\r\n\r\n')
  expect(one.http()[0]).toMatchObject({ status: 0, statusText: '2XX', reason: 'Fine' })
})

test.each([
  ['RTSP', 554, 'OPTIONS rtsp://cam/1 RTSP/1.0\r\n\r\n'],
  ['SIP', 5060, 'OPTIONS sip:a@b SIP/2.0\r\n\r\n'],
  ['HTTP/2', 80, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['POP3', 110, 'USER a.example\r\n'],
  ['Redis', 6379, 'GET key\r\n'],
  ['bytes', 4444, '\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09'],
])('%s is not HTTP', (_, port, data) => {
  const one = layer(port)
  one.client(data)
  one.app.ended(0)
  expect(one.words).toEqual(['failed'])
})

test('HTTP is known on any port, SSH and TLS too', () => {
  const one = layer(31_337)
  one.client(GET)
  one.client('SSH-2.0-x\r\n', 1e6, 1)
  one.client(hello, 1, 2)
  expect(one.words).toEqual(['http', 'ssh', 'tls'])
  expect([0, 1, 2, 3].map((flow) => one.app.appProto(flow))).toEqual([
    'http',
    'ssh',
    'tls',
    'unknown',
  ])
})

// A client hello for a.example with h2 and http/1.1, built below.
const hello = clientHello()

function clientHello(): Buffer {
  const u16 = (...values: number[]) => Buffer.from(values.flatMap((v) => [v >> 8, v & 255]))
  const sized = (bytes: Uint8Array) => Buffer.concat([u16(bytes.length), bytes])
  const extension = (type: number, data: Uint8Array) => Buffer.concat([u16(type), sized(data)])
  const name = Buffer.from('a.example')
  const alpn = Buffer.from('\x02h2\x08http/1.1', 'latin1')
  const extensions = Buffer.concat([
    extension(0x1a1a, Buffer.alloc(0)),
    extension(0, sized(Buffer.concat([Buffer.from([0]), sized(name)]))),
    extension(10, sized(u16(0x2a2a, 29, 23))),
    extension(11, Buffer.from([1, 0])),
    extension(13, sized(u16(0x0403, 0x0804))),
    extension(16, sized(alpn)),
    extension(43, Buffer.concat([Buffer.from([6]), u16(0x3a3a, 0x0304, 0x0303)])),
  ])
  const body = Buffer.concat([
    u16(0x0303),
    Buffer.alloc(32, 7),
    Buffer.from([0]),
    sized(u16(0x4a4a, 0x1301, 0x1302, 0xc02b)),
    Buffer.from([1, 0]),
    sized(extensions),
  ])
  const handshake = Buffer.concat([Buffer.from([1, 0]), sized(body)])
  return Buffer.concat([Buffer.from([22, 3, 1]), sized(handshake)])
}

const serverHello = Buffer.from(`160303002c020000280303${'11'.repeat(32)}00c02b000000`, 'hex')

/** What is worked out when it is asked for is no part of a clone. */
function copyOf(tx: Transaction): Transaction {
  const copy = structuredClone(tx)
  if (tx.proto !== 'tls' || copy.proto !== 'tls') return copy
  const { ja3Text, ja3sText, ja4 } = tx.tls
  Object.assign(copy.tls, { ja3Text, ja3sText, ja4 })
  return copy
}

test.each([1e6, 100, 1])(
  'reads TLS hellos in segments of %d bytes, and stops where it is encrypted',
  (size) => {
    const one = layer(443)
    one.client(hello, size)
    one.server(serverHello, size)
    one.server(Buffer.from('160303000b0b000007000004000001aa1603030004' + '0e000000', 'hex'), size)
    expect(one.stages()).toEqual(['request', 'response', 'done'])
    expect(one.said.at(-1)).toMatchObject({
      tls: {
        version: 0x0303,
        sni: 'a.example',
        alpn: ['h2', 'http/1.1'],
        supportedVersions: [0x3a3a, 0x0304, 0x0303],
        ja3Text: '771,4865-4866-49195,0-10-11-13-16-43,29-23,0',
        ja4: expect.stringMatching(/^t13d0306h2_[0-9a-f]{12}_[0-9a-f]{12}$/),
        serverVersion: 0x0303,
        serverCipher: 0xc02b,
        ja3sText: '771,49195,',
        certificates: [Uint8Array.of(0xaa)],
      },
    })
  },
)

test.each([1e6, 5, 1])('STARTTLS: a hello in segments of %d bytes is found', (size) => {
  const one = layer(25)
  one.server('220 mail\r\n')
  one.client('EHLO x\r\n')
  one.server('250 STARTTLS\r\n')
  one.client('STARTTLS\r\n')
  one.client(hello, size) // the server's 220 was not captured
  expect(one.words).toEqual(['smtp', 'tls'])
  one.app.ended(0)
  expect([one.app.states, one.app.held]).toEqual([0, 0])
})

test('the beginning of a hello is forgotten at a gap, and when the flow ends', () => {
  const one = layer(6667)
  one.client('NICK some.mail.example\r\n')
  one.client(hello.subarray(0, 3))
  one.app.gap(0, true, 10)
  one.client(hello.subarray(3))
  expect(one.words).toEqual(['failed'])
  one.client(hello.subarray(0, 3))
  one.app.ended(0)
  expect([one.app.states, one.app.held]).toEqual([0, 0])
})

test('a record that is none is a fault', () => {
  const one = layer(443)
  one.client(hello)
  one.server('HTTP/1.1 400 Bad Request\r\n\r\n')
  expect(one.words).toEqual(['tls', 'bad-record'])
})

/** A first packet: ten lists of names, of which each is its own number. */
function kex(kind: number): Buffer {
  const lists = Array.from({ length: 10 }, (_, i) => {
    const name = Buffer.from(`list-${i}`)
    return Buffer.concat([Buffer.from([0, 0, 0, name.length]), name])
  })
  const message = Buffer.concat([Buffer.from([kind]), Buffer.alloc(16), ...lists, Buffer.alloc(5)])
  const head = Buffer.alloc(5)
  head.writeUInt32BE(1 + message.length + 4, 0)
  head[4] = 4
  return Buffer.concat([head, message, Buffer.alloc(4)])
}

test.each([1e6, 1])('reads SSH banners after other lines, and sees the keys exchanged', (size) => {
  const one = layer(22)
  one.server('Keep out.\r\n\r\nSSH-2.0-OpenSSH_9.2p1 Debian\r\n', size)
  one.client('SSH-2.0-Go\n', size)
  one.client(kex(20), size)
  expect(one.stages()).toEqual(['request', 'response', 'request'])
  one.server(kex(20), size)
  expect(one.said.at(-1)).toEqual({
    proto: 'ssh',
    stage: 'done',
    ssh: {
      clientProtocol: '2.0',
      clientSoftware: 'Go',
      clientComment: '',
      serverProtocol: '2.0',
      serverSoftware: 'OpenSSH_9.2p1',
      serverComment: 'Debian',
      clientHassh: createHash('md5').update('list-0;list-2;list-4;list-6').digest('hex'),
      clientHasshText: 'list-0;list-2;list-4;list-6',
      serverHassh: createHash('md5').update('list-0;list-3;list-5;list-7').digest('hex'),
      serverHasshText: 'list-0;list-3;list-5;list-7',
      chosen: [0, 1, 2, 3, 4, 5, 6, 7].map((i) => `list-${i}`),
      keyExchange: true,
    },
  })
})

test('a banner that was only grabbed says so', () => {
  const one = layer(22)
  one.server('SSH-2.0-dropbear\r\n')
  one.app.ended(0)
  expect(one.said).toMatchObject([{ stage: 'done', ssh: { keyExchange: false } }])
})

const READ = Buffer.from('0001000000060103006b0002', 'hex')
const VALUES = Buffer.from('00010000000701030400070008', 'hex')
const WRITE = Buffer.from('00020000000601060001002a', 'hex')

test('Modbus whose flow begins with the answer is read with its ends the right way round', () => {
  const one = layer(4446, {}, 502)
  one.client(VALUES)
  one.server(READ)
  one.client(VALUES)
  expect(one.words).toEqual(['modbus'])
  expect(one.said).toMatchObject([
    { stage: 'response', modbus: { toServer: false, function: 3 } },
    { stage: 'request', modbus: { toServer: true, address: 0x6b } },
    { stage: 'response', modbus: { toServer: false, address: 0x6b } },
  ])
})

test.each([1e6, 5, 1])('reads several Modbus ADUs a segment, cut anywhere (%d)', (size) => {
  const one = layer(502)
  one.client(Buffer.concat([READ, WRITE]), size)
  one.server(VALUES, size)
  expect(one.said).toMatchObject([
    { proto: 'modbus', stage: 'request', modbus: { function: 3, address: 107, write: false } },
    { stage: 'request', modbus: { function: 6, address: 1, values: [42], write: true } },
    { stage: 'response', modbus: { function: 3, address: 107, quantity: 2 } },
  ])
})

test('a Modbus length that lies is a fault, and the next segment is read again', () => {
  const one = layer(502)
  const lie = Buffer.from(WRITE)
  lie.writeUInt16BE(0xffff, 4)
  one.client(lie)
  one.client(WRITE)
  expect(one.words).toEqual(['modbus', 'bad-length'])
  expect(one.said).toMatchObject([{ modbus: { function: 6 } }])
})

test('a Modbus length that promises more than comes is a fault when the flow ends', () => {
  const one = layer(502)
  const lie = Buffer.from(WRITE)
  lie.writeUInt16BE(200, 4)
  one.client(lie)
  one.app.ended(0)
  expect(one.words).toEqual(['modbus', 'truncated'])
})

test('Modbus on another port is known when both sides agree', () => {
  const one = layer(10_502)
  one.client(READ)
  expect(one.words).toEqual([])
  one.server(VALUES)
  expect(one.words).toEqual(['modbus'])
  expect(one.said.length).toBe(2)
})

const DNS = Buffer.from('5e030100000100000000000003777777076578616d706c6503636f6d0000010001', 'hex')

test.each([1e6, 1])('reads DNS over TCP, cut anywhere (%d)', (size) => {
  const one = layer(53)
  const sized = Buffer.concat([Buffer.from([0, DNS.length]), DNS])
  one.client(Buffer.concat([sized, sized]), size)
  expect(one.said.length).toBe(2)
  expect(one.said[1]).toMatchObject({
    stage: 'request',
    dns: { questions: [{ name: 'www.example.com' }] },
  })
})

function datagram(data: Uint8Array, destPort: number): Packet {
  const packet = new Packet()
  packet.bytes = Buffer.concat([Buffer.alloc(42), data])
  packet.flow = 0
  packet.srcPort = 40_000
  packet.destPort = destPort
  packet.payloadOffset = 42
  packet.payloadBytes = data.length
  return packet
}

test('reads DNS in datagrams, on its port and by what it looks like', () => {
  for (const port of [53, 5353, 9953]) {
    const one = layer(port)
    one.app.datagram(datagram(DNS, port))
    expect(one.words).toEqual(['dns'])
    expect(one.said).toMatchObject([{ proto: 'dns', stage: 'request', dns: { id: 0x5e03 } }])
  }
  const other = layer(9953)
  for (let i = 0; i < 5; i++) other.app.datagram(datagram(Buffer.alloc(40, i), 9953))
  expect([other.words, other.app.wants(0)]).toEqual([['failed'], false])
})

test('a fault is told once a flow and counted each time', () => {
  const one = layer(53)
  for (let i = 0; i < 5; i++) one.app.datagram(datagram(DNS.subarray(0, 20), 53))
  expect(one.words).toEqual(['truncated'])
  expect(one.app.faults).toEqual({ truncated: 5 })
  one.app.ended(0)
  one.app.datagram(datagram(DNS.subarray(0, 20), 53))
  expect(one.words).toEqual(['truncated', 'truncated'])
})

test('state is bounded in number and in bytes, and what was passed by is counted', () => {
  const few = layer(80, { statesMax: 2 })
  for (let flow = 0; flow < 4; flow++) few.client(GET, 1e6, flow)
  expect([few.app.states, few.app.statesDropped]).toEqual([2, 2])
  expect(few.words).toContain('protocols-full')

  const small = layer(80, { heldBytesMax: 10_000 })
  small.client(`POST / HTTP/1.1\r\nContent-Length: 50000\r\n\r\n${'x'.repeat(20_000)}`)
  expect([small.app.held, small.app.states, small.app.statesDropped]).toEqual([0, 0, 1])
  expect(small.http()[0]?.requestBody.length).toBe(20_000)
})

test('a request line with a broken version is HTTP, in one segment as in many', () => {
  const broken = 'POST /shell.php?c=id JUNK\r\nHost: a.example\r\nContent-Length: 1\r\n\r\nx'
  for (const size of [1e6, 30, 1]) {
    const one = layer(8443)
    one.client(broken, size)
    one.app.ended(0)
    expect(one.words[0]).toBe('http')
    expect(one.http()[0]).toMatchObject({ method: 'POST', rawUri: '/shell.php?c=id JUNK' })
  }
  for (const other of ['OPTIONS /a RTSP/1.0\r\n', 'NOTIFY /a SIP/2.0\r\n', 'GET /a ICAP/1.0\r\n']) {
    const one = layer(8443)
    one.client(other)
    expect(one.words).not.toContain('http')
  }
})

test('a banner behind many lines in one large segment is found', () => {
  const one = layer(22)
  one.server(`${'notice\r\n'.repeat(60)}${'x'.repeat(4000)}\r\nSSH-2.0-OpenSSH_9\r\n`)
  one.client('SSH-2.0-PuTTY\r\n')
  one.app.ended(0)
  expect(one.said.at(-1)).toMatchObject({
    stage: 'done',
    ssh: { serverSoftware: 'OpenSSH_9', clientSoftware: 'PuTTY' },
  })
})
