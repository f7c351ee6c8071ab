/** What was heard of a capture, as the fields of Zeek's logs. */
import { createHash, X509Certificate } from 'node:crypto'
import { DNP3_INDICATORS } from '../../agent/decode/dnp3.ts'
import { headerValue } from '../../agent/decode/http.ts'
import { addressList } from '../../agent/decode/mail.ts'
import type { DnsRecord, IcsMessage, QuicHello, TlsHello } from '../../agent/decode/records.ts'
import type {
  DcerpcCall,
  FtpExchange,
  KrbExchange,
  RdpSession,
  SmtpMail,
} from '../../agent/decode/records-it.ts'
import { etypeName, krbError, krbNames } from '../../agent/detect/eve-krb5.ts'
import { rcodeName, rrTypeName, tlsVersionName } from '../../agent/detect/eve-names.ts'
import { DHCP_TYPE, RPC_INTERFACE } from '../../agent/detect/eve-names-it.ts'
import { rdpFailure } from '../../agent/detect/eve-rdp.ts'
import type { Spoken } from '../traffic/app-path.ts'
import type { Fields } from './oracle.ts'
import {
  CIPHER,
  CURVE,
  MODBUS_EXCEPTION,
  MODBUS_FUNCTION,
  RDP_BUILD,
  RDP_KEYBOARD,
  RDP_LEVEL,
  RDP_METHOD,
  RPC_OPERATION,
} from './zeek-names.ts'

const [TXT, RRSIG, DNSKEY] = [16, 46, 48]
const RRSIG_NAME_AT = 18

/** Zeek's log → our rows of it. */
export function zeekRows(spoken: readonly Spoken[]): Record<string, Fields[]> {
  const rows: Record<string, Fields[]> = {}
  const add = (log: string, fields: Fields) => {
    rows[log] ??= []
    rows[log].push(fields)
  }
  const servers = new Map<string, string>()
  const asked = new Map<string, string>()
  for (const one of spoken) {
    const { tx } = one
    const id: Fields = {
      'id.orig_h': one.client,
      'id.orig_p': one.clientPort,
      'id.resp_h': one.server,
      'id.resp_p': one.serverPort,
    }
    if (tx.proto === 'dns') {
      const { dns } = tx
      const [question] = dns.questions
      add('dns', {
        ...id,
        trans_id: dns.id,
        query: question?.name.toLowerCase(), // as Zeek prints it
        qtype_name: question && rrTypeName(question.type),
        rcode_name: dns.response ? rcodeName(dns.rcode) : undefined,
        answers: dns.answers.map(dnsAnswer).join(','),
      })
    } else if (tx.proto === 'dnp3') dnp3(tx.ics, { ...id }, asked, add)
    else if (tx.stage !== 'done' && tx.proto !== 'modbus') continue
    else if (tx.proto === 'http') add('http', { ...id, ...http(tx.http) })
    else if (tx.proto === 'ssh')
      add('ssh', {
        ...id,
        ...ssh(tx.ssh),
      })
    else if (tx.proto === 'tls') {
      const { certificates } = tx.tls
      add('ssl', {
        ...id,
        ...tls(tx.tls),
        cert_chain_fps: certificates.map(sha256).join(','),
      })
      for (const der of certificates) add('x509', certificate(der))
    } else if (tx.proto === 'modbus') add('modbus', { ...id, ...modbus(tx.modbus) })
    else if (tx.proto === 'quic') {
      add('quic', { ...id, ...quic(tx.quic) })
      add('ssl', { ...id, ...tls(tx.quic.tls) })
    } else if (tx.proto === 'dhcp') add('dhcp', { ...id, ...dhcp(tx.dhcp, one.client) })
    else if (tx.proto === 'ftp') add('ftp', { ...id, ...ftp(tx.ftp) })
    else if (tx.proto === 'smtp') add('smtp', { ...id, ...smtp(tx.smtp) })
    else if (tx.proto === 'rdp') {
      add('rdp', { ...id, ...rdp(tx.rdp) })
      for (const der of tx.rdp.server?.certificates ?? []) add('x509', certificate(der))
    } else if (tx.proto === 'dcerpc') {
      const { challenge } = tx.dcerpc
      const flow = `${one.client} ${one.clientPort}`
      if (challenge) servers.set(flow, challenge.serverName)
      rpc(tx.dcerpc, { ...id, server_nb_computer_name: servers.get(flow) }, add)
    } else if (tx.proto === 'krb5') add('kerberos', { ...id, ...kerberos(tx.krb5) })
    else if (tx.proto === 'smb' && tx.smb.login)
      add('ntlm', {
        ...id,
        username: tx.smb.login.user,
        hostname: tx.smb.login.host,
        domainname: tx.smb.login.domain,
      })
  }
  return rows
}

