/**
 * RDP's beginning ([MS-RDPBCGR] §2.2.1): the connection request of X.224 with its cookie and what it offers, what the
 * server chose, and what both say of themselves in the first MCS message of each. After that it is encrypted.
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
const SECURITY = 0x0c02
const CERTIFICATE = { rsa: 1, x509: 2 } as const
/** Of a certificate's version, the bit that says it was made for this session. */
const TEMPORARY = 0x8000_0000
const CERTIFICATES_MAX = 16
const WANTS_32_BITS = 2

export interface RdpClient {
  name: string
  build: number
  keyboard: number
  width: number
  height: number
  /** Bits of a pixel. */
  colours: number
  productId: string
  channels: string[]
}

/** What the server says of RDP's own encryption ([MS-RDPBCGR] §2.2.1.4.3). */
export interface RdpServer {
  method: number
  level: number
  /** 1: a bare RSA key with a signature; 2: X.509; undefined where none was sent. */
  certificateType: number | undefined
  temporary: boolean
  /** DER, of type 2. */
  certificates: Uint8Array[]
}

export type RdpMessage =
  | { kind: 'request'; cookie: string; flags: number; protocols: number | undefined }
  | { kind: 'confirm'; flags: number; selected: number | undefined; failure: number | undefined }
  | { kind: 'client'; client: RdpClient }
  | { kind: 'server'; server: RdpServer }
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
    if (client) return { kind: 'client', client }
    const server = serverData(bytes.subarray(7))
    return server ? { kind: 'server', server } : { kind: 'other' }
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
  let client: RdpClient | undefined
  eachBlock(bytes, 'Duca', (type, block) => {
    if (type === CORE) client = core(block)
    else if (type === NETWORK && client) client.channels = channels(block)
  })
  return client
}

/** The blocks of GCC's conference create response, behind the mark `McDn`. */
function serverData(bytes: Buffer): RdpServer | undefined {
  let server: RdpServer | undefined
  eachBlock(bytes, 'McDn', (type, block) => {
    if (type === SECURITY) server = security(block)
  })
  return server
}

function eachBlock(bytes: Buffer, word: string, each: (type: number, block: Little) => void): void {
  const mark = bytes.indexOf(word)
  if (mark === -1) return
  // A length of one or two bytes stands before the blocks (X.691).
  const first = bytes[mark + 4] ?? 0
  const fields = new Little(bytes.subarray(mark + (first & 0x80 ? 6 : 5)))
  for (let at = 0, i = 0; i < BLOCKS_MAX; i++) {
    const [type, size] = [fields.u16(at), fields.u16(at + 2)]
    if (fields.short || size < 4) return
    each(type, new Little(fields.bytes.subarray(at, at + size)))
    at += size
  }
}

function security(block: Little): RdpServer {
  const server: RdpServer = {
    method: block.u32(4),
    level: block.u32(8),
    certificateType: undefined,
    temporary: false,
    certificates: [],
  }
  const [randomBytes, certificateBytes] = [block.u32(12), block.u32(16)]
  const chain = new Little(block.slice(20 + randomBytes, certificateBytes))
  const version = chain.u32(0)
  if (chain.short) return server
  server.certificateType = version & ~TEMPORARY
  server.temporary = (version & TEMPORARY) !== 0
  if (server.certificateType !== CERTIFICATE.x509) return server
  const count = Math.min(chain.u32(4), CERTIFICATES_MAX)
  for (let i = 0, at = 8; i < count; i++) {
    const size = chain.u32(at)
    const der = chain.slice(at + 4, size)
    if (chain.short) break
    server.certificates.push(new Uint8Array(der))
    at += 4 + size
  }
  return server
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
    colours:
      block.bytes.length >= 146 && block.u16(144) & WANTS_32_BITS ? 32 : optional(block, 140),
    productId: text(146, 64),
    channels: [],
  }
}

/** A field that old clients do not send. */
function optional(block: Little, at: number): number {
  return at + 2 <= block.bytes.length ? block.u16(at) : 0
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
