/** The sticky buffers: what each is called, when it can be read, and how. */
import { uriHost } from '../../decode/http-uri.ts'
import type {
  DnsMessage,
  DnsRecord,
  HttpHeader,
  HttpTransaction,
  Transaction,
} from '../../decode/records.ts'
import { type Certificate, readCertificate } from '../certificate.ts'
import { type BufferSource, type BufferValue, some, textOf } from './buffer-source.ts'
import { DCERPC_BUFFERS } from './proto-dcerpc.ts'
import { DHCP_BUFFERS } from './proto-dhcp.ts'
import { FILE_BUFFERS } from './proto-file.ts'
import { FTP_BUFFERS } from './proto-ftp.ts'
import { KRB5_BUFFERS } from './proto-krb5.ts'
import { QUIC_BUFFERS } from './proto-quic.ts'
import { RDP_BUFFERS } from './proto-rdp.ts'
import { SMB_BUFFERS } from './proto-smb.ts'
import { SMTP_BUFFERS } from './proto-smtp.ts'
import { SNMP_BUFFERS } from './proto-snmp.ts'
import { SSH_BUFFERS } from './proto-ssh.ts'

type ReadHttp = (http: HttpTransaction, response: boolean) => BufferValue

const http = (
  name: string,
  side: BufferSource['side'],
  read: ReadHttp,
  body = false,
): BufferSource => ({
  name,
  protos: ['http'],
  side,
  body,
  multi: false,
  read: (tx, response) => (tx.proto === 'http' ? read(tx.http, response) : undefined),
})

const HEADERS_FEW = 32

/** The headers that were read last, for a side each: one message has them read by many buffers. */
const read = [0, 1].map(() => ({
  list: [] as readonly HttpHeader[],
  count: 0,
  made: [] as readonly HttpHeader[],
  keys: [] as readonly string[],
}))

/** Headers as libhtp keeps them: one that comes again adds its value to the first, but for a length, of which the first counts. */
function headersOf(tx: HttpTransaction, response: boolean) {
  const list = response ? tx.responseHeaders : tx.requestHeaders
  const known = read[response ? 1 : 0] as (typeof read)[0]
  if (known.list === list && known.count === list.length) return known
  const keys: string[] = []
  const made: HttpHeader[] = []
  // A Map interns each text that it is asked for: of few, it is found sooner without.
  const places = list.length > HEADERS_FEW ? new Map<string, number>() : undefined
  for (const header of list) {
    const key = header.name.toLowerCase()
    const at = places ? (places.get(key) ?? -1) : keys.indexOf(key)
    const first = made[at]
    if (first === undefined) {
      places?.set(key, keys.length)
      keys.push(key)
      made.push(header)
    } else if (key !== 'content-length')
      made[at] = { name: first.name, value: `${first.value}, ${header.value}` }
  }
  known.list = list
  known.count = list.length
  known.made = made
  known.keys = keys
  return known
}

function headerText(tx: HttpTransaction, response: boolean, name: string): string | undefined {
  const { made, keys } = headersOf(tx, response)
  return made[keys.indexOf(name)]?.value
}

function header(tx: HttpTransaction, response: boolean, name: string): string | undefined {
  return textOf(headerText(tx, response, name) ?? '')
}

const oneHeader = (name: string, side: BufferSource['side'], field: string) =>
  http(name, side, (tx, response) => header(tx, response, field))

/** Header lines put in one form; the cookie has a buffer of its own and is left out. */
function normalHeaders(tx: HttpTransaction, response: boolean): string | undefined {
  const without = response ? 'set-cookie' : 'cookie'
  let text = ''
  const { made, keys } = headersOf(tx, response)
  const usual = usualLines(tx, response)
  if (usual !== undefined) return textOf(linesWithout(usual, made, keys, without))
  for (let i = 0; i < made.length; i++) {
    const { name, value } = made[i] as HttpHeader
    if (keys[i] !== without) text += `${name}: ${value}\r\n`
  }
  return textOf(text)
}

