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
}

const HEADER_BYTES = 64
const COMPOUND_MAX = 16
const DIALECTS_MAX = 32
const NAME_BYTES_MAX = 4096
const RESPONSE = 1
export const SMB2 = { negotiate: 0, session: 1, tree: 3, create: 5 } as const
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
  return {
    version: 2,
    command,
    response,
    status: response ? fields.u32(8) : 0,
    sessionId: String(fields.u64(40)),
    treeId: fields.u32(36),
    messageId: String(fields.u64(24)),
    ...(response ? answer(fields, command) : request(fields, command)),
  }
}

function request(fields: Little, command: number): Partial<SmbPart> {
  const body = HEADER_BYTES
  switch (command) {
    case SMB2.negotiate: {
      const count = Math.min(fields.u16(body + 2), DIALECTS_MAX)
      const dialects: string[] = []
      for (let i = 0; i < count; i++) dialects.push(dialectName(fields.u16(body + 36 + i * 2)))
      return { dialects, guid: uuidText(fields.slice(body + 12, 16)) }
    }
    case SMB2.session: {
      const ntlm = findNtlm(fields.slice(fields.u16(body + 12), fields.u16(body + 14)))
      return ntlm ? { ntlm } : {}
    }
    case SMB2.tree:
      return { share: name(fields, body + 4) }
    case SMB2.create:
      return {
        filename: name(fields, body + 44),
        disposition: fields.u32(body + 36),
        options: fields.u32(body + 40),
      }
    default:
      return {}
  }
}

function answer(fields: Little, command: number): Partial<SmbPart> {
  const body = HEADER_BYTES
  const failed = fields.u16(body) === 9 && command !== SMB2.session // the body of an error
  if (failed) return {}
  switch (command) {
    case SMB2.negotiate:
      return {
        dialect: dialectName(fields.u16(body + 4)),
        guid: uuidText(fields.slice(body + 8, 16)),
      }
    case SMB2.session: {
      const ntlm = findNtlm(fields.slice(fields.u16(body + 4), fields.u16(body + 6)))
      return ntlm ? { ntlm } : {}
    }
    case SMB2.tree:
      return { service: SERVICE[fields.u8(body + 2)] ?? '' }
    case SMB2.create:
      return { fileId: uuidText(fields.slice(body + 64, 16)) }
    default:
      return {}
  }
}

/** A name by the offset and size that stand at `at`. */
function name(fields: Little, at: number): string {
  return fields.text(fields.u16(at), Math.min(fields.u16(at + 2), NAME_BYTES_MAX), true)
}

function dialectName(number: number): string {
  return DIALECT[number] ?? `0x${number.toString(16)}`
}
