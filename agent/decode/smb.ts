/**
 * SMB2 and SMB3 ([MS-SMB2]): negotiate, session setup, tree connect and create, compounds too; what both versions of
 * the protocol say of a message. Encrypted and compressed messages are not read.
 */
import type { Fault } from '../base/fault.ts'
import { Little, uuidText } from './little.ts'
import { findNtlm } from './ntlmssp.ts'
import type { NtlmLogin } from './records-it.ts'

/** One request or answer; what the command does not say is absent. */
export interface SmbPart {
  version: 1 | 2
  command: number
  response: boolean
  status: number
  dosError?: boolean
  sessionId: string
  treeId: number
  messageId: string
  dialects?: string[]
  /** SMB1 answers by the place in the client's list, SMB2 by its number. */
  dialectIndex?: number
  dialect?: string
  guid?: string
  ntlm?: NtlmLogin
  user?: string
  domain?: string
  nativeOs?: string
  nativeLm?: string
  share?: string
  service?: string
  filename?: string
  disposition?: number
  options?: number
  fileId?: string
  /** What is read or written, sent to a pipe or answered by it, as far as it was kept; and how much it is in all. */
  data?: Buffer
  dataBytes?: number
  /** Where in the file. */
  offset?: number
  /** Of IOCTL. */
  control?: number
  /** The file is to go when it is closed. */
  deletes?: boolean
  renamedTo?: string
  times?: FileTimes
  fileSize?: number
}

/** Seconds since 1970; 0 where there is none. */
export interface FileTimes {
  created: number
  accessed: number
  modified: number
  changed: number
}

const HEADER_BYTES = 64
const COMPOUND_MAX = 16
const DIALECTS_MAX = 32
const NAME_BYTES_MAX = 4096
const RESPONSE = 1
export const SMB2 = {
  negotiate: 0,
  session: 1,
  tree: 3,
  treeDisconnect: 4,
  create: 5,
  close: 6,
  read: 8,
  write: 9,
  ioctl: 11,
  getInfo: 16,
  setInfo: 17,
} as const
/** The IOCTL that writes to a pipe and reads its answer. */
export const PIPE_TRANSCEIVE = 0x0011_c017
const INFO_FILE = 1
const INFO_RENAME = 10
const INFO_DISPOSITION = 13
const DIALECT: Record<number, string> = {
  514: '2.02',
  528: '2.10',
  546: '2.22',
  548: '2.24',
  767: '2.??',
  768: '3.00',
  770: '3.02',
  784: '3.10',
  785: '3.11',
}
const SERVICE: Record<number, string> = { 1: 'FILE', 2: 'PIPE', 3: 'PRINT' }

/** `bytes` is one message from its 0xFE on. */
export function decodeSmb2(bytes: Buffer): SmbPart[] | Fault {
  const parts: SmbPart[] = []
  for (let at = 0, i = 0; i < COMPOUND_MAX; i++) {
    const message = bytes.subarray(at)
    if (message.length < HEADER_BYTES) return parts.length > 0 ? parts : 'truncated'
    const fields = new Little(message)
    if (fields.u32(0) !== 0x424d_53fe || fields.u16(4) !== HEADER_BYTES) return 'bad-protocol-id'
    parts.push(part(fields))
    const next = fields.u32(20)
    if (next < HEADER_BYTES || at + next >= bytes.length) break
    at += next
  }
  return parts
}

function part(fields: Little): SmbPart {
  const response = (fields.u32(16) & RESPONSE) !== 0
  const command = fields.u16(12)
  const made: SmbPart = {
    version: 2,
    command,
    response,
    status: response ? fields.u32(8) : 0,
    sessionId: fields.u64Text(40),
    treeId: fields.u32(36),
    messageId: fields.u64Text(24),
  }
  if (response) readAnswer(made, fields)
  else readRequest(made, fields)
  return made
}

