/** Each decoder alone: it answers with a record or a word, and never looks at bytes outside its window. */
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { decodeDns, looksLikeDns, RECORDS_MAX } from '../../agent/decode/dns.ts'
import * as http from '../../agent/decode/http.ts'
import { inflateBody } from '../../agent/decode/http-inflate.ts'
import { normaliseUri, uriHost } from '../../agent/decode/http-uri.ts'
import { decodeModbus, modbusBytes } from '../../agent/decode/modbus.ts'
import { decodeSshBanner } from '../../agent/decode/ssh.ts'
import {
  decodeCertificates,
  decodeClientHello,
  decodeKeyExchange,
  decodeServerHello,
  emptyHello,
} from '../../agent/decode/tls.ts'
import { clientHello, dnsAnswer, dnsQuestion, modbusWrite } from '../golden/messages.ts'
import { fuzzBytes, recordOrFault, twice } from './fuzz.ts'
import { realTraffic } from './seeds.ts'

const { payloads } = await realTraffic()
const real = (port: number) => payloads.get(port) ?? []

const NAME_SIZE_MAX = 255

fuzzBytes(
  'dns',
  [
    dnsQuestion('www.example.com'),
    dnsAnswer('a.very.long.name.example.com', [192, 0, 2, 1]),
    ...real(53),
    ...real(5353),
  ],
  (bytes) => {
    twice(bytes, (memory, start, end) => {
      const dns = decodeDns(memory, start, end)
      recordOrFault(dns, ({ questions, answers, authorities, additionals }) => {
        const records = [...questions, ...answers, ...authorities, ...additionals]
        if (records.length > RECORDS_MAX) throw new Error('too many records')
        for (const { name } of records)
          if (name.length > NAME_SIZE_MAX) throw new Error('a name is too long')
      })
      return [dns, looksLikeDns(memory, start, end)]
    })
  },
)

const HTTP = [
  'GET /a/../b%41?x=%u0041&y=1 HTTP/1.1\r\nHost: shop.example:8080\r\nContent-Length: 3\r\n\r\nabc',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nX: y\r\n folded\r\n\r\n5;ext=1\r\nhello\r\n0\r\n\r\n',
  'CONNECT [::1]:443 HTTP/1.0\n\n',
].map((text) => Buffer.from(text))

fuzzBytes('http', [...HTTP, ...real(80), ...real(8080)], (bytes) => {
  const text = bytes.toString('latin1')
  const [line = ''] = text.split('\n', 1)
  recordOrFault(http.decodeRequestLine(line))
  recordOrFault(http.decodeStatusLine(line))
  for (const uri of [line, text]) {
    if (typeof normaliseUri(uri) !== 'string' || typeof uriHost(uri) !== 'string')
      throw new Error('a URI without text')
  }
  const size = http.chunkSize(line)
  if (!(size >= -1 && Number.isSafeInteger(size))) throw new Error(`a chunk of ${size} bytes`)
  twice(bytes, (memory, start, end) => {
    const headers = http.decodeHeaders(memory, start, end)
    for (const fault of headers.faults) recordOrFault(fault)
    if (headers.list.length > http.HEADERS_MAX) throw new Error('too many headers')
    const { framing, fault } = http.framing(headers.list, 'none')
    recordOrFault(fault)
    if (framing.kind === 'length' && !(framing.bytes >= 0)) throw new Error('a negative body')
    return [headers, framing, http.headEnd(memory, start, end) - start]
  })
})

const PLAIN = Buffer.from('hello hello hello hello '.repeat(20))
const KEPT_MAX = 1000
fuzzBytes(
  'http bodies',
  [gzipSync(PLAIN), deflateSync(PLAIN), deflateRawSync(PLAIN), gzipSync(Buffer.alloc(300_000))],
  (bytes) => {
    for (const encoding of ['gzip', 'deflate', 'gzip, deflate', 'br']) {
      const { bytes: plain, fault } = inflateBody(bytes, encoding, KEPT_MAX)
      recordOrFault(fault)
      if (plain.length > KEPT_MAX) throw new Error(`${plain.length} bytes were kept`)
    }
  },
)

const hello = clientHello('mail.example').subarray(9)
const server = Buffer.concat([
  Buffer.from('0303', 'hex'),
  Buffer.alloc(32, 1),
  Buffer.from('00c02f00000b000b00040302010000100005000302683200', 'hex'),
])
const certificates = Buffer.from('00000c000003308001000003308002', 'hex')
const tls = [...real(443), ...real(993)].map((record) => record.subarray(9))

fuzzBytes('tls', [hello, server, certificates, ...tls], (bytes) => {
  for (const decode of [
    decodeClientHello,
    decodeServerHello,
    decodeCertificates,
    decodeKeyExchange,
  ]) {
    const record = emptyHello()
    recordOrFault(decode(bytes, record) ?? undefined)
    if (record.alpn.length > 32 || record.certificates.length > 16) throw new Error('too many')
  }
})

const BANNERS = ['SSH-2.0-OpenSSH_9.2p1 Debian-2', 'SSH-1.99-x', 'hello'].map((text) =>
  Buffer.from(text),
)
fuzzBytes('ssh', [...BANNERS, ...real(22)], (bytes) => {
  recordOrFault(decodeSshBanner(bytes), ({ protocol, software }) => {
    if (protocol.length + software.length > 255) throw new Error('a banner is too long')
  })
})

fuzzBytes(
  'modbus',
  [
    modbusWrite(7, 100, [70, 280]),
    Buffer.from('00010000000b0117000a0002000a00010203e8', 'hex'),
    ...real(502),
  ],
  (bytes) => {
    for (const toServer of [true, false])
      twice(bytes, (memory, start, end) => {
        const size = modbusBytes(memory, start, end)
        if (typeof size === 'string') recordOrFault(size)
        const message = decodeModbus(memory, { start, end, toServer })
        recordOrFault(message, ({ values, read }) => {
          if (values.length > 2000 || read.length > 253) throw new Error('more than an ADU holds')
        })
        return message
      })
  },
)
