/** Office protocols: which one a flow speaks by its first bytes, and the parser of each. */
import { looksLikeRpc } from '../decode/dcerpc.ts'
import { looksLikeRpcDatagram } from '../decode/dcerpc-udp.ts'
import { looksLikeDhcp } from '../decode/dhcp.ts'
import { looksLikeDhcp6 } from '../decode/dhcp6.ts'
import { looksLikeKrb5 } from '../decode/krb5.ts'
import { looksLikeRdp } from '../decode/rdp.ts'
import type { ItProto } from '../decode/records-it.ts'
import { looksLikeSnmp } from '../decode/snmp.ts'
import { looksLikeTftp } from '../decode/tftp.ts'
import { DcerpcFlow } from './app-dcerpc.ts'
import { RpcDatagrams } from './app-dcerpc-udp.ts'
import { DhcpFlow } from './app-dhcp.ts'
import { FtpFlow } from './app-ftp.ts'
import { FtpDataFlow } from './app-ftp-data.ts'
import { Krb5Flow } from './app-krb5.ts'
import type { AppParser, AppSink } from './app-parser.ts'
import { Pop3Flow } from './app-pop3.ts'
import { RdpFlow } from './app-rdp.ts'
import { SmbFlow } from './app-smb.ts'
import { SmtpFlow } from './app-smtp.ts'
import { SnmpFlow } from './app-snmp.ts'
import { TftpFlow } from './app-tftp.ts'

const TPKT_VERSION = 3
const ISO_TSAP_PORT = 102 // S7 and other industrial protocols
const KERBEROS_PORT = 88
const SNMP_PORTS = new Set([161, 162])
const TFTP_PORT = 69
const DHCP_PORTS = new Set([67, 68])
const DHCP6_PORTS = new Set([546, 547])

/** What a client says first to a server that greets with 220. The verb, by protocol. */
const FIRST_VERBS: Record<string, ItProto> = {
  ...verbs('ftp', 'USER FEAT AUTH OPTS SYST CLNT HOST PASS ADAT PBSZ ACCT PASV'),
  ...verbs('smtp', 'EHLO HELO LHLO MAIL'),
}
const POP3_FIRST = /^(?:USER|CAPA|AUTH|APOP|STLS|QUIT|NOOP)[ \t\r\n]/i
const POP3_BYTES_MAX = 5 // a verb of four letters, and what is behind it
const VERB_BYTES_MAX = 4
const TEXT_PORT: Record<number, ItProto> = { 21: 'ftp', 25: 'smtp', 465: 'smtp', 587: 'smtp' }

/** Which of these protocols a stream speaks; either direction may be empty. Called when the others said no. */
export function guessItStream(
  client: Buffer,
  server: Buffer,
  port: number,
): ItProto | 'more' | 'none' {
  if (client.length === 0) return 'more'
  const smb = guessSmb(client, port)
  if (smb !== 'none') return smb
  const rpc = looksLikeRpc(client)
  if (rpc !== false) return rpc ? 'dcerpc' : 'more'
  if (port === KERBEROS_PORT) return guessKrb5(client)
  if (client[0] === TPKT_VERSION && port !== ISO_TSAP_PORT) return guessRdp(client)
  return guessText(client, server, port)
}

const NETBIOS_SESSION_PORT = 139
const SMB_PORTS = new Set([NETBIOS_SESSION_PORT, 445])
const SESSION_REQUEST = 0x81

/** A session message that holds SMB1 or SMB2 (encrypted or not), or the request for a session. */
function guessSmb(client: Buffer, port: number): ItProto | 'more' | 'none' {
  if (client[0] === SESSION_REQUEST && port === NETBIOS_SESSION_PORT) return 'smb'
  if (client[0] !== 0) return 'none'
  if (client.length < 8) return SMB_PORTS.has(port) ? 'more' : 'none'
  const first = client[4] as number
  return first >= 0xfc && client.toString('latin1', 5, 8) === 'SMB' ? 'smb' : 'none'
}

/** Its size, of which the first byte is zero, then the message. */
function guessKrb5(client: Buffer): ItProto | 'more' | 'none' {
  if (client[0] !== 0) return 'none'
  if (client.length < 5) return 'more'
  return looksLikeKrb5(client, 4) ? 'krb5' : 'none'
}

