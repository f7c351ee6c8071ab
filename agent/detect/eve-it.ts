/** What EVE says of office protocols, with Suricata 8's field names, and what a person would. */
import { brief } from '../base/text.ts'
import { mac } from '../decode/dhcp.ts'
import { addressList } from '../decode/mail.ts'
import type { DhcpMessage, FtpExchange, ItTransaction, SmtpMail } from '../decode/records-it.ts'
import type { Ends, Json } from './eve-app.ts'
import { dcerpcSentence, eveDcerpc } from './eve-dcerpc.ts'
import { eveKrb5, krb5Sentence, krbNames } from './eve-krb5.ts'
import { DHCP_PARAMETER, DHCP_TYPE, DHCP6_TYPE } from './eve-names-it.ts'
import { eveRdp, rdpSentence } from './eve-rdp.ts'
import { said } from './eve-said.ts'
import {
  eveFtpData,
  evePop3,
  eveSnmp,
  eveTftp,
  ftpDataSentence,
  pop3Sentence,
  snmpSentence,
  tftpSentence,
} from './eve-small.ts'
import { eveSmb, smbSentence } from './eve-smb.ts'

const NAME_CHARS_MAX = 120

export function eveOfIt(tx: ItTransaction): Json {
  switch (tx.proto) {
    case 'dhcp':
      return { dhcp: eveDhcp(tx.dhcp) }
    case 'ftp':
      return { tx_id: tx.ftp.id, ftp: eveFtp(tx.ftp) }
    case 'smtp':
      return { tx_id: tx.smtp.id, smtp: eveSmtp(tx.smtp), ...eveEmail(tx.smtp) }
    case 'smb':
      return { tx_id: tx.smb.id, smb: eveSmb(tx.smb) }
    case 'krb5':
      return { tx_id: tx.krb5.id, krb5: eveKrb5(tx.krb5) }
    case 'rdp':
      return { rdp: eveRdp(tx.rdp) }
    case 'dcerpc':
      return { tx_id: tx.dcerpc.id, dcerpc: eveDcerpc(tx.dcerpc) }
    case 'ftp-data':
      return { ftp_data: eveFtpData(tx.ftpData) }
    case 'snmp':
      return { snmp: eveSnmp(tx.snmp) }
    case 'tftp':
      return { tftp: eveTftp(tx.tftp) }
    case 'pop3':
      return { tx_id: tx.pop3.id, pop3: evePop3(tx.pop3) }
  }
}

/** Who the row names in the column `user`. */
export function userOfIt(tx: ItTransaction): string | undefined {
  switch (tx.proto) {
    case 'ftp':
      return named(tx.ftp.user)
    case 'smtp':
      return named(tx.smtp.user)
    case 'smb':
      return named(tx.smb.user)
    case 'krb5':
      return named(krbNames(tx.krb5).cname)
    case 'rdp':
      return named(tx.rdp.cookie)
    case 'dcerpc':
      return named(tx.dcerpc.login?.user ?? '')
    default:
      return undefined
  }
}

function named(user: string): string | undefined {
  return user === '' ? undefined : brief(user, NAME_CHARS_MAX)
}

export function sentenceOfIt(tx: ItTransaction, ends: Ends): string {
  switch (tx.proto) {
    case 'dhcp':
      return dhcpSentence(tx.dhcp, ends)
    case 'ftp':
      return ftpSentence(tx.ftp, ends)
    case 'smtp':
      return smtpSentence(tx.smtp, ends)
    case 'smb':
      return smbSentence(tx.smb, ends)
    case 'krb5':
      return krb5Sentence(tx.krb5, ends)
    case 'rdp':
      return rdpSentence(tx.rdp, ends)
    case 'dcerpc':
      return dcerpcSentence(tx.dcerpc, ends)
    case 'ftp-data':
      return ftpDataSentence(tx.ftpData, ends)
    case 'snmp':
      return snmpSentence(tx.snmp, ends)
    case 'tftp':
      return tftpSentence(tx.tftp, ends)
    case 'pop3':
      return pop3Sentence(tx.pop3, ends)
  }
}

function eveDhcp(dhcp: DhcpMessage): Json {
  const reply = dhcp.op === 2
  const [hardware, ...id] = dhcp.clientId
  return said({
    type: reply ? 'reply' : 'request',
    id: dhcp.id,
    client_mac: dhcp.clientMac,
    assigned_ip: dhcp.assignedIp,
    ...(reply
      ? { relay_ip: dhcp.relayIp, next_server_ip: dhcp.nextServerIp }
      : { client_ip: dhcp.clientIp }),
    dhcp_type: dhcpType(dhcp),
    client_id:
      hardware === 1 && id.length === 6
        ? mac(Uint8Array.from(id))
        : Buffer.from(dhcp.clientId).toString(dhcp.version === 6 ? 'hex' : 'latin1'),
    hostname: dhcp.hostname,
    client_fqdn: dhcp.fqdn,
    domain: dhcp.domain,
    requested_ip: dhcp.requestedIp,
    server_id: dhcp.serverId,
    vendor_class_identifier: dhcp.vendorClass,
    message: dhcp.message,
    params: dhcp.version === 4 ? dhcp.params.flatMap((code) => DHCP_PARAMETER[code] ?? []) : [],
    lease_time: dhcp.leaseTime,
    renewal_time: dhcp.renewalTime,
    rebinding_time: dhcp.rebindingTime,
    subnet_mask: dhcp.subnetMask,
    routers: dhcp.routers,
    dns_servers: dhcp.dnsServers,
  })
}

