/**
 * DHCP over IPv6 (RFC 8415). One datagram, one message, or one inside what relays put around it: the innermost is the client's.
 * Of several addresses the first is told.
 */
import { addressText } from '../base/address.ts'
import { Cursor } from '../base/cursor.ts'
import type { Fault } from '../base/fault.ts'
import { mac } from './dhcp.ts'
import type { DhcpMessage } from './records-it.ts'

/** Of a message and all that is inside it. */
const OPTIONS_MAX = 128
const RELAYS_MAX = 8
const DEPTH_MAX = 3
const ADDRESSES_MAX = 16
const LABELS_MAX = 64
const TYPE_MAX = 36
const RELAY = { forward: 12, reply: 13 } as const
/** Sent by servers: advertise, reply, reconfigure, relay-reply. */
const ANSWERS = new Set([2, 7, 10, 13])
const OPTION = {
  clientId: 1,
  serverId: 2,
  addresses: 3,
  temporary: 4,
  address: 5,
  asked: 6,
  relayed: 9,
  status: 13,
  vendorClass: 16,
  dnsServers: 23,
  name: 39,
} as const
const DUID = { timed: 1, plain: 3 } as const
const ETHERNET = 1
const MAC_BYTES = 6

/** Whether a datagram on its port is one: a known type, and options that fill it. */
export function looksLikeDhcp6(bytes: Buffer): boolean {
  const type = bytes[0] ?? 0
  if (bytes.length < 4 || type === 0 || type > TYPE_MAX) return false
  const cursor = new Cursor(bytes, headBytes(type))
  for (let i = 0; i < OPTIONS_MAX && cursor.left > 0; i++) {
    cursor.u16()
    cursor.take(cursor.u16())
  }
  return headBytes(type) <= bytes.length && cursor.fault === undefined
}

export function decodeDhcp6(bytes: Buffer, toServer: boolean): DhcpMessage | Fault {
  let inner = bytes
  let relayIp = ''
  for (let i = 0; isRelay(inner[0] ?? 0); i++) {
    if (i === RELAYS_MAX) return 'too-many-layers'
    const cursor = new Cursor(inner, 2)
    const link = address(cursor)
    address(cursor)
    let next: Buffer | undefined
    const fault = eachOption(cursor, (code, data) => {
      if (code === OPTION.relayed) next ??= data.take(data.left)
    })
    if (fault) return fault
    if (!next) return { ...emptyMessage(inner[0] as number, toServer), relayIp: link }
    relayIp = link
    inner = next
  }
  const cursor = new Cursor(inner)
  const message = { ...emptyMessage(cursor.u8(), toServer), relayIp, id: cursor.u24() }
  return (
    (cursor.fault ?? eachOption(cursor, (code, data) => read(code, data, message, 0))) || message
  )
}

function isRelay(type: number): boolean {
  return type === RELAY.forward || type === RELAY.reply
}

/** A relay's: type, hops, two addresses; another's: type and id. */
function headBytes(type: number): number {
  return isRelay(type) ? 34 : 4
}

function eachOption(cursor: Cursor, each: (code: number, data: Cursor) => void): Fault | undefined {
  for (let i = 0; cursor.left > 0; i++) {
    const code = cursor.u16()
    const size = cursor.u16()
    const at = cursor.offset
    cursor.take(size)
    if (cursor.fault) return 'bad-length'
    if (i >= OPTIONS_MAX) return 'too-many-records'
    each(code, new Cursor(cursor.bytes, at, at + size))
  }
  return undefined
}

/** An option that is too short for its fields says nothing. */
function read(code: number, data: Cursor, message: DhcpMessage, depth: number): void {
  switch (code) {
    case OPTION.clientId:
      message.clientId = Uint8Array.from(data.bytes.subarray(data.offset, data.end))
      message.clientMac = macOf(data)
      break
    case OPTION.serverId:
      message.serverId = data.take(data.left).toString('hex')
      break
    case OPTION.addresses:
    case OPTION.temporary:
      readAddresses(code, data, message, depth)
      break
    case OPTION.address: {
      const given = address(data)
      data.u32() // preferred
      const seconds = data.u32()
      if (data.fault) break
      if (message.op === 2) message.assignedIp ||= given
      else message.requestedIp ||= given
      message.leaseTime ??= seconds
      break
    }
    case OPTION.asked:
      while (data.left >= 2) message.params.push(data.u16())
      break
    case OPTION.status:
      data.u16()
      message.message ||= data.latin1(data.left)
      break
    case OPTION.vendorClass:
      data.u32() // whose
      message.vendorClass ||= data.latin1(data.u16())
      break
    case OPTION.dnsServers:
      while (data.left >= 16 && message.dnsServers.length < ADDRESSES_MAX)
        message.dnsServers.push(address(data))
      break
    case OPTION.name:
      data.u8() // flags
      message.fqdn = labels(data)
      break
  }
}

/** An association: its id, two times where it is not temporary, options of its own. */
function readAddresses(code: number, data: Cursor, message: DhcpMessage, depth: number): void {
  data.u32()
  if (code === OPTION.addresses) {
    const [renew, rebind] = [data.u32(), data.u32()]
    if (data.fault) return
    message.renewalTime ??= renew
    message.rebindingTime ??= rebind
  }
  if (depth < DEPTH_MAX) eachOption(data, (inner, part) => read(inner, part, message, depth + 1))
}

/** Of an identifier made of a link address (RFC 8415 §11.2, §11.4). */
function macOf(data: Cursor): string {
  const type = data.u16()
  const hardware = data.u16()
  if (type === DUID.timed) data.u32()
  const known = (type === DUID.timed || type === DUID.plain) && hardware === ETHERNET
  return known && data.left === MAC_BYTES ? mac(data.take(MAC_BYTES)) : ''
}

function labels(data: Cursor): string {
  const names: string[] = []
  while (data.left > 0 && names.length < LABELS_MAX) {
    const size = data.u8()
    if (size === 0 || size > 63) break
    names.push(data.latin1(size))
  }
  return names.join('.')
}

function address(cursor: Cursor): string {
  return addressText(Uint32Array.of(cursor.u32(), cursor.u32(), cursor.u32(), cursor.u32()))
}

function emptyMessage(type: number, toServer: boolean): DhcpMessage {
  return {
    version: 6,
    toServer,
    op: ANSWERS.has(type) ? 2 : 1,
    id: 0,
    type,
    clientMac: '',
    clientIp: '',
    assignedIp: '',
    nextServerIp: '',
    relayIp: '',
    hostname: '',
    domain: '',
    fqdn: '',
    requestedIp: '',
    serverId: '',
    vendorClass: '',
    message: '',
    clientId: new Uint8Array(0),
    params: [],
    leaseTime: undefined,
    renewalTime: undefined,
    rebindingTime: undefined,
    subnetMask: '',
    routers: [],
    dnsServers: [],
    relayAgent: [],
  }
}
