/** What was heard of a capture, by session, as the fields Arkime keeps: sets of values. */
import { createHash, X509Certificate } from 'node:crypto'
import { domainToUnicode } from 'node:url'
import { headerValue } from '../../agent/decode/http.ts'
import { addressList } from '../../agent/decode/mail.ts'
import type { DnsMessage } from '../../agent/decode/records.ts'
import { etypeName, krbError, krbNames } from '../../agent/detect/eve-krb5.ts'
import { rcodeName, rrTypeName, tlsVersionName } from '../../agent/detect/eve-names.ts'
import { RPC_TYPE } from '../../agent/detect/eve-names-it.ts'
import { rdpSelected } from '../../agent/detect/eve-rdp.ts'
import type { Spoken } from '../traffic/app-path.ts'

type Session = Record<string, Set<string>>

/** `client port server port` → field → values. A session's fields, `cert.…` of all certificates together. */
export function arkimeSessions(spoken: readonly Spoken[]): Map<string, Session> {
  const sessions = new Map<string, Session>()
  for (const one of spoken) {
    const key = `${one.client} ${one.clientPort} ${one.server} ${one.serverPort}`
    const session = sessions.get(key) ?? {}
    sessions.set(key, session)
    const add = (name: string, ...values: (string | number | undefined)[]) => {
      for (const value of values) {
        if (value === undefined || value === '') continue
        session[name] ??= new Set()
        session[name].add(String(value))
      }
    }
    say(one.tx, add)
  }
  return sessions
}

type Add = (name: string, ...values: (string | number | undefined)[]) => void

function say(tx: Spoken['tx'], add: Add): void {
  switch (tx.proto) {
    case 'dns':
      add(
        'dns.queryHost',
        ...tx.dns.questions.map(({ name }) => spelled(name.toLowerCase()) || '<root>'),
      )
      add('dns.qt', ...tx.dns.questions.map(({ type }) => rrTypeName(type)))
      if (tx.dns.response) add('dns.status', status(tx.dns))
      return
    case 'http':
      if (tx.stage === 'done') http(tx.http, add)
      return
    case 'tls':
      if (tx.stage === 'done') tls(tx.tls, add)
      return
    case 'quic':
      add('quic.host', tx.quic.tls.sni)
      add('quic.version', tx.quic.version)
      tls(tx.quic.tls, add)
      return
    case 'ssh':
      if (tx.stage !== 'done') return
      for (const side of ['client', 'server'] as const)
        if (tx.ssh[`${side}Protocol`] !== '')
          add('ssh.version', `ssh-${tx.ssh[`${side}Protocol`]}-${tx.ssh[`${side}Software`]} ${tx.ssh[`${side}Comment`]}`.trimEnd().toLowerCase()) // biome-ignore format: one name
      return
    case 'modbus':
      add('modbus.unitid', tx.modbus.unit)
      add('modbus.exccode', tx.modbus.exception)
      if (!tx.modbus.toServer) return // of an answer Arkime keeps no more
      add('modbus.transactionid', tx.modbus.transaction)
      add('modbus.funccode', tx.modbus.function)
      return
    default:
      office(tx, add)
  }
}

/** The sender of a message that must not be answered. */
export const NOBODY = '<>'

/** As a person reads it. */
function spelled(name: string): string {
  return name.includes('xn--') ? domainToUnicode(name) || name : name
}

const OPT = 41
const RCODE: Record<string, string> = { NOTIMP: 'NOTIMPL', 16: 'BADSIG_VERS' }

/** With the upper bits that EDNS adds (RFC 6891 §6.1.3). */
function status({ rcode, additionals }: DnsMessage): string {
  const more = (additionals.find(({ type }) => type === OPT)?.ttl ?? 0) >>> 24
  const name = rcodeName((more << 4) | rcode)
  return RCODE[name] ?? name
}

function http(tx: Extract<Spoken['tx'], { proto: 'http' }>['http'], add: Add): void {
  add('http.method', tx.method)
  add('http.host', tx.host)
  add('http.statuscode', tx.status || undefined)
  add('http.useragent', headerValue(tx.requestHeaders, 'user-agent'))
  add('http.path', tx.rawUri.replace(/^https?:\/\/[^/]*/, '').replace(/\?.*$/s, ''))
  add('http.clientVersion', tx.version.replace('HTTP/', ''))
  add('http.serverVersion', tx.responseVersion.replace('HTTP/', ''))
}

