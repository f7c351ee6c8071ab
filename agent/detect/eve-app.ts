/** What EVE says of a transaction, and what a person would: one object and one sentence a protocol. */
import { brief } from '../base/text.ts'
import { headerValue } from '../decode/http.ts'
import type {
  DnsMessage,
  DnsRecord,
  HttpTransaction,
  ModbusMessage,
  QuicHello,
  SshBanners,
  TlsHello,
  Transaction,
} from '../decode/records.ts'
import { isIt } from '../decode/records-it.ts'
import { readCertificate } from './certificate.ts'
import { eveIcs, icsSentence } from './eve-ics.ts'
import { eveOfIt, sentenceOfIt, userOfIt } from './eve-it.ts'
import {
  MODBUS_EXCEPTION,
  MODBUS_FUNCTION,
  rcodeName,
  rrTypeName,
  tlsVersionName,
} from './eve-names.ts'

/** Records of each kind in one EVE object; the rest is in the wire, not in the lake. */
const DNS_RECORDS_MAX = 64
const NAME_CHARS_MAX = 120

export type Json = Record<string, unknown>

/** EVE's object for this transaction: `{dns: …}`, `{http: …}` … */
export function eveOf(tx: Transaction): Json {
  switch (tx.proto) {
    case 'dns':
      return { dns: eveDns(tx.dns) }
    case 'http':
      return { tx_id: tx.http.id, http: eveHttp(tx.http) }
    case 'tls':
      return { tls: eveTls(tx.tls) }
    case 'ssh':
      return { ssh: eveSsh(tx.ssh) }
    case 'modbus':
      return { modbus: eveModbus(tx.modbus) }
    case 'quic':
      return { quic: eveQuic(tx.quic) }
    default:
      return 'ics' in tx ? eveIcs(tx) : eveOfIt(tx)
  }
}

/** Who the row names, where the protocol says it. */
export function userOf(tx: Transaction): string | undefined {
  return isIt(tx) ? userOfIt(tx) : undefined
}

function eveDns(dns: DnsMessage): Json {
  const { flags } = dns
  const json: Json = {
    version: 3,
    type: dns.response ? 'response' : 'request',
    tx_id: 0,
    id: dns.id,
    flags: flags.toString(16).padStart(4, '0'),
  }
  if (dns.response) json.qr = true
  if (flags & 0x0400) json.aa = true
  if (flags & 0x0200) json.tc = true
  if (flags & 0x0100) json.rd = true
  if (flags & 0x0080) json.ra = true
  if (flags & 0x0040) json.z = true
  json.opcode = dns.opcode
  if (dns.response) json.rcode = rcodeName(dns.rcode)
  if (dns.questions.length > 0)
    json.queries = dns.questions
      .slice(0, DNS_RECORDS_MAX)
      .map(({ name, type }) => ({ rrname: name, rrtype: rrTypeName(type) }))
  if (dns.answers.length > 0) json.answers = dns.answers.slice(0, DNS_RECORDS_MAX).map(eveDnsRecord)
  if (dns.authorities.length > 0)
    json.authorities = dns.authorities.slice(0, DNS_RECORDS_MAX).map(eveDnsRecord)
  const grouped = groupAnswers(dns.answers)
  if (grouped) json.grouped = grouped
  return json
}

function eveDnsRecord({ name, type, ttl, data }: DnsRecord): Json {
  const json: Json = { rrname: name, rrtype: rrTypeName(type), ttl }
  if (type === 6) {
    const [mname, rname, ...numbers] = data.split(' ')
    const [serial, refresh, retry, expire, minimum] = numbers.map(Number)
    json.soa = { mname, rname, serial, refresh, retry, expire, minimum }
  } else if (type === 33) {
    const [priority, weight, port, target] = data.split(' ')
    json.srv = {
      priority: Number(priority),
      weight: Number(weight),
      port: Number(port),
      name: target,
    }
  } else if (type === 44) {
    const fingerprint = (data.slice(4).match(/../g) ?? []).join(':')
    const [algo, kind] = [data.slice(0, 2), data.slice(2, 4)].map((hex) => Number.parseInt(hex, 16))
    json.sshfp = { fingerprint, algo, type: kind }
  } else json.rdata = type === 15 ? data.replace(/^\d+ /, '') : data
  return json
}

const GROUPED = new Set([1, 2, 5, 12, 15, 16, 28])

function groupAnswers(answers: readonly DnsRecord[]): Record<string, string[]> | undefined {
  const groups: Record<string, string[]> = {}
  let any = false
  for (const { type, data } of answers.slice(0, DNS_RECORDS_MAX)) {
    if (!GROUPED.has(type)) continue
    const name = rrTypeName(type)
    groups[name] ??= []
    groups[name].push(type === 15 ? data.replace(/^\d+ /, '') : data)
    any = true
  }
  return any ? groups : undefined
}

