/** TFTP (RFC 1350): which file is asked for, to be read or written. The blocks that follow are not read. */
import type { Fault } from '../base/fault.ts'
import type { TftpRequest } from './records-it.ts'

const READ = 1
const WRITE = 2
const NAME_BYTES_MAX = 512
const MODES: ReadonlySet<string> = new Set(['netascii', 'octet', 'mail'])

export function looksLikeTftp(bytes: Buffer): boolean {
  return typeof decodeTftp(bytes) !== 'string'
}

export function decodeTftp(bytes: Buffer): TftpRequest | Fault {
  if (bytes.length < 6) return 'truncated'
  const code = bytes.readUInt16BE(0)
  if (code !== READ && code !== WRITE) return 'bad-function'
  const nameEnd = bytes.indexOf(0, 2)
  const modeEnd = bytes.indexOf(0, nameEnd + 1)
  if (nameEnd <= 2 || nameEnd - 2 > NAME_BYTES_MAX || modeEnd === -1) return 'truncated'
  const mode = bytes.toString('latin1', nameEnd + 1, Math.min(modeEnd, nameEnd + 16)).toLowerCase()
  if (!MODES.has(mode)) return 'bad-function'
  return {
    packet: code === READ ? 'read' : 'write',
    file: bytes.toString('latin1', 2, nameEnd),
    mode,
  }
}