/** TPKT and a request of X.224, with as much of what follows as tells it from others. */
function guessRdp(client: Buffer): ItProto | 'more' | 'none' {
  if (client.length > 1 && client[1] !== 0) return 'none'
  const size = client.length < 4 ? 0 : client.readUInt16BE(2)
  if (client.length < 4 || client.length < Math.min(size, 19)) return 'more'
  return looksLikeRdp(client) ? 'rdp' : 'none'
}

/** Where the server greets: POP3 by another word than the others. */
function guessText(client: Buffer, server: Buffer, port: number): ItProto | 'more' | 'none' {
  if (server.toString('latin1', 0, 3) === '+OK') return guessPop3(client)
  const greeted = server.toString('latin1', 0, 3) === '220'
  if (greeted && namesMail(server, port)) return 'smtp'
  if (!greeted && (server.length > 0 || TEXT_PORT[port] === undefined)) return 'none'
  const [verb = ''] = /^[A-Z]*/i.exec(client.toString('latin1', 0, VERB_BYTES_MAX + 1)) ?? []
  const word = verb.toUpperCase()
  const behind = client[word.length]
  if (behind !== undefined) {
    const ends = behind === 0x20 || behind === 0x0d || behind === 0x0a
    return (ends && FIRST_VERBS[word]) || 'none'
  }
  return Object.keys(FIRST_VERBS).some((each) => each.startsWith(word)) ? 'more' : 'none'
}

function guessPop3(client: Buffer): ItProto | 'more' | 'none' {
  const begin = client.toString('latin1', 0, POP3_BYTES_MAX)
  if (POP3_FIRST.test(begin)) return 'pop3'
  return begin.length < POP3_BYTES_MAX && /^[A-Z]*$/i.test(begin) ? 'more' : 'none'
}

/** Whatever the client says, and before it speaks: a server of mail has named itself. */
export function namesMail(server: Buffer, port: number): boolean {
  if (TEXT_PORT[port] !== 'smtp') return false
  return /^220[ -][^\r\n]{0,200}\bE?SMTP\b/.test(server.toString('latin1', 0, 256))
}

/** Which of these protocols a datagram speaks. */
export function guessItDatagram(
  bytes: Buffer,
  srcPort: number,
  destPort: number,
): ItProto | 'none' {
  if ((DHCP_PORTS.has(srcPort) || DHCP_PORTS.has(destPort)) && looksLikeDhcp(bytes)) return 'dhcp'
  if ((DHCP6_PORTS.has(srcPort) || DHCP6_PORTS.has(destPort)) && looksLikeDhcp6(bytes))
    return 'dhcp'
  if ((srcPort === KERBEROS_PORT || destPort === KERBEROS_PORT) && looksLikeKrb5(bytes))
    return 'krb5'
  if ((SNMP_PORTS.has(srcPort) || SNMP_PORTS.has(destPort)) && looksLikeSnmp(bytes)) return 'snmp'
  if (looksLikeRpcDatagram(bytes)) return 'dcerpc'
  return destPort === TFTP_PORT && looksLikeTftp(bytes) ? 'tftp' : 'none'
}

function verbs(proto: ItProto, list: string): Record<string, ItProto> {
  return Object.fromEntries(list.split(' ').map((verb) => [verb, proto]))
}

/** A parser of datagrams is given one at a time, whole. */
export function newItParser(proto: ItProto, sink: AppSink, datagrams: boolean): AppParser {
  switch (proto) {
    case 'dhcp':
      return new DhcpFlow(sink)
    case 'ftp':
      return new FtpFlow(sink)
    case 'smtp':
      return new SmtpFlow(sink)
    case 'smb':
      return new SmbFlow(sink)
    case 'krb5':
      return new Krb5Flow(sink, datagrams)
    case 'rdp':
      return new RdpFlow(sink)
    case 'dcerpc':
      return datagrams ? new RpcDatagrams(sink) : new DcerpcFlow(sink)
    case 'snmp':
      return new SnmpFlow(sink)
    case 'tftp':
      return new TftpFlow(sink)
    case 'pop3':
      return new Pop3Flow(sink)
    case 'ftp-data':
      return new FtpDataFlow(sink, { command: '', filename: '' })
  }
}
