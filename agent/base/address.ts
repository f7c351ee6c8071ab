/**
 * Addresses as four 32-bit words in network order; IPv4 is mapped (RFC 4291 §2.5.5.2: 0, 0, 0xffff, a).
 * Words are what the hot path compares; text (RFC 5952) is made only for a record that is kept.
 */
import { Failure } from './failure.ts'

const V4_MARK = 0xffff

/** RFC 5952 text of the address at `at` in `words`; an IPv4 address in dotted form. */
export function addressText(words: Uint32Array, at = 0): string {
  const last = words[at + 3] as number
  if (words[at] === 0 && words[at + 1] === 0 && words[at + 2] === V4_MARK) return v4Text(last)
  const groups: number[] = []
  for (let i = 0; i < 4; i++) {
    const word = words[at + i] as number
    groups.push(word >>> 16, word & 0xffff)
  }
  return v6Text(groups)
}

function v4Text(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`
}

function v6Text(groups: readonly number[]): string {
  let best = -1
  let bestLength = 1 // one zero group is not shortened (RFC 5952 §4.2.2)
  for (let i = 0; i < 8; i++) {
    let length = 0
    while (i + length < 8 && groups[i + length] === 0) length++
    if (length > bestLength) {
      best = i
      bestLength = length
    }
  }
  const hex = groups.map((group) => group.toString(16))
  if (best === -1) return hex.join(':')
  return `${hex.slice(0, best).join(':')}::${hex.slice(best + bestLength).join(':')}`
}

/** Four words, or undefined when the text is no address. Accepts zone-less IPv4 and IPv6. */
export function parseAddress(text: string): Uint32Array | undefined {
  if (text.includes(':')) return parseV6(text)
  const word = parseV4(text)
  return word === undefined ? undefined : Uint32Array.of(0, 0, V4_MARK, word)
}

function parseV4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  if (!match) return undefined
  let word = 0
  for (let i = 1; i <= 4; i++) {
    const part = Number(match[i])
    if (part > 255) return undefined
    word = word * 256 + part
  }
  return word
}

function parseV6(text: string): Uint32Array | undefined {
  if (text.length > 45) return undefined
  let source = text.toLowerCase()
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(source)
  if (dotted) {
    const word = parseV4(dotted[2] as string)
    if (word === undefined) return undefined
    source = `${dotted[1]}${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`
  }
  const halves = source.split('::')
  if (halves.length > 2) return undefined
  const head = halves[0] === '' ? [] : (halves[0] as string).split(':')
  const tail = halves.length < 2 || halves[1] === '' ? [] : (halves[1] as string).split(':')
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...head, ...Array<string>(halves.length === 2 ? missing : 0).fill('0'), ...tail]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))) return undefined
  const words = new Uint32Array(4)
  groups.forEach((group, i) => {
    const shift = i % 2 === 0 ? 16 : 0
    words[i >> 1] = ((words[i >> 1] as number) | (Number.parseInt(group, 16) << shift)) >>> 0
  })
  return words
}

/** A prefix: `bits` counts from the mapped form, so 10.0.0.0/8 is bits 104. */
export interface Prefix {
  words: Uint32Array
  bits: number
}

/** `10.0.0.0/8`, `2001:db8::/32` or a lone address. Throws a Failure that names the text. */
export function parsePrefix(text: string): Prefix {
  const [head = '', length, more] = text.split('/')
  const words = parseAddress(head)
  const span = head.includes(':') ? 128 : 32
  const size = length === undefined ? span : /^\d{1,3}$/.test(length) ? Number(length) : -1
  if (!words || more !== undefined || size < 0 || size > span)
    throw new Failure('invalid', `"${text}" is not an address or prefix such as 10.0.0.0/8.`)
  return { words, bits: 128 - span + size }
}

/** Whether the address at `at` in `words` lies in `prefix`. */
export function inPrefix(words: Uint32Array, at: number, prefix: Prefix): boolean {
  let left = prefix.bits
  for (let i = 0; i < 4 && left > 0; i++, left -= 32) {
    const mask = left >= 32 ? 0xffffffff : ~(0xffffffff >>> left)
    if ((((words[at + i] as number) ^ (prefix.words[i] as number)) & mask) !== 0) return false
  }
  return true
}

const PROTO_NAMES: Readonly<Record<number, string>> = {
  1: 'ICMP',
  2: 'IGMP',
  4: 'IP-ENCAP',
  6: 'TCP',
  17: 'UDP',
  41: 'IPv6',
  47: 'GRE',
  50: 'ESP',
  51: 'AH',
  58: 'IPv6-ICMP',
  132: 'SCTP',
}

/** EVE's `proto`: TCP, UDP, ICMP, IPv6-ICMP and their like, else the number in three digits. */
export function protoName(protocol: number): string {
  return PROTO_NAMES[protocol] ?? String(protocol).padStart(3, '0')
}
