/**
 * SMB1 ([MS-CIFS]): negotiate, session setup, tree connect, open and create; requests that ride on another (AndX)
 * too. `bytes` is one message from its 0xFF on; a message cut short is read as far as its fields lie inside.
 */
import type { Fault } from '../base/fault.ts'
import { Little, uuidText } from './little.ts'
import { findNtlm } from './ntlmssp.ts'
import { dataAt, type SmbPart } from './smb.ts'

const HEADER_BYTES = 32
const CHAIN_MAX = 4
const DIALECTS_MAX = 32
const NAME_BYTES_MAX = 1024
const TRANSACT_PIPE = 0x26
export const SMB1 = {
  close: 0x04,
  trans: 0x25,
  read: 0x2e,
  write: 0x2f,
  trans2: 0x32,
  treeDisconnect: 0x71,
  open: 0x2d,
  negotiate: 0x72,
  session: 0x73,
  tree: 0x75,
  create: 0xa2,
  none: 0xff,
} as const

/** One part of a message: where its words and bytes stand. */
interface Block {
  fields: Little
  command: number
  /** Offset of the words, how many, offset of the bytes. */
  words: number
  wordCount: number
  data: number
  wide: boolean
}

export function decodeSmb1(bytes: Buffer): SmbPart[] | Fault {
  const fields = new Little(bytes)
  const parts: SmbPart[] = []
  const response = (fields.u8(9) & 0x80) !== 0
  const wide = (fields.u16(10) & 0x8000) !== 0
  const base = {
    version: 1 as const,
    response,
    status: fields.u32(5),
    dosError: (fields.u16(10) & 0x4000) === 0,
    treeId: fields.u16(24),
    sessionId: String(fields.u16(28)),
    messageId: `${fields.u16(26)}.${fields.u16(30)}`,
  }
  if (bytes.length < HEADER_BYTES + 1) return 'truncated'
  let command = fields.u8(4)
  let at = HEADER_BYTES
  for (let i = 0; i < CHAIN_MAX && command !== SMB1.none; i++) {
    const wordCount = fields.u8(at)
    const block = { fields, command, words: at + 1, wordCount, data: at + 3 + wordCount * 2, wide }
    parts.push({ ...base, command, ...(response ? answer(block) : request(block)) })
    const next = fields.u16(at + 3)
    if (!isAndX(command) || wordCount < 2 || next <= at) break
    command = fields.u8(at + 1)
    at = next
    if (at >= bytes.length) break
  }
  return parts
}

const AND_X: ReadonlySet<number> = new Set([
  ...[SMB1.session, SMB1.tree, SMB1.create, SMB1.open, SMB1.read, SMB1.write],
])
const isAndX = (command: number) => AND_X.has(command)

function request(block: Block): Partial<SmbPart> {
  const { fields, words, wordCount, data, wide } = block
  switch (block.command) {
    case SMB1.negotiate:
      return { dialects: dialects(block) }
    case SMB1.session:
      return sessionRequest(block)
    case SMB1.tree: {
      const path = string(block, data + fields.u16(words + 6))
      return { share: path.text, service: fields.zeroText(path.next, false).text }
    }
    case SMB1.create: {
      const size = Math.min(fields.u16(words + 5), NAME_BYTES_MAX)
      const filename = fields.text(aligned(data, wide), size, wide).replace(/\0+$/, '')
      return { filename, disposition: fields.u32(words + 35), options: fields.u32(words + 39) }
    }
    case SMB1.open:
      return wordCount >= 15 ? { filename: string(block, data).text } : {}
    case SMB1.close:
      return { fileId: idAt(block, words) }
    case SMB1.read:
      return { fileId: idAt(block, words + 4), offset: offsetAt(block, wordCount >= 12 ? 20 : 0) }
    case SMB1.write: {
      const size = fields.u16(words + 20) + fields.u16(words + 18) * 65_536
      return {
        fileId: idAt(block, words + 4),
        offset: offsetAt(block, wordCount >= 14 ? 24 : 0),
        ...dataAt(fields, fields.u16(words + 22), size),
      }
    }
    case SMB1.trans:
      // Only a transaction with a pipe: one that names a file of its own.
      if (wordCount < 16 || fields.u16(words + 28) !== TRANSACT_PIPE) return {}
      return {
        fileId: idAt(block, words + 30),
        ...dataAt(fields, fields.u16(words + 24), fields.u16(words + 22)),
      }
    default:
      return {}
  }
}

