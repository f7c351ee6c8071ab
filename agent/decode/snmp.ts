/** SNMP (RFC 1157, 3416, 3412): version, community, what is asked, and of which objects. */
import type { Fault } from '../base/fault.ts'
import { type DerItem, derChildren, derItem, derNumber } from './der.ts'
import type { SnmpMessage } from './records-it.ts'

const SEQUENCE = 0x30
const OCTETS = 4
const OID = 6
const VARS_MAX = 64
const OID_PARTS_MAX = 128
const COMMUNITY_BYTES_MAX = 256
const PDU: Readonly<Record<number, string>> = {
  160: 'get_request',
  161: 'get_next_request',
  162: 'response',
  163: 'set_request',
  164: 'trap_v1',
  165: 'get_bulk_request',
  166: 'inform_request',
  167: 'trap_v2',
  168: 'report',
}
const TRAP_V1 = 164
const TRAPS = [
  ...['cold_start', 'warm_start', 'link_down', 'link_up', 'authentication_failure'],
  ...['egp_neighbor_loss', 'enterprise_specific'],
]

export function looksLikeSnmp(bytes: Buffer): boolean {
  const [version, second] = derChildren(bytes, whole(bytes))
  const number = derNumber(bytes, version)
  if (number === undefined || !second) return false
  return number === 3 ? second.tag === SEQUENCE : (number === 0 || number === 1) && second.tag === OCTETS // biome-ignore format: one thought
}

const whole = (bytes: Buffer) => {
  const item = derItem(bytes, 0, bytes.length)
  return item?.tag === SEQUENCE ? item : undefined
}

export function decodeSnmp(bytes: Buffer, toServer: boolean): SnmpMessage | Fault {
  const parts = derChildren(bytes, whole(bytes))
  const [version, second, third] = parts
  const number = derNumber(bytes, version)
  if (number === undefined || !second || !third) return 'truncated'
  const message: SnmpMessage = {
    toServer,
    version: number === 3 ? 3 : number + 1,
    community: '',
    pduType: '',
    errorStatus: 0,
    trapType: '',
    trapAddress: '',
    trapOid: '',
    vars: [],
    usm: '',
  }
  if (number === 3) {
    message.usm = userOf(bytes, third)
    const [, , scoped] = derChildren(bytes, parts[3])
    pdu(bytes, parts[3]?.tag === SEQUENCE ? scoped : undefined, message)
    return message
  }
  if (number > 1) return 'bad-version'
  message.community = text(bytes, second)
  pdu(bytes, third, message)
  return message
}

function text(bytes: Buffer, { start, end }: DerItem): string {
  return bytes.toString('latin1', start, Math.min(end, start + COMMUNITY_BYTES_MAX))
}

/** The user of the security parameters (RFC 3414). */
function userOf(bytes: Buffer, security: DerItem): string {
  const inner = security.tag === OCTETS ? derItem(bytes, security.start, security.end) : undefined
  const user = derChildren(bytes, inner)[3]
  return user?.tag === OCTETS ? text(bytes, user) : ''
}

function pdu(bytes: Buffer, item: DerItem | undefined, message: SnmpMessage): void {
  if (!item) return
  message.pduType = PDU[item.tag] ?? 'unknown'
  const fields = derChildren(bytes, item)
  if (item.tag === TRAP_V1) {
    const [oid, address, kind] = fields
    message.trapOid = oidText(bytes, oid)
    if (address && address.end - address.start === 4)
      message.trapAddress = [...bytes.subarray(address.start, address.end)].join('.')
    message.trapType = TRAPS[derNumber(bytes, kind) ?? -1] ?? ''
  } else message.errorStatus = derNumber(bytes, fields[1]) ?? 0
  const list = fields.at(-1)
  if (list?.tag !== SEQUENCE) return
  for (const each of derChildren(bytes, list).slice(0, VARS_MAX))
    message.vars.push(oidText(bytes, derChildren(bytes, each)[0]))
}

function oidText(bytes: Buffer, item: DerItem | undefined): string {
  if (item?.tag !== OID || item.start >= item.end) return ''
  const first = bytes[item.start] as number
  const parts = [Math.min(Math.floor(first / 40), 2), 0]
  parts[1] = first - (parts[0] as number) * 40
  let value = 0
  for (let at = item.start + 1; at < item.end && parts.length < OID_PARTS_MAX; at++) {
    const byte = bytes[at] as number
    value = value * 128 + (byte & 0x7f)
    if (byte & 0x80) continue
    parts.push(value)
    value = 0
  }
  return parts.join('.')
}
