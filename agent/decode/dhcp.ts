/**
 * DHCP over IPv4 (RFC 2131, options RFC 2132). One datagram, one message. An option sent in parts is put together
 * (RFC 3396), and options in the file and server name fields are read (option 52): both hide a name from who does not.
 */
import { Cursor } from '../base/cursor.ts'
import type { Fault } from '../base/fault.ts'
import type { DhcpMessage } from './records-it.ts'

const HEADER_BYTES = 236
const MAGIC = 0x63825363
const OPTIONS_MAX = 128
const ADDRESSES_MAX = 16
const OPTION_BYTES_MAX = 1024
const RELAY_PARTS_MAX = 16
const OVERLOAD = 52
const SERVER_NAME = { start: 44, end: 108 } as const
const FILE = { start: 108, end: 236 } as const

type Options = Map<number, Buffer>

export function decodeDhcp(bytes: Buffer, toServer: boolean): DhcpMessage | Fault {
  if (bytes.length < HEADER_BYTES + 4) return 'truncated'
  const op = bytes[0] as number
  const macBytes = bytes[2] as number
  if ((op !== 1 && op !== 2) || macBytes > 16) return 'bad-record'
  if (bytes.readUInt32BE(HEADER_BYTES) !== MAGIC) return 'bad-protocol-id'
  const options: Options = new Map()
  let fault = readOptions(new Cursor(bytes, HEADER_BYTES + 4), options)
  const overload = options.get(OVERLOAD)?.[0] ?? 0
  if (overload & 1) fault ??= readOptions(new Cursor(bytes, FILE.start, FILE.end), options)
  if (overload & 2)
    fault ??= readOptions(new Cursor(bytes, SERVER_NAME.start, SERVER_NAME.end), options)
  if (fault) return fault
  return {
    version: 4,
    toServer,
    op,
    id: bytes.readUInt32BE(4),
    clientMac: mac(bytes.subarray(28, 28 + macBytes)),
    clientIp: ip(bytes, 12),
    assignedIp: ip(bytes, 16),
    nextServerIp: ip(bytes, 20),
    relayIp: ip(bytes, 24),
    ...fromOptions(options),
  }
}

/** Whether these are a message's first bytes: for a port that may carry something else. */
export function looksLikeDhcp(bytes: Buffer): boolean {
  if (bytes.length < HEADER_BYTES + 4 || (bytes[0] !== 1 && bytes[0] !== 2)) return false
  return bytes.readUInt32BE(HEADER_BYTES) === MAGIC
}

export function mac(bytes: Uint8Array): string {
  return (Buffer.from(bytes).toString('hex').match(/../g) ?? []).join(':')
}

function readOptions(cursor: Cursor, options: Options): Fault | undefined {
  for (let i = 0; cursor.left > 0; i++) {
    const type = cursor.u8()
    if (type === 0) continue
    if (type === 255) break
    const data = cursor.take(cursor.u8())
    if (cursor.fault) return 'bad-length'
    if (i >= OPTIONS_MAX) return 'too-many-records'
    const before = options.get(type)
    if (!before) options.set(type, data)
    else if (before.length + data.length <= OPTION_BYTES_MAX)
      options.set(type, Buffer.concat([before, data]))
  }
  return undefined
}

function fromOptions(options: Options) {
  const bytes = (type: number) => options.get(type) ?? Buffer.alloc(0)
  const text = (type: number) => bytes(type).toString('latin1').replace(/\0+$/, '')
  const seconds = (type: number) =>
    bytes(type).length === 4 ? bytes(type).readUInt32BE(0) : undefined
  return {
    type: bytes(53)[0] ?? 0,
    hostname: text(12),
    domain: text(15),
    fqdn: domainName(bytes(81)),
    requestedIp: addresses(bytes(50))[0] ?? '',
    serverId: addresses(bytes(54))[0] ?? '',
    vendorClass: text(60),
    message: text(56),
    clientId: Uint8Array.from(bytes(61)),
    params: [...bytes(55)],
    leaseTime: seconds(51),
    renewalTime: seconds(58),
    rebindingTime: seconds(59),
    subnetMask: addresses(bytes(1))[0] ?? '',
    routers: addresses(bytes(3)),
    dnsServers: addresses(bytes(6)),
    relayAgent: relayAgent(bytes(82)),
  }
}

/** RFC 4702: flags, two codes, then a name as text or, by the flag E, as labels. */
function domainName(bytes: Buffer): string {
  if (bytes.length < 3) return ''
  if (((bytes[0] as number) & 4) === 0) return bytes.toString('latin1', 3).replace(/\0+$/, '')
  const labels: string[] = []
  const cursor = new Cursor(bytes, 3)
  for (let size = cursor.u8(); size > 0 && size < 64; size = cursor.u8())
    labels.push(cursor.latin1(size))
  return labels.join('.')
}

function relayAgent(bytes: Buffer): { type: number; data: string }[] {
  const parts: { type: number; data: string }[] = []
  const cursor = new Cursor(bytes)
  while (cursor.left > 0 && parts.length < RELAY_PARTS_MAX) {
    const type = cursor.u8()
    const data = cursor.latin1(cursor.u8())
    if (cursor.fault === undefined) parts.push({ type, data })
  }
  return parts
}

function addresses(bytes: Buffer): string[] {
  const list: string[] = []
  for (let at = 0; at + 4 <= bytes.length && list.length < ADDRESSES_MAX; at += 4)
    list.push(ip(bytes, at))
  return list
}

function ip(bytes: Buffer, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`
}