/** All header lines, where they came in the form they are put in. */
function usualLines(tx: HttpTransaction, response: boolean): string | undefined {
  const { list, made } = headersOf(tx, response)
  if (made.length !== list.length) return undefined
  return response ? tx.usualResponseHeaders : tx.usualRequestHeaders
}

/** Of lines in the usual form, each header's is as long as its name and value and four characters. */
// biome-ignore format: one line
function linesWithout(usual: string, headers: readonly HttpHeader[], keys: readonly string[], without: string): string {
  let text = ''
  let from = 0
  let at = 0
  for (let i = 0; i < headers.length; i++) {
    const { name, value } = headers[i] as HttpHeader
    const size = name.length + value.length + 4
    if (keys[i] === without) {
      text += usual.slice(from, at)
      from = at + size
    }
    at += size
  }
  return text + usual.slice(from)
}

function headerLines(tx: HttpTransaction, response: boolean): readonly Uint8Array[] {
  return headersOf(tx, response).made.map(({ name, value }) =>
    Buffer.from(`${name}: ${value}`, 'latin1'),
  )
}

function headerNames(tx: HttpTransaction, response: boolean): string | undefined {
  const names = headersOf(tx, response).made.map(({ name }) => name)
  return names.length === 0 ? undefined : textOf(`\r\n${names.join('\r\n')}\r\n\r\n`)
}