export function eveHttp(http: HttpTransaction): Json {
  const request = (name: string) => headerValue(http.requestHeaders, name)
  const response = (name: string) => headerValue(http.responseHeaders, name)
  const [, hostname = http.host, port] = /^(.*?)(?::(\d{1,5}))?$/.exec(http.host) ?? []
  const json: Json = {}
  const add = (name: string, value: unknown) => {
    if (value !== undefined && value !== '') json[name] = value
  }
  add('hostname', hostname)
  if (port !== undefined) json.http_port = Number(port)
  add('url', http.rawUri)
  add('http_user_agent', request('user-agent'))
  add('xff', request('x-forwarded-for'))
  add('http_content_type', response('content-type')?.replace(/;.*$/, ''))
  add('http_refer', request('referer'))
  add('http_method', http.method)
  add('protocol', http.version || http.responseVersion)
  if (http.status !== 0) json.status = http.status
  else add('status_string', http.statusText)
  add('redirect', http.status >= 300 && http.status < 400 ? response('location') : undefined)
  json.length = http.responseBodyBytes
  return json
}

/** Header lines as they came, of one side or both. */
export function eveHeaders(
  { requestHeaders, responseHeaders }: HttpTransaction,
  whose: 'both' | 'request' | 'response',
): Json {
  return {
    ...(whose !== 'response' && { request_headers: requestHeaders }),
    ...(whose !== 'request' && { response_headers: responseHeaders }),
  }
}

function eveTls(tls: TlsHello): Json {
  const json: Json = {}
  const certificate = eveCertificate(tls.certificates[0])
  if (certificate) Object.assign(json, certificate)
  if (tls.sni !== '') json.sni = tls.sni
  if (tls.resumed) json.session_resumed = true
  json.version = tlsVersionName(tls.serverVersion || tls.version)
  if (tls.ja3 !== '') json.ja3 = { hash: tls.ja3, string: tls.ja3Text }
  if (tls.ja3s !== '') json.ja3s = { hash: tls.ja3s, string: tls.ja3sText }
  if (tls.ja4 !== '') json.ja4 = tls.ja4
  if (tls.alpn.length > 0) json.client_alpns = tls.alpn
  if (tls.serverAlpn !== '') json.server_alpn = tls.serverAlpn
  return json
}

/** What both sides offered and took, by number. */
export function eveHandshakes(tls: TlsHello): Json {
  const { ciphers, extensions, signatureAlgorithms } = tls
  return {
    client_handshake: {
      version: tlsVersionName(tls.version),
      ciphers,
      exts: extensions,
      sig_algs: signatureAlgorithms,
    },
    ...(tls.serverVersion !== 0 && {
      server_handshake: {
        version: tlsVersionName(tls.serverVersion),
        cipher: tls.serverCipher,
        exts: tls.serverExtensions,
      },
    }),
  }
}

/** As Suricata names it; it logs no ALPN of QUIC. */
function eveQuic({ version, tls }: QuicHello): Json {
  const json: Json = { version }
  if (tls.sni !== '') json.sni = tls.sni
  if (tls.ja3 !== '') json.ja3 = { hash: tls.ja3, string: tls.ja3Text }
  if (tls.ja4 !== '') json.ja4 = tls.ja4
  if (tls.alpn.length > 0) json.client_alpns = tls.alpn
  return json
}

/** A certificate that cannot be read has only its hash. */
function eveCertificate(der: Uint8Array | undefined): Json | undefined {
  const found = der && readCertificate(der)
  if (!found) return undefined
  const { fingerprint, subject, issuer, serial, notBefore, notAfter, names } = found
  if (notBefore === '') return { fingerprint }
  return {
    fingerprint,
    subject,
    issuerdn: issuer,
    serial,
    notbefore: notBefore,
    notafter: notAfter,
    ...(names.length > 0 && { subjectaltname: names }),
  }
}

const hassh = (hash: string, string: string) => hash !== '' && { hassh: { hash, string } }

function eveSsh(ssh: SshBanners): Json {
  const json: Json = {}
  if (ssh.clientProtocol !== '')
    json.client = {
      proto_version: ssh.clientProtocol,
      software_version: ssh.clientSoftware,
      ...hassh(ssh.clientHassh, ssh.clientHasshText),
    }
  if (ssh.serverProtocol !== '')
    json.server = {
      proto_version: ssh.serverProtocol,
      software_version: ssh.serverSoftware,
      ...hassh(ssh.serverHassh, ssh.serverHasshText),
    }
  return json
}

