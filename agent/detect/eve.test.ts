import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { selfSigned } from '../../test/traffic/certificate.ts'
import { RECORD_BYTES_MAX } from '../base/event.ts'
import { decodeDns } from '../decode/dns.ts'
import { decodeModbus } from '../decode/modbus.ts'
import { Packet } from '../decode/packet.ts'
import type { DnsMessage, HttpTransaction, ModbusMessage, Transaction } from '../decode/records.ts'
import { emptyHello } from '../decode/tls.ts'
import type { AlertHit } from './alert.ts'
import { alertEvent, type FlowView, faultEvent, flowEvent, transactionEvent } from './eve.ts'
import { evePacket } from './eve-packet.ts'

const view: FlowView = {
  flowId: '7',
  communityId: '1:abc=',
  client: '10.0.0.5',
  server: '192.0.2.1',
  clientPort: 40_000,
  serverPort: 80,
  clientHome: true,
  serverHome: false,
  protocol: 6,
  appProto: 'http',
}
const moment = { timeUs: 1_700_000_000_123_456, number: 9 }

const http: HttpTransaction = {
  id: 2,
  method: 'GET',
  rawUri: '/a?b',
  uri: '/a?b',
  version: 'HTTP/1.1',
  host: 'example.com:8080',
  requestHeaders: [
    { name: 'User-Agent', value: 'me' },
    { name: 'Referer', value: 'there' },
  ],
  rawRequestHeaders: new Uint8Array(0),
  requestBody: new Uint8Array(0),
  requestBodyBytes: 0,
  status: 302,
  reason: 'Found',
  responseVersion: 'HTTP/1.1',
  responseHeaders: [
    { name: 'Content-Type', value: 'text/html; charset=utf-8' },
    { name: 'Location', value: '/b' },
  ],
  rawResponseHeaders: new Uint8Array(0),
  responseBody: new Uint8Array(0),
  responseBodyBytes: 12,
  requestDone: true,
  responseDone: true,
  gap: false,
}

test('an HTTP exchange is one row, at its end', () => {
  expect(transactionEvent(view, { proto: 'http', stage: 'request', http }, moment)).toBeUndefined()
  expect(transactionEvent(view, { proto: 'http', stage: 'done', http }, moment)).toEqual({
    kind: 'http',
    event_time: 1_700_000_000_123_456,
    host: '10.0.0.5',
    src_ip: '10.0.0.5',
    dest_ip: '192.0.2.1',
    src_port: 40_000,
    dest_port: 80,
    proto: 'TCP',
    app_proto: 'http',
    community_id: '1:abc=',
    flow_id: '7',
    message: '10.0.0.5 asked example.com:8080 (192.0.2.1) for GET /a?b: 302, 12 bytes.',
    record: {
      timestamp: '2023-11-14T22:13:20.123456+0000',
      flow_id: 7,
      event_type: 'http',
      pcap_cnt: 9,
      pkt_src: 'wire/pcap',
      src_ip: '10.0.0.5',
      src_port: 40_000,
      dest_ip: '192.0.2.1',
      dest_port: 80,
      proto: 'TCP',
      ip_v: 4,
      community_id: '1:abc=',
      tx_id: 2,
      http: {
        hostname: 'example.com',
        http_port: 8080,
        url: '/a?b',
        http_user_agent: 'me',
        http_content_type: 'text/html',
        http_refer: 'there',
        http_method: 'GET',
        protocol: 'HTTP/1.1',
        status: 302,
        redirect: '/b',
        length: 12,
      },
    },
  })
})

const answer = decodeDns(
  Buffer.from(
    '5e038180000100020000000003777777076578616d706c6503636f6d0000010001' +
      'c00c000500010000003c000603617069c010c02d000100010000003c0004c0000201',
    'hex',
  ),
) as DnsMessage

