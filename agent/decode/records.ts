/**
 * What application decoders say. A transaction is one question and its answer; a decoder hands it on at
 * each of its `Stage`s, filling in the same object. Byte fields are copies: they outlive the packet.
 */

import type { Fault } from '../base/fault.ts'
import type { AppEvent } from './app-events.ts'
import { IT_PROTOS, type ItProto, type ItTransaction } from './records-it.ts'

export type AppProto =
  | 'unknown'
  | 'failed'
  | 'dns'
  | 'http'
  | 'tls'
  | 'ssh'
  | 'modbus'
  | 'quic'
  | IcsProto
  | ItProto

/** Industrial protocols whose messages are told in one form. */
export type IcsProto = 'dnp3' | 's7' | 'iec104' | 'enip' | 'bacnet'

export interface DnsQuestion {
  name: string
  type: number
  class: number
}

export interface DnsRecord extends DnsQuestion {
  ttl: number
  /**
   * Presentation form for A, AAAA, NS, CNAME, DNAME, PTR, MX, TXT (strings joined), SRV, SOA (seven
   * fields with spaces between); hex for others.
   */
  data: string
  /** Of TXT, each string by itself. */
  strings?: string[]
}

export interface DnsMessage {
  id: number
  /** The 16 flag bits as sent. */
  flags: number
  response: boolean
  opcode: number
  rcode: number
  questions: DnsQuestion[]
  answers: DnsRecord[]
  authorities: DnsRecord[]
  additionals: DnsRecord[]
  /** Records the header counts that were not read, past RECORDS_MAX. */
  skipped: number
}

/**
 * Where who is handed a transaction more than once notes how far it is: in the record itself, for a table of records is walked once more in
 * each collection. No row has it.
 */
export const NOTED: unique symbol = Symbol('noted')

export interface Noted {
  [NOTED]?: object | undefined
}

export interface HttpHeader {
  name: string
  value: string
}

/** Whose bytes lie in memory that serves others when all is told of it: see lent.ts. */
export interface Lent {
  /** Alerts that wait to read it. */
  waited?: number | undefined
  /** Set when all was told while some waited: the last one calls it. */
  giveBack?: (() => void) | undefined
}

/** Latin-1 text is one character a byte, so it is both what was sent and easy to print. */
export interface HttpTransaction extends Noted, Lent {
  /** Place in its flow, from 0: `tx_id` of EVE. */
  id: number
  /** '' where the request was never seen. */
  method: string
  /** The first line, as sent. */
  requestLine?: string | undefined
  /** As sent. */
  rawUri: string
  /** Path and query percent-decoded once, `/../` and `//` folded, no host: as Suricata's http.uri. */
  uri: string
  version: string
  host: string
  requestHeaders: HttpHeader[]
  /** Header lines as sent and the empty line that ends them, without the request line. */
  rawRequestHeaders: Uint8Array
  /** The lines as text, where all are in the usual form. */
  usualRequestHeaders?: string | undefined
  /** De-chunked, at most the body limit. */
  requestBody: Uint8Array
  requestBodyBytes: number
  /** 0 while no status line was seen, or where it has no number. */
  status: number
  /** As sent. */
  responseLine?: string | undefined
  /** What a status line has instead of a number. */
  statusText?: string | undefined
  reason: string
  responseVersion: string
  responseHeaders: HttpHeader[]
  rawResponseHeaders: Uint8Array
  usualResponseHeaders?: string | undefined
  /** De-chunked and decompressed, at most the body limit. */
  responseBody: Uint8Array
  responseBodyBytes: number
  /** Whether each half is whole. */
  requestDone: boolean
  responseDone: boolean
  /** Bytes of a body never came. */
  gap: boolean
  /** What is odd about it, that rules have a name for. */
  events?: AppEvent[] | undefined
}

export interface TlsHello extends Noted {
  /** From the client hello. */
  version: number
  /** 32 bytes, of which the first four were a time once. */
  random: Uint8Array
  sni: string
  alpn: string[]
  ciphers: number[]
  extensions: number[]
  groups: number[]
  pointFormats: number[]
  signatureAlgorithms: number[]
  supportedVersions: number[]
  /** md5 of the JA3 string, and the string; '' before the hello was read. Each is worked out when it is asked for. */
  readonly ja3: string
  readonly ja3Text: string
  readonly ja4: string
  /** From the server hello; 0 while unseen. */
  serverVersion: number
  serverRandom: Uint8Array
  serverCipher: number
  serverExtensions: number[]
  serverAlpn: string
  /** The named group of the key exchange; 0 while unseen, and where there is none. */
  serverGroup: number
  /** The server goes on with keys of an earlier session. */
  resumed: boolean
  /** Both sides went on under encryption. Known some records after the last transaction, and filled in then. */
  established: boolean
  readonly ja3s: string
  readonly ja3sText: string
  /** DER certificates in the order sent (TLS 1.2 and below). */
  certificates: Uint8Array[]
}