function modbus(tx: Extract<Spoken['tx'], { proto: 'modbus' }>['modbus']): Fields {
  const { transaction, unit, function: code, failed, exception } = tx
  const name = MODBUS_FUNCTION.get(code)
  return {
    tid: transaction,
    unit,
    func: name ? `${name}${failed ? '_EXCEPTION' : ''}` : `unknown-${failed ? code | 0x80 : code}`,
    exception: exception && (MODBUS_EXCEPTION.get(exception) ?? `unknown-${exception}`),
  }
}

/** A question and its answer are one row. */
function dnp3(
  { operation, toServer, fields }: IcsMessage,
  id: Fields,
  asked: Map<string, string>,
  add: (log: string, fields: Fields) => void,
): void {
  const flow = `${id['id.orig_h']} ${id['id.orig_p']} ${id['id.resp_h']}`
  if (toServer) asked.set(flow, operation.toUpperCase())
  else {
    const { indicators } = fields.iin as { indicators: string[] }
    const iin = indicators.map((name) => 0x8000 >> DNP3_INDICATORS.indexOf(name))
    add('dnp3', {
      ...id,
      fc_request: asked.get(flow),
      fc_reply: operation.toUpperCase(),
      iin: iin.reduce((a, b) => a | b, 0),
    })
  }
}

function dnsAnswer({ type, data, strings = [] }: DnsRecord): string {
  if (type === TXT) return strings.map((text) => `TXT ${text.length} ${text}`).join(' ')
  if (type === DNSKEY) return `DNSKEY ${Number.parseInt(data.slice(6, 8), 16)}`
  if (type === RRSIG) {
    const signed = Buffer.from(data, 'hex')
    return `RRSIG ${signed.readUInt16BE(0)} ${signer(signed.subarray(RRSIG_NAME_AT))}`
  }
  if (type === 99)
    return `SPF ${Number.parseInt(data.slice(0, 2), 16)} ${Buffer.from(data.slice(2), 'hex').toString('latin1')}`
  return type === 15 ? data.replace(/^\d+ /, '') : data
}

function ssh(tx: Extract<Spoken['tx'], { proto: 'ssh' }>['ssh']): Fields {
  const banner = (...parts: string[]) => `SSH-${parts.join('-')}`
  const [kex, hostKey, cipher, , mac, , compression] = tx.chosen
  return {
    version: /^(?:2|1\.99)/.test(tx.clientProtocol) ? 2 : undefined,
    client: words(banner(tx.clientProtocol, tx.clientSoftware), tx.clientComment),
    server: words(banner(tx.serverProtocol, tx.serverSoftware), tx.serverComment),
    kex_alg: kex,
    host_key_alg: hostKey,
    cipher_alg: cipher,
    mac_alg: mac,
    compression_alg: compression,
  }
}

function tls(tx: TlsHello): Fields {
  const { sni, serverVersion, serverAlpn, serverCipher, serverGroup, resumed, established } = tx
  return {
    version: tlsVersionName(serverVersion).replace(/^TLS 1\.|^TLSv1$/, (v) => (v === 'TLSv1' ? 'TLSv10' : 'TLSv1')).replace(/ draft-/, '-draft').replace('.', ''), // biome-ignore format: one name
    cipher: CIPHER.get(serverCipher),
    curve: CURVE.get(serverGroup),
    server_name: sni,
    next_protocol: serverAlpn,
    resumed: resumed ? 'T' : 'F',
    established: established ? 'T' : 'F',
  }
}