test('a DNS answer goes from the server, in Suricata 8 form', () => {
  const udp = { ...view, protocol: 17, serverPort: 53, appProto: 'dns' as const }
  const row = transactionEvent(udp, { proto: 'dns', stage: 'response', dns: answer }, moment)
  expect(row).toMatchObject({
    kind: 'dns',
    src_ip: '192.0.2.1',
    src_port: 53,
    dest_ip: '10.0.0.5',
    host: '10.0.0.5',
    message: '192.0.2.1 answered 10.0.0.5 on www.example.com (A): 192.0.2.1 and 1 more.',
  })
  expect(row?.record?.dns).toEqual({
    version: 3,
    type: 'response',
    tx_id: 0,
    id: 0x5e03,
    flags: '8180',
    qr: true,
    rd: true,
    ra: true,
    opcode: 0,
    rcode: 'NOERROR',
    queries: [{ rrname: 'www.example.com', rrtype: 'A' }],
    answers: [
      { rrname: 'www.example.com', rrtype: 'CNAME', ttl: 60, rdata: 'api.example.com' },
      { rrname: 'api.example.com', rrtype: 'A', ttl: 60, rdata: '192.0.2.1' },
    ],
    grouped: { CNAME: ['api.example.com'], A: ['192.0.2.1'] },
  })
})

test('a Modbus write is a row about the controller; its answer is none', () => {
  const plc = { ...view, server: '10.9.0.2', serverHome: true, serverPort: 502 }
  const modbus = decodeModbus(Buffer.from('00020000000601060001002a', 'hex'), {
    toServer: true,
  }) as ModbusMessage
  const row = transactionEvent(plc, { proto: 'modbus', stage: 'request', modbus }, moment)
  expect(row).toMatchObject({
    kind: 'ot',
    host: '10.9.0.2',
    message: '10.0.0.5 wrote register from 1 at unit 1 of 10.9.0.2 (function 6).',
  })
  expect(row?.record?.modbus).toMatchObject({
    id: 2,
    request: {
      function_raw: 6,
      function_code: 'WrSingleReg',
      access_type: 'WRITE | HOLDING | SINGLE',
      write: { address: 1, data: 42 },
    },
  })
  expect(
    transactionEvent(plc, { proto: 'modbus', stage: 'response', modbus }, moment),
  ).toBeUndefined()
})

test('TLS and SSH say it once, with text of the wire made visible', () => {
  const tls = Object.assign(emptyHello(), { version: 771, sni: 'a\u202eb', serverVersion: 772 })
  const row = transactionEvent(view, { proto: 'tls', stage: 'done', tls }, moment)
  expect(row?.message).toBe('10.0.0.5 opened TLS 1.3 to a\\u{202e}b (192.0.2.1).')
  expect(row?.record?.tls).toEqual({ sni: 'a\u202eb', version: 'TLS 1.3' })
  const ssh = {
    clientProtocol: '2.0',
    clientSoftware: 'Go',
    clientComment: '',
    serverProtocol: '2.0',
    serverSoftware: 'OpenSSH_9',
    serverComment: '',
    clientHassh: '',
    clientHasshText: '',
    serverHassh: '',
    serverHasshText: '',
    chosen: [],
    keyExchange: true,
  }
  const banner = transactionEvent(view, { proto: 'ssh', stage: 'done', ssh }, moment)
  expect(banner?.message).toBe('10.0.0.5 (Go) opened an SSH session with 192.0.2.1 (OpenSSH_9).')
  expect(banner?.record?.ssh).toEqual({
    client: { proto_version: '2.0', software_version: 'Go' },
    server: { proto_version: '2.0', software_version: 'OpenSSH_9' },
  })
})

test('bytes that are no certificate leave their hash and nothing else', () => {
  const tls = Object.assign(emptyHello(), {
    version: 771,
    certificates: [Uint8Array.of(0x30, 0x80, 1)],
  })
  const row = transactionEvent(view, { proto: 'tls', stage: 'done', tls }, moment)
  expect(row?.record?.tls).toEqual({
    fingerprint: expect.stringMatching(/^([0-9a-f]{2}:){19}[0-9a-f]{2}$/),
    version: 'TLS 1.2',
  })
})