function eveModbus(modbus: ModbusMessage): Json {
  const { address, quantity, values, exception, subFunction } = modbus
  const name = MODBUS_FUNCTION[modbus.function]
  const message: Json = {
    transaction_id: modbus.transaction,
    protocol_id: 0,
    unit_id: modbus.unit,
    function_raw: modbus.function | (exception === undefined ? 0 : 0x80),
    function_code: name?.code ?? 'Unknown',
    access_type: name?.access ?? 'NONE',
    category: name ? 'PUBLIC_ASSIGNED' : 'NONE',
    error_flags: 'NONE',
  }
  const data = Buffer.from([...modbus.read]).toString('hex')
  if (exception !== undefined)
    message.exception = { raw: exception, code: MODBUS_EXCEPTION[exception] ?? 'Unknown' }
  else if (modbus.function === 8) message.diagnostic = { raw: subFunction, data }
  else if (modbus.function === 43) message.mei = { raw: subFunction, data }
  else if (modbus.write) {
    if (modbus.readAddress !== undefined)
      message.read = { address: modbus.readAddress, quantity: modbus.readQuantity }
    if (modbus.function === 22) message.write = { address, and_mask: values[0], or_mask: values[1] }
    else if (address !== undefined)
      message.write =
        modbus.function < 7 ? { address, data: values[0] } : { address, quantity, data: values }
    else message.data = data
  } else if (modbus.toServer && address !== undefined) message.read = { address, quantity }
  else if (address !== undefined) message.read = { data }
  else message.data = data
  return { id: modbus.transaction, [modbus.toServer ? 'request' : 'response']: message }
}

export interface Ends {
  client: string
  server: string
}

/** One sentence for a person. Text from the wire is made visible and cut (D35). */
export function sentenceOf(tx: Transaction, { client, server }: Ends): string {
  switch (tx.proto) {
    case 'dns':
      return dnsSentence(tx.dns, { client, server })
    case 'http':
      return httpSentence(tx.http, { client, server })
    case 'tls': {
      const { sni, serverVersion, version } = tx.tls
      const target = sni === '' ? server : `${brief(sni, NAME_CHARS_MAX)} (${server})`
      return `${client} opened ${tlsVersionName(serverVersion || version)} to ${target}.`
    }
    case 'ssh': {
      const { clientSoftware, serverSoftware, keyExchange } = tx.ssh
      const [from, to] = [clientSoftware, serverSoftware].map((text) =>
        text === '' ? '' : ` (${brief(text, 60)})`,
      )
      const verb = keyExchange ? 'opened an SSH session with' : 'read the SSH banner of'
      return `${client}${from} ${verb} ${server}${to}.`
    }
    case 'modbus':
      return modbusSentence(tx.modbus, { client, server })
    case 'quic': {
      const { version, tls } = tx.quic
      const target = tls.sni === '' ? server : `${brief(tls.sni, NAME_CHARS_MAX)} (${server})`
      return `${client} opened QUIC ${version} to ${target}.`
    }
    default:
      return 'ics' in tx
        ? icsSentence(tx, { client, server })
        : sentenceOfIt(tx, { client, server })
  }
}

function dnsSentence(dns: DnsMessage, { client, server }: Ends): string {
  const question = dns.questions[0]
  const about = question
    ? `${brief(question.name || '.', NAME_CHARS_MAX)} (${rrTypeName(question.type)})`
    : 'nothing'
  if (!dns.response) return `${client} asked ${server} for ${about}.`
  if (dns.rcode !== 0) return `${server} answered ${client} on ${about}: ${rcodeName(dns.rcode)}.`
  const first = dns.answers.find(({ type }) => type === question?.type) ?? dns.answers[0]
  if (!first) return `${server} answered ${client} on ${about}: nothing.`
  const more = dns.answers.length > 1 ? ` and ${dns.answers.length - 1} more` : ''
  return `${server} answered ${client} on ${about}: ${brief(first.data, NAME_CHARS_MAX)}${more}.`
}

function httpSentence(http: HttpTransaction, { client, server }: Ends): string {
  const target = http.host === '' ? server : `${brief(http.host, NAME_CHARS_MAX)} (${server})`
  const asked =
    http.method === '' ? 'something' : brief(`${http.method} ${http.rawUri}`, NAME_CHARS_MAX)
  const answer = http.status === 0 ? 'no answer' : `${http.status}, ${http.responseBodyBytes} bytes`
  return `${client} asked ${target} for ${asked}: ${answer}.`
}

function modbusSentence(modbus: ModbusMessage, { client, server }: Ends): string {
  const { address, quantity = 0 } = modbus
  const words = MODBUS_FUNCTION[modbus.function]?.words ?? `function ${modbus.function}`
  const unit = `unit ${modbus.unit} of ${server}`
  const span = address === undefined ? '' : ` from ${address}`
  if (modbus.exception !== undefined)
    return `${unit} refused function ${modbus.function} to ${client}: ${MODBUS_EXCEPTION[modbus.exception] ?? modbus.exception}.`
  const verb = modbus.write ? 'wrote' : 'read'
  const count = quantity > 1 ? `${quantity} ${words}` : words
  if (modbus.toServer)
    return `${client} ${verb} ${count}${span} at ${unit} (function ${modbus.function}).`
  return `${unit} answered ${client} on function ${modbus.function}.`
}
