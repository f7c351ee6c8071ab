/** Kerberos (RFC 4120): requests for tickets, their answers, and errors: what travels in the clear. */
import type { Fault } from '../base/fault.ts'
import {
  type DerItem,
  derChildren,
  derFields,
  derInside,
  derItem,
  derNumber,
  derText,
} from './der.ts'

const NAME_PARTS_MAX = 8
const ETYPES_MAX = 32
/** [APPLICATION n], constructed. */
const KIND: Record<number, KrbMessage['kind']> = {
  106: 'AS_REQ',
  107: 'AS_REP',
  108: 'TGS_REQ',
  109: 'TGS_REP',
  126: 'ERROR',
}

export interface KrbMessage {
  kind: 'AS_REQ' | 'AS_REP' | 'TGS_REQ' | 'TGS_REP' | 'ERROR'
  cname: string
  realm: string
  sname: string
  nonce: number
  /** Of a request, offered; negative numbers are private. */
  etypes: number[]
  /** Of a request: forwardable is bit 1, renewable bit 8, counted from the left. */
  options: number
  /** `YYYYMMDDhhmmssZ`. */
  till: string
  errorCode: number
  errorText: string
  /** Of an answer: its own encryption, and the ticket's. */
  etype: number | undefined
  ticketEtype: number | undefined
}

export function looksLikeKrb5(bytes: Buffer, at = 0): boolean {
  return at < bytes.length && KIND[bytes[at] as number] !== undefined
}

export function decodeKrb5(bytes: Buffer): KrbMessage | Fault {
  const kind = KIND[bytes[0] ?? 0]
  if (!kind) return 'bad-protocol-id'
  const fields = derFields(bytes, derInside(bytes, derItem(bytes, 0, bytes.length)))
  if (fields.size === 0) return 'bad-length'
  const message = { ...empty(), kind }
  if (kind === 'ERROR') return error(bytes, fields, message)
  if (kind === 'AS_REQ' || kind === 'TGS_REQ') return request(bytes, fields, message)
  return answer(bytes, fields, message)
}

type Fields = Map<number, DerItem>

function request(bytes: Buffer, fields: Fields, message: KrbMessage): KrbMessage {
  const body = derFields(bytes, fields.get(4))
  const options = body.get(0)
  // A BIT STRING: the first byte counts unused bits.
  if (options && options.end - options.start >= 5)
    message.options = bytes.readUInt32BE(options.start + 1)
  message.cname = principal(bytes, body.get(1))
  message.realm = derText(bytes, body.get(2))
  message.sname = principal(bytes, body.get(3))
  message.till = derText(bytes, body.get(5))
  message.nonce = derNumber(bytes, body.get(7)) ?? 0
  message.etypes = derChildren(bytes, body.get(8))
    .slice(0, ETYPES_MAX)
    .flatMap((item) => derNumber(bytes, item) ?? [])
  return message
}

function answer(bytes: Buffer, fields: Fields, message: KrbMessage): KrbMessage {
  message.realm = derText(bytes, fields.get(3))
  message.cname = principal(bytes, fields.get(4))
  const ticket = derFields(bytes, derInside(bytes, fields.get(5)))
  message.sname = principal(bytes, ticket.get(2))
  message.ticketEtype = derNumber(bytes, derFields(bytes, ticket.get(3)).get(0))
  message.etype = derNumber(bytes, derFields(bytes, fields.get(6)).get(0))
  return message
}

function error(bytes: Buffer, fields: Fields, message: KrbMessage): KrbMessage {
  message.errorCode = derNumber(bytes, fields.get(6)) ?? 0
  message.cname = principal(bytes, fields.get(8))
  message.realm = derText(bytes, fields.get(9))
  message.sname = principal(bytes, fields.get(10))
  message.errorText = derText(bytes, fields.get(11))
  return message
}

/** A name's parts with `/` between them. */
function principal(bytes: Buffer, item: DerItem | undefined): string {
  const parts = derChildren(bytes, derFields(bytes, item).get(1)).slice(0, NAME_PARTS_MAX)
  return parts.map((part) => derText(bytes, part)).join('/')
}

function empty(): Omit<KrbMessage, 'kind'> {
  return {
    cname: '',
    realm: '',
    sname: '',
    nonce: 0,
    etypes: [],
    options: 0,
    till: '',
    errorCode: 0,
    errorText: '',
    etype: undefined,
    ticketEtype: undefined,
  }
}