test('a certificate: whose it is, until when, and its other names', () => {
  const der = new X509Certificate(selfSigned('mail.example').cert).raw
  const tls = Object.assign(emptyHello(), { version: 771, certificates: [Uint8Array.from(der)] })
  const row = transactionEvent(view, { proto: 'tls', stage: 'done', tls }, moment)
  expect(row?.record?.tls).toMatchObject({
    subject: 'CN=mail.example',
    issuerdn: 'CN=mail.example',
    notbefore: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    notafter: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    subjectaltname: ['mail.example'],
  })
})

test('an alert is a finding about the local side, with its transaction', () => {
  const hit: AlertHit = {
    gid: 1,
    sid: 2_012_345,
    rev: 3,
    msg: 'WEB Exploit',
    classtype: 'web-application-attack',
    category: 'Web Application Attack',
    priority: 1,
    severity: 'high',
    rule_id: 'sid:2012345',
    attack_ids: ['T1190'],
    action: 'allowed',
    references: [],
    metadata: { mitre_technique_id: ['T1190'] },
    tx: { proto: 'http', stage: 'request', http },
  }
  expect(alertEvent(view, hit, { ...moment, toServer: true })).toMatchObject({
    kind: 'finding',
    host: '10.0.0.5',
    rule_id: 'sid:2012345',
    severity: 'high',
    attack_ids: ['T1190'],
    message: 'WEB Exploit',
    record: {
      event_type: 'alert',
      direction: 'to_server',
      app_proto: 'http',
      alert: { signature_id: 2_012_345, severity: 1, category: 'Web Application Attack' },
      http: { url: '/a?b' },
    },
  })
})

test('a flow counts both directions, and says so', () => {
  const row = flowEvent(view, {
    startUs: 1_700_000_000_900_000,
    lastUs: 1_700_000_002_100_000,
    packetsToServer: 3,
    packetsToClient: 2,
    bytesToServer: 300,
    bytesToClient: 1000,
    flagsToServer: 0x1b,
    flagsToClient: 0x12,
    state: 'closed',
    reason: 'evicted',
    alerted: false,
  })
  expect(row).toMatchObject({
    kind: 'flow',
    bytes: 1300,
    packets: 5,
    event_time: 1_700_000_000_900_000,
    message: '10.0.0.5 to 192.0.2.1 port 80 by TCP (http): 1300 bytes in 5 packets over 1.2 s.',
  })
  expect(row.record).toMatchObject({
    flow: { age: 2, state: 'closed', reason: 'forced', start: '2023-11-14T22:13:20.900000+0000' },
    tcp: { tcp_flags: '1b', tcp_flags_ts: '1b', tcp_flags_tc: '12', syn: true, fin: true },
  })
})

test('a fault is an anomaly', () => {
  const row = faultEvent(view, 'bad-chunk', { ...moment, layer: 'applayer' })
  expect(row).toMatchObject({
    kind: 'fault',
    message: 'Malformed http data between 10.0.0.5 and 192.0.2.1: bad-chunk.',
    record: { anomaly: { app_proto: 'http', type: 'applayer', event: 'bad-chunk' } },
  })
})

test('a record of huge texts stays within its bound', () => {
  const long = '\u0001'.repeat(60_000)
  const big: Transaction = {
    proto: 'http',
    stage: 'done',
    http: {
      ...http,
      rawUri: long,
      host: long,
      requestHeaders: [{ name: 'user-agent', value: long }],
    },
  }
  const row = transactionEvent(view, big, moment)
  expect(Buffer.byteLength(JSON.stringify(row?.record))).toBeLessThanOrEqual(RECORD_BYTES_MAX)
  expect(row?.message?.length).toBeLessThanOrEqual(400)
})

test('a packet is copied as captured; what fragments made says so', () => {
  const packet = new Packet()
  packet.bytes = Buffer.from('..E....')
  packet.start = 2
  packet.end = 4
  packet.ipVersion = 4
  packet.ipOffset = 2
  expect(evePacket(packet, 1)).toEqual({
    packet: Buffer.from('E.').toString('base64'),
    packet_info: { linktype: 228, linktype_name: 'IPv4' },
  })
  packet.ipOffset = 3
  expect(evePacket(packet, 1).packet_info).toEqual({ linktype: 1, linktype_name: 'EN10MB' })
})
