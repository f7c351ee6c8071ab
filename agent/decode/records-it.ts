/**
 * What the decoders of office protocols say: one record a message, or one a question with its answer. Each is handed
 * on once, when it is whole or its flow ends. Text is Latin-1 as sent, UTF-16 fields as text.
 */

import type { RpcInterface } from './dcerpc.ts'
import type { KrbMessage } from './krb5.ts'
import type { RdpClient, RdpServer } from './rdp.ts'
import type { Lent, Noted } from './records.ts'
import type { FileTimes } from './smb.ts'

export interface DhcpMessage extends Noted {
  /** Of IP. What the other version does not have is empty. */
  version: 4 | 6
  /** Sent by the side that opened the flow. */
  toServer: boolean
  /** 1 request, 2 reply. */
  op: number
  id: number
  clientMac: string
  clientIp: string
  assignedIp: string
  nextServerIp: string
  relayIp: string
  /** Option 53, 0 when absent (BOOTP); of version 6 the message's own, which has other numbers. */
  type: number
  hostname: string
  domain: string
  fqdn: string
  requestedIp: string
  serverId: string
  vendorClass: string
  message: string
  clientId: Uint8Array
  params: number[]
  /** Seconds; undefined when absent. */
  leaseTime: number | undefined
  renewalTime: number | undefined
  rebindingTime: number | undefined
  subnetMask: string
  routers: string[]
  dnsServers: string[]
  /** Sub-options of the relay (option 82): circuit 1, remote 2, subscriber 6. */
  relayAgent: { type: number; data: string }[]
}

/** One command of the control connection and what was replied to it. */
export interface FtpExchange extends Noted {
  id: number
  /** Of the last USER before it, or of itself. */
  user: string
  /** In capitals; '' for the greeting. */
  command: string
  argument: string
  commandCut: boolean
  /** Line by line; code 0 on a line that has none. */
  replies: { code: number; text: string }[]
  replyCut: boolean
  mode: '' | 'active' | 'passive'
  /** '' where the control connection's own address is meant. */
  dataAddress: string
  dataPort: number
}

/** One message, or a session that had none. */
export interface SmtpMail extends Noted {
  id: number
  helo: string
  user: string
  /** Envelope, as sent: `<a@b>`. */
  from: string
  to: string[]
  /** Its text was announced. */
  data: boolean
  /** The session went on under TLS. */
  tls: boolean
  /** Names in small letters, words of other character sets decoded. */
  headers: { name: string; value: string }[]
  attachments: string[]
  /** Addresses of pages that the text names. */
  urls: string[]
  /** Of the message, its text too. */
  bytes: number
  whole: boolean
  /** The server's last line, with its code. */
  lastReply: string
}

/** An NTLM message with names: 2 the server's challenge, 3 the client's login. */
export interface NtlmLogin {
  type: number
  domain: string
  user: string
  host: string
  version: string
  serverName: string
  serverDnsName: string
  serverTree: string
}

/** One request and its answer: negotiate, session setup, tree connect, open or create. */
export interface SmbExchange extends Noted {
  id: number
  version: 1 | 2
  command: number
  answered: boolean
  status: number
  /** The status is class and code of DOS. */
  dosError: boolean
  sessionId: string
  treeId: number
  /** Agreed on; '' before. */
  dialect: string
  /** Offered by the client in this request. */
  dialects: string[]
  clientGuid: string
  serverGuid: string
  login: NtlmLogin | undefined
  challenge: NtlmLogin | undefined
  user: string
  domain: string
  clientOs: string
  clientLm: string
  serverOs: string
  serverLm: string
  /** Connected to, or what the file is on. */
  share: string
  service: string
  filename: string
  disposition: number | undefined
  deleteOnClose: boolean
  renamedTo: string
  times: FileTimes | undefined
  fileSize: number
  fileId: string
  /** It connects to a share. */
  connect: boolean
  /** The call that its pipe carried. */
  dcerpc: DcerpcCall | undefined
}

/** A request for a ticket and its answer; either may not have been seen. */
export interface KrbExchange extends Noted {
  id: number
  request: KrbMessage | undefined
  answer: KrbMessage | undefined
}

/** How a remote desktop began. */
export interface RdpSession extends Noted {
  /** `mstshash` of the request: a user, or a part of one. */
  cookie: string
  /** Offered: bits 1 TLS, 2 CredSSP, 4 RDSTLS, 8 CredSSP with early authorisation. */
  protocols: number | undefined
  answered: boolean
  selected: number | undefined
  failure: number | undefined
  flags: number
  /** Only where RDP's own encryption was chosen. */
  client: RdpClient | undefined
  server: RdpServer | undefined
}