/** Fills in what the request says: a file that is moved is thousands of these. */
function readRequest(made: SmbPart, fields: Little): void {
  const body = HEADER_BYTES
  switch (made.command) {
    case SMB2.negotiate: {
      const count = Math.min(fields.u16(body + 2), DIALECTS_MAX)
      made.dialects = []
      for (let i = 0; i < count; i++) made.dialects.push(dialectName(fields.u16(body + 36 + i * 2)))
      made.guid = uuidText(fields.slice(body + 12, 16))
      break
    }
    case SMB2.session:
      readLogin(made, fields, body + 12)
      break
    case SMB2.tree:
      made.share = name(fields, body + 4)
      break
    case SMB2.create:
      made.filename = name(fields, body + 44)
      made.disposition = fields.u32(body + 36)
      made.options = fields.u32(body + 40)
      break
    case SMB2.close:
      made.fileId = uuidText(fields.slice(body + 8, 16))
      break
    case SMB2.read:
      made.fileId = uuidText(fields.slice(body + 16, 16))
      made.offset = Number(fields.u64(body + 8))
      break
    case SMB2.write:
      made.fileId = uuidText(fields.slice(body + 16, 16))
      made.offset = Number(fields.u64(body + 8))
      readData(made, fields, fields.u16(body + 2), fields.u32(body + 4))
      break
    case SMB2.ioctl:
      made.control = fields.u32(body + 4)
      made.fileId = uuidText(fields.slice(body + 8, 16))
      readData(made, fields, fields.u32(body + 24), fields.u32(body + 28))
      break
    case SMB2.setInfo:
      readSetInfo(made, fields)
  }
}

function readSetInfo(made: SmbPart, fields: Little): void {
  const body = HEADER_BYTES
  if (fields.u8(body + 2) !== INFO_FILE) return
  const kind = fields.u8(body + 3)
  const at = fields.u16(body + 8)
  if (kind !== INFO_DISPOSITION && kind !== INFO_RENAME) return
  made.fileId = uuidText(fields.slice(body + 16, 16))
  if (kind === INFO_DISPOSITION) {
    made.deletes = fields.u8(at) !== 0
    return
  }
  const size = Math.min(fields.u32(at + 16), NAME_BYTES_MAX)
  made.renamedTo = fields.text(at + 20, size, true)
}

function readLogin(made: SmbPart, fields: Little, at: number): void {
  const ntlm = findNtlm(fields.slice(fields.u16(at), fields.u16(at + 2)))
  if (ntlm) made.ntlm = ntlm
}

/** What of `size` bytes at `at` is there. */
export function dataAt(
  fields: Little,
  at: number,
  size: number,
): Pick<SmbPart, 'data' | 'dataBytes'> {
  return { data: fields.bytes.subarray(at, at + size), dataBytes: size }
}

function readData(made: SmbPart, fields: Little, at: number, size: number): void {
  made.data = fields.bytes.subarray(at, at + size)
  made.dataBytes = size
}

function readAnswer(made: SmbPart, fields: Little): void {
  const body = HEADER_BYTES
  const { command } = made
  const failed = fields.u16(body) === 9 && command !== SMB2.session // the body of an error
  if (failed) return
  switch (command) {
    case SMB2.negotiate:
      made.dialect = dialectName(fields.u16(body + 4))
      made.guid = uuidText(fields.slice(body + 8, 16))
      break
    case SMB2.session:
      readLogin(made, fields, body + 4)
      break
    case SMB2.tree:
      made.service = SERVICE[fields.u8(body + 2)] ?? ''
      break
    case SMB2.create:
      made.fileId = uuidText(fields.slice(body + 64, 16))
      made.fileSize = Number(fields.u64(body + 48))
      made.times = {
        created: unixTime(fields.u64(body + 8)),
        accessed: unixTime(fields.u64(body + 16)),
        modified: unixTime(fields.u64(body + 24)),
        changed: unixTime(fields.u64(body + 32)),
      }
      break
    case SMB2.read:
      readData(made, fields, fields.u8(body + 2), fields.u32(body + 4))
      break
    case SMB2.ioctl:
      made.control = fields.u32(body + 4)
      made.fileId = uuidText(fields.slice(body + 8, 16))
      readData(made, fields, fields.u32(body + 32), fields.u32(body + 36))
  }
}

/** A name by the offset and size that stand at `at`. */
function name(fields: Little, at: number): string {
  return fields.text(fields.u16(at), Math.min(fields.u16(at + 2), NAME_BYTES_MAX), true)
}

/** Windows counts from 1601, in tenths of microseconds. */
function unixTime(ticks: bigint): number {
  const seconds = Number(ticks / 10_000_000n) - 11_644_473_600
  return seconds > 0 ? seconds : 0
}

function dialectName(number: number): string {
  return DIALECT[number] ?? `0x${number.toString(16)}`
}
