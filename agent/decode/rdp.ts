/**
 * RDP's beginning ([MS-RDPBCGR] §2.2.1): the connection request of X.224 with its cookie and what it offers, what the
 * server chose, and the client's own description in the first MCS message. After that it is encrypted.
 */
import type { Fault } from '../base/fault.ts'
import { Little } from './little.ts'

export const TPKT_BYTES = 4
const VERSION = 3
const X224 = { request: 0xe0, confirm: 0xd0, data: 0xf0 } as const
const NEGOTIATE = { request: 1, response: 2, failure: 3 } as const
const COOKIE = 'Cookie: mstshash='
const COOKIE_BYTES_MAX = 512
const BLOCKS_MAX = 16
const CHANNELS_MAX = 31
const CORE = 0xc001
const NETWORK = 0xc003

export interface RdpClient {
  name: string
  build: number
  keyboard: number
  width: number
  height: number
  productId: string
  channels: string[]
}

export type RdpMessage =
  | { kind: 'request'; cookie: string; flags: number; protocols: number | undefined }
  | { kind: 'confirm'; flags: number; selected: number | undefined; failure: number | undefined }
  | { kind: 'client'; client: RdpClient }
  | { kind: 'other' }

/** How many bytes the TPKT message takes; 0: more are needed to say; else the fault. */
export function tpktBytes(bytes: Buffer, at: number): number | Fault {
  if (at + TPKT_BYTES > bytes.length) return 0
  if (bytes[at] !== VERSION) return 'bad-version'
  const size = bytes.readUInt16BE(at + 2)
  return size < 7 ? 'bad-length' : size
}

/** One whole message, from its TPKT header on. */
export function decodeRdp(bytes: Buffer): RdpMessage | Fault {
  if (bytes.length < 7) return 'truncated'
  const type = (bytes[5] as number) & 0xf0
  if (type === X224.data) {
    const client = clientData(bytes.subarray(7))
    return client ? { kind: 'client', client } : { kind: 'other' }
  }
  if (type !== X224.request && type !== X224.confirm) return { kind: 'other' }
  if (bytes.length < 11) return 'truncated'
  const rest = bytes.subarray(11)
  return type === X224.request ? request(rest) : confirm(rest)
}

/** Whether a client's first bytes ask for RDP: others speak X.224 too (S7, on port 102). */
export function looksLikeRdp(bytes: Buffer): boolean {
  if (bytes.length < 11 || bytes[0] !== VERSION || bytes[1] !== 0 || bytes[5] !== X224.request)
    return false
  const rest = bytes.subarray(11)
  if (rest.length === 0) return bytes.readUInt16BE(2) === 11
  const cookie = rest.toString('latin1', 0, 8)
  return cookie === 'Cookie: '.slice(0, rest.length) || (rest[0] === 1 && (rest[2] ?? 8) === 8)
}

function request(rest: Buffer): RdpMessage {
  let cookie = ''
  let at = 0
  const end = rest.indexOf('\r\n')
  if (end !== -1 && end < COOKIE_BYTES_MAX && rest.toString('latin1', 0, 8) === 'Cookie: ') {
    const line = rest.toString('latin1', 0, end)
    if (line.startsWith(COOKIE)) cookie = line.slice(COOKIE.length)
    at = end + 2
  }
  const fields = new Little(rest.subarray(at))
  const offers = fields.u8(0) === NEGOTIATE.request && fields.u16(2) === 8
  const protocols = offers ? fields.u32(4) : undefined
  return { kind: 'request', cookie, flags: fields.u8(1), protocols }
}

function confirm(rest: Buffer): RdpMessage {
  const fields = new Little(rest)
  const type = fields.u8(0)
  const value = fields.u32(4)
  return {
    kind: 'confirm',
    flags: fields.u8(1),
    selected: type === NEGOTIATE.response ? value : undefined,
    failure: type === NEGOTIATE.failure ? value : undefined,
  }
}

/** The blocks of GCC's conference create request, which begin behind the mark `Duca`. */
function clientData(bytes: Buffer): RdpClient | undefined {
  const mark = bytes.indexOf('Duca')
  if (mark === -1) return undefined
  // A length of one or two bytes stands before the blocks (X.691).
  const first = bytes[mark + 4] ?? 0
  const fields = new Little(bytes.subarray(mark + (first & 0x80 ? 6 : 5)))
  let client: RdpClient | undefined
  for (let at = 0, i = 0; i < BLOCKS_MAX; i++) {
    const [type, size] = [fields.u16(at), fields.u16(at + 2)]
    if (fields.short || size < 4) break
    const block = new Little(fields.bytes.subarray(at, at + size))
    if (type === CORE) client = core(block)
    else if (type === NETWORK && client) client.channels = channels(block)
    at += size
  }
  return client
}

function core(block: Little): RdpClient {
  const text = (at: number, size: number) =>
    block.text(at, Math.min(size, Math.max(block.bytes.length - at, 0)), true).replace(/\0.*$/s, '')
  return {
    width: block.u16(8),
    height: block.u16(10),
    keyboard: block.u32(16),
    build: block.u32(20),
    name: text(24, 32),
    productId: text(146, 64),
    channels: [],
  }
}

function channels(block: Little): string[] {
  const list: string[] = []
  const count = Math.min(block.u32(4), CHANNELS_MAX)
  for (let i = 0; i < count; i++) {
    const name = block.text(8 + i * 12, 8, false).replace(/\0.*$/s, '')
    if (block.short) break
    list.push(name)
  }
  return list
}
