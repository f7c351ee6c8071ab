/**
 * SMB1 ([MS-CIFS]): negotiate, session setup, tree connect, open and create; requests that ride on another (AndX)
 * too. `bytes` is one message from its 0xFF on; a message cut short is read as far as its fields lie inside.
 */
import type { Fault } from '../base/fault.ts'
import { Little } from './little.ts'
import { findNtlm } from './ntlmssp.ts'
import type { SmbPart } from './smb.ts'

const HEADER_BYTES = 32
const CHAIN_MAX = 4
const DIALECTS_MAX = 32
const NAME_BYTES_MAX = 1024
export const SMB1 = {
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

const isAndX = (command: number) =>
  command === SMB1.session || command === SMB1.tree || command === SMB1.create || command === SMB1.open // biome-ignore format: one list

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
    default:
      return {}
  }
}

function answer(block: Block): Partial<SmbPart> {
  const { fields, words, wordCount, data } = block
  switch (block.command) {
    case SMB1.negotiate:
      return wordCount > 0 ? { dialectIndex: fields.u16(words) } : {}
    case SMB1.session: {
      const blob = wordCount === 4 ? fields.u16(words + 6) : 0
      const ntlm = findNtlm(fields.slice(data, blob))
      const [nativeOs = '', nativeLm = ''] = strings(block, data + blob, 2)
      return { nativeOs, nativeLm, ...(ntlm && { ntlm }) }
    }
    case SMB1.tree:
      return wordCount > 0 ? { service: fields.zeroText(data, false).text } : {}
    case SMB1.create:
      return wordCount >= 34 ? { fileId: fields.slice(words + 5, 2).toString('hex') } : {}
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