const version = (text: string) => (text === '' || /^HTTP\//i.test(text) ? text : `HTTP/${text}`)

function firstLine(tx: HttpTransaction, response: boolean): string {
  const sent = response ? tx.responseLine : tx.requestLine
  if (sent !== undefined) return sent
  if (response) return `${version(tx.responseVersion)} ${tx.status} ${tx.reason}`
  return [tx.method, tx.rawUri, version(tx.version)].filter((part) => part !== '').join(' ')
}

/** Request or status line and header lines, these put in one form. */
function start(tx: HttpTransaction, response: boolean): string | undefined {
  let text = `${firstLine(tx, response)}\r\n`
  const usual = usualLines(tx, response)
  if (usual !== undefined) return `${text}${usual}\r\n`
  for (const { name, value } of headersOf(tx, response).made) text += `${name}: ${value}\r\n`
  return textOf(`${text}\r\n`)
}

/** Of the URI, where it names one, for then servers ask no header. */
function host(tx: HttpTransaction): string | undefined {
  const named = uriHost(tx.rawUri).replace(PORT, '').toLowerCase()
  return named || headerText(tx, false, 'host')
}

const PORT = /:\d*$/

const HTTP: readonly BufferSource[] = [
  http('http.method', 'request', (tx) => textOf(tx.method)),
  http('http.uri', 'request', (tx) => textOf(tx.uri)),
  http('http.uri.raw', 'request', (tx) => textOf(tx.rawUri)),
  http('http.host', 'request', (tx) =>
    textOf((host(tx) ?? tx.host).replace(PORT, '').toLowerCase()),
  ),
  http('http.host.raw', 'request', (tx) => textOf(host(tx) ?? tx.host)),
  http('http.request_line', 'request', (tx) => textOf(firstLine(tx, false))),
  http('http.request_body', 'request', (tx) => some(tx.requestBody), true),
  http('http.protocol', 'both', (tx, response) =>
    textOf(version(response ? tx.responseVersion : tx.version)),
  ),
  http('http.header', 'both', normalHeaders),
  http('http.header.raw', 'both', (tx, response) =>
    some(response ? tx.rawResponseHeaders : tx.rawRequestHeaders),
  ),
  http('http.header_names', 'both', headerNames),
  http('http.start', 'both', start),
  http('http.cookie', 'both', (tx, response) =>
    header(tx, response, response ? 'set-cookie' : 'cookie'),
  ),
  http('http.stat_code', 'response', (tx) =>
    textOf(tx.status === 0 ? (tx.statusText ?? '') : String(tx.status)),
  ),
  http('http.stat_msg', 'response', (tx) => textOf(tx.reason)),
  http('http.response_line', 'response', (tx) =>
    tx.status === 0 ? undefined : textOf(firstLine(tx, true)),
  ),
  http('http.response_body', 'response', (tx) => some(tx.responseBody), true),
  {
    ...http('http.request_header', 'request', (tx) => headerLines(tx, false)),
    multi: true,
  },
  {
    ...http('http.response_header', 'response', (tx) => headerLines(tx, true)),
    multi: true,
  },
  oneHeader('http.user_agent', 'request', 'user-agent'),
  oneHeader('http.referer', 'request', 'referer'),
  oneHeader('http.accept', 'request', 'accept'),
  oneHeader('http.accept_enc', 'request', 'accept-encoding'),
  oneHeader('http.accept_lang', 'request', 'accept-language'),
  oneHeader('http.content_type', 'both', 'content-type'),
  oneHeader('http.content_len', 'both', 'content-length'),
  oneHeader('http.connection', 'both', 'connection'),
  oneHeader('http.server', 'response', 'server'),
  oneHeader('http.location', 'response', 'location'),
]

type TlsPart = (tls: Extract<Transaction, { proto: 'tls' }>['tls']) => BufferValue

const tls = (name: string, side: 'request' | 'response', read: TlsPart): BufferSource => ({
  name,
  protos: ['tls'],
  side,
  body: name === 'tls.certs', // after the server's hello, in messages of their own
  multi: name === 'tls.certs',
  read: (tx) => (tx.proto === 'tls' ? read(tx.tls) : undefined),
})

const dns = (
  name: string,
  side: BufferSource['side'],
  read: (dns: DnsMessage) => readonly { name: string }[],
): BufferSource => ({
  name,
  protos: ['dns'],
  side,
  body: false,
  multi: true,
  read: (tx) => (tx.proto === 'dns' ? namesOf(read(tx.dns)) : undefined),
})

/** Of one name, as most messages have, the text: few rules look at it so closely that bytes are made of it. */
function namesOf(list: readonly { name: string }[]): BufferValue {
  if (list.length === 1) return list[0]?.name
  return list.map(({ name }) => Buffer.from(name, 'latin1'))
}

const NS = 2
const CNAME = 5
const SOA = 6
const PTR = 12
const MX = 15

/** The name that a record's data is, or begins with. */
function nameIn({ type, data }: DnsRecord): string {
  if (type === NS || type === CNAME || type === PTR) return data
  if (type === MX) return data.replace(/^\d+ /, '')
  return type === SOA ? data.slice(0, data.indexOf(' ')) : ''
}

const certificate = (name: string, read: (of: Certificate) => string): BufferSource => ({
  ...tls(name, 'response', ({ certificates: [first] }) => {
    const found = first && readCertificate(first)
    return found && textOf(read(found))
  }),
  body: true,
})

const random = (name: string, from: number, to: number): BufferSource => ({
  ...tls(name, 'request', () => undefined),
  side: 'both',
  read: (tx, response) => {
    if (tx.proto !== 'tls') return undefined
    const bytes = response ? tx.tls.serverRandom : tx.tls.random
    return bytes.length < to ? undefined : bytes.subarray(from, to)
  },
})

const OTHERS: readonly BufferSource[] = [
  dns('dns.queries.rrname', 'both', ({ questions }) => questions),
  dns('dns.answers.rrname', 'response', ({ answers }) => answers),
  dns('dns.authorities.rrname', 'response', ({ authorities }) => authorities),
  dns('dns.additionals.rrname', 'response', ({ additionals }) => additionals),
  dns('dns.response.rrname', 'response', ({ questions, answers, authorities, additionals }) => [
    ...questions,
    ...[answers, authorities, additionals].flat().flatMap((record) => {
      const data = nameIn(record)
      return data === '' ? [record] : [record, { name: data }]
    }),
  ]),
  certificate('tls.cert_subject', ({ subject }) => subject),
  certificate('tls.cert_issuer', ({ issuer }) => issuer),
  certificate('tls.cert_serial', ({ serial }) => serial),
  certificate('tls.cert_fingerprint', ({ fingerprint }) => fingerprint),
  random('tls.random', 0, 32),
  random('tls.random_time', 0, 4),
  random('tls.random_bytes', 4, 32),
  dns('dns.query', 'request', ({ questions }) => questions),
  tls('tls.sni', 'request', (hello) => textOf(hello.sni)),
  tls('ja3.hash', 'request', (hello) => textOf(hello.ja3)),
  tls('ja3.string', 'request', (hello) => textOf(hello.ja3Text)),
  tls('ja4.hash', 'request', (hello) => textOf(hello.ja4)),
  tls('ja3s.hash', 'response', (hello) => textOf(hello.ja3s)),
  tls('ja3s.string', 'response', (hello) => textOf(hello.ja3sText)),
  tls('tls.certs', 'response', (hello) => hello.certificates),
]

export const BUFFERS: ReadonlyMap<string, BufferSource> = new Map(
  [
    ...HTTP,
    ...OTHERS,
    ...FILE_BUFFERS,
    ...SSH_BUFFERS,
    ...FTP_BUFFERS,
    ...SMTP_BUFFERS,
    ...SMB_BUFFERS,
    ...DCERPC_BUFFERS,
    ...KRB5_BUFFERS,
    ...SNMP_BUFFERS,
    ...RDP_BUFFERS,
    ...DHCP_BUFFERS,
    ...QUIC_BUFFERS,
  ].map((source) => [source.name, source]),
)

/** Sticky names of old. */
export const STICKY_ALIASES: Readonly<Record<string, string>> = {
  dns_query: 'dns.query',
  file_data: 'file.data',
  tls_sni: 'tls.sni',
  tls_cert_subject: 'tls.cert_subject',
  tls_cert_issuer: 'tls.cert_issuer',
  tls_cert_serial: 'tls.cert_serial',
  tls_cert_fingerprint: 'tls.cert_fingerprint',
  ja3_hash: 'ja3.hash',
  ja3_string: 'ja3.string',
  ssh_proto: 'ssh.proto',
  dce_stub_data: 'dcerpc.stub_data',
  smb_named_pipe: 'smb.named_pipe',
  smb_share: 'smb.share',
  krb5_cname: 'krb5.cname',
  krb5_sname: 'krb5.sname',
  ssh_software: 'ssh.software',
  http_request_line: 'http.request_line',
  http_response_line: 'http.response_line',
  http_protocol: 'http.protocol',
  http_header_names: 'http.header_names',
  http_start: 'http.start',
  http_accept: 'http.accept',
  http_accept_enc: 'http.accept_enc',
  http_accept_lang: 'http.accept_lang',
  http_referer: 'http.referer',
  http_connection: 'http.connection',
  http_content_len: 'http.content_len',
  http_content_type: 'http.content_type',
}

/** Modifiers of the content before them. */
export const MODIFIERS: Readonly<Record<string, string>> = {
  http_method: 'http.method',
  http_uri: 'http.uri',
  http_raw_uri: 'http.uri.raw',
  http_host: 'http.host',
  http_raw_host: 'http.host.raw',
  http_header: 'http.header',
  http_raw_header: 'http.header.raw',
  http_user_agent: 'http.user_agent',
  http_cookie: 'http.cookie',
  http_client_body: 'http.request_body',
  http_server_body: 'http.response_body',
  http_stat_code: 'http.stat_code',
  http_stat_msg: 'http.stat_msg',
}

/** Flags of pcre that name a buffer. */
export const PCRE_BUFFERS: Readonly<Record<string, string>> = {
  U: 'http.uri',
  I: 'http.uri.raw',
  P: 'http.request_body',
  Q: 'http.response_body',
  H: 'http.header',
  D: 'http.header.raw',
  M: 'http.method',
  C: 'http.cookie',
  S: 'http.stat_code',
  Y: 'http.stat_msg',
  V: 'http.user_agent',
  W: 'http.host',
  Z: 'http.host.raw',
}
