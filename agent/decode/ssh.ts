/**
 * SSH identification strings (RFC 4253 §4.2). A server may send other lines first; a line is at most 255
 * bytes with its end. What follows is binary packets; the first of each side shows that keys are exchanged.
 */
import { createHash } from 'node:crypto'
import type { Fault } from '../base/fault.ts'

export const BANNER_BYTES_MAX = 255
/** Lines a server may send before its banner, here. */
export const LINES_BEFORE_MAX = 64

export interface SshBanner {
  protocol: string
  software: string
}

/** One line, without CR and LF: a banner, undefined when it is some other line, or the fault. */
export function decodeSshBanner(line: Buffer): SshBanner | undefined | Fault {
  if (line.length < 4 || line.toString('latin1', 0, 4) !== 'SSH-') return undefined
  if (line.length > BANNER_BYTES_MAX - 1) return 'line-too-long'
  const text = line.toString('latin1', 4)
  const dash = text.indexOf('-')
  if (dash < 1) return 'bad-banner'
  const space = text.indexOf(' ', dash)
  const software = text.slice(dash + 1, space === -1 ? undefined : space)
  return { protocol: text.slice(0, dash), software }
}

const LISTS = 8 // of SSH_MSG_KEXINIT that matter here (RFC 4253 §7.1)
const COOKIE_BYTES = 16

/** What a side offers in its SSH_MSG_KEXINIT, from the message number on: HASSH's text; '' when it is cut. */
export function hasshText(message: Buffer, ofServer: boolean): string {
  const lists: string[] = []
  let at = 1 + COOKIE_BYTES
  for (let i = 0; i < LISTS; i++) {
    if (at + 4 > message.length) return ''
    const end = at + 4 + message.readUInt32BE(at)
    if (end > message.length) return ''
    lists.push(message.toString('latin1', at + 4, end))
    at = end
  }
  // Key exchange, then ciphers, MACs and compression of its own direction; host keys are left out.
  return [0, 2, 4, 6].map((i) => lists[i === 0 || !ofServer ? i : i + 1]).join(';')
}

export function hassh(text: string): string {
  return createHash('md5').update(text, 'latin1').digest('hex')
}