/** With extended security only. */
function guid({ fields, words, data }: Block): Partial<SmbPart> {
  const extended = (fields.u32(words + 19) & 0x8000_0000) !== 0
  return extended ? { guid: uuidText(fields.slice(data, 16)) } : {}
}

function idAt({ fields }: Block, at: number): string {
  return fields.slice(at, 2).toString('hex')
}

/** Low word of the place in the file, and the high one where the request has it. */
function offsetAt({ fields, words }: Block, high: number): number {
  return fields.u32(words + 6) + (high === 0 ? 0 : fields.u32(words + high) * 2 ** 32)
}

function answer(block: Block): Partial<SmbPart> {
  const { fields, words, wordCount, data } = block
  switch (block.command) {
    case SMB1.negotiate:
      return wordCount > 0
        ? { dialectIndex: fields.u16(words), ...(wordCount === 17 && guid(block)) }
        : {}
    case SMB1.session: {
      const blob = wordCount === 4 ? fields.u16(words + 6) : 0
      const ntlm = findNtlm(fields.slice(data, blob))
      const [nativeOs = '', nativeLm = ''] = strings(block, data + blob, 2)
      return { nativeOs, nativeLm, ...(ntlm && { ntlm }) }
    }
    case SMB1.tree:
      return wordCount > 0 ? { service: fields.zeroText(data, false).text } : {}
    case SMB1.create:
      return wordCount >= 34 ? { fileId: idAt(block, words + 5) } : {}
    case SMB1.read: {
      const size = fields.u16(words + 10) + fields.u16(words + 14) * 65_536
      return wordCount >= 12 ? dataAt(fields, fields.u16(words + 12), size) : {}
    }
    case SMB1.trans:
      return wordCount >= 10 ? dataAt(fields, fields.u16(words + 14), fields.u16(words + 12)) : {}
    default:
      return {}
  }
}

function sessionRequest(block: Block): Partial<SmbPart> {
  const { fields, words, wordCount, data } = block
  if (wordCount === 12) {
    const blob = fields.u16(words + 14)
    const ntlm = findNtlm(fields.slice(data, blob))
    const [nativeOs = '', nativeLm = ''] = strings(block, data + blob, 2)
    return { nativeOs, nativeLm, ...(ntlm && { ntlm }) }
  }
  if (wordCount !== 13) return {}
  const secrets = fields.u16(words + 14) + fields.u16(words + 16)
  const [user = '', domain = '', nativeOs = '', nativeLm = ''] = strings(block, data + secrets, 4)
  return { nativeOs, nativeLm, user, domain }
}

function dialects({ fields, data }: Block): string[] {
  const list: string[] = []
  for (let at = data; fields.u8(at) === 2 && !fields.short && list.length < DIALECTS_MAX; ) {
    const { text, next } = fields.zeroText(at + 1, false)
    list.push(text)
    at = next
  }
  return list
}

/** UTF-16 begins at an even place of the message. */
const aligned = (at: number, wide: boolean) => (wide ? at + (at & 1) : at)

function string({ fields, wide }: Block, at: number): { text: string; next: number } {
  return fields.zeroText(aligned(at, wide), wide)
}

function strings(block: Block, at: number, count: number): string[] {
  const list: string[] = []
  for (let next = at; list.length < count && next < block.fields.bytes.length; ) {
    const found = string(block, next)
    list.push(found.text.slice(0, NAME_BYTES_MAX))
    next = found.next
  }
  return list
}
