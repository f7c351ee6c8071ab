/** DCE/RPC, connection-oriented (C706 §12.6): the head of one PDU, its interfaces, operation and login. */
import type { Fault } from '../base/fault.ts'
import { uuidText } from './little.ts'
import { findNtlm } from './ntlmssp.ts'
import type { NtlmLogin } from './records-it.ts'

export const PDU_HEAD_BYTES = 16
export const PDU = {
  request: 0,
  response: 2,
  fault: 3,
  bind: 11,
  bindAck: 12,
  bindNak: 13,
  alter: 14,
  alterAck: 15,
  auth3: 16,
} as const
const TYPE_MAX = 20
const OBJECT = 0x80
const CONTEXTS_MAX = 32
const CONTEXT_BYTES = 24
const TRANSFER_BYTES = 20
const AUTH_HEAD_BYTES = 8

const NOTHING = Buffer.alloc(0)

export interface RpcInterface {
  contextId: number
  uuid: string
  version: string
}

export interface RpcPdu {
  type: number
  minor: number
  little: boolean
  first: boolean
  last: boolean
  callId: number
  contextId: number
  opnum: number
  /** Of a fault. */
  status: number
  interfaces: RpcInterface[]
  /** What the server says to each interface: 0 accepted. */
  results: number[]
  /** Why it was refused. */
  reasons: number[]
  stubBytes: number
  /**
   * A view of what rules are written for: as Suricata cuts it, with the object before the arguments, the login behind
   * them, and of an answer the eight bytes of its own head.
   */
  stub: Buffer
  login: NtlmLogin | undefined
}

/** How many bytes the PDU takes, of which `bytes` are the first; the fault when it is none. */
export function pduBytes(bytes: Buffer): number | Fault {
  if (bytes[0] !== 5 || (bytes[1] as number) > 1) return 'bad-version'
  const size = little(bytes) ? bytes.readUInt16LE(8) : bytes.readUInt16BE(8)
  return size < PDU_HEAD_BYTES ? 'bad-length' : size
}

/** Whether a client begins with this; undefined: too few bytes to say. */
export function looksLikeRpc(bytes: Buffer): boolean | undefined {
  if (bytes[0] !== 5 || (bytes.length > 1 && bytes[1] !== 0)) return false
  if (bytes.length < 10) return undefined
  const type = bytes[2] as number
  const asks = type === PDU.bind || type === PDU.request || type === PDU.alter
  const plain = ((bytes[4] as number) & 0xef) === 0 && (bytes[5] as number) <= 3
  return asks && plain && typeof pduBytes(bytes) === 'number'
}

/** One PDU; of a long one its first bytes are enough. */
export function decodeRpc(bytes: Buffer): RpcPdu | Fault {
  if (bytes.length < PDU_HEAD_BYTES) return 'truncated'
  const size = pduBytes(bytes)
  if (typeof size === 'string') return size
  const le = little(bytes)
  const u16 = (at: number) => (at + 2 > bytes.length ? 0 : le ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)) // biome-ignore format: one read
  const u32 = (at: number) => (at + 4 > bytes.length ? 0 : le ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)) // biome-ignore format: one read
  const type = bytes[2] as number
  if (type > TYPE_MAX) return 'bad-function'
  const flags = bytes[3] as number
  const auth = u16(10)
  const asks = type === PDU.bind || type === PDU.alter
  const says = type === PDU.bindAck || type === PDU.alterAck
  const calls = type === PDU.request || type === PDU.response || type === PDU.fault
  const head = type === PDU.request && flags & OBJECT ? 40 : 24
  const tail = auth > 0 ? auth + AUTH_HEAD_BYTES : 0
  return {
    type,
    minor: bytes[1] as number,
    little: le,
    first: (flags & 1) !== 0,
    last: (flags & 2) !== 0,
    callId: u32(12),
    contextId: calls ? u16(20) : 0,
    opnum: type === PDU.request ? u16(22) : 0,
    status: type === PDU.fault ? u32(24) : 0,
    interfaces: asks ? interfaces(bytes, u16) : [],
    results: says ? results(bytes, u16, 0) : [],
    reasons: says ? results(bytes, u16, 2) : [],
    stubBytes: calls ? Math.max(size - head - tail, 0) : 0,
    stub: calls ? bytes.subarray(type === PDU.request ? 24 : 16, Math.max(size, 24)) : NOTHING,
    login: auth > 0 && size <= bytes.length && auth <= size ? findNtlm(bytes.subarray(size - auth, size)) : undefined, // biome-ignore format: one thought
  }
}

const little = (bytes: Buffer) => ((bytes[4] as number) & 0x10) !== 0

function interfaces(bytes: Buffer, u16: (at: number) => number): RpcInterface[] {
  const list: RpcInterface[] = []
  const count = Math.min(bytes[24] ?? 0, CONTEXTS_MAX)
  for (let at = 28, i = 0; i < count && at + CONTEXT_BYTES <= bytes.length; i++) {
    const uuid = bytes.subarray(at + 4, at + 20)
    list.push({
      contextId: u16(at),
      uuid: little(bytes) ? uuidText(uuid) : plainUuid(uuid),
      version: `${u16(at + 20)}.${u16(at + 22)}`,
    })
    at += CONTEXT_BYTES + (bytes[at + 2] as number) * TRANSFER_BYTES
  }
  return list
}

/** The field `offset` bytes into what is said to each interface. */
function results(bytes: Buffer, u16: (at: number) => number, offset: number): number[] {
  const list: number[] = []
  const start = (26 + u16(24) + 3) & ~3 // behind the port's name, at a multiple of four
  const count = Math.min(bytes[start] ?? 0, CONTEXTS_MAX)
  for (let at = start + 4; list.length < count && at + 24 <= bytes.length; at += 24)
    list.push(u16(at + offset))
  return list
}

/** As sent by who has its high bytes first. */
export function plainUuid(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