function tls(tx: Extract<Spoken['tx'], { proto: 'tls' }>['tls'], add: Add): void {
  add('http.host', tx.sni) // Arkime has one list for hosts
  add('tls.ja3', tx.ja3)
  add('tls.ja3s', tx.ja3s)
  add('tls.ja4', tx.ja4)
  if (tx.serverVersion > 0)
    add('tls.version', tlsVersionName(tx.serverVersion).replace(/^TLS /, 'TLSv'))
  for (const der of tx.certificates) {
    add('cert.hash', colons(createHash('sha1').update(der).digest('hex')))
    try {
      const x509 = new X509Certificate(der)
      add('cert.subjectCN', ...named(x509.subject, 'CN').map((name) => name.toLowerCase()))
      add('cert.issuerCN', ...named(x509.issuer, 'CN').map((name) => name.toLowerCase()))
      add('cert.subjectON', ...named(x509.subject, 'O'))
      add('cert.issuerON', ...named(x509.issuer, 'O'))
      add('cert.serial', x509.serialNumber.toLowerCase())
      add('cert.notBefore', x509.validFromDate.getTime())
      add('cert.notAfter', x509.validToDate.getTime())
    } catch {
      // shown by its hash alone
    }
  }
}

const colons = (hex: string) => (hex.match(/../g) ?? []).join(':')

function named(text: string | undefined, name: string): string[] {
  const lines = (text ?? '').split('\n').filter((line) => line.startsWith(`${name}=`))
  return lines.map((line) => line.slice(name.length + 1).replaceAll('\\,', ','))
}

function office(tx: Spoken['tx'], add: Add): void {
  if (tx.proto === 'dhcp') {
    add('dhcp.host', tx.dhcp.hostname)
    add('dhcp.mac', tx.dhcp.clientMac)
    add('dhcp.classId', tx.dhcp.vendorClass)
    add('dhcp.id', tx.dhcp.id.toString(16))
  } else if (tx.proto === 'ftp') {
    add('ftp.command', tx.ftp.command)
    add('ftp.responseCode', ...tx.ftp.replies.map(({ code }) => code || undefined))
    if (tx.ftp.command === '') add('ftp.banner', tx.ftp.replies.at(-1)?.text)
    add('user', tx.ftp.user)
  } else if (tx.proto === 'smtp') {
    const { smtp } = tx
    const all = (name: string) =>
      smtp.headers.filter((header) => header.name === name).map(({ value }) => value)
    const bare = (list: string[]) =>
      list.map((one) => (/<([^>]*)>/.exec(one)?.[1] ?? one).toLowerCase())
    add('email.smtpHello', smtp.helo.toLowerCase())
    add(
      'email.src',
      ...bare([smtp.from, ...all('from').flatMap(addressList)]).map((name) => name || NOBODY),
    )
    add('email.dst', ...bare([...smtp.to, ...[...all('to'), ...all('cc')].flatMap(addressList)]))
    add('email.subject', ...all('subject'))
    add('email.contentType', ...all('content-type'))
    add('email.id', ...all('message-id').map((id) => id.replace(/^<|>$/g, '')))
    add('email.useragent', ...all('x-mailer'), ...all('user-agent'))
    add('email.mimeVersion', ...all('mime-version'))
    add('user', smtp.user)
  } else if (tx.proto === 'smb') {
    const { smb } = tx
    // Arkime keeps one dialect, spelled with a point before each digit, and what the client says of itself.
    if (smb.dialect !== '' && smb.dialect !== '2.??') add('smb.dialect', smb.version === 1 ? smb.dialect : `SMB ${smb.dialect.replace(/(\d)$/, '.$1')}`) // biome-ignore format: one name
    add('smb.domain', smb.domain)
    add('smb.user', smb.user)
    add('smb.os', smb.clientOs)
    add('smb.version', smb.clientLm)
    add('smb.host', smb.login?.host)
    if (smb.filename === '') add('smb.share', smb.share)
    add('smb.filename', smb.filename)
    add('ntlm.domain', smb.login?.domain)
    add('ntlm.host', smb.login?.host)
  } else if (tx.proto === 'krb5') {
    const { request, answer } = tx.krb5
    const { cname, realm, sname } = krbNames(tx.krb5)
    add('krb5.cname', cname)
    add('krb5.realm', realm)
    add('krb5.sname', sname)
    add('krb5.etype', ...(request?.etypes ?? []).filter((etype) => etype > 0).map(etypeName))
    if (answer?.kind === 'ERROR') add('krb5.error', krbError(answer.errorCode))
  } else if (tx.proto === 'rdp') {
    const { protocols = 0, selected } = tx.rdp
    add(
      'rdp.requestedProtocols',
      ...(protocols & 1 ? ['ssl'] : []),
      ...(protocols & 2 ? ['nla'] : []),
    )
    add(
      'rdp.selectedProtocol',
      selected === undefined ? undefined : rdpSelected(selected).replace('hybrid', 'nla'),
    )
  } else if (tx.proto === 'dcerpc') {
    const { request, response, interfaces, opnum } = tx.dcerpc
    for (const type of [request, response])
      if (type !== undefined) add('dcerpc.msgType', rpcType(RPC_TYPE[type] ?? ''))
    add('dcerpc.uuid', ...interfaces.map(({ uuid }) => uuid))
    add('dcerpc.opnum', opnum)
  }
}

/** `BINDACK` → `bind-ack`. */
function rpcType(name: string): string {
  return name
    .toLowerCase()
    .replace(/^bind(?=.)/, 'bind-')
    .replaceAll('_', '-')
}
