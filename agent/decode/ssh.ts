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
  /** What stands behind the software, without the space. */
  comment: string
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
  const comment = space === -1 ? '' : text.slice(space + 1)
  return { protocol: text.slice(0, dash), software, comment }
}

const LISTS = 8 // of SSH_MSG_KEXINIT that matter here (RFC 4253 §7.1)
const COOKIE_BYTES = 16

/** What a side offers, as sent: key exchange, host keys, ciphers, MACs and compression, the last three for each direction. */
export type SshOffer = readonly string[]

/** The SSH_MSG_KEXINIT of a side, from the message number on; undefined when it is cut. */
export function decodeSshOffer(message: Buffer): SshOffer | undefined {
  const lists: string[] = []
  let at = 1 + COOKIE_BYTES
  for (let i = 0; i < LISTS; i++) {
    if (at + 4 > message.length) return undefined
    const end = at + 4 + message.readUInt32BE(at)
    if (end > message.length) return undefined
    lists.push(message.toString('latin1', at + 4, end))
    at = end
  }
  return lists
}

/** HASSH's text: key exchange, then ciphers, MACs and compression of its own direction; host keys are left out. */
export function hasshText(offer: SshOffer, ofServer: boolean): string {
  return [0, 2, 4, 6].map((i) => offer[i === 0 || !ofServer ? i : i + 1]).join(';')
}

/** What both go on with, in the order of an offer: of each list the first of the client's that the server has too (RFC 4253 §7.1). */
export function sshChoice(client: SshOffer, server: SshOffer): string[] {
  return client.map((list, i) => {
    const theirs = new Set((server[i] ?? '').split(','))
    return list.split(',').find((name) => theirs.has(name)) ?? ''
  })
}

export function hassh(text: string): string {
  return createHash('md5').update(text, 'latin1').digest('hex')
}
