/**
 * Fingerprints of a TLS hello: JA3 and JA3S (md5 of decimal lists), JA4 for TLS clients (the one kind whose licence is open).
 * GREASE values (RFC 8701) are left out of all of them: they are random on purpose.
 */
import { hash } from 'node:crypto'
import type { TlsHello } from './records.ts'

const SNI = 0
const ALPN = 16
const EMPTY = '000000000000'

const VERSION_NAME: Record<number, string> = {
  772: '13',
  771: '12',
  770: '11',
  769: '10',
  768: 's3',
  2: 's2',
  65279: 'd1',
  65277: 'd2',
  65276: 'd3',
}

export function md5(text: string): string {
  return hash('md5', text)
}

/** RFC 8701 §2: 0x0a0a, 0x1a1a … 0xfafa. */
export function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff)
}

function plain(list: readonly number[]): number[] {
  return list.filter((value) => !isGrease(value))
}

/** `version,ciphers,extensions,groups,point formats`, each list in the order sent. */
export function ja3Text(hello: TlsHello): string {
  const lists = [hello.ciphers, hello.extensions, hello.groups].map((list) => plain(list).join('-'))
  return `${hello.version},${lists.join(',')},${hello.pointFormats.join('-')}`
}

export function ja3sText(server: {
  version: number
  cipher: number
  extensions: number[]
}): string {
  return `${server.version},${server.cipher},${server.extensions.join('-')}`
}

/** What carried the hello: TCP, datagrams (DTLS) or QUIC. */
export type JaTransport = 't' | 'd' | 'q'

export function ja4(hello: TlsHello, over: JaTransport): string {
  const ciphers = plain(hello.ciphers)
  const extensions = plain(hello.extensions)
  const offered = plain(hello.supportedVersions)
  const version = offered.length > 0 ? Math.max(...offered) : hello.version
  const name = VERSION_NAME[version] ?? '00'
  const domain = extensions.includes(SNI) ? 'd' : 'i'
  const a = `${over}${name}${domain}${count(ciphers)}${count(extensions)}${alpnMark(hello.alpn[0])}`
  const kept = extensions.filter((type) => type !== SNI && type !== ALPN)
  const algorithms = plain(hello.signatureAlgorithms)
  const tail = algorithms.length > 0 ? `_${algorithms.map(hex).join(',')}` : ''
  const c = kept.length === 0 && tail === '' ? EMPTY : digest(sortedHex(kept) + tail)
  return `${a}_${ciphers.length === 0 ? EMPTY : digest(sortedHex(ciphers))}_${c}`
}

function count(list: readonly number[]): string {
  return String(Math.min(list.length, 99)).padStart(2, '0')
}

/**
 * First and last character of the first ALPN value; `99` where it begins outside ASCII (as the reference implementation
 * has it), first and last of its hex form where either is otherwise not alphanumeric.
 */
function alpnMark(value: string | undefined): string {
  if (value === undefined || value === '') return '00'
  const first = value[0] as string
  const last = value[value.length - 1] as string
  if (first > '\x7f') return '99'
  if (/^[0-9a-zA-Z]$/.test(first) && /^[0-9a-zA-Z]$/.test(last)) return first + last
  const bytes = Buffer.from(value, 'latin1').toString('hex')
  return `${bytes[0]}${bytes[bytes.length - 1]}`
}

function hex(value: number): string {
  return value.toString(16).padStart(4, '0')
}

function sortedHex(list: readonly number[]): string {
  return list.map(hex).sort().join(',')
}

function digest(text: string): string {
  return hash('sha256', text).slice(0, 12)
}