export interface SshBanners extends Noted {
  clientProtocol: string
  clientSoftware: string
  clientComment: string
  serverProtocol: string
  serverSoftware: string
  serverComment: string
  /** What each side offers, and its md5 (HASSH); '' where it was not seen. */
  clientHassh: string
  clientHasshText: string
  serverHassh: string
  serverHasshText: string
  /** What both go on with, in the order of `SshOffer`; empty before both have said what they offer. */
  chosen: readonly string[]
  /** Both sides sent their first binary packet: it is a session, not a banner grab. */
  keyExchange: boolean
}

export interface ModbusMessage {
  transaction: number
  unit: number
  /** Function code with the exception bit taken off. */
  function: number
  toServer: boolean
  /** The exception bit: it should have a code too. */
  failed: boolean
  exception: number | undefined
  /** First address and count of a read or write, where the function has them. */
  address: number | undefined
  quantity: number | undefined
  /** Written values: registers as numbers, coils as 0 and 1; at most 125. Function 22: and-mask, or-mask. */
  values: readonly number[]
  /** Function 23 also reads. */
  readAddress: number | undefined
  readQuantity: number | undefined
  /** Bytes of the values in an answer, as sent; at most 253. */
  read: readonly number[]
  /** MEI type, diagnostic sub-function; where the function has one. */
  subFunction: number | undefined
  write: boolean
}

/** The hellos of a QUIC connection; all else of it is encrypted. The server's comes after the transaction and is filled in then. */
export interface QuicHello {
  /** `1`, `2`, `draft-29`; `Q043` of Google's own, whose hello is no TLS: of `tls` it has the name alone. */
  version: string
  /** Connection ids, in hex: what the client first sent to, its own, the server's own. */
  firstId: string
  clientId: string
  serverId: string
  tls: TlsHello
}

/** One message of an industrial protocol, in words all of them share. */
export interface IcsMessage {
  /** `direct_operate`, `write_var`; with its number where it has no name. */
  operation: string
  toServer: boolean
  /** It asks for something; answers, reports and confirmations do not. */
  request: boolean
  /** It asks to change values, state, time, program or configuration of the device. */
  write: boolean
  /** Techniques of ATT&CK for ICS that the operation is by its definition. */
  attackIds: readonly string[]
  /** What it touches, for a person: `DB 1`, `group 12`; '' where nothing is named. */
  about: string
  /** Its fields, in EVE's words where EVE has them; bounded by the decoder. */
  fields: Readonly<Record<string, unknown>>
  /** What is odd about it, though its operation could be read. */
  fault: Fault | undefined
}

/** Where a transaction stands when it is handed on. */
export type Stage = 'request' | 'request-body' | 'response' | 'response-body' | 'done'

export type Transaction =
  | { proto: 'dns'; stage: 'request' | 'response'; dns: DnsMessage }
  | { proto: 'http'; stage: Stage; http: HttpTransaction }
  | { proto: 'tls'; stage: 'request' | 'response' | 'done'; tls: TlsHello }
  | { proto: 'ssh'; stage: 'request' | 'response' | 'done'; ssh: SshBanners }
  | { proto: 'modbus'; stage: 'request' | 'response'; modbus: ModbusMessage }
  | { proto: 'quic'; stage: 'done'; quic: QuicHello }
  | { proto: IcsProto; stage: 'request' | 'response'; ics: IcsMessage }
  | ItTransaction

export const ICS_PROTOS = [
  'dnp3',
  's7',
  'iec104',
  'enip',
  'bacnet',
] as const satisfies readonly IcsProto[]

/** Every protocol that has transactions. */
export const TRANSACTION_PROTOS: readonly Transaction['proto'][] = [
  ...(['dns', 'http', 'tls', 'ssh', 'modbus', 'quic'] as const),
  ...ICS_PROTOS,
  ...IT_PROTOS,
]
