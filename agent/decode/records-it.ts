/**
 * What the decoders of office protocols say: one record a message, or one a question with its answer. Each is handed
 * on once, when it is whole or its flow ends. Text is Latin-1 as sent, UTF-16 fields as text.
 */

import type { RpcInterface } from './dcerpc.ts'
import type { KrbMessage } from './krb5.ts'
import type { RdpClient } from './rdp.ts'

export interface DhcpMessage {
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
  /** Option 53; 0 when absent (BOOTP). */
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
export interface FtpExchange {
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
export interface SmtpMail {
  id: number
  helo: string
  user: string
  /** Envelope, as sent: `<a@b>`. */
  from: string
  to: string[]
  /** The session went on under TLS. */
  tls: boolean
  /** Names in small letters, words of other character sets decoded. */
  headers: { name: string; value: string }[]
  attachments: string[]
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
export interface SmbExchange {
  id: number
  version: 1 | 2
  command: number
  answered: boolean
  status: number
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
  fileId: string
}

/** A request for a ticket and its answer; either may not have been seen. */
export interface KrbExchange {
  id: number
  request: KrbMessage | undefined
  answer: KrbMessage | undefined
}

/** How a remote desktop began. */
export interface RdpSession {
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
}

/** A bind or a call, with its answer; PDU types as numbers, undefined where not seen. */
export interface DcerpcCall {
  id: number
  callId: number
  minor: number
  request: number | undefined
  response: number | undefined
  /** Asked for by a bind, and what the server says to each: 0 accepted. */
  interfaces: RpcInterface[]
  results: number[]
  /** The interface a call is for; '' where its bind was not seen. */
  uuid: string
  opnum: number | undefined
  /** Of a fault. */
  status: number
  requestFragments: number
  requestBytes: number
  responseFragments: number
  responseBytes: number
  login: NtlmLogin | undefined
  challenge: NtlmLogin | undefined
}

export type ItTransaction =
  | { proto: 'dhcp'; stage: 'done'; dhcp: DhcpMessage }
  | { proto: 'ftp'; stage: 'done'; ftp: FtpExchange }
  | { proto: 'smtp'; stage: 'done'; smtp: SmtpMail }
  | { proto: 'smb'; stage: 'done'; smb: SmbExchange }
  | { proto: 'krb5'; stage: 'done'; krb5: KrbExchange }
  | { proto: 'rdp'; stage: 'done'; rdp: RdpSession }
  | { proto: 'dcerpc'; stage: 'done'; dcerpc: DcerpcCall }

export type ItProto = ItTransaction['proto']