/** A bind or a call, with its answer; PDU types as numbers, undefined where not seen. */
export interface DcerpcCall extends Noted {
  id: number
  callId: number
  /** 5 over streams, 4 over datagrams. */
  major: 4 | 5
  minor: number
  /** Of datagrams: what request and answer have in common. */
  activity: string
  sequence: number
  /** Numbers are sent with their low byte first. */
  little: boolean
  request: number | undefined
  response: number | undefined
  /** Its request began with a fragment that says it is the first. */
  first: boolean
  /** Asked for by a bind, and what the server says to each: 0 accepted. */
  interfaces: RpcInterface[]
  results: number[]
  reasons: number[]
  /** The interface a call is for; '' where its bind was not seen. */
  uuid: string
  version: string
  /** What the server said to that interface: 0 accepted. */
  accepted: number | undefined
  opnum: number | undefined
  /** Of a fault. */
  status: number
  requestFragments: number
  requestBytes: number
  /** Arguments and results, as far as they are kept. */
  requestStub: Uint8Array
  responseFragments: number
  responseBytes: number
  responseStub: Uint8Array
  login: NtlmLogin | undefined
  challenge: NtlmLogin | undefined
}

/** A file inside a message, once it is whole, its bound is met, or its flow ends. */
export interface CarriedFile extends Lent {
  /** Place among the files of its transaction, from 0. */
  id: number
  name: string
  toServer: boolean
  /** Its first bytes. */
  data: Uint8Array
  /** How many it has. */
  bytes: number
  whole: boolean
  gap: boolean
}

/** One message of SNMP. */
export interface SnmpMessage extends Noted {
  toServer: boolean
  /** 1, 2 (2c) or 3. */
  version: number
  community: string
  /** `get_request` …; '' where the message is encrypted. */
  pduType: string
  /** Of an answer: 0 no error. */
  errorStatus: number
  trapType: string
  trapAddress: string
  trapOid: string
  /** Object ids of its variables. */
  vars: string[]
  /** Of version 3. */
  usm: string
}

/** What a TFTP client asks for. */
export interface TftpRequest extends Noted {
  packet: 'read' | 'write'
  file: string
  mode: string
}

/** One command of POP3 and its answer. */
export interface Pop3Exchange extends Noted {
  id: number
  /** In capitals. */
  command: string
  args: string[]
  answered: boolean
  success: boolean
  status: string
  header: string
  data: string[]
}

/** What an FTP data connection was opened for. */
export interface FtpData extends Noted {
  /** `RETR`, `STOR`; '' where the command was not seen. */
  command: string
  filename: string
}

/** `request`: the question is whole. `file`: so is a file in it. `done`: nothing more comes. */
export type ItStage = 'request' | 'file' | 'done'

/** Of a transaction that carries files: the one in hand at `file`. */
interface Staged {
  stage: ItStage
  file?: CarriedFile
}

export type ItTransaction =
  | (Staged & { proto: 'dhcp'; dhcp: DhcpMessage })
  | (Staged & { proto: 'ftp'; ftp: FtpExchange })
  | (Staged & { proto: 'smtp'; smtp: SmtpMail })
  | (Staged & { proto: 'smb'; smb: SmbExchange })
  | (Staged & { proto: 'krb5'; krb5: KrbExchange })
  | (Staged & { proto: 'rdp'; rdp: RdpSession })
  | (Staged & { proto: 'dcerpc'; dcerpc: DcerpcCall })
  | (Staged & { proto: 'ftp-data'; ftpData: FtpData })
  | (Staged & { proto: 'snmp'; snmp: SnmpMessage })
  | (Staged & { proto: 'tftp'; tftp: TftpRequest })
  | (Staged & { proto: 'pop3'; pop3: Pop3Exchange })

export type ItProto = ItTransaction['proto']

export const IT_PROTOS = [
  'dhcp',
  'ftp',
  'smtp',
  'smb',
  'krb5',
  'rdp',
  'dcerpc',
  'ftp-data',
  'snmp',
  'tftp',
  'pop3',
] as const satisfies readonly ItProto[]

export function isItProto(proto: string): proto is ItProto {
  return (IT_PROTOS as readonly string[]).includes(proto)
}

/** The record of the transaction, the same object at each of its stages. */
export function recordOf(tx: ItTransaction): Noted {
  switch (tx.proto) {
    case 'dhcp':
      return tx.dhcp
    case 'ftp':
      return tx.ftp
    case 'smtp':
      return tx.smtp
    case 'smb':
      return tx.smb
    case 'krb5':
      return tx.krb5
    case 'rdp':
      return tx.rdp
    case 'dcerpc':
      return tx.dcerpc
    case 'ftp-data':
      return tx.ftpData
    case 'snmp':
      return tx.snmp
    case 'tftp':
      return tx.tftp
    case 'pop3':
      return tx.pop3
  }
}

export function isIt(tx: { proto: string }): tx is ItTransaction {
  return isItProto(tx.proto)
}

/** The file in hand. */
export function carriedFile(tx: { proto: string }): CarriedFile | undefined {
  return isIt(tx) && tx.stage === 'file' ? tx.file : undefined
}
