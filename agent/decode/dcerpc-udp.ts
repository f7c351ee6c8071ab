/** DCE/RPC over datagrams (C706 §12.5): the head of one PDU of version 4. */
import { plainUuid } from './dcerpc.ts'
import { uuidText } from './little.ts'

export const RPC_HEAD_BYTES = 80
const VERSION = 4
const TYPE_MAX = 10
const FRAGMENT = 4
const LAST_FRAGMENT = 2

export interface RpcDatagram {
  type: number
  little: boolean
  /** It is one of several, and not the last. */
  goesOn: boolean
  uuid: string
  /** What request and answer have in common. */
  activity: string
  version: number
  sequence: number
  opnum: number
  /** A view. */
  stub: Buffer
}

/** Whether it is one, by fields that must agree with the datagram. */
export function looksLikeRpcDatagram(bytes: Buffer): boolean {
  if (bytes.length < RPC_HEAD_BYTES || bytes[0] !== VERSION) return false
  const plain = ((bytes[4] as number) & 0xee) === 0 && (bytes[5] as number) <= 3 && bytes[6] === 0
  if ((bytes[1] as number) > TYPE_MAX || !plain) return false
  const size = little(bytes) ? bytes.readUInt16LE(74) : bytes.readUInt16BE(74)
  return RPC_HEAD_BYTES + size === bytes.length
}

/** Of bytes that look like it. */
export function decodeRpcDatagram(bytes: Buffer): RpcDatagram {
  const le = little(bytes)
  const u16 = (at: number) => (le ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at))
  const u32 = (at: number) => (le ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
  const uuid = (at: number) => (le ? uuidText : plainUuid)(bytes.subarray(at, at + 16))
  const flags = bytes[2] as number
  return {
    type: bytes[1] as number,
    little: le,
    goesOn: (flags & FRAGMENT) !== 0 && (flags & LAST_FRAGMENT) === 0,
    uuid: uuid(24),
    activity: uuidText(bytes.subarray(40, 56)), // as Suricata reads it, whoever sent it
    version: u32(60),
    sequence: u32(64),
    opnum: u16(68),
    stub: bytes.subarray(RPC_HEAD_BYTES),
  }
}

const little = (bytes: Buffer) => ((bytes[4] as number) & 0x10) !== 0