function quic({ version, firstId, clientId, serverId, tls }: QuicHello): Fields {
  return {
    version: version === '2' ? 'quicv2' : version,
    client_initial_dcid: firstId,
    client_scid: clientId,
    server_scid: serverId,
    server_name: tls.sni,
    client_protocol: tls.alpn[0],
  }
}

const words = (...parts: string[]) => parts.filter((part) => part !== '').join(' ')

function http(tx: Extract<Spoken['tx'], { proto: 'http' }>['http']): Fields {
  const request = (name: string) => headerValue(tx.requestHeaders, name)
  const encoded = headerValue(tx.responseHeaders, 'content-encoding') !== undefined
  // HTTP/0.9 has neither a version nor a status; Zeek writes some.
  const old = tx.version === '' && tx.method !== ''
  return {
    method: tx.method,
    host: tx.host,
    uri: decoded(tx.rawUri),
    referrer: request('referer'),
    version: old ? '0.9' : (tx.responseVersion || tx.version).replace('HTTP/', ''),
    user_agent: request('user-agent'),
    request_body_len: tx.requestBodyBytes,
    // Counted inside an encoding.
    response_body_len: encoded ? tx.responseBody.length : tx.responseBodyBytes,
    status_code: old ? 0 : tx.status || undefined,
    status_msg: old ? '<empty>' : tx.reason,
  }
}

/** A name that is not compressed (RFC 4034 §3.1.7). */
function signer(bytes: Buffer): string {
  const labels: string[] = []
  for (let at = 0; (bytes[at] ?? 0) > 0; at += (bytes[at] as number) + 1)
    labels.push(bytes.toString('latin1', at + 1, at + 1 + (bytes[at] as number)))
  return labels.join('.')
}

const sha256 = (der: Uint8Array) => createHash('sha256').update(der).digest('hex')

/** Zeek takes the escapes out of a URI; what they make is UTF-8 in its log. */
function decoded(uri: string): string {
  const bytes = uri.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(bytes, 'latin1').toString()
}

function certificate(der: Uint8Array): Fields {
  const fields: Fields = { fingerprint: sha256(der) }
  try {
    const x509 = new X509Certificate(der)
    const name = (
      text: string | undefined, // Where a part has several values, they are in the other order too.
    ) =>
      (text ?? '')
        .split('\n')
        .map((part) => part.split(' + ').reverse().join('+'))
        .reverse()
        .join(',')
    return {
      ...fields,
      'certificate.serial': x509.serialNumber.padStart(2, '0'),
      'certificate.subject': name(x509.subject),
      'certificate.issuer': name(x509.issuer),
      'certificate.not_valid_before': (x509.validFromDate.getTime() / 1000).toFixed(6),
      'certificate.not_valid_after': (x509.validToDate.getTime() / 1000).toFixed(6),
      'san.dns': (x509.subjectAltName ?? '').replaceAll('DNS:', '').replaceAll(', ', ','),
    }
  } catch {
    return fields
  }
}

function dhcp(tx: Extract<Spoken['tx'], { proto: 'dhcp' }>['dhcp'], sender: string): Fields {
  const given = (ip: string) => (ip === '0.0.0.0' ? undefined : ip)
  const relay = (type: number) => tx.relayAgent.find((part) => part.type === type)?.data
  return {
    uid_of: tx.id,
    // An INFORM is told by who sent it.
    client_addr: tx.type === 8 ? sender : (given(tx.clientIp) ?? given(tx.assignedIp)),
    server_addr: tx.serverId,
    mac: tx.clientMac,
    host_name: tx.hostname,
    domain: tx.domain,
    requested_addr: tx.requestedIp,
    assigned_addr: given(tx.assignedIp),
    lease_time: tx.leaseTime?.toFixed(6),
    msg_types: (DHCP_TYPE[tx.type] ?? '').toUpperCase(),
    circuit_id: relay(1),
    agent_remote_id: relay(2),
    subscriber_id: relay(6),
  }
}