/** As EVE names it; the numbers of version 6 are others. */
function dhcpType({ version, type }: DhcpMessage): string {
  return (version === 6 ? DHCP6_TYPE : DHCP_TYPE)[type] ?? 'unknown'
}

function dhcpSentence(dhcp: DhcpMessage, { client, server }: Ends): string {
  const name = dhcp.hostname || dhcp.fqdn
  const who = `${dhcp.clientMac || (dhcp.toServer === (dhcp.op === 1) ? client : server)}${name === '' ? '' : ` (${brief(name, NAME_CHARS_MAX)})`}`
  const type = dhcpType(dhcp)
  if (dhcp.op === 1) return `${who} sent DHCP ${type} for an address.`
  const from = (dhcp.version === 4 && dhcp.serverId) || (dhcp.toServer ? client : server)
  const given = ['', '0.0.0.0'].includes(dhcp.assignedIp) ? '' : `: ${dhcp.assignedIp}`
  return `${from} answered ${who} by DHCP ${type}${given}.`
}

const NO_SECRET = /^(?:anonymous|ftp|guest)?$/i

/** A password of an anonymous user is no secret; any other stays out of the lake. */
function ftpArgument({ command, argument, user }: FtpExchange): string {
  return /^(?:PASS|ACCT|ADAT)$/.test(command) && !NO_SECRET.test(user) ? '<hidden>' : argument
}

function eveFtp(ftp: FtpExchange): Json {
  const codes = ftp.replies.filter(({ code }) => code > 0).map(({ code }) => String(code))
  return said({
    command: ftp.command,
    command_data: ftpArgument(ftp),
    ...(ftp.command !== '' && { command_truncated: ftp.commandCut }),
    completion_code: [...new Set(codes)],
    reply: ftp.replies.map(({ text }) => text),
    reply_received: ftp.replies.length > 0 ? 'yes' : 'no',
    reply_truncated: ftp.replyCut,
    mode: ftp.mode,
    dynamic_port: ftp.dataPort || undefined,
  })
}

function ftpSentence(ftp: FtpExchange, { client, server }: Ends): string {
  const last = ftp.replies.at(-1)
  const code = ftp.replies.findLast(({ code }) => code > 0)?.code
  const answer = last ? `${code} ${brief(last.text, NAME_CHARS_MAX)}` : 'no answer'
  if (ftp.command === '') return `${server} greeted ${client} by FTP: ${answer}.`
  const asked = brief(`${ftp.command} ${ftpArgument(ftp)}`.trim(), NAME_CHARS_MAX)
  return `${client} sent ${server} by FTP ${asked}: ${answer}.`
}

const RECIPIENTS_MAX = 64
const RECEIVED_MAX = 16
const HEADER_CHARS_MAX = 1024

function eveSmtp({ helo, from, to, tls, lastReply }: SmtpMail): Json {
  return said({
    helo,
    mail_from: from,
    rcpt_to: to.slice(0, RECIPIENTS_MAX),
    tls: tls || undefined,
    last_reply: lastReply,
  })
}

function eveEmail(mail: SmtpMail): { email?: Json } {
  if (mail.headers.length === 0 && !mail.whole) return {}
  const all = (name: string) => mail.headers.filter((header) => header.name === name)
  const first = (name: string) => all(name)[0]?.value.slice(0, HEADER_CHARS_MAX)
  const people = (name: string) =>
    all(name)
      .flatMap(({ value }) => addressList(value))
      .slice(0, RECIPIENTS_MAX)
  const email = said({
    status: mail.whole ? 'PARSE_DONE' : 'BODY_STARTED',
    from: first('from'),
    to: people('to'),
    cc: people('cc'),
    reply_to: first('reply-to'),
    subject: first('subject'),
    date: first('date'),
    message_id: first('message-id'),
    in_reply_to: first('in-reply-to'),
    x_mailer: first('x-mailer'),
    user_agent: first('user-agent'),
    x_originating_ip: first('x-originating-ip'),
    content_type: first('content-type'),
    received: all('received')
      .slice(0, RECEIVED_MAX)
      .map(({ value }) => value),
    attachment: mail.attachments,
    // Without what stands before the name, as Suricata writes them.
    url: mail.urls.map((url) => url.replace(/^\w+:\/\//, '')),
  })
  return { email }
}

function smtpSentence(mail: SmtpMail, { client, server }: Ends): string {
  const to =
    mail.to.length > 1 ? `${mail.to[0]} and ${mail.to.length - 1} more` : (mail.to[0] ?? '')
  const about = brief(`${mail.from} to ${to || 'nobody'}`, NAME_CHARS_MAX)
  if (mail.tls) return `${client} and ${server} agreed to speak SMTP under TLS.`
  if (mail.from === '') return `${client} sent ${server} no mail by SMTP.`
  const answer = mail.lastReply === '' ? 'no answer' : brief(mail.lastReply, NAME_CHARS_MAX)
  return `${client} sent ${server} mail from ${about}: ${answer}.`
}