function ftp(tx: FtpExchange): Fields {
  const last = tx.replies.at(-1)
  return {
    user: tx.user || '<unknown>',
    command: tx.command,
    arg: tx.argument.replace(/^\//, ''),
    reply_code: last?.code,
    reply_msg: last?.text,
    'data_channel.passive': tx.mode === '' ? undefined : tx.mode === 'passive' ? 'T' : 'F',
    'data_channel.resp_p': tx.dataPort || undefined,
  }
}

function smtp(tx: SmtpMail): Fields {
  const bare = (path: string) => path.replace(/^<|>$/g, '')
  const header = (name: string) => tx.headers.find((one) => one.name === name)?.value
  return {
    helo: tx.helo,
    mailfrom: bare(tx.from),
    rcptto: tx.to.map(bare).sort().join(','),
    date: header('date'),
    from: header('from'),
    to: addressList(header('to') ?? '')
      .sort()
      .join(','),
    cc: addressList(header('cc') ?? '').join(','),
    reply_to: header('reply-to'),
    msg_id: header('message-id'),
    in_reply_to: header('in-reply-to'),
    subject: header('subject'),
    last_reply: tx.lastReply,
    user_agent: header('x-mailer') ?? header('user-agent'),
    tls: tx.tls ? 'T' : 'F',
  }
}

function kerberos(tx: KrbExchange): Fields {
  const { request, answer } = tx
  const { cname, sname } = krbNames(tx)
  const ticket = answer?.ticketEtype
  const flag = (bit: number) => (request && (request.options >>> (31 - bit)) & 1 ? 'T' : 'F')
  return {
    request_type: request?.kind.replace('_REQ', ''),
    client: `${cname}/${request?.realm || answer?.realm}`,
    service: request?.sname || sname,
    success: answer && (answer.kind === 'ERROR' ? 'F' : 'T'),
    error_msg: answer?.kind === 'ERROR' ? krbError(answer.errorCode) : undefined,
    till: request && seconds(request.till),
    cipher: ticket === undefined ? undefined : etypeName(ticket),
    forwardable: flag(1),
    renewable: flag(8),
  }
}

/** `20370913024125Z` → seconds since 1970. */
function seconds(time: string): string {
  const iso = time.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')
  return (Date.parse(iso) / 1000).toFixed(6)
}

function rdp(tx: RdpSession): Fields {
  const { client, server, failure } = tx
  return {
    cookie: tx.cookie,
    result: failure === undefined ? client && 'Success' : rdpFailure(failure).toUpperCase(),
    client_channels: client?.channels.join(','),
    security_protocol: client && 'RDP', // told in the clear with RDP's own encryption alone
    client_name: client?.name,
    client_dig_product_id: client?.productId,
    desktop_width: client?.width,
    desktop_height: client?.height,
    keyboard_layout: client && RDP_KEYBOARD[client.keyboard],
    client_build: client && RDP_BUILD[client.build],
    requested_color_depth: client && `${client.colours}bit`,
    cert_type: server && (server.certificateType === 1 ? 'RSA' : 'X.509'),
    cert_count: server?.certificateType === 1 ? 1 : (server?.certificates.length ?? 0),
    cert_permanent: server && (server.temporary ? 'F' : 'T'),
    encryption_level: server && RDP_LEVEL[server.level],
    encryption_method: server && RDP_METHOD[server.method],
  }
}

/** Zeek names the port where there is no pipe, and tells the server's name with the client's login. */
function rpc(tx: DcerpcCall, id: Fields, add: (log: string, fields: Fields) => void): void {
  if (tx.opnum !== undefined) {
    const operation = RPC_OPERATION[tx.uuid]?.[tx.opnum] ?? `unknown-${tx.opnum}`
    const endpoint = RPC_INTERFACE[tx.uuid]
    add('dce_rpc', { ...id, named_pipe: id['id.resp_p'], endpoint, operation })
  }
  if (tx.login?.user) {
    const { user, host, domain } = tx.login
    add('ntlm', { ...id, username: user, hostname: host, domainname: domain })
  }
}
